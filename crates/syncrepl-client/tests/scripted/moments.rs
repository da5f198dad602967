//! A provider that changes while it is read: what it says is of different moments.

use syncrepl_proto::sync::EntryState::{Add, Delete, Modify};

use crate::fake::{BASE, Fake, Step};
use crate::{Bench, Told, copy};

const FIRST: &str = "rid=000,csn=20261121205328.954658Z#000000#000#000000";
const NEXT: &str = "rid=000,csn=20261121205329.954658Z#000000#000#000000";
const LAST: &str = "rid=000,csn=20261121205330.954658Z#000000#000#000000";
const P: &str = "cn=p,ou=base,dc=example";
const Q: &str = "cn=q,ou=base,dc=example";

#[test]
fn a_parent_renamed_after_its_child_was_sent() {
    let mut bench = Bench::new();
    let script = vec![
        Step::Entry(Add, 3, "cn=c,cn=p,ou=base,dc=example", "child"),
        Step::Entry(Add, 1, BASE, "base"),
        Step::Entry(Add, 2, Q, "parent"),
        Step::Done(Some(FIRST), true),
    ];
    let fake = Fake::start("", vec![script]);
    fake.shows(&[
        (1, BASE, "base"),
        (2, Q, "parent"),
        (3, "cn=c,cn=q,ou=base,dc=example", "child"),
    ]);
    bench.refresh(&fake).unwrap();
    let held: Vec<_> = copy(&bench.data()).into_keys().collect();
    assert_eq!(held, ["cn=c,cn=q,ou=base,dc=example", Q, BASE]);
}

/// Refreshes with `first`, then takes `live` as one group of the persist stage.
fn persist(first: Vec<Step>, live: Vec<Step>, shows: &[(u8, &str, &str)], until: &str) -> Bench {
    persist_until(first, live, shows, |told| told.map.contains_key(until))
}

/// The same, until that was told.
fn persist_until(
    first: Vec<Step>,
    live: Vec<Step>,
    shows: &[(u8, &str, &str)],
    until: impl Fn(&Told) -> bool,
) -> Bench {
    let mut bench = Bench::new();
    let mut script = first;
    script.push(Step::Phase(false, Some(FIRST), true));
    script.extend(live);
    script.push(Step::Cookie(NEXT));
    let fake = Fake::start("", vec![script]);
    fake.shows(shows);
    bench.follow_until(&fake, |builder| builder, until);
    bench
}

#[test]
fn what_came_in_with_its_parent_does_not_leave_with_the_one_before() {
    // p moves below a child of the one that takes its place: what a search shows below the new p
    // is not below the old one.
    let first = vec![
        Step::Entry(Add, 1, BASE, "base"),
        Step::Entry(Add, 2, P, "before"),
        Step::Entry(Add, 6, "cn=b,cn=p,ou=base,dc=example", "below"),
    ];
    let live = vec![
        Step::Entry(Delete, 2, P, ""),
        Step::Entry(Add, 3, P, "after"),
    ];
    let shows = [
        (1, BASE, "base"),
        (3, P, "after"),
        (4, "cn=d,cn=p,ou=base,dc=example", "came along"),
        (2, "cn=x,cn=d,cn=p,ou=base,dc=example", "before"),
        (6, "cn=b,cn=x,cn=d,cn=p,ou=base,dc=example", "below"),
    ];
    let bench = persist(first, live, &shows, "cn=d,cn=p,ou=base,dc=example");
    let held: Vec<_> = copy(&bench.data()).into_iter().collect();
    let mut shown: Vec<_> = shows
        .iter()
        .map(|(_, dn, text)| ((*dn).to_owned(), (*text).to_owned()))
        .collect();
    shown.sort();
    assert_eq!(held, shown);
}

#[test]
fn a_parent_that_leaves_and_returns_in_one_group_brings_what_it_has_now() {
    let first = vec![
        Step::Entry(Add, 1, BASE, "base"),
        Step::Entry(Add, 2, P, "parent"),
        Step::Entry(Add, 3, "cn=c,cn=p,ou=base,dc=example", "gone meanwhile"),
    ];
    let live = vec![
        Step::Entry(Delete, 2, P, ""),
        Step::Entry(Add, 2, P, "parent"),
    ];
    let below = "cn=d,cn=p,ou=base,dc=example";
    let shows = [(1, BASE, "base"), (2, P, "parent"), (4, below, "new")];
    let bench = persist(first, live, &shows, below);
    let held: Vec<_> = copy(&bench.data()).into_keys().collect();
    assert_eq!(held, [below, P, BASE]);
}

