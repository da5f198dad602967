//! `syncrepl man`: prints the manual page of the command, or of one subcommand, as roff.

use std::io::{self, Write};

use clap::Parser;

use super::subcommand::{Program, Subcommand};
use crate::exit::Failure;
use crate::manual;

/// Print the manual page of the command, or of a subcommand
#[derive(Debug, Parser)]
#[command(
    name = "man",
    after_help = "\
Examples:
  syncrepl man | man -l -
  syncrepl man follow | man -l -
  syncrepl man > /usr/local/share/man/man1/syncrepl.1"
)]
pub(crate) struct Man {
    /// The subcommand; without one, the page is that of the whole command
    #[arg(value_name = "SUBCOMMAND")]
    subcommand: Option<String>,
}

impl Subcommand for Man {
    const ONLY_PRINTS: bool = true;

    fn run(self, program: Program) -> Result<(), Failure> {
        let mut command = program();
        // Gives the subcommands their full names: syncrepl-refresh.
        command.build();
        let exits = command.get_after_help().map(ToString::to_string);
        let exits = exits.unwrap_or_default();
        if let Some(name) = &self.subcommand {
            let found = command.find_subcommand(name).cloned();
            command = found
                .ok_or_else(|| Failure::Usage(format!("no subcommand is called '{name}'")))?
                .version(env!("CARGO_PKG_VERSION"));
        }
        let mut page = Vec::new();
        manual::write(&command, &exits, &mut page)?;
        let mut out = io::stdout().lock();
        out.write_all(&page)?;
        Ok(out.flush()?)
    }
}
