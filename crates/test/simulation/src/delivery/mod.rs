//! Delivery in the simulation: real relays, from the journal of the consumer's store to model sinks. They live and
//! die with the consumer; their file and the sinks may go back to an older state. At rest each sink holds the copy.

mod sink;
mod told;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use syncrepl_client::{Callback, Store, Syncrepl};
use syncrepl_proto::secret;
use syncrepl_relay::{
    Delivery as File, Limits, Owner, ReadError, Relay, RelaySettings, RelayState, Shared, Step,
};

use crate::chance::Purpose;
use crate::network::Model;
use sink::{ModelSink, State, lock};
use told::Told;

/// The sinks of a run and the relays of the present life.
pub(crate) struct Delivery {
    sinks: Vec<Named>,
    living: Option<Living>,
    /// Time goes on over the lives.
    began: (Instant, SystemTime),
    passed: Duration,
}

struct Named {
    name: String,
    state: Arc<Mutex<State>>,
    limits: Limits,
    told: Told,
}

struct Living {
    relays: Vec<Relay>,
    shared: Arc<Shared>,
    file: Arc<File>,
    store: Store,
}

impl Delivery {
    /// Draws whether a run delivers, and to which sinks.
    pub(crate) fn draw(model: &Model) -> Option<Delivery> {
        let delivers = model.draw(Purpose::Sinks, |rng| rng.bool());
        if !delivers || model.world().options.journal.is_none() {
            return None;
        }
        let count = model.draw(Purpose::Sinks, |rng| rng.usize(1..3));
        let sinks = (0..count).map(|number| {
            let told = Told::draw(model);
            model.draw(Purpose::Sinks, |rng| Named {
                name: format!("sink{number}"),
                state: Arc::new(Mutex::new(State {
                    held: sink::Held::default(),
                    knows_position: rng.bool(),
                    max_event: (rng.u8(0..4) == 0).then_some(900),
                    trouble: true,
                    backup: None,
                })),
                limits: Limits {
                    rows: rng.usize(1..8),
                    bytes: 1 << 20,
                },
                told,
            })
        });
        Some(Delivery {
            sinks: sinks.collect(),
            living: None,
            began: (Instant::now(), SystemTime::now()),
            passed: Duration::ZERO,
        })
    }

    /// The relays of a life of the consumer.
    pub(crate) fn begin<C: Callback>(
        &mut self,
        client: &Syncrepl<C>,
        path: &Path,
        model: &Model,
        trouble: bool,
    ) {
        // No two lives are within a millisecond, in which two passes would have one generation.
        self.pass(Duration::from_secs(1));
        // Somebody refreshes by hand.
        if trouble && model.draw(Purpose::Sinks, |rng| rng.u8(0..5)) == 0 {
            return;
        }
        let living = match self.relays(client, path, model, trouble) {
            Ok(living) => living,
            Err(error) => return model.world().finding(format_args!("no relays: {error}")),
        };
        self.living = Some(living);
    }

    fn relays<C: Callback>(
        &self,
        client: &Syncrepl<C>,
        path: &Path,
        model: &Model,
        trouble: bool,
    ) -> Result<Living, ReadError> {
        let source = client.position()?.store;
        let file = match File::open(path, source) {
            Ok(file) => file,
            // The store is another one now.
            Err(_) => {
                remove(&File::path_of(path));
                File::open(path, source)?
            }
        };
        let file = Arc::new(file);
        let shared = Arc::new(Shared::new(client.journal_link()));
        let mut relays = Vec::new();
        for Named {
            name,
            state,
            limits,
            told,
        } in &self.sinks
        {
            lock(state).trouble = trouble;
            let owner = Owner {
                source,
                previous: None,
                sink: name.clone(),
                take_over: false,
            };
            let sink = ModelSink {
                state: Arc::clone(state),
                model: model.clone(),
                source,
            };
            let settings = RelaySettings {
                limits: *limits,
                shape: told.shape(),
                unsynced: true,
                ..RelaySettings::default()
            };
            let (sink, store) = (Box::new(sink), client.db()?);
            relays.push(Relay::new(
                owner,
                sink,
                store,
                Arc::clone(&file),
                Arc::clone(&shared),
                settings,
            )?);
        }
        Ok(Living {
            relays,
            shared,
            file,
            store: client.db()?,
        })
    }

    /// The consumer has completed a refresh.
    pub(crate) fn refreshed(&self) {
        if let Some(living) = &self.living {
            living.shared.refreshed();
        }
    }

    /// The relays go on for a few steps, while the consumer waits.
    pub(crate) fn turn(&mut self, model: &Model) {
        let steps = model.draw(Purpose::Sinks, |rng| rng.u8(0..6));
        for _ in 0..steps {
            self.pass(Duration::from_millis(
                model.draw(Purpose::Sinks, |rng| rng.u64(0..500)),
            ));
            let relays = self.living.as_ref().map_or(0, |living| living.relays.len());
            let which = model.draw(Purpose::Sinks, |rng| rng.usize(0..relays.max(1)));
            self.step(which, model);
        }
        for Named { state, .. } in &self.sinks {
            if model.draw(Purpose::Sinks, |rng| rng.u8(0..30)) == 0 {
                let mut state = lock(state);
                state.backup = Some(state.held.clone());
            }
        }
    }

    fn pass(&mut self, time: Duration) {
        self.passed += time;
    }

