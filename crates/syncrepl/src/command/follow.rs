//! `syncrepl follow`: brings the copy up to date, then stays and prints changes as they happen.

use std::time::{Duration, Instant};

use clap::Parser;
use syncrepl_client::{Error, ErrorKind, StopHandle, Syncrepl, SyncreplMode};

use super::subcommand::{Program, Subcommand};
use crate::args::SyncArgs;
use crate::daemon::Delivering;
use crate::exit::{Failure, complain};
use crate::metrics::{self, MetricsArgs, Pulse};
use crate::output::{self, Output, Sink, number_of};
use crate::progress::ProgressLine;
use crate::service::Service;
use crate::signals::{self, Renewal};
use crate::story::Story;
use crate::target;
use crate::trouble::{Meaning, Troubles};

/// How often the log tells what was committed.
const COUNTS_EVERY: Duration = Duration::from_secs(60);
/// How often a wait looks for a password that was replaced.
const LOOK: Duration = Duration::from_millis(500);

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
Ctrl-C stops cleanly, twice stops now. Connections that are lost are made again. SIGHUP opens the output file and
the connection anew."
)]
pub(crate) struct Follow {
    #[command(flatten)]
    sync: SyncArgs,

    #[command(flatten)]
    metrics: MetricsArgs,

    /// Deliver each change to this target too, such as https://…, nats://…, postgresql://…, exec:/path or
    /// file:/path, at least once and in order. `run` takes a configuration, for several sinks and their keys
    #[arg(long, value_name = "URL")]
    to: Option<String>,
}

impl Subcommand for Follow {
    const STAYS: bool = true;

    fn verbose(&self) -> u8 {
        self.sync.connection.verbose
    }

    fn run(self, _: Program) -> Result<(), Failure> {
        let mut args = self.sync;
        let delivering = match &self.to {
            None => None,
            Some(to) => {
                // The changes that a sink is told are not printed too, unless asked for.
                args.format = args.format.or(Some(output::NONE));
                Some(Delivering::to(to, &args.data)?)
            }
        };
        let stop = StopHandle::new();
        let renewal = signals::install_with_renewal(stop.clone())?;
        let pulse = Pulse::default();
        let (data, heartbeat) = (args.data.clone(), args.patience.heartbeat);
        let seen = delivering
            .as_ref()
            .map(|delivering| (delivering.seen(), false));
        let _served = metrics::serve(&self.metrics, data, heartbeat, pulse.clone(), seen)?;
        run_until(args, stop, pulse, renewal, delivering)
    }
}

/// Follows until a stop is requested through the handle. `pulse` beats at each step. After `renewal` output and
/// connection are opened anew. `delivering` has its relays run beside.
///
/// # Errors
/// When an error will not pass by itself, or the output cannot be written.
pub(crate) fn run_until(
    mut args: SyncArgs,
    stop: StopHandle,
    pulse: Pulse,
    renewal: Renewal,
    mut delivering: Option<Delivering>,
) -> Result<(), Failure> {
    let progress = ProgressLine::new();
    let output = output::open(&args, &progress)?;
    let (sink, service) = (output.1.sink.clone(), output.1.service.clone());
    let patience = args.patience.clone();
    let watched = target::files_of_bind(&args.connection);
    let once = delivering.as_ref().is_some_and(Delivering::is_once);
    let mode = match once {
        true => SyncreplMode::RefreshOnly,
        false => SyncreplMode::RefreshAndPersist,
    };
    let mut builder = target::builder(&mut args, mode, output, stop.clone())?;
    if let Some(journal) = delivering.as_ref().and_then(Delivering::journal) {
        builder = builder.journal(journal);
    }
    let mut client = builder.open()?;
    if let Some(delivering) = &mut delivering {
        delivering.start(&mut client)?;
    }
    service.ready();
    let every = patience.good_while.unwrap_or(COUNTS_EVERY);
    let mut run = Following {
        stop: stop.clone(),
        renewal,
        progress,
        sink,
        story: Story::new(patience.longest_wait, patience.good_while),
        troubles: Troubles::new(watched, patience.refused_for),
        service,
        pulse,
        counts: (every, Instant::now()),
    };
    loop {
        run.renew(&mut client);
        let result = run.once(&mut client);
        run.progress.show(None);
        match result {
            Ok(Ended::ToRenew) => {}
            Ok(Ended::Stopped) => break,
            Err(failure) => {
                // Nobody is to wait for a connection or a transaction that leads nowhere.
                client.disconnect();
                if run.is_stopped_by(&mut client, failure)? {
                    break;
                }
            }
        }
    }
    run.service.stopping();
    run.tell_counts(&mut client);
    let delivered = delivering.map_or(Ok(()), |mut delivering| delivering.stop(&stop));
    if let Err(error) = client.callback().0.finish() {
        let failure = Failure::from(error);
        client.will_fail(&failure.to_string());
        return Err(failure);
    }
    client.unbind()?;
    delivered
}

/// A run of `follow`, over all its connections.
struct Following {
    stop: StopHandle,
    renewal: Renewal,
    progress: ProgressLine,
    sink: Sink,
    story: Story,
    troubles: Troubles,
    service: Service,
    pulse: Pulse,
    /// How often the log tells what was committed, and when it last did.
    counts: (Duration, Instant),
}

