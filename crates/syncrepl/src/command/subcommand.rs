//! A subcommand: its arguments, which clap reads, and what it does with them. [`Entry`] puts both
//! behind one type, so that a list can hold all subcommands.

use std::process::ExitCode;

use clap::{ArgMatches, Command, Parser};

use crate::exit::{self, Failure};
use crate::log;

/// Makes the words of the whole command, for subcommands that print them.
pub(crate) type Program = fn() -> Command;

/// A subcommand: the arguments that it takes, and what it does with them.
pub(crate) trait Subcommand: Parser {
    /// Whether it only prints. Then a reader that goes away has seen enough, and it is no failure
    /// to tell of.
    const ONLY_PRINTS: bool = false;

    /// Whether it goes on until somebody stops it.
    const STAYS: bool = false;

    /// How often `-v` was given.
    fn verbose(&self) -> u8 {
        0
    }

    /// Does what the subcommand is for.
    ///
    /// # Errors
    /// Why it could not be done. The caller prints it and takes the exit code from it.
    fn run(self, program: Program) -> Result<(), Failure>;
}

/// A line in the list of subcommands.
pub(crate) struct Entry {
    /// Its name, help and arguments.
    pub(crate) words: fn() -> Command,
    /// Runs it on what was typed.
    pub(crate) start: fn(&mut ArgMatches, Program) -> ExitCode,
}

impl Entry {
    /// The line of a subcommand.
    pub(super) const fn of<S: Subcommand>() -> Self {
        Entry {
            words: S::command,
            start: start::<S>,
        }
    }
}

fn start<S: Subcommand>(typed: &mut ArgMatches, program: Program) -> ExitCode {
    let subcommand = match S::from_arg_matches_mut(typed) {
        Ok(subcommand) => subcommand,
        Err(error) => return exit::usage(error.format(&mut program())),
    };
    log::start(subcommand.verbose(), S::STAYS);
    match subcommand.run(program) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) if S::ONLY_PRINTS => failure.report_of_reading(),
        Err(failure) => failure.report(),
    }
}
