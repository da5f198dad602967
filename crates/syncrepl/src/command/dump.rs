//! `syncrepl dump`: prints the copy, from disk alone.

use std::io::{self, BufWriter, Write};
use std::ops::ControlFlow;
use std::path::PathBuf;

use clap::{Parser, ValueEnum};
use syncrepl_client::{Record, Store};

use super::subcommand::{Program, Subcommand};
use crate::exit::Failure;
use crate::output::{json, ldif};

/// Print the copy, from disk alone
#[derive(Debug, Parser)]
#[command(
    name = "dump",
    after_help = "\
Examples:
  syncrepl dump --data people.db
  syncrepl dump --data people.db --format json | jq .dn
  syncrepl dump --data people.db --no-version | slapadd -q -n 1"
)]
pub(crate) struct Dump {
    /// The file that holds the copy
    #[arg(long, value_name = "FILE")]
    data: PathBuf,

    /// How the copy is printed
    #[arg(long, value_name = "FORMAT", default_value = "ldif")]
    format: Format,

    /// Leave out the line "version: 1" of LDIF, which slapadd refuses
    #[arg(long)]
    no_version: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// LDIF content records (RFC 2849)
    Ldif,
    /// One JSON object a line
    Json,
}

impl Subcommand for Dump {
    const ONLY_PRINTS: bool = true;

    fn run(self, _: Program) -> Result<(), Failure> {
        let store = Store::open(&self.data)?;
        let mut out = BufWriter::with_capacity(64 << 10, io::stdout().lock());
        // One snapshot, so that the commit number belongs to the records.
        store.read(|_| {
            match self.format {
                Format::Json => json::dump(&mut out, &store.position()?, store.count()?)?,
                Format::Ldif if self.no_version => {}
                Format::Ldif => writeln!(out, "version: 1")?,
            }
            store.records(|record: &Record<'_>| {
                match self.format {
                    Format::Json => json::record(&mut out, record)?,
                    Format::Ldif => ldif::record(&mut out, record)?,
                }
                Ok(ControlFlow::Continue(()))
            })?;
            Ok(out.flush()?)
        })?;
        Ok(())
    }
}
