//! The directory changes while the provider reads it, so its statements are of different moments.

use crate::bench::{Bench, Told, as_it_is, copy};
use crate::fake::{Fake, Step};
use crate::story::*;

/// Refreshes with `first`, then takes `live` as one group of the persist stage. Follows until
/// `until` holds.
fn follow(
    first: &[Step],
    live: &[Step],
    shows: &[(u8, &str)],
    until: impl Fn(&Told) -> bool,
) -> Bench {
    let script = [first, &[persist_with(FIRST)], live, &[cookie(NEXT)]].concat();
    let fake = Fake::plays(script);
    fake.shows(shows);
    let mut bench = Bench::new();
    bench.follow_until(&fake, as_it_is, until);
    bench
}

/// The provider sends the child (3) below P. Then it renames the parent (2), and sends it as Q.
#[test]
fn parent_renamed_after_its_child_was_sent() {
    let mut bench = Bench::new();
    bench.refresh_from(
        [add(3, C_BELOW_P), add(1, BASE), add(2, Q), done(FIRST)],
        &[(1, BASE), (2, Q), (3, C_BELOW_Q)],
    );
    assert_eq!(bench.held(), [C_BELOW_Q, Q, BASE]);
}

/// The old parent (2) leaves the name P, and the new parent (3) takes it. The new parent brings a
/// child (4) along, and 2 is below that child now, still with its own child (6). The searches show
/// all this: the entries that they show below P belong to 3, not to 2.
#[test]
fn child_of_new_parent_does_not_leave_with_old_parent() {
    const B_BELOW_P: &str = "cn=b,cn=p,ou=base,dc=example";
    const X: &str = "cn=x,cn=d,cn=p,ou=base,dc=example";
    const B_BELOW_X: &str = "cn=b,cn=x,cn=d,cn=p,ou=base,dc=example";
    let shows = [
        (1, BASE, "base"),
        (3, P, "after"),
        (4, D_BELOW_P, "came along"),
        (2, X, "before"),
        (6, B_BELOW_X, "below"),
    ];
    let fake = Fake::plays([
        add_as(1, BASE, "base"),
        add_as(2, P, "before"),
        add_as(6, B_BELOW_P, "below"),
        persist_with(FIRST),
        delete(2, P),
        add_as(3, P, "after"),
        cookie(NEXT),
    ]);
    fake.describes(&shows);
    let mut bench = Bench::new();
    bench.follow_until(&fake, as_it_is, |told| {
        told.map.now().contains_key(D_BELOW_P)
    });
    let held: Vec<_> = copy(&bench.data()).into_iter().collect();
    let mut shown = shows.map(|(_, dn, text)| (dn.to_owned(), text.to_owned()));
    shown.sort();
    assert_eq!(held, shown);
}

/// The parent (2) leaves the base with its child (3). It loses that child there, gets another (4),
/// and is back before the group ends.
#[test]
fn parent_gone_and_back_in_one_group_brings_its_new_child() {
    let first = [add(1, BASE), add(2, P), add(3, C_BELOW_P)];
    let live = [delete(2, P), add(2, P)];
    let shows = [(1, BASE), (2, P), (4, D_BELOW_P)];
    let bench = follow(&first, &live, &shows, |told| {
        told.map.now().contains_key(D_BELOW_P)
    });
    assert_eq!(bench.held(), [D_BELOW_P, P, BASE]);
}

/// The provider sends the parent (2) twice; between the two it changed the letter case of its name.
#[test]
fn parent_changes_letter_case_after_its_child_was_sent() {
    const UPPER_P: &str = "cn=P,ou=base,dc=example";
    const C_BELOW_UPPER_P: &str = "cn=c,cn=P,ou=base,dc=example";
    let mut bench = Bench::new();
    bench.refresh_from(
        [
            add(1, BASE),
            add(2, P),
            add(3, C_BELOW_P),
            add(2, UPPER_P),
            done(FIRST),
        ],
        &[(1, BASE), (2, UPPER_P), (3, C_BELOW_UPPER_P)],
    );
    assert_eq!(bench.held(), [UPPER_P, C_BELOW_UPPER_P, BASE]);
}

