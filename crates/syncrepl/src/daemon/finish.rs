//! The end of a run that delivers once: waits until every sink has everything, or needs a person.

use std::thread;
use std::time::{Duration, SystemTime};

use syncrepl_client::StopHandle;
use syncrepl_client::journal::Seq;
use syncrepl_relay::{RelayState, Runner, Shared};

use crate::exit::Failure;

/// How often the relays are looked at.
const LOOK: Duration = Duration::from_millis(20);
/// A sink that has failed for so long needs a person.
const PATIENCE: Duration = Duration::from_secs(60);

/// Waits. The refresh of this run is over.
pub(super) fn wait(
    runner: &Runner,
    shared: &Shared,
    head: Seq,
    stop: &StopHandle,
) -> Result<(), Failure> {
    shared.refreshed();
    loop {
        let mut needs_person = Vec::new();
        let mut busy = false;
        for (name, status) in runner.status() {
            let status = status.get();
            let failing = || {
                let since = status
                    .since
                    .and_then(|since| SystemTime::now().duration_since(since).ok());
                since.is_some_and(|since| since > PATIENCE)
            };
            match status.state {
                RelayState::UpToDate
                    if status.position.as_ref().is_some_and(|at| at.seq >= head) => {}
                RelayState::Paused | RelayState::Stopped => {}
                RelayState::Manual => needs_person.push((name, status.last_error)),
                RelayState::Retrying if failing() => needs_person.push((name, status.last_error)),
                _ => busy = true,
            }
        }
        if !busy || stop.is_requested() {
            return match needs_person.is_empty() {
                true => Ok(()),
                false => Err(Failure::NeedsPerson(told(&needs_person))),
            };
        }
        thread::sleep(LOOK);
    }
}

fn told(sinks: &[(&str, Option<(String, SystemTime)>)]) -> String {
    let lines = sinks.iter().map(|(name, error)| {
        let why = error.as_ref().map_or("it failed", |(why, _)| why.as_str());
        format!("sink {name} needs a person: {why}")
    });
    lines.collect::<Vec<_>>().join("\n")
}
