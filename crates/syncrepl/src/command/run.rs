//! `syncrepl run CONFIG`: follows a directory and delivers every change to the sinks of a configuration.

use std::path::PathBuf;

use clap::Parser;
use syncrepl_client::StopHandle;

use super::follow;
use super::subcommand::{Program, Subcommand};
use crate::config::{Config, Http};
use crate::daemon::Delivering;
use crate::exit::Failure;
use crate::metrics::{Pulse, Serving};
use crate::signals;

/// Follow a directory and deliver every change to programs, databases and buses
#[derive(Debug, Parser)]
#[command(
    name = "run",
    after_help = "\
Examples:
  syncrepl check people.toml
  syncrepl run people.toml
  syncrepl run --once people.toml      (refresh, deliver everything, exit)

docs/delivery.md has a configuration for each sink."
)]
pub(crate) struct Run {
    /// The configuration, in TOML
    #[arg(value_name = "CONFIG")]
    config: PathBuf,

    /// Refresh, deliver everything, and exit: 0, or 8 if a sink needs a person
    #[arg(long)]
    once: bool,

    /// Say more on stderr; -vv and -vvv say even more
    #[arg(short = 'v', action = clap::ArgAction::Count)]
    verbose: u8,
}

impl Subcommand for Run {
    const STAYS: bool = true;

    fn verbose(&self) -> u8 {
        self.verbose
    }

    fn run(self, _: Program) -> Result<(), Failure> {
        let config = Config::read(&self.config)?;
        let args = config.sync_args()?;
        let delivering = Delivering::new(&config, self.once)?;
        let stop = StopHandle::new();
        let renewal = signals::install_with_renewal(stop.clone())?;
        let pulse = Pulse::default();
        let serve = |http: &Http| {
            let serving = Serving {
                named: "[http] listen",
                at: &http.listen,
                remote: http.remote,
                remote_named: "remote = true",
                data: config.data.clone(),
                heartbeat: args.patience.heartbeat,
                pulse: pulse.clone(),
                delivery: Some((delivering.seen(), http.show_names)),
            };
            serving.start()
        };
        let _served = config.http.as_ref().map(serve).transpose()?;
        follow::run_until(args, stop, pulse, renewal, Some(delivering))
    }
}
