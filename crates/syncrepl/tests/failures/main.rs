//! When things go wrong: the exit code, one message that says what happened and what to do, and a
//! copy that is as it was.

#[path = "../common/mod.rs"]
mod common;

mod files;
mod output;
mod provider;
mod tls;
mod usage;
