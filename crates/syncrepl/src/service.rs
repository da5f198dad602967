//! What a service manager is told (sd_notify(3)): that the run is ready, its state in a line, and that it is alive.
//! Nothing is sent where no manager asks for it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use sd_notify::NotifyState;
use syncrepl_client::{RunState, RunStatus};

use crate::state;

/// A state that stays is told again after so long: the line says since when, and how far a refresh is.
const AGAIN: Duration = Duration::from_secs(10);

/// The service manager, if there is one. Clones mean the same.
#[derive(Clone)]
pub(crate) struct Service(Option<Arc<Mutex<Told>>>);

/// What it was told.
struct Told {
    /// The state, and of which server, and when.
    state: Option<RunState>,
    server: Option<String>,
    at: Instant,
    /// How often it wants a sign of life; `None` for never.
    every: Option<Duration>,
    beaten: Instant,
}

impl Service {
    /// The manager that started this process.
    pub(crate) fn of_process() -> Self {
        let asks = std::env::var_os("NOTIFY_SOCKET").is_some_and(|socket| !socket.is_empty());
        Service(asks.then(|| {
            Arc::new(Mutex::new(Told {
                state: None,
                server: None,
                at: Instant::now(),
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

    /// Tells the state in the line that `status` prints: when it changes, and now and then while it stays.
    pub(crate) fn tell(&self, run: &RunStatus) {
        self.with(|told| {
            let same = told.state == Some(run.state) && told.server == run.server;
            if same && told.at.elapsed() < AGAIN {
                return;
            }
            (told.state, told.server, told.at) =
                (Some(run.state), run.server.clone(), Instant::now());
            send(&[NotifyState::Status(&state::line(run, SystemTime::now()))]);
        });
    }

    /// The run ends because it was asked to.
    pub(crate) fn stopping(&self) {
        self.with(|_| send(&[NotifyState::Stopping, NotifyState::Status("stopping")]));
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
