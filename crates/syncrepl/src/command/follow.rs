//! `syncrepl follow`: bring the copy up to date, then stay and print changes as they happen.

use std::time::{Duration, Instant};

use syncrepl_client::{Error, StopHandle, Syncrepl, SyncreplMode};

use crate::args::SyncArgs;
use crate::exit::{Failure, complain};
use crate::output::Output;
use crate::progress::ProgressLine;
use crate::{signals, target};

/// The longest wait between two tries, before jitter.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// A connection that lasted so long was a good one: the next wait is a short one again.
const GOOD_WHILE: Duration = Duration::from_secs(60);

pub(crate) fn run(mut args: SyncArgs) -> Result<(), Failure> {
    let stop = StopHandle::new();
    signals::install(stop.clone())?;
    let output = Output::new(args.format);
    let progress = ProgressLine::new(output.is_on_terminal());
    let builder = target::builder(
        &mut args,
        SyncreplMode::RefreshAndPersist,
        output,
        stop.clone(),
    )?;
    let mut client = builder.open()?;
    let mut failures = 0;
    loop {
        let commit = client.commit_number();
        client.callback().start(commit)?;
        let began = Instant::now();
        let result = follow(&mut client, &progress, failures > 0);
        progress.show(None);
        let error = match result {
            Ok(()) => break,
            // Without a connection there is nothing left to wait for; a second request, which
            // abandons a refresh, is an error to report.
            Err(_) if stop.requests() == 1 => break,
            Err(error) if error.is_retryable() => error,
            Err(error) => return Err(error.into()),
        };
        if began.elapsed() >= GOOD_WHILE {
            failures = 0;
        }
        let wait = back_off(failures);
        failures += 1;
        complain(&format!(
            "{error}; trying again in {:.1} s",
            wait.as_secs_f64()
        ));
        if stop.wait(wait) {
            break;
        }
    }
    client.callback().finish()?;
    client.unbind()?;
    Ok(())
}

fn follow(
    client: &mut Syncrepl<Output>,
    progress: &ProgressLine,
    again: bool,
) -> Result<(), Error> {
    client.reconnect()?;
    if again {
        complain("connected again");
    }
    loop {
        // On a terminal the line has to move; in a pipe nothing has to wake us.
        let wait = if client.progress().is_some() {
            200
        } else {
            60_000
        };
        if !client.poll(Duration::from_millis(wait))? {
            return Ok(());
        }
        progress.show(client.progress());
    }
}

/// Exponential, with full jitter: many consumers of one provider do not come back at once.
fn back_off(failures: u32) -> Duration {
    let ceiling = Duration::from_millis(500 * (1 << failures.min(7))).min(LONGEST_WAIT);
    Duration::from_millis(100) + ceiling.mul_f64(fastrand::f64())
}