/// A refresh renames 2 to Q and puts a new entry (3) on P. Then the provider wants the refresh begun
/// anew, and sends everything: neither 2 nor 3 is there. The consumer tells of a delete, and not of
/// the rename, nor of 3.
#[test]
fn refresh_begun_anew_forgets_its_first_messages() {
    let mut bench = Bench::with("", FIRST, &[(1, BASE), (2, P)]);
    let begun = vec![add(2, Q), add_as(3, P, "new"), Step::Result(4096, "")];
    let whole = vec![add(1, BASE), done(NEXT)];
    let fake = Fake::start("", vec![begun, whole]);
    fake.shows(&[(1, BASE)]);
    bench.refresh(&fake).unwrap();
    assert_eq!(bench.events(), ["delete cn=p", "done"]);
}

/// 2 is Q and 3 is P. N (4) comes in below P, with X (5) below it. Then 2 becomes Z and 3 becomes Q:
/// the searches of the first refresh show N below Q already. When the second refresh tells that 2
/// leaves the name Q, N stays below Q.
#[test]
fn child_found_below_a_name_stays_when_the_name_changes_hands() {
    const N_BELOW_P: &str = "cn=n,cn=p,ou=base,dc=example";
    const N: &str = "cn=n,cn=q,ou=base,dc=example";
    const X: &str = "cn=x,cn=n,cn=q,ou=base,dc=example";
    let fake = Fake::start(
        "",
        vec![
            vec![add_as(4, N_BELOW_P, "new"), done(NEXT)],
            vec![add(2, Z), add(3, Q), done(LAST)],
        ],
    );
    fake.describes(&[
        (1, BASE, text(1)),
        (2, Z, text(2)),
        (3, Q, text(3)),
        (4, N, "new"),
        (5, X, "new"),
    ]);
    let mut bench = Bench::with("", FIRST, &[(1, BASE), (2, Q), (3, P)]);
    bench.refresh(&fake).unwrap();
    bench.refresh(&fake).unwrap();
    assert_eq!(bench.held(), [N, Q, X, Z, BASE]);
}

/// The parent (2) is deleted. The search for its child (3) shows the child elsewhere, because it came
/// back just now. It brought a child of its own (4). The next refresh tells of the first child alone.
#[test]
fn child_found_outside_its_deleted_parent_brings_its_own_child() {
    const C: &str = "cn=c,ou=base,dc=example";
    const D_BELOW_C: &str = "cn=d,cn=c,ou=base,dc=example";
    let mut bench = Bench::with("", FIRST, &[(1, BASE), (2, P), (3, C_BELOW_P)]);
    let shown = [(1, BASE), (3, C), (4, D_BELOW_C)];
    bench.refresh_from([deleted([2]), done(NEXT)], &shown);
    bench.refresh_from([modify(3, C), done(LAST)], &shown);
    assert_eq!(bench.held(), [C, D_BELOW_C, BASE]);
}

/// Takes `first` as a refresh and `live` as a group. In the end, as every search shows, Q (2) is the
/// parent of the child (3), and P is another entry (5). So a child that is held below P by mistake
/// has a parent there, and nothing but the right question can find it.
fn child_ends_below_q(first: &[Step], live: &[Step]) {
    let shows = [(1, BASE), (2, Q), (3, C_BELOW_Q), (5, P), (6, Z)];
    let live = [live, &[add(6, Z)]].concat();
    let bench = follow(first, &live, &shows, |told| {
        told.holds(C_BELOW_Q) && told.holds(Z)
    });
    assert_eq!(bench.held(), [C_BELOW_Q, P, Q, Z, BASE]);
}

/// The refresh states the child (3) at `first` and the parent (2) as Q. Then the persist stage tells
/// of older changes: the child below P, and the parent.
fn child_told_late(first: &'static str) {
    child_ends_below_q(
        &[add(3, first), add(1, BASE), add(2, Q)],
        &[modify(3, C_BELOW_P), modify(2, Q), add(5, P)],
    );
}

#[test]
fn child_found_below_its_renamed_parent_stays_there() {
    child_told_late(C_BELOW_P);
}

