//! Three entries pass their names on: one takes the name of another, which took that of a third.

use crate::bench::{Bench, as_it_is};
use crate::fake::Fake;
use crate::story::*;

const Q_BELOW_P: &str = "cn=q,cn=p,ou=base,dc=example";
const C_BELOW_Q_BELOW_P: &str = "cn=c,cn=q,cn=p,ou=base,dc=example";
const T: &str = "cn=t,ou=base,dc=example";
const C_BELOW_T: &str = "cn=c,cn=t,ou=base,dc=example";
const N: &str = "cn=n,ou=base,dc=example";

/// P (2) has a child (3), and Q (4) below it has a child too (5). N (6) is beside P.
const BEFORE: [(u8, &str); 6] = [
    (1, BASE),
    (2, P),
    (3, C_BELOW_P),
    (4, Q_BELOW_P),
    (5, C_BELOW_Q_BELOW_P),
    (6, N),
];
/// 2 became T with its child, 4 became P with its child, and 6 became Q below it.
const AFTER: [(u8, &str); 6] = [
    (1, BASE),
    (2, T),
    (3, C_BELOW_T),
    (4, P),
    (5, C_BELOW_P),
    (6, Q_BELOW_P),
];

fn assert_held_as_shown(bench: &Bench) {
    let mut shown = AFTER.map(|(_, dn)| dn);
    shown.sort_unstable();
    assert_eq!(bench.held(), shown);
}

/// Of the three the provider sends only 6. A search shows that 4, whose name it takes, is P, so the
/// consumer asks for 2, whose name 4 takes.
#[test]
fn holder_of_a_name_that_a_found_entry_takes_is_asked_for_too() {
    let mut bench = Bench::with("", FIRST, &BEFORE).settled(FIRST);
    bench.refresh_from([modify(6, Q_BELOW_P), done(NEXT)], &AFTER);
    assert_held_as_shown(&bench);
    let events = bench.events().join("\n");
    assert!(!events.contains("entryUUID="), "{events}");
}

/// At each question 2 still holds P, until the consumer moves it out of the way by a name of its
/// own. The persist stage then tells that 2 is T, and says nothing of its child (3).
#[test]
fn child_of_an_entry_that_gave_way_is_asked_for_later() {
    let mut bench = Bench::with("", FIRST, &BEFORE).settled(FIRST);
    let fake = Fake::plays([
        modify(6, Q_BELOW_P),
        persist_with(NEXT),
        add(2, T),
        cookie(LAST),
    ]);
    let mut between = AFTER;
    (between[1].1, between[2].1) = (P, C_BELOW_P);
    fake.shows_in_turn(&[&between, &between, &between, &between, &between, &AFTER]);
    bench.follow_until(&fake, as_it_is, |told| told.holds(C_BELOW_T));
    assert_held_as_shown(&bench);
}

/// Searches told of the children 3 and 5 and of Q (4). Then 2 becomes T, 4 becomes P, and 5, which
/// goes along with 4, waits for the name that 3 holds there. In the next group 4 leaves with 5.
#[test]
fn child_that_waits_for_a_name_below_a_deleted_parent_is_asked_for() {
    const W: &str = "cn=w,ou=base,dc=example";
    const Q_BELOW_W: &str = "cn=q,cn=w,ou=base,dc=example";
    const C_BELOW_Q_BELOW_W: &str = "cn=c,cn=q,cn=w,ou=base,dc=example";
    let fake = Fake::start(
        "",
        vec![
            vec![add(2, P), add(6, W), done(NEXT)],
            vec![add(5, C_BELOW_Q_BELOW_W), done(NEXT)],
            vec![done(NEXT)],
            vec![
                persist_with(NEXT),
                modify(2, T),
                modify(4, P),
                cookie(NEXT),
                delete(4, P),
                cookie(LAST),
            ],
        ],
    );
    let before = [
        (1, BASE),
        (2, P),
        (3, C_BELOW_P),
        (4, Q_BELOW_W),
        (5, C_BELOW_Q_BELOW_W),
        (6, W),
    ];
    let mut bench = Bench::with("", FIRST, &[(1, BASE)]);
    fake.shows(&[&before[..4], &before[5..]].concat());
    bench.refresh(&fake).unwrap();
    fake.shows(&before);
    bench.refresh(&fake).unwrap();
    bench.refresh(&fake).unwrap();
    assert_eq!(bench.held().len(), 6);
    fake.shows(&[(1, BASE), (2, T), (3, C_BELOW_T), (6, W)]);
    bench.follow_until(&fake, as_it_is, |told| {
        !told.holds(P) && !told.holds(Q_BELOW_W)
    });
    assert_eq!(bench.held(), [C_BELOW_T, T, W, BASE]);
}
