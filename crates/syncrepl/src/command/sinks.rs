//! `syncrepl sinks` and `syncrepl sink`: what each sink does, and what a person wants of it.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::{Parser, Subcommand as Words};
use serde_json::{Value, json};
use syncrepl_client::{Store, printable};
use syncrepl_relay::{Delivery, DeliveryError};

use super::subcommand::{Program, Subcommand};
use crate::config::Config;
use crate::daemon::control;
use crate::exit::Failure;

/// Which store, named by its file or by a configuration.
#[derive(Debug, clap::Args)]
pub(super) struct StoreArgs {
    /// The file that holds the copy
    #[arg(long, value_name = "FILE", required_unless_present = "config")]
    data: Option<PathBuf>,

    /// The configuration of `run` that names the file
    #[arg(long, value_name = "CONFIG", conflicts_with = "data")]
    config: Option<PathBuf>,
}

impl StoreArgs {
    /// The file of the store.
    pub(super) fn data(&self) -> Result<PathBuf, Failure> {
        match (&self.data, &self.config) {
            (Some(data), _) => Ok(data.clone()),
            (None, Some(config)) => Ok(Config::read(config)?.data),
            (None, None) => Err(Failure::Usage(
                "give --data FILE or --config CONFIG".to_owned(),
            )),
        }
    }
}

/// The file of deliveries of a store.
///
/// # Errors
/// There is none, or it cannot be used.
pub(super) fn delivery(data: &Path) -> Result<Delivery, Failure> {
    let source = Store::open(data)?.position()?.store;
    if !Delivery::path_of(data).exists() {
        return Err(Failure::Usage(format!(
            "{} has no sinks: `syncrepl run` makes them",
            data.display()
        )));
    }
    Delivery::open(data, source).map_err(of_delivery)
}

pub(super) fn of_delivery(error: DeliveryError) -> Failure {
    Failure::Delivery(error.to_string())
}

/// Asks the daemon of a store, if one runs.
pub(super) fn ask(data: &Path, request: &Value) -> Result<Option<Value>, Failure> {
    let answer = control::ask(data, request)
        .map_err(|error| Failure::System("the daemon does not answer", error))?;
    match answer {
        None => Ok(None),
        Some(answer) => match answer.get("error").and_then(Value::as_str) {
            Some(problem) => Err(Failure::Usage(printable(problem).to_string())),
            None => Ok(Some(answer.get("ok").cloned().unwrap_or(Value::Null))),
        },
    }
}

/// List the sinks of a store, and what each does
#[derive(Debug, Parser)]
#[command(
    name = "sinks",
    after_help = "\
Examples:
  syncrepl sinks --data people.db
  syncrepl sinks --config people.toml --json"
)]
pub(crate) struct Sinks {
    #[command(flatten)]
    store: StoreArgs,

    /// Print one JSON object a line
    #[arg(long)]
    json: bool,
}

impl Subcommand for Sinks {
    const ONLY_PRINTS: bool = true;

    fn run(self, _: Program) -> Result<(), Failure> {
        let data = self.store.data()?;
        let head = Store::open(&data)?.journal_head()?;
        let delivery = delivery(&data)?;
        let running = ask(&data, &json!({ "do": "sinks" }))?;
        let running = running.as_ref().and_then(Value::as_array);
        let mut out = io::stdout().lock();
        for (name, stored) in delivery.sinks().map_err(of_delivery)? {
            let live =
                running.and_then(|all| all.iter().find(|sink| sink["sink"] == name.as_str()));
            let dead = delivery
                .dead_count(&name, std::time::SystemTime::now())
                .map_err(of_delivery)?;
            let state =
                live.and_then(|live| live["state"].as_str())
                    .unwrap_or(match stored.paused {
                        true => "paused",
                        false => "not running",
                    });
            let has_all = stored.read.seq >= head;
            let error = live.and_then(|live| live["last_error"]["message"].as_str());
            if self.json {
                let line = json!({
                    "sink": name, "state": state, "has_all": has_all, "position": stored.read.seq.to_string(),
                    "dead": dead.events, "last_error": error,
                });
                writeln!(out, "{line}")?;
                continue;
            }
            let behind = if has_all {
                "has everything"
            } else {
                "is behind"
            };
            write!(out, "{name}: {state}, {behind}")?;
            if dead.events > 0 {
                write!(out, ", {} dead letters (see `syncrepl dead`)", dead.events)?;
            }
            writeln!(out)?;
            if let Some(error) = error {
                writeln!(out, "  last error: {}", printable(error))?;
            }
        }
        Ok(())
    }
}

