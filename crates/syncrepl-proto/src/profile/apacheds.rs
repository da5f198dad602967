//! ApacheDS. It is recognised so that it can be refused: it tells of changes late or never.

use super::fields::{Present, Profile, Provider, Support};
use super::unknown;

/// ApacheDS.
pub const PROVIDER: Provider = Provider(&Profile {
    name: "ApacheDS",
    title: "ApacheDS",
    support: Support::Unsupported("it tells changes late or never, so the copy would be wrong"),
    vendor_names: &["apache"],
    // After a cookie it sends changes only, and says that it told what is present.
    present: Present::NotTold,
    heeds_abandon: true,
    ..unknown::PROFILE
});
