//! `kill -9` at random moments, while the directory keeps changing.

use syncrepl_testing::slapd::{Slapd, Variant};
use syncrepl_testing::workload::Options;

use crate::common::kills::killed_at_random_moments;

const EVERYTHING: &str = "(objectClass=*)";
/// It hides the units above them.
const PEOPLE: &str = "(objectClass=inetOrgPerson)";

fn killed(variant: Variant, filter: &str) {
    killed_at_random_moments(&Slapd::start(variant), Options::ALL, filter);
}

#[test]
fn of_plain() {
    killed(Variant::Plain, EVERYTHING);
}

#[test]
fn of_sessionlog() {
    killed(Variant::SessionLog, EVERYTHING);
}

#[test]
fn of_accesslog() {
    killed(Variant::AccessLog, EVERYTHING);
}

#[test]
fn of_people_below_hidden_units() {
    killed(Variant::SessionLog, PEOPLE);
}
