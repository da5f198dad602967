//! Between its refresh stage and its persist stage 389-ds tells nobody of a change. It numbers them, and
//! its root DSE says here that the last is 7.

use syncrepl_proto::sync::EntryState::Add;

use crate::Bench;
use crate::fake::{BASE, Fake, Step};

const P: &str = "cn=p,ou=base,dc=example";
const Q: &str = "cn=q,ou=base,dc=example";
const Z: &str = "cn=z,ou=base,dc=example";
const SIX: &str = "h:389#me:ou=base,dc=example:(objectClass=*)#6";
const SEVEN: &str = "h:389#me:ou=base,dc=example:(objectClass=*)#7";
const EIGHT: &str = "h:389#me:ou=base,dc=example:(objectClass=*)#8";
const NINE: &str = "h:389#me:ou=base,dc=example:(objectClass=*)#9";

/// A refresh of the base and z up to this cookie, and what comes then, until the copy is as `wanted`.
fn followed(cookie: &'static str, live: Vec<Step>, wanted: &[&str]) {
    let mut bench = Bench::new();
    let mut script = vec![
        Step::Entry(Add, 1, BASE, "first"),
        Step::Entry(Add, 4, Z, "first"),
        Step::Done(Some(cookie), false),
    ];
    script.extend(live);
    let fake = Fake::start("389 Project", vec![script]);
    // Of 3 nothing was told, nor of the end of 4.
    fake.shows(&[(1, BASE, "first"), (2, P, "live"), (3, Q, "missing")]);
    bench.follow_until(
        &fake,
        |builder| builder,
        |told| told.committed.keys().eq(wanted.iter().copied()),
    );
}

#[test]
fn a_number_is_missing() {
    let live = vec![Step::EntryWith(Add, 2, P, "live", NINE)];
    followed(SEVEN, live, &[P, Q, BASE]);
}

#[test]
fn nothing_comes_although_something_was_changed() {
    followed(SIX, Vec::new(), &[P, Q, BASE]);
}

/// Then the others are not asked for.
#[test]
fn no_number_is_missing() {
    let live = vec![Step::EntryWith(Add, 2, P, "live", EIGHT)];
    followed(SEVEN, live, &[P, Z, BASE]);
}
