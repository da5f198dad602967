//! `syncrepl dead`: the events that sinks refused, and what becomes of them.

use std::io::{self, Write};

use clap::{Parser, ValueEnum};
use serde_json::json;
use syncrepl_client::printable;
use syncrepl_relay::{Delivery, rfc3339};

use super::sinks::{StoreArgs, ask, delivery, of_delivery};
use super::subcommand::{Program, Subcommand};
use crate::exit::Failure;

/// List the events that sinks refused, show one, have them tried again, or drop them
#[derive(Debug, Parser)]
#[command(
    name = "dead",
    after_help = "\
Examples:
  syncrepl dead --data people.db
  syncrepl dead show 9f3c21aa9f3c21aa.18342.1 --data people.db
  syncrepl dead retry --sink hr-hook --data people.db

retry has the sink told of these entries as they are now, which makes up for what it refused."
)]
pub(crate) struct DeadCommand {
    /// What to do [default: list]
    #[arg(value_enum, default_value = "list", hide_default_value = true)]
    verb: Verb,

    /// The id of one event; without it all of them
    #[arg(value_name = "ID")]
    id: Option<String>,

    /// Of this sink only
    #[arg(long, value_name = "NAME")]
    sink: Option<String>,

    #[command(flatten)]
    store: StoreArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Verb {
    /// One line each, without values
    List,
    /// The event as it was sent, with its values
    Show,
    /// Tell the sink of the entries as they are now
    Retry,
    /// Forget them
    Drop,
}

impl Subcommand for DeadCommand {
    fn run(self, _: Program) -> Result<(), Failure> {
        let data = self.store.data()?;
        let delivery = delivery(&data)?;
        let all = delivery.sinks().map_err(of_delivery)?;
        let names = all.into_iter().map(|(name, _)| name);
        let wanted = |name: &String| self.sink.as_ref().is_none_or(|sink| sink == name);
        let mut count = 0;
        for name in names.filter(wanted) {
            let id = self.id.as_deref();
            count += match self.verb {
                Verb::List => self.list(&delivery, &name)?,
                Verb::Show => match delivery
                    .dead_letter(&name, id.unwrap_or_default())
                    .map_err(of_delivery)?
                {
                    Some(dead) => {
                        writeln!(io::stdout(), "{}", printable(&dead.event))?;
                        1
                    }
                    None => 0,
                },
                Verb::Retry => delivery.retry_dead(&name, id).map_err(of_delivery)?,
                Verb::Drop => delivery.drop_dead(&name, id).map_err(of_delivery)?,
            };
            if matches!(self.verb, Verb::Retry | Verb::Drop) {
                // Without a daemon the next one finds it in the file.
                ask(&data, &json!({ "do": "changed", "sink": name }))?;
            }
        }
        match (count, &self.id) {
            (0, Some(id)) => Err(Failure::Usage(format!("no dead letter has the id {id:?}"))),
            _ => Ok(()),
        }
    }
}

impl DeadCommand {
    fn list(&self, delivery: &Delivery, sink: &str) -> Result<usize, Failure> {
        let mut out = io::stdout().lock();
        let (mut after, mut count) = (None, 0);
        loop {
            let some = delivery
                .dead(sink, after.as_ref(), 1000)
                .map_err(of_delivery)?;
            let Some(last) = some.last().cloned() else {
                return Ok(count);
            };
            for dead in some
                .iter()
                .filter(|dead| self.id.as_ref().is_none_or(|id| *id == dead.id))
            {
                count += 1;
                let (id, why) = (printable(&dead.id), printable(&dead.why));
                writeln!(
                    out,
                    "{sink} {id} {} {} {}: {why}",
                    rfc3339(dead.time),
                    dead.kind,
                    dead.uuid
                )?;
            }
            after = Some(last);
        }
    }
}
