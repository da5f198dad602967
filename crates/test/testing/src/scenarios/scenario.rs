//! The type of a scenario.

use super::records::unit;

/// The base of the consumer's search.
pub const BASE: &str = "ou=base,dc=example,dc=com";
/// A unit that the search of the consumer does not show.
pub const OUTSIDE: &str = "ou=outside,dc=example,dc=com";

/// Some entries, and changes to them.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// The change, in a few words.
    pub name: &'static str,
    /// The entries before: change records, to be sent in one go to a server with its suffix entry.
    pub setup_ldif: String,
    /// The changes, each in one go, one after the other.
    pub changes: Vec<String>,
}

pub(super) fn scenario(name: &'static str, setup: &[String], changes: &[Vec<String>]) -> Scenario {
    let mut records = vec![unit(BASE), unit(OUTSIDE)];
    records.extend_from_slice(setup);
    Scenario {
        name,
        setup_ldif: records.join("\n"),
        changes: changes.iter().map(|records| records.join("\n")).collect(),
    }
}
