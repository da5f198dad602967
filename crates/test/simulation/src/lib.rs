//! Deterministic simulation: the real client, with its session, its change logic and its store,
//! against a model provider that makes every choice RFC 4533 allows. One seed draws the changes to
//! the directory, the provider's choices and the faults. The model owns the time. There are no
//! sockets and no threads, and nothing waits, so a seed always does the same.
//!
//! Imports point down, and no two files import each other. From the bottom up: `digest` (events as
//! one number) → `chance` (a stream of random numbers for each purpose) → `directory` (entries, one
//! change) → `options` (the kind of provider, the search) → `workload` (which changes),
//! `connection` and `cookie` → `world` (the true history) → `plan` (the messages that answer a sync
//! search) → `messages` and `emit` (the provider sends them) beside `answers` (every other request)
//! → `network` (the consumer's end) → `checker` (the consumer's changes, as `held`, and the `readers` of
//! its journal) and `judge` (the rules for every commit) → `run` (its parts) → `life` (the consumer from start to end) and
//! `strikes` (events between its lives) → `seed` (the order of events in one seed).
//!
//! A `history` is a run without random numbers. `story` reads it from text, `script` holds its
//! steps, and `scripted` is the provider that takes them.

mod answers;
mod chance;
mod checker;
mod connection;
mod cookie;
mod delivery;
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
mod readers;
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
/// No rule has this name.
pub fn rule(name: &str) -> Result<Rule, String> {
    let row = RULES.iter().find(|row| row.name == name);
    row.map(|row| row.rule)
        .ok_or_else(|| format!("no rule is called {name}"))
}

/// A folder in memory if the machine has one, so that nothing waits for a disk.
///
/// # Errors
/// The machine lets us make no folder, in memory or elsewhere.
pub fn folder() -> std::io::Result<tempfile::TempDir> {
    let memory = PathBuf::from("/dev/shm");
    match tempfile::TempDir::with_prefix_in("syncrepl-simulation-", memory) {
        Ok(folder) => Ok(folder),
        Err(_) => tempfile::TempDir::new(),
    }
}
