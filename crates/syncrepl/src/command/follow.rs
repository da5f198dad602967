//! `syncrepl follow`: brings the copy up to date, then stays and prints changes as they happen.

use std::time::{Duration, Instant};

use clap::Parser;
use syncrepl_client::{Error, ErrorKind, StopHandle, Syncrepl, SyncreplMode};

use super::subcommand::{Program, Subcommand};
use crate::args::SyncArgs;
use crate::exit::{Failure, complain};
use crate::metrics::{self, MetricsArgs, Pulse};
use crate::output::{self, Output};
use crate::progress::ProgressLine;
use crate::story::Story;
use crate::{signals, target};

/// Bring the copy up to date, then stay and print changes as they happen
#[derive(Debug, Parser)]
#[command(
    name = "follow",
    after_help = "\
Examples:
  syncrepl follow --data people.db -ZZ -H ldap://ldap.example.com -D cn=reader,dc=example,dc=com -W -b dc=example,dc=com
  syncrepl follow --data people.db -Y SCRAM-SHA-256 -U reader -y reader.pw -H ldaps://ldap.example.com -b dc=example,dc=com
  syncrepl follow --data people.db --format json | while read -r line; do …; done
  syncrepl follow --data people.db --format ldif >> changes.ldif

Lines of JSON since the last \"commit\" are provisional; docs/callbacks.md has the reading rule.
Ctrl-C stops cleanly, twice stops now. Connections that are lost are made again."
)]
pub(crate) struct Follow {
    #[command(flatten)]
    sync: SyncArgs,

    #[command(flatten)]
    metrics: MetricsArgs,
}

impl Subcommand for Follow {
    fn verbose(&self) -> u8 {
        self.sync.connection.verbose
    }

    fn run(self, _: Program) -> Result<(), Failure> {
        let stop = StopHandle::new();
        signals::install(stop.clone())?;
        let pulse = Pulse::default();
        let (data, heartbeat) = (self.sync.data.clone(), self.sync.patience.heartbeat);
        metrics::serve(&self.metrics, data, heartbeat, pulse.clone())?;
        run_until(self.sync, stop, &pulse)
    }
}

/// Follows until a stop is requested through the handle. `pulse` beats at each step.
///
/// # Errors
/// When an error will not pass by itself, or the output cannot be written.
pub(crate) fn run_until(
    mut args: SyncArgs,
    stop: StopHandle,
    pulse: &Pulse,
) -> Result<(), Failure> {
    let progress = ProgressLine::new();
    let output = output::open(args.format, &progress);
    let builder = target::builder(
        &mut args,
        SyncreplMode::RefreshAndPersist,
        output,
        stop.clone(),
    )?;
    let mut client = builder.open()?;
    let mut story = Story::new(args.patience.longest_wait, args.patience.good_while);
    loop {
        let (at, next) = (client.position()?, client.next_tag());
        client.callback().0.start(&at, next)?;
        let result = follow(&mut client, &progress, &mut story, pulse);
        progress.show(None);
        let error = match result {
            Ok(()) => break,
            // The user asked to stop, and the connection is lost: nothing is left to wait for. A
            // second request abandons a refresh, and that is an error.
            Err(error) if stop.requests() == 1 && is_lost(&error) => {
                if error.is_retryable() {
                    complain(&format!("stopped: {error}"));
                }
                break;
            }
            Err(error) if error.is_retryable() => error,
            Err(error) => return Err(error.into()),
        };
        let (wait, said) = story.failed(error.to_string(), Instant::now());
        client.will_retry(wait);
        said.iter().for_each(|said| complain(said));
        if stop.wait(wait) {
            break;
        }
    }
    if let Err(error) = client.callback().0.finish() {
        let failure = Failure::from(error);
        client.will_fail(&failure.to_string());
        return Err(failure);
    }
    client.unbind()?;
    Ok(())
}

/// Whether the error means no more than that there is no connection.
fn is_lost(error: &Error) -> bool {
    error.is_retryable() || error.kind() == ErrorKind::Stopped
}

fn follow(
    client: &mut Syncrepl<Output>,
    progress: &ProgressLine,
    story: &mut Story,
    pulse: &Pulse,
) -> Result<(), Error> {
    pulse.beat();
    client.reconnect()?;
    progress.show(client.progress());
    loop {
        pulse.beat();
        // On a terminal the progress line has to move. In a pipe there is nothing to wake up for.
        let wait = match (client.in_persist_stage(), progress.is_shown()) {
            (true, _) => story.next_news(Instant::now()),
            (false, true) => Duration::from_millis(50),
            (false, false) => Duration::from_secs(60),
        };
        if !client.poll(wait)? {
            return Ok(());
        }
        if client.callback().0.is_lost() {
            return Ok(());
        }
        progress.show(client.progress());
        if client.in_persist_stage()
            && let Some(server) = client.server()
            && let Some(said) = story.up_to_date(server, Instant::now())
        {
            complain(&said);
        }
    }
}
