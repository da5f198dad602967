//! What slapd's session log does not tell: a change that is under way, and what a node that lagged
//! behind never held.

use syncrepl_proto::sync::EntryState::{Add, Modify};

use crate::Bench;
use crate::fake::{Fake, Step};

const A: (u8, &str) = (1, "cn=a,ou=base,dc=example");
const B: (u8, &str) = (2, "cn=b,ou=base,dc=example");
const FIRST: &str = "rid=000,csn=20261121205328.954658Z#000000#001#000000";
const NEXT: &str = "rid=000,csn=20261121205329.954658Z#000000#001#000000";
const LAST: &str = "rid=000,csn=20261121205330.954658Z#000000#001#000000";

/// Only before a search that persists does slapd wait for changes that its cookie counts already,
/// and its session log does not hold yet.
#[test]
fn a_refresh_with_a_cookie_asks_slapd_to_persist() {
    for (vendor, cookie, next, persists) in [
        ("", FIRST, NEXT, true),
        ("Apache Software Foundation", "1", "2", false),
        (
            "389 Project",
            "host:389#cn=x:base:f#1",
            "host:389#cn=x:base:f#2",
            false,
        ),
    ] {
        let mut bench = Bench::with(vendor, cookie, &[A, B]);
        let script = vec![
            Step::Entry(Modify, 1, A.1, "second"),
            Step::Ids(true, vec![2], None),
            Step::Done(Some(next), true),
        ];
        let full = vec![
            Step::Entry(Add, 1, A.1, "second"),
            Step::Done(Some(next), false),
        ];
        let fake = Fake::start(vendor, vec![script, full]);
        fake.shows(&[(1, A.1, "second")]);
        bench.refresh(&fake).unwrap();
        assert_eq!(fake.log.lock().unwrap().persisted[0], persists, "{vendor}");
        assert_eq!(bench.events(), ["change cn=a", "delete cn=b", "done"]);
        assert_eq!(bench.cookie().as_deref(), Some(next));
    }
    let fake = Fake::start("", vec![vec![Step::Done(Some(FIRST), false)]]);
    Bench::new().refresh(&fake).unwrap();
    assert_eq!(fake.log.lock().unwrap().persisted, [false]);
}

#[test]
fn another_node_may_not_know_of_a_delete() {
    for other in [false, true] {
        let mut bench = Bench::with("", FIRST, &[A, B]);
        bench.other_node = other;
        let changed = || {
            vec![
                Step::Entry(Modify, 1, A.1, "second"),
                Step::Done(Some(NEXT), true),
            ]
        };
        let fake = Fake::start("", vec![changed(), changed()]);
        fake.shows(&[(1, A.1, "second")]);
        bench.refresh(&fake).unwrap();
        let told = bench.events();
        if other {
            assert_eq!(told, ["change cn=a", "delete cn=b", "done"]);
        } else {
            assert_eq!(told, ["change cn=a", "done"], "a session log is believed");
        }
        assert_eq!(fake.cookies(), [Some(FIRST.to_owned())]);
    }
}

/// What it does not have yet it may not have heard of; and without a cookie of its own, it would
/// never send it.
#[test]
fn a_node_that_may_lag_behind_proves_no_delete() {
    let mut bench = Bench::with("", NEXT, &[A, B]);
    bench.other_node = true;
    let script = |cookie| vec![Step::Done(cookie, true)];
    let fake = Fake::start(
        "",
        vec![script(None), script(Some(LAST)), script(Some(LAST))],
    );
    fake.shows(&[(1, A.1, "first")]);
    bench.refresh(&fake).unwrap();
    assert_eq!(bench.events(), ["done"]);
    // It has caught up, and is still the other node.
    bench.refresh(&fake).unwrap();
    assert_eq!(bench.events(), ["delete cn=b", "done"]);
    fake.shows(&[]);
    bench.refresh(&fake).unwrap();
    assert_eq!(bench.events(), ["done"], "now it is the same");
}

/// The parent was read ahead of the cookie, renamed. The other node has not heard of that, and tells
/// of a child below the old name: the parent goes back, until its rename is sent again.
#[test]
fn a_parent_is_where_its_child_is() {
    let parent = "ou=new,ou=base,dc=example";
    let mut bench = Bench::with(
        "",
        FIRST,
        &[
            (1, parent),
            (2, "cn=c,ou=new,ou=base,dc=example"),
            (3, "cn=d,ou=new,ou=base,dc=example"),
        ],
    );
    let behind = vec![
        Step::Entry(Modify, 2, "cn=c,ou=old,ou=base,dc=example", "second"),
        Step::Done(Some(NEXT), true),
    ];
    let caught_up = vec![
        Step::Entry(Modify, 1, parent, "first"),
        Step::Done(Some(LAST), true),
    ];
    let fake = Fake::start("", vec![behind, caught_up]);
    fake.shows(&[
        (1, "ou=old,ou=base,dc=example", "first"),
        (2, "cn=c,ou=old,ou=base,dc=example", "second"),
        (3, "cn=d,ou=old,ou=base,dc=example", "first"),
    ]);
    bench.refresh(&fake).unwrap();
    let dns: Vec<_> = bench.told.map.keys().cloned().collect();
    assert_eq!(
        dns,
        [
            "cn=c,ou=old,ou=base,dc=example",
            "cn=d,ou=old,ou=base,dc=example",
            "ou=old,ou=base,dc=example"
        ]
    );
    fake.shows(&[
        (1, parent, "first"),
        (2, "cn=c,ou=new,ou=base,dc=example", "second"),
        (3, "cn=d,ou=new,ou=base,dc=example", "first"),
    ]);
    bench.refresh(&fake).unwrap();
    let dns: Vec<_> = bench.told.map.keys().cloned().collect();
    assert_eq!(
        dns,
        [
            "cn=c,ou=new,ou=base,dc=example",
            "cn=d,ou=new,ou=base,dc=example",
            parent
        ]
    );
}
