//! `follow --metrics`: the state of the run over HTTP, for Prometheus and for probes. `page` is what it says;
//! `http` is the server, which takes every client for hostile.

mod http;
mod page;

use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use syncrepl_client::{Status, Store};

use crate::exit::Failure;
use crate::state;

/// Options of `follow` about what it tells of itself over HTTP.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct MetricsArgs {
    /// Serve /metrics (for Prometheus), /livez and /readyz over HTTP at ADDRESS, such as 127.0.0.1:9142. There
    /// is neither TLS nor a password: only this machine may connect
    #[arg(long, value_name = "ADDRESS")]
    metrics: Option<String>,

    /// Serve --metrics at an address that other machines can reach, too
    #[arg(long, requires = "metrics")]
    metrics_remote: bool,
}

impl MetricsArgs {
    /// Served at this address.
    pub(crate) fn at(address: &str, remote: bool) -> Self {
        MetricsArgs {
            metrics: Some(address.to_owned()),
            metrics_remote: remote,
        }
    }
}

/// The run is alive if its main thread took a step within this time. It waits for a minute at the most; the end
/// of a large refresh may take some.
const STEP: Duration = Duration::from_secs(600);
/// The copy is ready if it was confirmed to be current within this time, or three heartbeats.
const READY: Duration = Duration::from_secs(300);
/// The files are read no more often than this, however often clients ask.
const KEPT_FOR: Duration = Duration::from_secs(1);

/// When the main thread last took a step. All clones are the same.
#[derive(Debug, Clone)]
pub(crate) struct Pulse {
    began: Instant,
    /// In seconds after `began`: no clock that is set changes it.
    last: Arc<AtomicU64>,
}

impl Default for Pulse {
    fn default() -> Self {
        Pulse {
            began: Instant::now(),
            last: Arc::default(),
        }
    }
}

impl Pulse {
    /// The main thread takes a step.
    pub(crate) fn beat(&self) {
        let now = self.began.elapsed().as_secs();
        self.last.store(now, Ordering::Relaxed);
    }

    fn is_alive(&self) -> bool {
        let last = Duration::from_secs(self.last.load(Ordering::Relaxed));
        self.began.elapsed().saturating_sub(last) < STEP
    }
}

/// What the server answers from.
struct Source {
    data: PathBuf,
    ready_within: Duration,
    pulse: Pulse,
    kept: Mutex<Option<Kept>>,
}

/// The status or why it cannot be read, and when it was read.
type Kept = (Instant, Arc<Result<Status, String>>);

/// An answer: its code and its text.
struct Answer {
    code: u16,
    text: String,
}

/// Begins to serve, if that is asked for.
///
/// # Errors
/// The address is none, is not of this machine alone, or is in use.
pub(crate) fn serve(
    args: &MetricsArgs,
    data: PathBuf,
    heartbeat: Option<Duration>,
    pulse: Pulse,
) -> Result<(), Failure> {
    let Some(address) = &args.metrics else {
        return Ok(());
    };
    let addresses = resolve(address, args.metrics_remote)?;
    let listen = || {
        let listener = TcpListener::bind(&addresses[..])?;
        let source = Source {
            data,
            ready_within: READY.max(heartbeat.unwrap_or_default().saturating_mul(3)),
            pulse,
            kept: Mutex::default(),
        };
        http::serve(listener, Arc::new(move |path: &str| source.answer(path)))
    };
    listen().map_err(|error| {
        Failure::Usage(format!(
            "--metrics: {address} cannot be served: {error} (each follower needs a port of its own)"
        ))
    })
}

fn resolve(address: &str, remote: bool) -> Result<Vec<SocketAddr>, Failure> {
    let usage = |problem: &str| {
        Failure::Usage(format!(
            "--metrics: {problem}; give an address and a port, such as 127.0.0.1:9142"
        ))
    };
    let found = address.to_socket_addrs();
    let addresses: Vec<_> = found.map_err(|_| usage("no such address"))?.collect();
    if addresses.is_empty() {
        return Err(usage("no such address"));
    }
    if !remote && !addresses.iter().all(|address| address.ip().is_loopback()) {
        return Err(usage(
            "other machines can reach this address, without a password (allow it by --metrics-remote)",
        ));
    }
    Ok(addresses)
}

impl Source {
    fn answer(&self, path: &str) -> Option<Answer> {
        let answer = |good: bool, text: String| Answer {
            code: if good { 200 } else { 503 },
            text,
        };
        match path {
            "/livez" => {
                let alive = self.pulse.is_alive();
                let text = if alive {
                    "ok\n"
                } else {
                    "no step for ten minutes\n"
                };
                Some(answer(alive, text.to_owned()))
            }
            "/readyz" => Some(match &*self.status() {
                Ok(status) => {
                    let line = state::line(&status.run, SystemTime::now());
                    answer(status.is_current_within(self.ready_within), line + "\n")
                }
                Err(error) => answer(false, format!("{error}\n")),
            }),
            "/metrics" => Some(match &*self.status() {
                Ok(status) => answer(true, page::page(status)),
                Err(error) => answer(false, format!("{error}\n")),
            }),
            _ => None,
        }
    }

    /// The state from the files, at most a second old.
    fn status(&self) -> Arc<Result<Status, String>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((read, status)) = &*kept
            && read.elapsed() < KEPT_FOR
        {
            return Arc::clone(status);
        }
        let status = Store::open(&self.data).and_then(|store| store.status());
        let status = Arc::new(status.map_err(|error| error.to_string()));
        *kept = Some((Instant::now(), Arc::clone(&status)));
        status
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_unless_asked() {
        assert!(resolve("127.0.0.1:9142", false).is_ok());
        assert!(resolve("[::1]:9142", false).is_ok());
        for address in ["0.0.0.0:9142", "[::]:9142", "192.0.2.1:9142"] {
            assert!(resolve(address, false).is_err(), "{address}");
            assert!(resolve(address, true).is_ok(), "{address}");
        }
        for wrong in ["", "9142", "127.0.0.1", "127.0.0.1:x"] {
            assert!(resolve(wrong, true).is_err(), "{wrong}");
        }
    }
}
