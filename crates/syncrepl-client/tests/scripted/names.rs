//! One takes the name of another, who took that of a third.

use syncrepl_client::SyncreplMode;
use syncrepl_proto::sync::EntryState::{Add, Delete, Modify};

use crate::fake::{BASE, Fake, Step};
use crate::{Bench, copy};

const FIRST: &str = "rid=000,csn=20261121205328.954658Z#000000#000#000000";
const NEXT: &str = "rid=000,csn=20261121205329.954658Z#000000#000#000000";
const LAST: &str = "rid=000,csn=20261121205330.954658Z#000000#000#000000";
const P: &str = "cn=p,ou=base,dc=example";
const BELOW_P: &str = "cn=c,cn=p,ou=base,dc=example";
const Q: &str = "cn=q,cn=p,ou=base,dc=example";
const BELOW_Q: &str = "cn=c,cn=q,cn=p,ou=base,dc=example";
const T: &str = "cn=t,ou=base,dc=example";
const BELOW_T: &str = "cn=c,cn=t,ou=base,dc=example";
const N: &str = "cn=n,ou=base,dc=example";

/// p, with a child and with q below, is t by now, q is p, and somebody below it q, who alone is sent.
const BEFORE: [(u8, &str); 6] = [
    (1, BASE),
    (2, P),
    (3, BELOW_P),
    (4, Q),
    (5, BELOW_Q),
    (6, N),
];
const AFTER: [(u8, &str, &str); 6] = [
    (1, BASE, "first"),
    (2, T, "first"),
    (3, BELOW_T, "first"),
    (4, P, "first"),
    (5, BELOW_P, "first"),
    (6, Q, "first"),
];

fn assert_held_as_shown(bench: &Bench) {
    let held: Vec<_> = copy(&bench.data()).into_keys().collect();
    let mut shown = AFTER.map(|(_, dn, _)| dn);
    shown.sort_unstable();
    assert_eq!(held, shown);
}

#[test]
fn whoever_is_in_the_way_of_one_found_elsewhere_is_asked_for_too() {
    let mut bench = Bench::with("", FIRST, &BEFORE).settled(FIRST);
    let script = vec![
        Step::Entry(Modify, 6, Q, "first"),
        Step::Done(Some(NEXT), true),
    ];
    let fake = Fake::start("", vec![script]);
    fake.shows(&AFTER);
    bench
        .run(&fake, SyncreplMode::RefreshOnly, |builder| builder)
        .unwrap();
    assert_held_as_shown(&bench);
    let events = bench.events().join("\n");
    assert!(!events.contains("entryUUID="), "{events}");
}

/// Each time it is asked the answer is another, until somebody gives way; of what is below that one
/// the provider says nothing.
#[test]
fn what_is_below_one_that_gave_way_is_asked_for_later() {
    let mut bench = Bench::with("", FIRST, &BEFORE).settled(FIRST);
    let script = vec![
        Step::Entry(Modify, 6, Q, "first"),
        Step::Phase(false, Some(NEXT), true),
        Step::Entry(Add, 2, T, "first"),
        Step::Cookie(LAST),
    ];
    let fake = Fake::start("", vec![script]);
    let mut between = AFTER;
    (between[1].1, between[2].1) = (P, BELOW_P);
    fake.shows_in_turn(&[&between, &between, &between, &between, &between, &AFTER]);
    bench.follow_until(
        &fake,
        |builder| builder,
        |told| told.committed.contains_key(BELOW_T),
    );
    assert_held_as_shown(&bench);
}

/// q, named p by now, has left with its child, who waits for its name there: of the child of the p that
/// is t now, and of q, a search told, so that they are asked for.
#[test]
fn who_waits_for_a_name_below_one_that_is_gone_is_asked_for() {
    const W: &str = "cn=w,ou=base,dc=example";
    const Q: &str = "cn=q,cn=w,ou=base,dc=example";
    const BELOW_Q: &str = "cn=c,cn=q,cn=w,ou=base,dc=example";
    let mut bench = Bench::with("", FIRST, &[(1, BASE)]);
    let came = vec![
        Step::Entry(Add, 2, P, "first"),
        Step::Entry(Add, 6, W, "first"),
        Step::Done(Some(NEXT), true),
    ];
    let came_to_q = vec![
        Step::Entry(Add, 5, BELOW_Q, "first"),
        Step::Done(Some(NEXT), true),
    ];
    let nothing = vec![Step::Done(Some(NEXT), true)];
    let live = vec![
        Step::Phase(false, Some(NEXT), true),
        Step::Entry(Modify, 2, T, "first"),
        Step::Entry(Modify, 4, P, "first"),
        Step::Cookie(NEXT),
        Step::Entry(Delete, 4, P, ""),
        Step::Cookie(LAST),
    ];
    let fake = Fake::start("", vec![came, came_to_q, nothing, live]);
    let before = [
        (1, BASE, "first"),
        (2, P, "first"),
        (3, BELOW_P, "first"),
        (4, Q, "first"),
        (5, BELOW_Q, "first"),
        (6, W, "first"),
    ];
    fake.shows(&[&before[..4], &before[5..]].concat());
    bench.refresh(&fake).unwrap();
    fake.shows(&before);
    bench.refresh(&fake).unwrap();
    bench.refresh(&fake).unwrap();
    assert_eq!(copy(&bench.data()).len(), 6);
    fake.shows(&[
        (1, BASE, "first"),
        (2, T, "first"),
        (3, BELOW_T, "first"),
        (6, W, "first"),
    ]);
    bench.follow_until(
        &fake,
        |builder| builder,
        |told| [P, Q].iter().all(|dn| !told.committed.contains_key(*dn)),
    );
    let held: Vec<_> = copy(&bench.data()).into_keys().collect();
    assert_eq!(held, [BELOW_T, T, W, BASE]);
}
