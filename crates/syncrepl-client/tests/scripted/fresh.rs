//! The DNs that a refresh stage stated are of different moments. When a name above one of them
//! changes, the consumer asks where it is.

use syncrepl_client::SyncreplMode;

use crate::bench::{Bench, poll_until};
use crate::fake::Fake;
use crate::hidden::with_description;
use crate::story::*;

/// When the first refresh sent the child (3), 4 had the name P already. Now the provider tells that
/// 2, which had it before, is Q.
#[test]
fn child_stays_below_the_name_that_another_entry_has_now() {
    let mut bench = Bench::with("", FIRST, &[(1, BASE), (2, P), (3, C_BELOW_P), (4, Z)]);
    bench.refresh_from(
        [modify(2, Q), modify(4, P), done(NEXT)],
        &[(1, BASE), (2, Q), (3, C_BELOW_P), (4, P)],
    );
    assert_eq!(bench.held(), [C_BELOW_P, P, Q, BASE]);
}

/// A refresh without changes came between. The child moves along with its parent (2), and the
/// consumer does not ask.
#[test]
fn child_goes_along_when_a_refresh_came_between() {
    let mut bench = Bench::with("", FIRST, &[(1, BASE), (2, P), (3, C_BELOW_P)]).settled(FIRST);
    let fake = Fake::plays([modify(2, Q), done(NEXT)]);
    bench.refresh(&fake).unwrap();
    assert_eq!(bench.held(), [C_BELOW_Q, Q, BASE]);
    assert_eq!(fake.lookups(), 0);
}

/// With a filter, a record without a parent is no reason to ask. The first refresh sent the child (3)
/// below P and then its parent (2) as Q. Now 4 takes the name P.
#[test]
fn child_moves_when_another_entry_takes_the_old_name_of_its_parent() {
    let mut bench = Bench::new();
    for (script, shows) in [
        (
            vec![
                add(1, BASE),
                add(3, C_BELOW_P),
                add(2, Q),
                add(4, Z),
                done(FIRST),
            ],
            [(1, BASE), (3, C_BELOW_P)],
        ),
        (vec![modify(4, P), done(NEXT)], [(1, BASE), (3, C_BELOW_Q)]),
    ] {
        let fake = Fake::plays(script);
        fake.shows(&shows);
        bench
            .run(&fake, SyncreplMode::RefreshOnly, with_description)
            .unwrap();
    }
    assert_eq!(bench.held(), [C_BELOW_Q, P, Q, BASE]);
}

/// In the persist stage the consumer asks when the provider is silent. If it is stopped before that,
/// it asks in the next refresh stage.
#[test]
fn question_that_waits_for_silence_survives_a_stop() {
    for stopped in [false, true] {
        let mut bench = Bench::new();
        let first = vec![
            add(1, BASE),
            add(2, P),
            add(3, C_BELOW_P),
            add(4, Z),
            persist_with(FIRST),
            modify(2, Q),
            modify(4, P),
            cookie(NEXT),
        ];
        let fake = Fake::start("", vec![first, vec![done(NEXT)]]);
        fake.shows(&[(1, BASE), (2, Q), (3, C_BELOW_P), (4, P)]);
        let mut client = bench.connect(&fake);
        poll_until(&mut client, |told| {
            let moved = told.holds(Q) && !told.holds(Z);
            moved && (stopped || told.holds(C_BELOW_P))
        })
        .unwrap();
        client.unbind().unwrap();
        bench.assert_copy_is_told();
        if stopped {
            assert_eq!(bench.held(), [C_BELOW_Q, P, Q, BASE]);
            bench.refresh(&fake).unwrap();
        }
        assert_eq!(bench.held(), [C_BELOW_P, P, Q, BASE]);
    }
}

/// A question about the child (3) is open when the provider names every entry as deleted. That the
/// search does not show the child either is no deletion by omission: no guard stops it.
#[test]
fn question_about_a_named_delete_is_no_omission() {
    let mut bench = Bench::new();
    let first = vec![
        add(1, BASE),
        add(2, P),
        add(3, C_BELOW_P),
        add(4, Z),
        persist_with(FIRST),
        modify(2, Q),
        modify(4, P),
        cookie(NEXT),
    ];
    let fake = Fake::start("", vec![first]);
    let mut client = bench.connect(&fake);
    poll_until(&mut client, |told| told.holds(Q) && !told.holds(Z)).unwrap();
    client.unbind().unwrap();
    bench.refresh_from([deleted([4, 3, 2, 1]), done(LAST)], &[]);
    assert!(bench.held().is_empty());
}

/// The parent (2) left with both its children (3 and 4), of which the provider names one as deleted.
/// By the time that the consumer asks for the other, all three are back.
#[test]
fn parent_found_by_its_child_brings_the_other_child() {
    let all = [(1, BASE), (2, P), (3, C_BELOW_P), (4, D_BELOW_P)];
    let mut bench = Bench::with("", FIRST, &all);
    bench.refresh_from([deleted([2, 4]), done(NEXT)], &all);
    assert_eq!(bench.held(), [C_BELOW_P, D_BELOW_P, P, BASE]);
}

/// The first refresh states the child (3) below P and its parent (2) as Q, and asks for the child.
/// Both have left by then, so the child is deleted early. Before the next refresh both are back,
/// the parent as Z.
#[test]
fn child_deleted_early_returns_with_renamed_parent() {
    let mut bench = Bench::new();
    bench.refresh_from(
        [add(3, C_BELOW_P), add(1, BASE), add(2, Q), done(FIRST)],
        &[(1, BASE)],
    );
    bench.refresh_from(
        [modify(2, Z), done(NEXT)],
        &[(1, BASE), (2, Z), (3, C_BELOW_Z)],
    );
    assert_eq!(bench.held(), [C_BELOW_Z, Z, BASE]);
}

/// The refresh tells that the parent (2) is gone, that it is back, and that it has a child (3). The
/// consumer asks for the child, which has left with the parent once more, so that the child is
/// deleted early. Before the next refresh both are back.
#[test]
fn child_deleted_early_returns_with_parent_that_was_back_before() {
    let mut bench = Bench::with("", FIRST, &[(1, BASE), (2, P)]).settled(FIRST);
    bench.refresh_from(
        [deleted([2]), modify(2, P), add(3, C_BELOW_P), done(NEXT)],
        &[(1, BASE)],
    );
    bench.refresh_from(
        [modify(2, P), done(LAST)],
        &[(1, BASE), (2, P), (3, C_BELOW_P)],
    );
    assert_eq!(bench.held(), [C_BELOW_P, P, BASE]);
}