/// Pause a sink, let it go on, have it told of everything, or forget it
#[derive(Debug, Parser)]
#[command(
    name = "sink",
    after_help = "\
Examples:
  syncrepl sink pause hr-hook --data people.db
  syncrepl sink resume hr-hook --data people.db
  syncrepl sink resync people-pg --data people.db"
)]
pub(crate) struct SinkCommand {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Words)]
enum Verb {
    /// Deliver nothing to the sink until it is resumed; the journal keeps what it may
    Pause(Named),
    /// Go on, at once, also after an error that needed a person
    Resume(Resume),
    /// Tell the sink of every entry as it is now; then it removes what it holds besides
    Resync(Named),
    /// Forget the sink, with its dead letters: it holds nothing back any more
    Forget(Named),
}

#[derive(Debug, clap::Args)]
struct Named {
    /// The name of the sink
    name: String,

    #[command(flatten)]
    store: StoreArgs,
}

#[derive(Debug, clap::Args)]
struct Resume {
    #[command(flatten)]
    named: Named,

    /// Let the end of this pass over everything remove more entries than max_delete allows, once
    #[arg(long)]
    allow_removal: bool,
}

impl Subcommand for SinkCommand {
    fn run(self, _: Program) -> Result<(), Failure> {
        match self.verb {
            Verb::Pause(named) => {
                named.tell("pause", |delivery, name| delivery.put_paused(name, true))
            }
            Verb::Resume(Resume {
                named,
                allow_removal,
            }) => {
                if allow_removal {
                    let request = json!({ "do": "allow-removal", "sink": named.name });
                    if ask(&named.store.data()?, &request)?.is_none() {
                        return Err(Failure::Usage(
                            "--allow-removal needs the daemon to run".to_owned(),
                        ));
                    }
                }
                named.tell("resume", |delivery, name| delivery.put_paused(name, false))
            }
            Verb::Resync(named) => {
                named.tell("resync", |delivery, name| delivery.put_resync(name, true))
            }
            Verb::Forget(named) => {
                let data = named.store.data()?;
                if ask(&data, &json!({ "do": "sinks" }))?.is_some() {
                    return Err(Failure::Usage(
                        "stop the daemon, and take the sink out of its configuration, first"
                            .to_owned(),
                    ));
                }
                match delivery(&data)?.forget(&named.name).map_err(of_delivery)? {
                    true => Ok(()),
                    false => Err(unknown(&named.name)),
                }
            }
        }
    }
}

fn unknown(name: &str) -> Failure {
    Failure::Usage(format!(
        "no sink is named {name:?}: `syncrepl sinks` lists them"
    ))
}

impl Named {
    /// Tells the daemon, or without one writes what the next one reads.
    fn tell(
        &self,
        verb: &str,
        write: impl FnOnce(&Delivery, &str) -> Result<(), DeliveryError>,
    ) -> Result<(), Failure> {
        let data = self.store.data()?;
        if ask(&data, &json!({ "do": verb, "sink": self.name }))?.is_some() {
            return Ok(());
        }
        let delivery = delivery(&data)?;
        if delivery.sink(&self.name).map_err(of_delivery)?.is_none() {
            return Err(unknown(&self.name));
        }
        write(&delivery, &self.name).map_err(of_delivery)
    }
}
