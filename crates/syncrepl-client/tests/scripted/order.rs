//! The order in which changes are told: a copy keyed by DN can apply each.

use crate::bench::{Bench, poll_until, short};
use crate::fake::{Fake, Step};
use crate::story::*;

const X_BELOW_A: (u8, &str) = (4, "cn=x,cn=a,ou=base,dc=example");

/// The events of a refresh with this script, on a settled copy of the entries `before`.
fn told<const N: usize>(before: &[(u8, &'static str)], script: [Step; N]) -> Vec<String> {
    told_when_shown(before, script, &[])
}

/// The same, where searches show these entries.
fn told_when_shown<const N: usize>(
    before: &[(u8, &'static str)],
    script: [Step; N],
    shows: &[(u8, &str)],
) -> Vec<String> {
    let mut bench = Bench::with("", FIRST, before).settled(FIRST);
    let fake = Fake::plays([&script[..], &[done(NEXT)]].concat());
    fake.shows(shows);
    bench.refresh(&fake).unwrap();
    let mut events = bench.events();
    assert_eq!(events.pop().as_deref(), Some("done"));
    events
}

/// One of the two goes by way of a name of the consumer's own.
#[test]
fn two_swap() {
    let told = told(&[A, B], [add(1, B.1), add(2, A.1)]);
    let out = "entryUUID=01010101-0101-0101-0101-010101010101";
    let other = "entryUUID=02020202-0202-0202-0202-020202020202";
    let one = [
        format!("rename cn=a {out}"),
        "rename cn=b cn=a".into(),
        format!("rename {out} cn=b"),
    ];
    let two = [
        format!("rename cn=b {other}"),
        "rename cn=a cn=b".into(),
        format!("rename {other} cn=a"),
    ];
    assert!(told == one || told == two, "{told:?}");
}

#[test]
fn three_rotate() {
    let told = told(&[A, B, C], [add(1, B.1), add(2, C.1), add(3, A.1)]);
    assert_eq!(told.len(), 4, "one of them is moved twice: {told:?}");
    assert!(
        told.iter().all(|event| event.starts_with("rename")),
        "{told:?}"
    );
}

#[test]
fn chain_needs_no_detour() {
    let told = told(&[A, B, C], [add(1, B.1), add(2, C.1), add(3, D.1)]);
    assert_eq!(
        told,
        ["rename cn=c cn=d", "rename cn=b cn=c", "rename cn=a cn=b"]
    );
}

#[test]
fn name_of_a_deleted_entry_is_taken() {
    let renamed = told(&[A, B], [add(2, A.1), deleted([1])]);
    assert_eq!(renamed, ["delete cn=a", "rename cn=b cn=a"]);
    let added = told(&[A, B], [add(9, A.1), deleted([1])]);
    assert_eq!(added, ["delete cn=a", "add cn=a"]);
}

/// The map in `Told` checks each step: at the end each child is below its own parent.
#[test]
fn parents_that_swap_take_their_children_along() {
    const X_BELOW_B: (u8, &str) = (5, "cn=x,cn=b,ou=base,dc=example");
    let told = told(&[A, B, X_BELOW_A, X_BELOW_B], [add(1, B.1), add(2, A.1)]);
    assert_eq!(told.len(), 6, "{told:?}");
}

/// A becomes B, and its child X becomes Z there. X takes its own child Y along.
#[test]
fn child_of_a_child_goes_along_when_both_above_are_renamed() {
    const Y_BELOW_X: (u8, &str) = (5, "cn=y,cn=x,cn=a,ou=base,dc=example");
    let told = told(
        &[A, X_BELOW_A, Y_BELOW_X],
        [add(1, B.1), add(4, "cn=z,cn=b,ou=base,dc=example")],
    );
    assert_eq!(
        told,
        [
            "rename cn=a cn=b",
            "rename cn=x,cn=a cn=z,cn=b",
            "rename cn=y,cn=x,cn=a cn=y,cn=z,cn=b"
        ]
    );
}

/// The parents swap. Of their children, which have one name, the provider states only 11. So 10,
/// whose place 11 takes, has to wait. The child of 10 (12) waits with it: it does not go along with
/// 11.
#[test]
fn child_waits_with_a_parent_that_waits() {
    const T_BELOW_A: &str = "cn=t,cn=a,ou=base,dc=example";
    const T_BELOW_B: &str = "cn=t,cn=b,ou=base,dc=example";
    const X_BELOW_T: &str = "cn=x,cn=t,cn=a,ou=base,dc=example";
    let before = [A, B, (10, T_BELOW_A), (11, T_BELOW_B), (12, X_BELOW_T)];
    let mut bench = Bench::with("", FIRST, &before).settled(FIRST);
    let swap = [
        add(1, B.1),
        add(2, A.1),
        add_as(11, T_BELOW_A, "stated"),
        done(NEXT),
    ];
    bench.refresh(&Fake::plays(swap)).unwrap();
    let told = bench.told.map.now().iter();
    let told: Vec<_> = told.map(|(dn, text)| (short(dn), text.as_str())).collect();
    let expected = [
        ("cn=a", text(2)),
        ("cn=b", text(1)),
        ("cn=t,cn=a", "stated"),
        ("cn=t,cn=b", text(10)),
        ("cn=x,cn=t,cn=b", text(12)),
    ];
    assert_eq!(told, expected);
}

#[test]
fn rename_is_followed_by_its_change() {
    let told = told(&[A, B], [add_as(1, C.1, "second"), add(2, B.1)]);
    assert_eq!(told, ["rename cn=a cn=c", "change cn=c"]);
}

/// The copy keeps the spelling that was told, so that the map finds the entry there.
#[test]
fn p28_another_spelling_is_told_to_nobody_and_another_case_is_a_rename() {
    let spelt = add(1, "CN=a, OU=base,dc=example");
    let told = told(&[A, B], [spelt, add(2, "cn=B,ou=base,dc=example")]);
    assert_eq!(told, ["rename cn=b cn=B"]);
}

/// While the refresh ran, A left its name and a new entry (9) took it. The provider tells of A only
/// afterwards, so the consumer asks.
#[test]
fn holder_of_a_taken_name_is_asked_for() {
    let moved = [(1, C.1), (2, B.1), (9, A.1)];
    let told = told_when_shown(&[A, B], [add(9, A.1)], &moved);
    assert_eq!(told, ["rename cn=a cn=c", "add cn=a"]);
    let gone = [(2, B.1), (9, A.1)];
    let told = told_when_shown(&[A, B], [add(9, A.1)], &gone);
    assert_eq!(told, ["delete cn=a", "add cn=a"]);
}

/// Even the search shows two entries with one name. The one in the copy gives way.
#[test]
fn two_entries_with_one_name_do_not_stop_the_refresh() {
    let shows = [A, B, (9, A.1)];
    let told = told_when_shown(&[A, B], [add(9, A.1)], &shows);
    let waits = "rename cn=a entryUUID=01010101-0101-0101-0101-010101010101";
    assert_eq!(told, [waits, "add cn=a"]);
}

#[test]
fn child_stated_before_its_parent_moved_is_asked_for() {
    let shows = [(1, C.1), B, (4, "cn=x,cn=c,ou=base,dc=example")];
    let script = [add(4, X_BELOW_A.1), add(1, C.1)];
    let told = told_when_shown(&[A, B, X_BELOW_A], script, &shows);
    assert_eq!(told, ["rename cn=a cn=c", "rename cn=x,cn=a cn=x,cn=c"]);
}

/// Of concurrent writers the provider tells out of order: B takes the name A before the news that A
/// left it.
#[test]
fn change_that_comes_too_early_is_parked_in_the_persist_stage() {
    let mut bench = Bench::with("", FIRST, &[A, B]);
    let fake = Fake::plays([
        persist(),
        modify(2, A.1),
        modify(1, C.1),
        delete(2, A.1),
        add_with(9, A.1, text(9), NEXT),
    ]);
    fake.shows(&[(1, C.1), (9, A.1)]);
    let mut client = bench.connect(&fake);
    poll_until(&mut client, |told| told.heard("add cn=a")).unwrap();
    client.unbind().unwrap();
    bench.assert_copy_is_told();
    assert_eq!(bench.told.map.now().len(), 2);
}
