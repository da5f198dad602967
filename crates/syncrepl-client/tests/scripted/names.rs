//! One takes the name of another, who took that of a third: p, with a child and with q below, is t by
//! now, q is p, and somebody below it q. Only that one is sent.

use syncrepl_client::SyncreplMode;
use syncrepl_proto::sync::EntryState::{Add, Modify};

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
