//! The state of a run over HTTP, for Prometheus, for probes and for people. `source` answers from the files and the
//! relays; `page` and `delivery` are what Prometheus reads, `status` is what people read, made with `html`. `http`
//! is the server, which takes every client for hostile; `listen` and `host` are its door.

mod delivery;
mod host;
mod html;
mod http;
mod kept;
mod listen;
mod page;
mod source;
mod status;

use std::io;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::daemon::Seen;
use crate::exit::Failure;
use listen::{Listener, SocketFile};
use source::Source;

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

/// The run is alive if its main thread took a step within this time. It waits for a minute at the most; the end
/// of a large refresh may take some.
const STEP: Duration = Duration::from_secs(600);
/// The copy is ready if it was confirmed to be current within this time, or three heartbeats.
const READY: Duration = Duration::from_secs(300);
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

/// Where and how the pages of a run are served.
pub(crate) struct Serving<'a> {
    /// The option or key that names the address.
    pub(crate) named: &'a str,
    /// An address and a port, or `unix:PATH`.
    pub(crate) at: &'a str,
    /// Whether other machines may look.
    pub(crate) remote: bool,
    /// The option or key that says so.
    pub(crate) remote_named: &'a str,
    /// The copy.
    pub(crate) data: PathBuf,
    /// How often the server is asked whether the copy is current.
    pub(crate) heartbeat: Option<Duration>,
    /// When the main thread last took a step.
    pub(crate) pulse: Pulse,
    /// The sinks of a `run`, and whether the status page shows names on an address.
    pub(crate) delivery: Option<(Seen, bool)>,
}

/// Begins to serve the pages of `follow`, if that is asked for. Keep the result while they are served. `delivery`
/// is as in [`Serving`].
///
/// # Errors
/// As [`Serving::start`].
pub(crate) fn serve(
    args: &MetricsArgs,
    data: PathBuf,
    heartbeat: Option<Duration>,
    pulse: Pulse,
    delivery: Option<(Seen, bool)>,
) -> Result<Option<SocketFile>, Failure> {
    let Some(at) = &args.metrics else {
        return Ok(None);
    };
    let serving = Serving {
        named: "--metrics",
        at,
        remote: args.metrics_remote,
        remote_named: "--metrics-remote",
        data,
        heartbeat,
        pulse,
        delivery,
    };
    serving.start()
}

impl Serving<'_> {
    /// Begins to serve. Keep the result while the pages are served.
    ///
    /// # Errors
    /// The address is none, is not of this machine alone, or is in use.
    pub(crate) fn start(self) -> Result<Option<SocketFile>, Failure> {
        let (named, at) = (self.named, self.at);
        let failed = |error: io::Error| {
            Failure::Usage(format!(
                "{named}: {at} cannot be served: {error} (each run needs a port of its own)"
            ))
        };
        let (listener, file, only_local) = match at.strip_prefix("unix:") {
            Some(path) => {
                let (listener, file) = listen::at_path(Path::new(path)).map_err(failed)?;
                (Listener::Unix(listener), Some(file), false)
            }
            None => {
                let addresses = listen::resolve(at, self.remote, self.remote_named)
                    .map_err(|problem| Failure::Usage(format!("{named}: {problem}")))?;
                let listener = TcpListener::bind(&addresses[..]).map_err(failed)?;
                (Listener::Tcp(listener), None, listen::are_local(&addresses))
            }
        };
        let delivery = self
            .delivery
            .map(|(seen, show_names)| (seen, show_names || file.is_some()));
        let ready_within = READY.max(self.heartbeat.unwrap_or_default().saturating_mul(3));
        let source = Source::new(self.data, ready_within, self.pulse, delivery);
        http::serve(&listener, &source.pages(), only_local).map_err(failed)?;
        Ok(file)
    }
}
