//! `kill -9` at random moments, while the directory keeps changing.

use syncrepl_testing::slapd::{Slapd, Variant};
use syncrepl_testing::workload::Options;

use crate::common::kills::killed_at_random_moments;

const EVERYTHING: &str = "(objectClass=*)";
/// A filter that hides the units above people.
const PEOPLE: &str = "(objectClass=inetOrgPerson)";

fn killed(variant: Variant, filter: &str) {
    killed_at_random_moments(&Slapd::start(variant), Options::ALL, filter);
}

#[test]
fn kills_on_plain() {
    killed(Variant::Plain, EVERYTHING);
}

#[test]
fn kills_on_sessionlog() {
    killed(Variant::SessionLog, EVERYTHING);
}

#[test]
fn kills_on_accesslog() {
    killed(Variant::AccessLog, EVERYTHING);
}

#[test]
fn kills_below_hidden_units() {
    killed(Variant::SessionLog, PEOPLE);
}
