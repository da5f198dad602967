//! 389-ds does not tell of a change between its refresh stage and its persist stage. It numbers its
//! changes: here its root DSE says that the last is 7.

use crate::bench::{Bench, as_it_is};
use crate::fake::{Fake, Step};
use crate::story::{BASE, DS389, P, Q, Z, add, add_with, done_by_presence, text};

const SIX: &str = "h:389#me:ou=base,dc=example:(objectClass=*)#6";
const SEVEN: &str = "h:389#me:ou=base,dc=example:(objectClass=*)#7";
const EIGHT: &str = "h:389#me:ou=base,dc=example:(objectClass=*)#8";
const NINE: &str = "h:389#me:ou=base,dc=example:(objectClass=*)#9";

/// A refresh of the base and Z up to this cookie, and then `live`, until the copy is as `wanted`. In
/// truth Z is gone and Q was added, of which the provider does not tell.
fn follow(cookie: &'static str, live: &[Step], wanted: &[&str]) {
    let refresh = [add(1, BASE), add(4, Z), done_by_presence(cookie)];
    let fake = Fake::start(DS389, vec![[&refresh, live].concat()]);
    fake.describes(&[(1, BASE, text(1)), (2, P, "live"), (3, Q, "missing")]);
    let mut bench = Bench::new();
    bench.follow_until(&fake, as_it_is, |told| told.holds_only(wanted));
}

#[test]
fn missing_number_makes_the_consumer_look() {
    follow(SEVEN, &[add_with(2, P, "live", NINE)], &[P, Q, BASE]);
}

#[test]
fn change_after_the_cookie_makes_the_consumer_look() {
    follow(SIX, &[], &[P, Q, BASE]);
}

#[test]
fn next_number_gives_no_reason_to_look() {
    follow(SEVEN, &[add_with(2, P, "live", EIGHT)], &[P, Z, BASE]);
}
