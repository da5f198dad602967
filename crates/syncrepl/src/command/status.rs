//! `syncrepl status`: says what the data file holds.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::{Parser, ValueEnum};
use serde_json::json;
use syncrepl_client::{Status as StoreStatus, Store};

use super::subcommand::{Program, Subcommand};
use crate::exit::Failure;
use crate::output::{json as values, text::printable_bytes};

/// Say what the data file holds
#[derive(Debug, Parser)]
#[command(
    name = "status",
    after_help = "\
Examples:
  syncrepl status --data people.db
  syncrepl status --data people.db --format json | jq .last_refresh"
)]
pub(crate) struct Status {
    /// The file that holds the copy
    #[arg(long, value_name = "FILE")]
    data: PathBuf,

    /// The format of the output
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Text that a person reads
    Text,
    /// One JSON object
    Json,
}

impl Subcommand for Status {
    const ONLY_PRINTS: bool = true;

    fn run(self, _: Program) -> Result<(), Failure> {
        let status = Store::open(&self.data)?.status()?;
        let mut out = io::stdout().lock();
        match self.format {
            Format::Json => print_json(&mut out, status)?,
            Format::Text => print_text(&mut out, status)?,
        }
        Ok(out.flush()?)
    }
}

fn print_json(out: &mut impl Write, status: StoreStatus) -> io::Result<()> {
    let line = json!({
        "entries": status.entries,
        "url": url(&status),
        "authzid": status.authzid,
        "provider": status.provider,
        "cookie": status.cookie.as_deref().map(values::base64),
        "last_refresh": status.last_refresh,
        "commit": status.commit,
    });
    values::escaped(out, &line.to_string())?;
    writeln!(out)
}

fn print_text(out: &mut impl Write, status: StoreStatus) -> io::Result<()> {
    let url = url(&status);
    let or_none = |text: Option<String>| text.unwrap_or_else(|| "none yet".to_owned());
    let authzid = match status.authzid {
        Some(authzid) if authzid.is_empty() => Some("anonymous".to_owned()),
        other => other,
    };
    let cookie = status.cookie.as_deref().map(printable_bytes);
    for (name, value) in [
        ("entries", status.entries.to_string()),
        ("search", or_none(url)),
        ("bound as", or_none(authzid)),
        ("provider", or_none(status.provider)),
        ("cookie", or_none(cookie)),
        ("last refresh", or_none(status.last_refresh)),
        ("commits", status.commit.to_string()),
    ] {
        let (name, value) = (format!("{name}:"), printable_bytes(value.as_bytes()));
        writeln!(out, "{name:<14}{value}")?;
    }
    Ok(())
}

/// The search that the file is the copy of.
fn url(status: &StoreStatus) -> Option<String> {
    let url = status.url.as_ref()?;
    Some(url.without_secrets().to_string())
}
