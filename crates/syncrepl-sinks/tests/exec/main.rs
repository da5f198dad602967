//! Programs: one for all events, and one for each.

mod each;
mod ends;
mod scripts;
mod stream;
#[path = "../support/mod.rs"]
mod support;
