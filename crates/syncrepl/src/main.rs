//! The command `syncrepl`: follow an LDAP directory from a shell.

#![warn(unreachable_pub)]
// What is read comes from somebody else: nothing outside of tests may panic on it.
#![cfg_attr(
    not(test),
    warn(clippy::unwrap_used, clippy::expect_used, clippy::panic)
)]

mod args;
mod command;
mod encryption;
mod exit;
mod ldap_conf;
mod limits;
mod output;
mod password;
mod progress;
mod signals;
mod story;
mod target;

use std::process::ExitCode;

use clap::Parser;

use crate::args::{Args, Command};
use crate::exit::Failure;

fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => return exit::usage(&error),
    };
    start_log(args.verbose());
    let (result, report): (_, fn(&Failure) -> ExitCode) = match args.command {
        Command::Refresh(args) => (command::refresh::run(args), Failure::report),
        Command::Follow(args) => (command::follow::run(args), Failure::report),
        Command::Doctor(args) => (command::doctor::run(args), Failure::report),
        Command::Demo(args) => (command::demo::run(args), Failure::report),
        Command::Dump(args) => (command::dump::run(&args), Failure::report_of_reading),
        Command::Status(args) => (command::status::run(&args), Failure::report_of_reading),
        Command::Completions(args) => {
            (command::completions::run(&args), Failure::report_of_reading)
        }
        Command::Man(args) => (command::man::run(&args), Failure::report_of_reading),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => report(&failure),
    }
}

/// Sends what the library logs to stderr: warnings, and more with `-v`, or as RUST_LOG says.
fn start_log(verbose: u8) {
    use tracing_subscriber::EnvFilter;
    let default = match verbose {
        0 => "warn",
        1 => "info",
        2 => "debug",
        _ => "trace",
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        // With colours it would panic: they are a feature that is left out.
        .with_ansi(false)
        .without_time()
        .with_target(false)
        // Whoever cannot be logged to cannot be told so either: the attempt would panic.
        .log_internal_errors(false)
        .init();
}
