//! Deterministic simulation: the real client, with its session, its change logic and its store,
//! against a model provider that makes every choice RFC 4533 allows. What happens to the directory,
//! what the provider chooses to say of it, and what fails is all drawn from one seed; time is the
//! model's. There are no sockets, no threads, and nothing waits.
//!
//! In which order to read: `directory` (entries, one change) → `workload` (which changes) →
//! `world` (the true history) → `plan` (what a sync search is answered with) → `emit` and `messages` (said,
//! message by message) beside `answers` (every other request) → `network` (the consumer's end)
//! → `checker` (what is told, as `held`) → `judge` (what must hold at
//! every commit) and `digest` (what was told, as a number) → `life` (the consumer from
//! start to end) → `strikes` (what happens between its lives) → `run` (the order of things in one
//! seed). What is random comes from `chance`.
//! A `history` is a run of which nothing is random: its `story` is read from text, and `script` is
//! what the provider says in it.

mod answers;
mod chance;
mod checker;
mod connection;
mod cookie;
mod digest;
mod directory;
mod emit;
mod held;
mod history;
mod judge;
mod life;
mod messages;
mod network;
mod options;
mod plan;
mod run;
mod script;
mod scripted;
mod seed;
mod story;
mod strikes;
mod workload;
mod world;

pub use digest::{Counts, Digest, Searches};
pub use history::play;
pub use options::Settings;
pub use run::Outcome;
pub use seed::simulate;

use std::path::PathBuf;

use syncrepl_client::{RULES, Rule};

/// The rule of the change logic that has this name.
///
/// # Errors
/// When none has.
pub fn rule(name: &str) -> Result<Rule, String> {
    let row = RULES.iter().find(|row| row.name == name);
    row.map(|row| row.rule)
        .ok_or_else(|| format!("no rule is called {name}"))
}

/// A folder in memory if the machine has one, so that nothing waits for a disk.
///
/// # Errors
/// When no folder can be made.
pub fn folder() -> std::io::Result<tempfile::TempDir> {
    let memory = PathBuf::from("/dev/shm");
    match tempfile::TempDir::with_prefix_in("syncrepl-simulation-", memory) {
        Ok(folder) => Ok(folder),
        Err(_) => tempfile::TempDir::new(),
    }
}