    fn step(&mut self, which: usize, model: &Model) -> Option<Step> {
        let (now, time) = (self.began.0 + self.passed, self.began.1 + self.passed);
        let relay = self.living.as_mut()?.relays.get_mut(which)?;
        match relay.step(now, time) {
            Ok(step) => Some(step),
            Err(error) => {
                model
                    .world()
                    .finding(format_args!("a relay failed: {error}"));
                None
            }
        }
    }

    /// Ends the relays: some stop, some are killed.
    pub(crate) fn end(&mut self, model: &Model) {
        let Some(living) = self.living.take() else {
            return;
        };
        let (now, time) = (self.began.0 + self.passed, self.began.1 + self.passed);
        for mut relay in living.relays {
            if model.draw(Purpose::Sinks, |rng| rng.bool())
                && let Err(error) = relay.stop(now, time)
            {
                model
                    .world()
                    .finding(format_args!("a relay does not stop: {error}"));
            }
        }
    }

    /// Between two lives the sinks, or the file of deliveries, may go back to an older state, or the file be lost.
    pub(crate) fn strike(&mut self, path: &Path, model: &Model) {
        let (file, backup) = (File::path_of(path), delivery_backup(path));
        match model.draw(Purpose::Sinks, |rng| rng.u8(0..16)) {
            0 => {
                model.world().log("  the file of deliveries is lost");
                remove(&file);
            }
            1..=2 if backup.exists() => {
                model.world().log("  the file of deliveries is restored");
                remove(&file);
                let _ = std::fs::copy(&backup, &file);
            }
            3..=5 => {
                let _ = std::fs::copy(&file, &backup);
            }
            6..=8 => {
                for Named { name, state, .. } in &self.sinks {
                    let mut state = lock(state);
                    // One that cannot tell where it stands loses nothing, or nobody could know.
                    if let (true, Some(backup)) = (state.knows_position, state.backup.take()) {
                        model.world().log(format_args!("  {name} goes back"));
                        state.held = backup;
                    }
                }
            }
            _ => {}
        }
    }

    /// Lets the relays come to rest, and compares.
    pub(crate) fn rest(&mut self, model: &Model) {
        let Some(living) = &self.living else { return };
        for Named { name, .. } in &self.sinks {
            if let Err(error) = living.file.retry_dead(name, None) {
                model.world().finding(format_args!("dead letters: {error}"));
            }
            living.shared.changed(name);
        }
        for which in 0..self.sinks.len() {
            self.rest_one(which, model);
        }
    }

    fn rest_one(&mut self, which: usize, model: &Model) {
        for _ in 0..5000 {
            match self.step(which, model) {
                None => return,
                Some(Step::Worked) => {}
                Some(Step::Wait(wait)) => {
                    let Some(relay) = self
                        .living
                        .as_ref()
                        .and_then(|living| living.relays.get(which))
                    else {
                        return;
                    };
                    if relay.status().get().state == RelayState::UpToDate {
                        return self.compare(which, model);
                    }
                    self.pass(wait);
                }
            }
        }
        let state = self
            .living
            .as_ref()
            .map(|living| living.relays[which].status().get());
        model
            .world()
            .finding(format_args!("a relay does not come to rest: {state:?}"));
    }

    fn compare(&self, which: usize, model: &Model) {
        let Some(living) = &self.living else { return };
        let mut copy = BTreeMap::new();
        let read = living.store.records(|record| {
            let attrs = record.attrs().iter().map(|attribute| {
                let values = attribute.values().map(<[u8]>::to_vec).collect::<Vec<_>>();
                (attribute.name.to_ascii_lowercase(), values)
            });
            let mut all: BTreeMap<_, std::collections::BTreeSet<_>> = BTreeMap::new();
            for (name, values) in
                attrs.filter(|(name, values)| !secret::is_secret(name) && !values.is_empty())
            {
                all.entry(name).or_default().extend(values);
            }
            if let Some(all) = self.sinks[which].told.of(record.dn(), all) {
                copy.insert(record.uuid(), (record.dn().to_owned(), all));
            }
            Ok(std::ops::ControlFlow::Continue(()))
        });
        if let Err(error) = read {
            return model
                .world()
                .finding(format_args!("the copy cannot be read: {error}"));
        }
        let state = lock(&self.sinks[which].state);
        let held: BTreeMap<_, _> = state
            .held
            .entries
            .iter()
            .map(|(uuid, entry)| (*uuid, (entry.dn.clone(), entry.attrs.clone())))
            .collect();
        if held != copy {
            let only = |one: &BTreeMap<_, (String, _)>, other: &BTreeMap<_, (String, _)>| {
                let differs = one
                    .iter()
                    .filter(|(uuid, entry)| other.get(*uuid) != Some(*entry));
                differs
                    .map(|(_, entry)| entry.0.clone())
                    .collect::<Vec<_>>()
            };
            model.world().finding(format_args!(
                "{} differs: the copy has {:?}, the sink has {:?}",
                self.sinks[which].name,
                only(&copy, &held),
                only(&held, &copy)
            ));
        }
    }
}

fn delivery_backup(path: &Path) -> PathBuf {
    path.with_extension("delivery-backup")
}

/// Removes the file with its log.
pub(crate) fn remove(file: &Path) {
    for suffix in ["", "-wal", "-shm"] {
        let mut path = file.as_os_str().to_owned();
        path.push(suffix);
        let _ = std::fs::remove_file(PathBuf::from(path));
    }
}