#[test]
fn a_parent_respelled_after_its_child_was_sent() {
    let mut bench = Bench::new();
    let script = vec![
        Step::Entry(Add, 1, BASE, "base"),
        Step::Entry(Add, 2, P, "parent"),
        Step::Entry(Add, 3, "cn=c,cn=p,ou=base,dc=example", "child"),
        Step::Entry(Add, 2, "cn=P,ou=base,dc=example", "parent"),
        Step::Done(Some(FIRST), true),
    ];
    let fake = Fake::start("", vec![script]);
    fake.shows(&[
        (1, BASE, "base"),
        (2, "cn=P,ou=base,dc=example", "parent"),
        (3, "cn=c,cn=P,ou=base,dc=example", "child"),
    ]);
    bench.refresh(&fake).unwrap();
    let held: Vec<_> = copy(&bench.data()).into_keys().collect();
    let parent = "cn=P,ou=base,dc=example";
    assert_eq!(held, [parent, "cn=c,cn=P,ou=base,dc=example", BASE]);
}

#[test]
fn what_was_told_before_a_refresh_began_anew_is_not_told_for_good() {
    // Of a rename and of an entry that had to wait, nothing is left when everything is told.
    let mut bench = Bench::with("", FIRST, &[(1, BASE), (2, P)]);
    let begun = vec![
        Step::Entry(Add, 2, Q, "first"),
        Step::Entry(Add, 3, P, "new"),
        Step::Result(4096, ""),
    ];
    let whole = vec![
        Step::Entry(Add, 1, BASE, "first"),
        Step::Done(Some(NEXT), true),
    ];
    let fake = Fake::start("", vec![begun, whole]);
    fake.shows(&[(1, BASE, "first")]);
    bench.refresh(&fake).unwrap();
    assert_eq!(bench.events(), ["delete cn=p", "done"]);
}

#[test]
fn what_a_search_showed_does_not_leave_with_who_had_the_name_before() {
    // n comes in below p with x. Then q becomes another and p becomes q, which the search sees first.
    const N: &str = "cn=n,cn=q,ou=base,dc=example";
    const X: &str = "cn=x,cn=n,cn=q,ou=base,dc=example";
    const AWAY: &str = "cn=z,ou=base,dc=example";
    let mut bench = Bench::with("", FIRST, &[(1, BASE), (2, Q), (3, P)]);
    let shows = [
        (1, BASE, "first"),
        (2, AWAY, "first"),
        (3, Q, "first"),
        (4, N, "new"),
        (5, X, "new"),
    ];
    let comes = vec![
        Step::Entry(Add, 4, "cn=n,cn=p,ou=base,dc=example", "new"),
        Step::Done(Some(NEXT), true),
    ];
    let moves = vec![
        Step::Entry(Add, 2, AWAY, "first"),
        Step::Entry(Add, 3, Q, "first"),
        Step::Done(Some(LAST), true),
    ];
    for script in [comes, moves] {
        let fake = Fake::start("", vec![script]);
        fake.shows(&shows);
        bench.refresh(&fake).unwrap();
    }
    let held: Vec<_> = copy(&bench.data()).into_keys().collect();
    assert_eq!(held, [N, Q, X, AWAY, BASE]);
}

#[test]
fn who_went_with_the_parent_and_came_back_may_bring_others() {
    let below = "cn=c,cn=p,ou=base,dc=example";
    let brought = "cn=d,cn=c,ou=base,dc=example";
    let mut bench = Bench::with("", FIRST, &[(1, BASE), (2, P), (3, below)]);
    let script = vec![Step::Ids(true, vec![2], None), Step::Done(Some(NEXT), true)];
    let fake = Fake::start("", vec![script]);
    let back = "cn=c,ou=base,dc=example";
    fake.shows(&[
        (1, BASE, "first"),
        (3, back, "first"),
        (4, brought, "brought"),
    ]);
    bench.refresh(&fake).unwrap();
    let held: Vec<_> = copy(&bench.data()).into_keys().collect();
    assert_eq!(held, [back, brought, BASE]);
}

const CHILD: &str = "cn=c,cn=q,ou=base,dc=example";
const OLD_CHILD: &str = "cn=c,cn=p,ou=base,dc=example";
const Z: &str = "cn=z,ou=base,dc=example";

/// Takes `first` and `live`, and waits until the child is where a search shows it. At last q is the
/// parent of the child, and p is somebody else: whoever is held below p by mistake is no orphan there.
fn child_ends_below_q(first: Vec<Step>, live: Vec<Step>) {
    let shows = [
        (1, BASE, "base"),
        (2, Q, "parent"),
        (3, CHILD, "child"),
        (5, P, "other"),
        (6, Z, "last"),
    ];
    let mut live = live;
    live.push(Step::Entry(Add, 6, Z, "last"));
    let bench = persist_until(first, live, &shows, |told| {
        [CHILD, Z].iter().all(|dn| told.committed.contains_key(*dn))
    });
    let held: Vec<_> = copy(&bench.data()).into_keys().collect();
    assert_eq!(held, [CHILD, P, Q, Z, BASE]);
}

/// What was told of the child after the refresh is older than what was told of the parent in it.
fn child_told_late(first: &'static str) {
    let told = vec![
        Step::Entry(Add, 3, first, "child"),
        Step::Entry(Add, 1, BASE, "base"),
        Step::Entry(Add, 2, Q, "parent"),
    ];
    let live = vec![
        Step::Entry(Modify, 3, OLD_CHILD, "child"),
        Step::Entry(Modify, 2, Q, "parent"),
        Step::Entry(Add, 5, P, "other"),
    ];
    child_ends_below_q(told, live);
}

