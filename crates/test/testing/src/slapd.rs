//! A `slapd` of a test's own: temporary folder, free loopback port, stopped when it goes out of
//! scope.

mod config;
mod content;
mod names;
mod pair;
mod replica;
mod server;

pub use config::Variant;
pub use names::{ADMIN, PASSWORD, SUFFIX};
pub use pair::{Pair, context_csns};
pub use server::{Builder, Slapd};
