//! Kills while a 389 Directory Server changes.

use syncrepl_testing::Ds389;

use crate::EVERYTHING;
use crate::changes::GENTLE;
use crate::common::kills::killed_at_random_moments;

#[test]
fn killed_while_it_changes() {
    killed_at_random_moments(&Ds389::start(), GENTLE, EVERYTHING);
}

/// A filter that hides the units above people.
#[test]
fn people_killed_while_it_changes() {
    killed_at_random_moments(&Ds389::start(), GENTLE, "(objectClass=inetOrgPerson)");
}
