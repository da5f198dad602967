//! Options and output: each works as `--help` and the documentation say.

#[path = "../common/mod.rs"]
mod common;

mod adopt;
mod connect;
mod except;
mod habits;
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

/// The names of all subcommands, from the help of the command.
fn subcommands() -> Vec<String> {
    let help = Outcome::run(&["--help"]);
    let lines = help.assert_done().stdout.lines();
    let list = lines.skip_while(|line| *line != "Commands:").skip(1);
    let names: Vec<String> = list
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.strip_prefix("  ")?.split(' ').next())
        .filter(|name| !name.is_empty() && *name != "help")
        .map(str::to_owned)
        .collect();
    assert!(names.len() >= 8, "{names:?}");
    names
}

fn copy(data: &Data) -> Directory {
    judge::from_dump_json(&data.dump())
}
