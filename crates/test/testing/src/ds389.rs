//! A 389 Directory Server of a test's own: temporary folder, free loopback port, both plug-ins that
//! synchronization needs, stopped when it goes out of scope. Used like [`crate::slapd`], but it
//! takes a second to start: let a test make much of one.
//!
//! Anonymous may search it, but not synchronize. [`READER`] may, without being an administrator.

mod config;
mod server;

pub use crate::slapd::{PASSWORD, SUFFIX};
pub use config::{ADMIN, Backend, READER};
pub use server::{Builder, Ds389};
