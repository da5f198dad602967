//! The whole command: what its help says around the subcommands, and which of them runs.

use std::process::ExitCode;

use clap::builder::styling::{AnsiColor, Styles};
use clap::{Command, CommandFactory, Parser};

use crate::command::SUBCOMMANDS;
use crate::exit;
use crate::headings::grouped;

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  anything not named below; also a refresh that a second stop abandoned, and a reader that went away
  2  wrong usage
  3  the provider refused: credentials, access, no such base, a limit; or it is not supported
  4  the provider could not be reached: network, TLS, busy, not ready
  5  the data file cannot be used: locked, of another search or identity, damaged, disk full
  6  a guard stopped what would have deleted too much
  7  status --max-age: the copy was not confirmed to be current in time
  8  run --once: a sink needs a person";

/// Keeps an exact copy of an LDAP search and tells of every change to it (RFC 4533).
///
/// The directory has to offer the sync control: with OpenLDAP, the overlay syncprov. No
/// administrator rights are needed: the command copies what the bind identity may read.
#[derive(Debug, Parser)]
#[command(
    name = "syncrepl",
    version,
    styles = STYLES,
    after_help = EXIT_CODES,
    max_term_width = 100,
    subcommand_required = true,
    arg_required_else_help = true
)]
struct Cli {}

/// The words of the whole command.
fn words() -> Command {
    let subcommands = SUBCOMMANDS.iter().map(|entry| grouped((entry.words)()));
    Cli::command().subcommands(subcommands)
}

/// Reads what was typed, and runs the subcommand that it names.
pub(crate) fn run() -> ExitCode {
    let mut typed = match words().try_get_matches() {
        Ok(typed) => typed,
        Err(error) => return exit::usage(error),
    };
    let named = typed.remove_subcommand().and_then(|(name, typed)| {
        let entry = SUBCOMMANDS
            .iter()
            .find(|entry| (entry.words)().get_name() == name)?;
        Some((entry, typed))
    });
    match named {
        Some((entry, mut typed)) => (entry.start)(&mut typed, words),
        // clap asks for a subcommand itself, and knows no others than those of the list.
        None => ExitCode::from(2),
    }
}