#[test]
fn child_moves_below_a_parent_that_is_renamed_already() {
    child_told_late("cn=c,ou=base,dc=example");
}

/// The refresh sends the child (3) below P, then the parent (2) as Q, then the new P (5).
#[test]
fn child_sent_before_its_parent_was_renamed_and_the_name_taken() {
    child_ends_below_q(
        &[add(3, C_BELOW_P), add(1, BASE), add(2, Q), add(5, P)],
        &[modify(2, Q), add(5, P)],
    );
}

/// The parent (2) takes the name Q, which 5 leaves for P. The refresh states 2 and 5 as before that,
/// and the child (3) as after it.
#[test]
fn child_sent_after_its_parent_took_a_name_that_is_held() {
    const X: &str = "cn=x,ou=base,dc=example";
    child_ends_below_q(
        &[add(1, BASE), add(2, X), add(5, Q), add(3, C_BELOW_Q)],
        &[modify(5, P), modify(2, Q)],
    );
}

/// The child (3) moves below P, to a name that 4 had. 4 is gone by then, but the provider tells of
/// that last, after the change of the parent (2).
fn child_waits_below_p(parent: Step) -> ([Step; 4], [Step; 4]) {
    let first = [
        add(1, BASE),
        add(2, P),
        add(4, C_BELOW_P),
        add(3, "cn=c,ou=base,dc=example"),
    ];
    let live = [
        modify(3, C_BELOW_P),
        parent,
        delete(4, C_BELOW_P),
        add(5, P),
    ];
    (first, live)
}

#[test]
fn child_that_waits_for_its_name_goes_along_with_its_parent() {
    let (first, live) = child_waits_below_p(modify(2, Q));
    child_ends_below_q(&first, &live);
}

#[test]
fn child_that_waits_for_its_name_leaves_with_its_parent() {
    let (first, live) = child_waits_below_p(delete(2, P));
    let mut live = live.to_vec();
    live[3] = add_as(5, P, "other");
    let fake = Fake::plays([&first[..], &[persist_with(FIRST)], &live, &[cookie(NEXT)]].concat());
    fake.describes(&[(1, BASE, text(1)), (5, P, "other")]);
    let mut bench = Bench::new();
    bench.follow_until(&fake, as_it_is, |told| told.map.committed().len() == 2);
    let held: Vec<_> = copy(&bench.data()).into_iter().collect();
    let owned = |(dn, text): (&str, &str)| (dn.to_owned(), text.to_owned());
    assert_eq!(held, [(P, "other"), (BASE, text(1))].map(owned));
}

/// X (9) is elsewhere each time that a search asks for it. When it stays at last, its parent is found
/// to be 2, of which the provider did not tell, and this refresh asks no more. The next
/// refresh asks for the child (3) that 2 took along.
#[test]
fn parent_found_in_the_last_round_takes_its_child_along_in_the_next_refresh() {
    const X: [&str; 3] = [
        "cn=x,cn=1,ou=base,dc=example",
        "cn=x,cn=2,ou=base,dc=example",
        "cn=x,cn=3,ou=base,dc=example",
    ];
    const THREE: &str = "cn=3,ou=base,dc=example";
    const C_BELOW_THREE: &str = "cn=c,cn=3,ou=base,dc=example";
    let first = vec![
        add(1, BASE),
        add(2, P),
        add(3, C_BELOW_P),
        add(9, X[0]),
        done(FIRST),
    ];
    let fake = Fake::start("", vec![first, vec![done(NEXT)]]);
    let before = |x| [(1, BASE), (2, P), (9, x)];
    let (one, two) = (before(X[1]), before(X[2]));
    let last = [(1, BASE), (2, THREE), (3, C_BELOW_THREE), (9, X[2])];
    fake.shows_in_turn(&[&one, &two, &two, &last]);
    let mut bench = Bench::new();
    bench.refresh(&fake).unwrap();
    assert_eq!(bench.held(), [THREE, C_BELOW_P, X[2], BASE]);
    bench.refresh(&fake).unwrap();
    assert_eq!(bench.held(), [THREE, C_BELOW_THREE, X[2], BASE]);
}
