//! `syncrepl check CONFIG`: says whether a configuration can be used, without connecting to anything.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::Parser;
use syncrepl_client::Store;
use syncrepl_relay::Delivery;

use super::subcommand::{Program, Subcommand};
use crate::config::Config;
use crate::exit::Failure;

/// Say whether a configuration of `run` can be used, without connecting to anything
#[derive(Debug, Parser)]
#[command(
    name = "check",
    after_help = "\
Examples:
  syncrepl check people.toml"
)]
pub(crate) struct Check {
    /// The configuration, in TOML
    #[arg(value_name = "CONFIG")]
    config: PathBuf,
}

impl Subcommand for Check {
    const ONLY_PRINTS: bool = true;

    fn run(self, _: Program) -> Result<(), Failure> {
        let config = Config::read(&self.config)?;
        config.sync_args()?;
        let mut out = io::stdout().lock();
        for sink in &config.sinks {
            syncrepl_sinks::open(&sink.target)
                .map_err(|unfit| Failure::Usage(format!("sink.{}: {unfit}", sink.name)))?;
        }
        let changed = changed_shapes(&config)?;
        if !changed.is_empty() {
            let names = changed.join(", ");
            return Err(Failure::Usage(format!(
                "what these sinks are told has changed: {names}; after the next start bring each up to date: `syncrepl sink resync NAME`"
            )));
        }
        let sinks = config
            .sinks
            .iter()
            .map(|sink| sink.name.as_str())
            .collect::<Vec<_>>();
        writeln!(
            out,
            "{} can be used; sinks: {}",
            self.config.display(),
            sinks.join(", ")
        )?;
        Ok(())
    }
}

/// The sinks that have been told something else than they are to be told now.
fn changed_shapes(config: &Config) -> Result<Vec<String>, Failure> {
    if !Delivery::path_of(&config.data).exists() {
        return Ok(Vec::new());
    }
    let source = Store::open(&config.data)?.position()?.store;
    let failed = |error: syncrepl_relay::DeliveryError| Failure::Delivery(error.to_string());
    let delivery = Delivery::open(&config.data, source).map_err(failed)?;
    let mut changed = Vec::new();
    for sink in &config.sinks {
        let stored = delivery.sink(&sink.name).map_err(failed)?;
        let before = stored.and_then(|stored| stored.shape);
        if before.is_some_and(|before| before != sink.shape.fingerprint()) {
            changed.push(sink.name.clone());
        }
    }
    Ok(changed)
}