#[test]
fn a_child_found_below_its_renamed_parent_stays_there() {
    child_told_late(OLD_CHILD);
}

#[test]
fn a_child_moved_below_a_parent_that_is_renamed_already() {
    child_told_late("cn=c,ou=base,dc=example");
}

#[test]
fn a_child_sent_before_its_parent_was_renamed_and_the_name_taken() {
    let first = vec![
        Step::Entry(Add, 3, OLD_CHILD, "child"),
        Step::Entry(Add, 1, BASE, "base"),
        Step::Entry(Add, 2, Q, "parent"),
        Step::Entry(Add, 5, P, "other"),
    ];
    let live = vec![
        Step::Entry(Modify, 2, Q, "parent"),
        Step::Entry(Add, 5, P, "other"),
    ];
    child_ends_below_q(first, live);
}

#[test]
fn a_child_sent_after_its_parent_had_taken_a_name_that_is_held() {
    // 2 takes the name q, which 5 leaves for p. Of them the refresh saw the names before, of the
    // child the one after.
    let first = vec![
        Step::Entry(Add, 1, BASE, "base"),
        Step::Entry(Add, 2, "cn=x,ou=base,dc=example", "parent"),
        Step::Entry(Add, 5, Q, "other"),
        Step::Entry(Add, 3, CHILD, "child"),
    ];
    let live = vec![
        Step::Entry(Modify, 5, P, "other"),
        Step::Entry(Modify, 2, Q, "parent"),
    ];
    child_ends_below_q(first, live);
}

/// The child moves below p when 4, who had its name there, is gone already; of that is told last.
fn a_child_waits_below_p(parent: Step) -> (Vec<Step>, Vec<Step>) {
    let first = vec![
        Step::Entry(Add, 1, BASE, "base"),
        Step::Entry(Add, 2, P, "parent"),
        Step::Entry(Add, 4, OLD_CHILD, "before"),
        Step::Entry(Add, 3, "cn=c,ou=base,dc=example", "child"),
    ];
    let live = vec![
        Step::Entry(Modify, 3, OLD_CHILD, "child"),
        parent,
        Step::Entry(Delete, 4, OLD_CHILD, ""),
        Step::Entry(Add, 5, P, "other"),
    ];
    (first, live)
}

#[test]
fn a_child_that_waits_for_its_name_goes_along_with_its_parent() {
    let (first, live) = a_child_waits_below_p(Step::Entry(Modify, 2, Q, "parent"));
    child_ends_below_q(first, live);
}

#[test]
fn a_child_that_waits_for_its_name_leaves_with_its_parent() {
    let (first, live) = a_child_waits_below_p(Step::Entry(Delete, 2, P, ""));
    let shows = [(1, BASE, "base"), (5, P, "other")];
    let bench = persist_until(first, live, &shows, |told| told.committed.len() == 2);
    let held: Vec<_> = copy(&bench.data()).into_iter().collect();
    assert_eq!(
        held,
        [(P, "other"), (BASE, "base")].map(|(dn, text)| (dn.to_owned(), text.to_owned()))
    );
}

#[test]
fn a_parent_found_elsewhere_in_the_last_round_takes_its_child_along_in_the_next_refresh() {
    const X: [&str; 3] = [
        "cn=x,cn=1,ou=base,dc=example",
        "cn=x,cn=2,ou=base,dc=example",
        "cn=x,cn=3,ou=base,dc=example",
    ];
    let mut bench = Bench::new();
    let first = vec![
        Step::Entry(Add, 1, BASE, "base"),
        Step::Entry(Add, 2, P, "parent"),
        Step::Entry(Add, 3, OLD_CHILD, "child"),
        Step::Entry(Add, 9, X[0], "moves on"),
        Step::Done(Some(FIRST), true),
    ];
    let fake = Fake::start("", vec![first, vec![Step::Done(Some(NEXT), true)]]);
    // 9 is elsewhere each time it is asked for. When it stays at last, its parent is found to be 2.
    let before = |x| [(1, BASE, "base"), (2, P, "parent"), (9, x, "moves on")];
    let (three, child) = ("cn=3,ou=base,dc=example", "cn=c,cn=3,ou=base,dc=example");
    let last = [
        (1, BASE, "base"),
        (2, three, "parent"),
        (3, child, "child"),
        (9, X[2], "moves on"),
    ];
    let (one, two) = (before(X[1]), before(X[2]));
    fake.shows_in_turn(&[&one, &two, &two, &last]);
    bench.refresh(&fake).unwrap();
    eprintln!(
        "{:?} {}",
        bench.told.events,
        fake.log.lock().unwrap().lookups
    );
    let held = |bench: &Bench| copy(&bench.data()).into_keys().collect::<Vec<_>>();
    assert_eq!(held(&bench), [three, OLD_CHILD, X[2], BASE]);
    bench.refresh(&fake).unwrap();
    assert_eq!(held(&bench), [three, child, X[2], BASE]);
}
