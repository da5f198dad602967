//! `syncrepl follow`: bring the copy up to date, then stay and print changes as they happen.

use std::time::{Duration, Instant};

use syncrepl_client::{Error, ErrorKind, StopHandle, Syncrepl, SyncreplMode};

use crate::args::SyncArgs;
use crate::exit::{Failure, complain};
use crate::output::Output;
use crate::progress::ProgressLine;
use crate::{signals, target};

/// The longest wait between two tries, before jitter.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// A connection that lasted so long was a good one: the next wait is a short one again.
const GOOD_WHILE: Duration = Duration::from_secs(60);

pub(crate) fn run(args: SyncArgs) -> Result<(), Failure> {
    let stop = StopHandle::new();
    signals::install(stop.clone())?;
    run_until(args, stop)
}

/// Follows until somebody uses the handle.
pub(crate) fn run_until(mut args: SyncArgs, stop: StopHandle) -> Result<(), Failure> {
    let progress = ProgressLine::new();
    let output = Output::new(args.format, &progress);
    let builder = target::builder(
        &mut args,
        SyncreplMode::RefreshAndPersist,
        output,
        stop.clone(),
    )?;
    let mut client = builder.open()?;
    let mut failures = Failures::default();
    loop {
        let commit = client.commit_number();
        client.callback().start(commit)?;
        let began = Instant::now();
        let result = follow(&mut client, &progress, failures.count > 0);
        progress.show(None);
        let error = match result {
            Ok(()) => break,
            // Without a connection there is nothing left to wait for; a second request, which
            // abandons a refresh, is an error to report.
            Err(error) if stop.requests() == 1 && is_lost(&error) => break,
            Err(error) if error.is_retryable() => error,
            Err(error) => return Err(error.into()),
        };
        if began.elapsed() >= GOOD_WHILE {
            failures.count = 0;
        }
        if stop.wait(failures.report(&error)) {
            break;
        }
    }
    client.callback().finish()?;
    client.unbind()?;
    Ok(())
}

/// Whether only the connection is gone, or was never made.
fn is_lost(error: &Error) -> bool {
    error.is_retryable() || error.kind() == ErrorKind::Stopped
}

fn follow(
    client: &mut Syncrepl<Output>,
    progress: &ProgressLine,
    mut again: bool,
) -> Result<(), Error> {
    client.reconnect()?;
    progress.show(client.progress());
    loop {
        // On a terminal the line has to move; in a pipe nothing has to wake us.
        let wait = match progress.is_shown() && !client.in_persist_stage() {
            true => 50,
            false => 60_000,
        };
        if !client.poll(Duration::from_millis(wait))? {
            return Ok(());
        }
        progress.show(client.progress());
        if again
            && client.in_persist_stage()
            && let Some(server) = client.server()
        {
            again = false;
            complain(&format!("connected to {server}, and up to date again"));
        }
    }
}

/// The failures in a row so far.
#[derive(Default)]
struct Failures {
    count: u32,
    last: String,
}

impl Failures {
    /// Says what happened, once for as long as it stays the same, and gives the time to wait.
    fn report(&mut self, error: &Error) -> Duration {
        let wait = back_off(self.count);
        let message = error.to_string();
        let said = match self.count > 0 && self.last == message {
            true => "still the same",
            false => &message,
        };
        complain(&format!(
            "{said}; trying again in {:.1} s",
            wait.as_secs_f64()
        ));
        self.count += 1;
        self.last = message;
        wait
    }
}

/// Exponential, with full jitter: many consumers of one provider do not come back at once.
fn back_off(failures: u32) -> Duration {
    let ceiling = Duration::from_millis(500 * (1 << failures.min(7))).min(LONGEST_WAIT);
    Duration::from_millis(100) + ceiling.mul_f64(fastrand::f64())
}
