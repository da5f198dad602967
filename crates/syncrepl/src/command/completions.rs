//! `syncrepl completions`: prints a script by which a shell completes words and options.

use std::io::{self, Write};

use clap::Parser;

use super::subcommand::{Program, Subcommand};
use crate::exit::Failure;

/// Print the completions for a shell
#[derive(Debug, Parser)]
#[command(
    name = "completions",
    after_help = "\
Examples:
  syncrepl completions bash > /etc/bash_completion.d/syncrepl
  source <(syncrepl completions bash)        (for this shell only)
  syncrepl completions zsh > ~/.zfunc/_syncrepl
  syncrepl completions fish > ~/.config/fish/completions/syncrepl.fish"
)]
pub(crate) struct Completions {
    /// The shell
    #[arg(value_name = "SHELL")]
    shell: clap_complete::Shell,
}

impl Subcommand for Completions {
    const ONLY_PRINTS: bool = true;

    fn run(self, program: Program) -> Result<(), Failure> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut program(), "syncrepl", &mut script);
        let mut out = io::stdout().lock();
        out.write_all(&script)?;
        Ok(out.flush()?)
    }
}