/// How a connection ended without an error.
enum Ended {
    /// A stop was requested.
    Stopped,
    /// Output and connection are to be opened anew.
    ToRenew,
}

impl Following {
    /// Opens the output anew and leaves the connection, if that is asked for.
    fn renew(&mut self, client: &mut Syncrepl<Output>) {
        if self.renewal.is_asked() {
            self.renewal.done();
            client.disconnect();
            self.sink.renew_later();
            self.sink.renew_if_asked();
        }
    }

    /// Follows on one connection.
    fn once(&mut self, client: &mut Syncrepl<Output>) -> Result<Ended, Failure> {
        let (at, next) = (client.position()?, client.next_tag());
        client.callback().0.start(&at, next)?;
        self.beat();
        self.service.tell(client.run_status());
        // The bind reads these files now.
        self.troubles.has_changed();
        client.reconnect()?;
        self.troubles.bound();
        self.progress.show(client.progress());
        let mut persisted = false;
        loop {
            self.beat();
            self.service.tell(client.run_status());
            let wait = self.longest_poll(client.in_persist_stage());
            if !client.poll(wait)? {
                return Ok(Ended::Stopped);
            }
            if let Some(error) = client.callback().0.take_lost() {
                return Err(error.into());
            }
            self.progress.show(client.progress());
            let persists = client.in_persist_stage();
            if self.renewal.is_asked() && !self.stop.is_requested() {
                if persists {
                    return Ok(Ended::ToRenew);
                }
                // The connection stays until the refresh is over.
                self.sink.renew_later();
            }
            if persists && let Some(server) = client.server() {
                if !std::mem::replace(&mut persisted, true) {
                    tracing::info!("following {server}");
                }
                let said = self.story.up_to_date(server, Instant::now());
                said.iter().for_each(|said| complain(said));
            }
            if self.counts.1.elapsed() >= self.counts.0 {
                self.tell_counts(client);
            }
        }
    }

    /// The longest that one poll may wait.
    fn longest_poll(&self, persists: bool) -> Duration {
        // On a terminal the progress line has to move. In a pipe there is nothing to wake up for.
        let wait = match (persists, self.progress.is_shown()) {
            (true, _) => self.story.next_news(Instant::now()),
            (false, true) => Duration::from_millis(50),
            (false, false) if self.service.is_there() => Duration::from_secs(1),
            (false, false) => Duration::from_secs(60),
        };
        wait.min(self.service.longest_wait()).min(self.counts.0)
    }

    /// The run makes progress: those who watch it are told.
    fn beat(&self) {
        self.service.beat();
        self.pulse.beat();
    }

    /// Tells the log what was committed.
    fn tell_counts(&mut self, client: &mut Syncrepl<Output>) {
        let counted = client.callback().1.take_counted();
        let seconds = self.counts.1.elapsed().as_secs_f64();
        self.counts.1 = Instant::now();
        if counted.commits > 0 {
            let changes = number_of(counted.changes, "change", "changes");
            let commits = number_of(counted.commits, "commit", "commits");
            tracing::info!("committed {changes} in {commits} within {seconds:.0} s");
        }
    }

    /// Waits until another try may help. Returns whether a stop was requested instead.
    ///
    /// # Errors
    /// The failure, if no try will help.
    fn is_stopped_by(
        &mut self,
        client: &mut Syncrepl<Output>,
        failure: Failure,
    ) -> Result<bool, Failure> {
        // The user asked to stop, and the connection is lost: nothing is left to wait for. A second request
        // abandons a refresh, and that is an error.
        if let Failure::Client(error) = &failure
            && self.stop.requests() == 1
            && is_lost(error)
        {
            if error.is_retryable() {
                complain(&format!("stopped: {error}"));
            }
            return Ok(true);
        }
        let now = Instant::now();
        let meaning = self.troubles.meaning(&failure, now);
        if meaning == Meaning::Ends || self.stop.is_requested() {
            if !matches!(failure, Failure::Client(_)) {
                client.will_fail(&failure.to_string());
            }
            return Err(failure);
        }
        let why = failure.to_string();
        let (wait, said) = self.story.failed(why.clone(), now, |wait| match meaning {
            Meaning::Refused(exactly) => exactly,
            Meaning::MayChange(left) => wait.min(left),
            Meaning::Passes | Meaning::Ends => wait,
        });
        match said {
            Some(said) => complain(&said),
            // Not every failure of many is told, but for the log.
            None => tracing::info!("{why}; trying again in {:.1} s", wait.as_secs_f64()),
        }
        client.will_retry(wait);
        self.service.tell(client.run_status());
        Ok(self.wait(now + wait))
    }

    /// Waits until then; not so long if a password or certificate is replaced, or a renewal is asked for. Returns
    /// whether a stop was requested.
    fn wait(&mut self, until: Instant) -> bool {
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || self.renewal.is_asked() || self.troubles.has_changed() {
                return false;
            }
            self.beat();
            if self.stop.wait(left.min(LOOK)) {
                return true;
            }
        }
    }
}

/// Whether the error means no more than that there is no connection.
fn is_lost(error: &Error) -> bool {
    error.is_retryable() || error.kind() == ErrorKind::Stopped
}
