//! Gaps in the session log of slapd: a write that is under way, and changes that a node which lags
//! behind has not heard of.

use crate::bench::Bench;
use crate::fake::{Fake, Step};
use crate::story::{
    A, APACHE, B, DS389, add_as, deleted, done, done_by_presence, modify, modify_as, text,
};

const FIRST: &str = "rid=000,csn=20261121205328.954658Z#000000#001#000000";
const NEXT: &str = "rid=000,csn=20261121205329.954658Z#000000#001#000000";
const LAST: &str = "rid=000,csn=20261121205330.954658Z#000000#001#000000";

/// A cookie of slapd may count a change that its session log does not hold yet. slapd waits for such
/// changes only before a search that persists, so a refresh with a cookie asks for that.
#[test]
fn refresh_with_a_cookie_asks_slapd_to_persist() {
    for (vendor, cookie, next, persists) in [
        ("", FIRST, NEXT, true),
        (APACHE, "1", "2", false),
        (
            DS389,
            "host:389#cn=x:base:f#1",
            "host:389#cn=x:base:f#2",
            false,
        ),
    ] {
        let mut bench = Bench::with(vendor, cookie, &[A, B]);
        let changes = vec![modify_as(1, A.1, "second"), deleted([2]), done(next)];
        let full = vec![add_as(1, A.1, "second"), done_by_presence(next)];
        let fake = Fake::start(vendor, vec![changes, full]);
        fake.describes(&[(1, A.1, "second")]);
        bench.refresh(&fake).unwrap();
        assert_eq!(fake.persisted()[0], persists, "{vendor}");
        assert_eq!(bench.events(), ["change cn=a", "delete cn=b", "done"]);
        assert_eq!(bench.cookie().as_deref(), Some(next));
    }
    let fake = Fake::plays([done_by_presence(FIRST)]);
    Bench::new().refresh(&fake).unwrap();
    assert_eq!(fake.persisted(), [false], "without a cookie");
}

/// B is gone, of which neither session log tells. The consumer believes the log of the node that it
/// knows; after a change of nodes it asks.
#[test]
fn another_node_may_not_know_of_a_delete() {
    for other in [false, true] {
        let mut bench = Bench::with("", FIRST, &[A, B]);
        bench.other_node = other;
        let changes = vec![modify_as(1, A.1, "second"), done(NEXT)];
        let fake = Fake::start("", vec![changes.clone(), changes]);
        fake.describes(&[(1, A.1, "second")]);
        bench.refresh(&fake).unwrap();
        let told = bench.events();
        if other {
            assert_eq!(told, ["change cn=a", "delete cn=b", "done"]);
        } else {
            assert_eq!(told, ["change cn=a", "done"], "the session log is believed");
        }
        assert_eq!(fake.cookies(), [Some(FIRST.to_owned())]);
    }
}

/// The other node answers without a cookie of its own, so it may lag behind: it may not have heard
/// of an entry that it does not show, and would never send that entry.
#[test]
fn node_that_may_lag_behind_proves_no_delete() {
    let mut bench = Bench::with("", NEXT, &[A, B]);
    bench.other_node = true;
    let ends_with = |cookie| vec![Step::Done(cookie, true)];
    let fake = Fake::start(
        "",
        vec![
            ends_with(None),
            ends_with(Some(LAST)),
            ends_with(Some(LAST)),
        ],
    );
    fake.shows(&[A]);
    bench.refresh(&fake).unwrap();
    assert_eq!(bench.events(), ["done"]);
    bench.refresh(&fake).unwrap();
    assert_eq!(
        bench.events(),
        ["delete cn=b", "done"],
        "the node has caught up, and is still another than before"
    );
    fake.shows(&[]);
    bench.refresh(&fake).unwrap();
    assert_eq!(bench.events(), ["done"], "now the node is the same");
}

/// A search showed the parent (1) under its new name, ahead of the cookie. The other node has not
/// heard of that rename, and tells of a child below the old name. The parent goes back, until the
/// node sends its rename.
#[test]
fn parent_goes_back_to_where_its_child_is() {
    const OLD: &str = "ou=old,ou=base,dc=example";
    const C_BELOW_OLD: &str = "cn=c,ou=old,ou=base,dc=example";
    const D_BELOW_OLD: &str = "cn=d,ou=old,ou=base,dc=example";
    const NEW: &str = "ou=new,ou=base,dc=example";
    const C_BELOW_NEW: &str = "cn=c,ou=new,ou=base,dc=example";
    const D_BELOW_NEW: &str = "cn=d,ou=new,ou=base,dc=example";
    let mut bench = Bench::with("", FIRST, &[(1, NEW), (2, C_BELOW_NEW), (3, D_BELOW_NEW)]);
    let behind = vec![modify_as(2, C_BELOW_OLD, "second"), done(NEXT)];
    let caught_up = vec![modify(1, NEW), done(LAST)];
    let fake = Fake::start("", vec![behind, caught_up]);
    fake.describes(&[
        (1, OLD, text(1)),
        (2, C_BELOW_OLD, "second"),
        (3, D_BELOW_OLD, text(3)),
    ]);
    bench.refresh(&fake).unwrap();
    assert_eq!(bench.held(), [C_BELOW_OLD, D_BELOW_OLD, OLD]);
    fake.describes(&[
        (1, NEW, text(1)),
        (2, C_BELOW_NEW, "second"),
        (3, D_BELOW_NEW, text(3)),
    ]);
    bench.refresh(&fake).unwrap();
    assert_eq!(bench.held(), [C_BELOW_NEW, D_BELOW_NEW, NEW]);
}
