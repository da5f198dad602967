//! Options and output: each works as `--help` and the documentation say.

#[path = "../common/mod.rs"]
mod common;

mod connect;
mod output;
mod sasl;
mod search;
mod shell;
mod terminal;

use common::outcome::{Data, Outcome};
use syncrepl_testing::judge::{self, Directory};

/// Runs a subcommand on the data file, with further words.
fn run(data: &Data, subcommand: &str, words: &[&str]) -> Outcome {
    let path = data.path();
    let mut arguments = vec![subcommand, "--data", &path];
    arguments.extend(words);
    Outcome::run(&arguments)
}

fn copy(data: &Data) -> Directory {
    judge::from_dump_json(&data.dump())
}
