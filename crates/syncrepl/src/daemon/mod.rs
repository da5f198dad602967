//! Delivery beside a run of `follow`: the relays of a configuration, from the moment the store is open to the end.
//! `control` lets other processes speak to them.

pub(crate) mod control;
mod finish;

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use syncrepl_client::journal::JournalSettings;
use syncrepl_client::{StopHandle, Store, Syncrepl};
use syncrepl_relay::{Delivery, Owner, Relay, RelaySettings, Runner, Shared, SharedStatus, Sink};

use crate::config::{Config, SinkConfig};
use crate::exit::{Failure, complain};
use crate::output::Output;
use control::Control;

/// How long sinks get to end.
const GRACE: Duration = Duration::from_secs(10);

/// The sinks of a run, not yet started.
pub(crate) struct Delivering {
    sinks: Vec<(SinkConfig, Box<dyn Sink>)>,
    journal: Option<JournalSettings>,
    data: PathBuf,
    unsynced: bool,
    /// Everything is delivered once, and then the run ends.
    once: bool,
    running: Option<Running>,
    seen: Seen,
}

/// The relays of a run.
struct Running {
    runner: Runner,
    shared: Arc<Shared>,
    store: Store,
    /// Held so that its socket is removed at the end.
    _control: Option<Control>,
}

/// The part of the relays that others may see and change.
#[derive(Clone)]
pub(crate) struct Relays {
    pub(crate) shared: Arc<Shared>,
    pub(crate) delivery: Arc<Delivery>,
    pub(crate) status: Arc<Vec<(String, SharedStatus)>>,
}

/// The relays of a run for those that look at it, once there are any.
pub(crate) type Seen = Arc<OnceLock<Relays>>;

impl Delivering {
    /// Makes the sinks, without connecting.
    ///
    /// # Errors
    /// A sink's target or key cannot be used.
    pub(crate) fn new(config: &Config, once: bool) -> Result<Self, Failure> {
        let make = |config: &SinkConfig| {
            let sink = syncrepl_sinks::open(&config.target)
                .map_err(|unfit| Failure::Usage(format!("sink.{}: {unfit}", config.name)))?;
            Ok((config.clone(), sink))
        };
        Ok(Delivering {
            sinks: config
                .sinks
                .iter()
                .map(make)
                .collect::<Result<_, Failure>>()?,
            journal: config.journal.clone(),
            data: config.data.clone(),
            unsynced: config.unsynced,
            once,
            running: None,
            seen: Seen::default(),
        })
    }

    /// The relays, once they are started.
    pub(crate) fn seen(&self) -> Seen {
        Arc::clone(&self.seen)
    }

    /// One sink, with no key but its target.
    ///
    /// # Errors
    /// The target cannot be used.
    pub(crate) fn to(target: &str, data: &Path) -> Result<Self, Failure> {
        let wrong = |problem: String| Failure::Usage(format!("--to: {problem}"));
        let config = SinkConfig::of_target(target).map_err(wrong)?;
        let sink =
            syncrepl_sinks::open(&config.target).map_err(|unfit| wrong(unfit.to_string()))?;
        // A journal that is on stays as it is kept.
        let is_on = Store::open(data).and_then(|store| store.journal());
        let is_on = is_on.is_ok_and(|journal| journal.on);
        Ok(Delivering {
            sinks: vec![(config, sink)],
            journal: (!is_on).then(JournalSettings::default),
            data: data.to_owned(),
            unsynced: false,
            once: false,
            running: None,
            seen: Seen::default(),
        })
    }

    /// How the journal is kept.
    pub(crate) fn journal(&self) -> Option<JournalSettings> {
        self.journal.clone()
    }

    /// Whether everything is delivered once, and then the run ends.
    pub(crate) fn is_once(&self) -> bool {
        self.once
    }

    /// Starts the relays, and the control socket.
    ///
    /// # Errors
    /// The store, or the file of deliveries, cannot be used.
    pub(crate) fn start(&mut self, client: &mut Syncrepl<Output>) -> Result<(), Failure> {
        let path = self.data.clone();
        let source = client.position()?.store;
        let failed = |error: &dyn std::fmt::Display| Failure::Delivery(error.to_string());
        let delivery = Arc::new(Delivery::open(&path, source).map_err(|error| failed(&error))?);
        let shared = Arc::new(Shared::new(client.journal_link()));
        let mut relays = Vec::new();
        for (config, sink) in std::mem::take(&mut self.sinks) {
            let owner = Owner {
                source,
                previous: None,
                sink: config.name.clone(),
                take_over: config.take_over,
            };
            let settings = RelaySettings {
                fingerprint: Some(config.shape.fingerprint()),
                shape: config.shape,
                poison: config.poison,
                max_removed: config.max_removed,
                snapshot_never: config.snapshot_never,
                unsynced: self.unsynced,
                ..RelaySettings::default()
            };
            let (delivery, shared) = (Arc::clone(&delivery), Arc::clone(&shared));
            let relay = Relay::new(owner, sink, client.db()?, delivery, shared, settings);
            relays.push(relay.map_err(|error| failed(&error))?);
        }
        let status = relays
            .iter()
            .map(|relay| (relay.name().to_owned(), relay.status()));
        let seen = Relays {
            shared: Arc::clone(&shared),
            delivery,
            status: Arc::new(status.collect()),
        };
        let control = match self.once {
            true => None,
            false => Control::listen(&path, seen.clone()),
        };
        // A run starts its relays once.
        let _ = self.seen.set(seen);
        client.callback().1.relays = Some(Arc::clone(&shared));
        let runner = Runner::start(relays, &shared)
            .map_err(|error| Failure::System("no thread for a sink", error))?;
        self.running = Some(Running {
            runner,
            shared,
            store: client.db()?,
            _control: control,
        });
        Ok(())
    }

    /// Ends the relays. In a run that delivers once, first waits until every sink has everything.
    ///
    /// # Errors
    /// In a run that delivers once: a sink needs a person.
    pub(crate) fn stop(&mut self, stop: &StopHandle) -> Result<(), Failure> {
        let Some(running) = self.running.take() else {
            return Ok(());
        };
        let delivered = match self.once {
            true => {
                let head = running.store.journal_head()?;
                finish::wait(&running.runner, &running.shared, head, stop)
            }
            false => Ok(()),
        };
        for late in running.runner.stop(GRACE) {
            complain(&format!(
                "sink {late} did not end in time: what it was sent last comes again"
            ));
        }
        delivered
    }
}
