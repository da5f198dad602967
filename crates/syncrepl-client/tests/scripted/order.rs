//! The order in which changes are told, so that a copy keyed by DN can apply each.

use syncrepl_client::Syncrepl;
use syncrepl_proto::sync::EntryState::{Add, Delete, Modify};

use crate::fake::{Fake, Step};
use crate::{Bench, poll_until};

const A: (u8, &str) = (1, "cn=a,ou=base,dc=example");
const B: (u8, &str) = (2, "cn=b,ou=base,dc=example");
const C: (u8, &str) = (3, "cn=c,ou=base,dc=example");
const FIRST: &str = "rid=000,csn=20261121205328.954658Z#000000#000#000000";
const NEXT: &str = "rid=000,csn=20261121205329.954658Z#000000#000#000000";

fn refreshed(before: &[(u8, &'static str)], script: Vec<Step>) -> Vec<String> {
    refreshed_showing(before, script, &[])
}

fn refreshed_showing(
    before: &[(u8, &'static str)],
    mut script: Vec<Step>,
    shows: &[(u8, &str, &str)],
) -> Vec<String> {
    let mut bench = Bench::with("", FIRST, before).settled(FIRST);
    script.push(Step::Done(Some(NEXT), true));
    let fake = Fake::start("", vec![script]);
    fake.shows(shows);
    bench.refresh(&fake).unwrap();
    let events = bench.events();
    assert_eq!(events.last().map(String::as_str), Some("done"));
    events[..events.len() - 1].to_vec()
}

fn add(number: u8, dn: &'static str) -> Step {
    Step::Entry(Add, number, dn, "first")
}

#[test]
fn two_swap() {
    let told = refreshed(&[A, B], vec![add(1, B.1), add(2, A.1)]);
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
    let told = refreshed(&[A, B, C], vec![add(1, B.1), add(2, C.1), add(3, A.1)]);
    assert_eq!(told.len(), 4, "one of them is moved twice: {told:?}");
    assert!(
        told.iter().all(|event| event.starts_with("rename")),
        "{told:?}"
    );
}

#[test]
fn a_chain_needs_no_detour() {
    let script = vec![add(1, B.1), add(2, C.1), add(3, "cn=d,ou=base,dc=example")];
    let told = refreshed(&[A, B, C], script);
    assert_eq!(
        told,
        ["rename cn=c cn=d", "rename cn=b cn=c", "rename cn=a cn=b"]
    );
}

#[test]
fn the_name_of_one_that_is_deleted_is_taken() {
    let told = refreshed(&[A, B], vec![add(2, A.1), Step::Ids(true, vec![1], None)]);
    assert_eq!(told, ["delete cn=a", "rename cn=b cn=a"]);
    let told = refreshed(&[A, B], vec![add(9, A.1), Step::Ids(true, vec![1], None)]);
    assert_eq!(told, ["delete cn=a", "add cn=a"]);
}

#[test]
fn parents_that_swap_take_their_children_along() {
    const X: (u8, &str) = (4, "cn=x,cn=a,ou=base,dc=example");
    const Y: (u8, &str) = (5, "cn=x,cn=b,ou=base,dc=example");
    // The map in `Told` checks every step; at the end each child is below its own parent.
    let told = refreshed(&[A, B, X, Y], vec![add(1, B.1), add(2, A.1)]);
    assert_eq!(told.len(), 6, "{told:?}");
}

#[test]
fn below_a_child_that_was_renamed_too_its_children_go_with_it() {
    const X: (u8, &str) = (4, "cn=x,cn=a,ou=base,dc=example");
    const Y: (u8, &str) = (5, "cn=y,cn=x,cn=a,ou=base,dc=example");
    let script = vec![add(1, B.1), add(4, "cn=z,cn=b,ou=base,dc=example")];
    let told = refreshed(&[A, X, Y], script);
    assert_eq!(
        told,
        [
            "rename cn=a cn=b",
            "rename cn=x,cn=a cn=z,cn=b",
            "rename cn=y,cn=x,cn=a cn=y,cn=z,cn=b"
        ]
    );
}

#[test]
fn what_is_below_a_record_that_waits_waits_with_it() {
    // The parents swap. Of their children of one name only one is stated, so that the other,
    // whose place it takes, has to wait; its own child may not be taken along by the wrong one.
    let mut bench = Bench::with(
        "",
        FIRST,
        &[
            A,
            B,
            (10, "cn=t,cn=a,ou=base,dc=example"),
            (11, "cn=t,cn=b,ou=base,dc=example"),
            (12, "cn=x,cn=t,cn=a,ou=base,dc=example"),
        ],
    )
    .settled(FIRST);
    let script = vec![
        add(1, B.1),
        add(2, A.1),
        Step::Entry(Add, 11, "cn=t,cn=a,ou=base,dc=example", "stated"),
        Step::Done(Some(NEXT), true),
    ];
    bench.refresh(&Fake::start("", vec![script])).unwrap();
    let told: Vec<_> = bench
        .told
        .map
        .iter()
        .map(|(dn, text)| (crate::short(dn), text.as_str()))
        .collect();
    let expected = [
        ("cn=a", "first"),
        ("cn=b", "first"),
        ("cn=t,cn=a", "stated"),
        ("cn=t,cn=b", "first"),
        ("cn=x,cn=t,cn=b", "first"),
    ];
    assert_eq!(told, expected);
}

#[test]
fn a_rename_is_followed_by_its_change() {
    let told = refreshed(
        &[A, B],
        vec![Step::Entry(Add, 1, C.1, "second"), add(2, B.1)],
    );
    assert_eq!(told, ["rename cn=a cn=c", "change cn=c"]);
}

#[test]
fn p28_spelling_is_told_to_nobody_and_case_is_a_rename() {
    let told = refreshed(
        &[A, B],
        vec![
            add(1, "CN=a, OU=base,dc=example"),
            add(2, "cn=B,ou=base,dc=example"),
        ],
    );
    // The copy keeps the spelling that was told, so that the map finds it there.
    assert_eq!(told, ["rename cn=b cn=B"]);
}

#[test]
fn two_with_one_name_are_asked_for() {
    // The provider moved `a` away and put a new entry in its place while the refresh ran: the
    // news of `a` would come only afterwards.
    let shows = [(1, C.1, "first"), (2, B.1, "first"), (9, A.1, "first")];
    let told = refreshed_showing(&[A, B], vec![add(9, A.1)], &shows);
    assert_eq!(told, ["rename cn=a cn=c", "add cn=a"]);
    let shows = [(2, B.1, "first"), (9, A.1, "first")];
    let told = refreshed_showing(&[A, B], vec![add(9, A.1)], &shows);
    assert_eq!(told, ["delete cn=a", "add cn=a"]);
}

#[test]
fn two_that_insist_on_one_name_do_not_stop_the_refresh() {
    let shows = [(1, A.1, "first"), (2, B.1, "first"), (9, A.1, "first")];
    let told = refreshed_showing(&[A, B], vec![add(9, A.1)], &shows);
    let waits = "rename cn=a entryUUID=01010101-0101-0101-0101-010101010101";
    assert_eq!(told, [waits, "add cn=a"]);
}

#[test]
fn a_child_stated_before_its_parent_moved_is_asked_for() {
    const X: (u8, &str) = (4, "cn=x,cn=a,ou=base,dc=example");
    let moved = "cn=x,cn=c,ou=base,dc=example";
    let script = vec![add(4, X.1), add(1, C.1)];
    let shows = [(1, C.1, "first"), (2, B.1, "first"), (4, moved, "first")];
    let told = refreshed_showing(&[A, B, X], script, &shows);
    assert_eq!(told, ["rename cn=a cn=c", "rename cn=x,cn=a cn=x,cn=c"]);
}

#[test]
fn in_the_persist_stage_what_comes_out_of_order_is_parked() {
    let mut bench = Bench::with("", FIRST, &[A, B]);
    let script = vec![
        Step::Phase(false, None, true),
        // Concurrent writers: the taker of the name comes before the news of who left it.
        Step::Entry(Modify, 2, A.1, "first"),
        Step::Entry(Modify, 1, C.1, "first"),
        Step::Entry(Delete, 2, A.1, ""),
        Step::EntryWith(Add, 9, A.1, "end", NEXT),
    ];
    let fake = Fake::start("", vec![script]);
    fake.shows(&[(1, C.1, "first"), (9, A.1, "end")]);
    let mut client = Syncrepl::builder(bench.data(), &mut bench.told)
        .ldap_url(fake.url())
        .connect()
        .unwrap();
    poll_until(&mut client, |told| {
        told.events.contains(&"add cn=a".to_owned())
    })
    .unwrap();
    client.unbind().unwrap();
    bench.assert_copy_is_told();
    assert_eq!(bench.told.map.len(), 2);
}
