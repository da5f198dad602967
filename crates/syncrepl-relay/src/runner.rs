//! The threads of the relays: one each.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime};

use crate::relay::{Relay, Step};
use crate::shared::Shared;
use crate::status::SharedStatus;

/// How long a relay waits after the store or the file of deliveries could not be read.
const AFTER_ERROR: Duration = Duration::from_secs(1);

/// The relays of a process, each in a thread of its own.
#[derive(Debug)]
pub struct Runner {
    shared: Arc<Shared>,
    stop: Arc<AtomicBool>,
    threads: Vec<Thread>,
}

#[derive(Debug)]
struct Thread {
    name: String,
    status: SharedStatus,
    handle: JoinHandle<()>,
}

impl Runner {
    /// Starts a thread for each relay.
    ///
    /// # Errors
    /// The system starts no more threads.
    pub fn start(relays: Vec<Relay>, shared: &Arc<Shared>) -> std::io::Result<Runner> {
        let mut runner = Runner {
            shared: Arc::clone(shared),
            stop: Arc::default(),
            threads: Vec::new(),
        };
        for relay in relays {
            let (name, status) = (relay.name().to_owned(), relay.status());
            let (shared, stop) = (Arc::clone(shared), Arc::clone(&runner.stop));
            let handle = thread::Builder::new()
                .name(format!("sink {name}"))
                .spawn(move || run(relay, &shared, &stop))?;
            runner.threads.push(Thread {
                name,
                status,
                handle,
            });
        }
        Ok(runner)
    }

    /// The status of each relay, by the name of its sink.
    pub fn status(&self) -> impl Iterator<Item = (&str, &SharedStatus)> {
        self.threads
            .iter()
            .map(|thread| (thread.name.as_str(), &thread.status))
    }

    /// Asks the relays to end, and waits for them, for `grace` at most. Returns the sinks that did not end: what
    /// they were sending may come again.
    pub fn stop(self, grace: Duration) -> Vec<String> {
        self.stop.store(true, Ordering::Release);
        self.shared.wake();
        let deadline = Instant::now() + grace;
        let mut late = Vec::new();
        for thread in self.threads {
            while !thread.handle.is_finished() && Instant::now() < deadline {
                thread::sleep(Duration::from_millis(5));
            }
            match thread.handle.is_finished() {
                true => drop(thread.handle.join()),
                false => late.push(thread.name),
            }
        }
        late
    }
}

fn run(mut relay: Relay, shared: &Shared, stop: &AtomicBool) {
    let mut seen = shared.woken();
    while !stop.load(Ordering::Acquire) {
        let wait = match relay.step(Instant::now(), SystemTime::now()) {
            Ok(Step::Worked) => continue,
            Ok(Step::Wait(wait)) => wait,
            Err(error) => {
                tracing::error!(sink = relay.name(), "{error}");
                AFTER_ERROR
            }
        };
        seen = shared.wait(seen, wait);
    }
    if let Err(error) = relay.stop(Instant::now(), SystemTime::now()) {
        tracing::warn!(sink = relay.name(), "its position was not written: {error}");
    }
}
