//! What a service manager is told (sd_notify(3)): that the run is ready, its state in a line, and that it is alive.
//! Nothing is sent where no manager asks for it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use sd_notify::NotifyState;
use syncrepl_client::{Progress, Server};

/// The service manager, if there is one. Clones mean the same.
#[derive(Clone)]
pub(crate) struct Service(Option<Arc<Mutex<Told>>>);

/// What it was told.
struct Told {
    status: String,
    /// How often it wants a sign of life; `None` for never.
    every: Option<Duration>,
    beaten: Instant,
}

/// The state of a run.
#[derive(Clone, Copy)]
pub(crate) enum State<'a> {
    Connecting,
    Refreshing(&'a Server, Option<Progress>),
    Following(&'a Server),
    /// Until another try, because of this.
    Waiting(Duration, &'a str),
    Stopping,
}

/// The state in a line. `status` prints the same.
fn line(state: State<'_>) -> String {
    match state {
        State::Connecting => "connecting".to_owned(),
        State::Refreshing(server, None) => format!("refreshing from {server}"),
        State::Refreshing(server, Some(progress)) => match progress.before {
            0 => format!(
                "refreshing from {server}, {} entries so far",
                progress.entries
            ),
            before => format!(
                "refreshing from {server}, {} of about {before} entries",
                progress.entries
            ),
        },
        State::Following(server) => format!("following {server}"),
        State::Waiting(time, why) => {
            format!("waiting, next try in {:.0} s; {why}", time.as_secs_f64())
        }
        State::Stopping => "stopping".to_owned(),
    }
}

impl Service {
    /// The manager that started this process.
    pub(crate) fn of_process() -> Self {
        let asks = std::env::var_os("NOTIFY_SOCKET").is_some_and(|socket| !socket.is_empty());
        Service(asks.then(|| {
            Arc::new(Mutex::new(Told {
                status: String::new(),
                // Late signs of life are still in time.
                every: sd_notify::watchdog_enabled().map(|limit| limit / 4),
                beaten: Instant::now(),
            }))
        }))
    }

    /// The copy is open and the arguments are good: from now on everything else passes by itself.
    pub(crate) fn ready(&self) {
        self.with(|_| send(&[NotifyState::Ready]));
    }

    /// Tells the state, if it is another one than before.
    pub(crate) fn tell(&self, state: State<'_>) {
        self.with(|told| {
            let line = syncrepl_client::printable(&line(state));
            if told.status != line {
                send(&[NotifyState::Status(&line)]);
                told.status = line;
            }
            if let State::Stopping = state {
                send(&[NotifyState::Stopping]);
            }
        });
    }

    /// The run makes progress.
    pub(crate) fn beat(&self) {
        self.with(|told| {
            let Some(every) = told.every else { return };
            if told.beaten.elapsed() >= every {
                told.beaten = Instant::now();
                send(&[NotifyState::Watchdog]);
            }
        });
    }

    /// The longest that a wait may take: the next sign of life is due then.
    pub(crate) fn longest_wait(&self) -> Duration {
        let mut longest = Duration::MAX;
        self.with(|told| longest = told.every.unwrap_or(longest));
        longest
    }

    /// Whether somebody is told anything.
    pub(crate) fn is_there(&self) -> bool {
        self.0.is_some()
    }

    fn with(&self, tell: impl FnOnce(&mut Told)) {
        if let Some(told) = &self.0 {
            tell(&mut told.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }
}

fn send(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::debug!("the service manager cannot be told: {error}");
    }
}
