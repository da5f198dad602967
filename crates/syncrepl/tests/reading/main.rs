//! A reader of the JSON that lost output, or whose copy is another one by now. Two readers follow the
//! rule of docs/callbacks.md: the Python that stands there, and the one of the tests. After any output
//! each holds what `dump` shows, or says that it has to begin anew.

#[path = "../common/mod.rs"]
mod common;

mod killed;
mod other;
mod place;
