//! Each failure gives its exit code and one message, which says what happened and what to do. The copy
//! stays as it was.

#[path = "../common/mod.rs"]
mod common;

mod files;
mod gone;
mod output;
mod policy;
mod provider;
mod tls;
mod unsupported;
mod usage;
