//! Changes told value by value: `--changes` in JSON, and the other formats beside it.

#[path = "../common/mod.rs"]
mod common;

mod memory;
