//! The source of the pages: the files of the store, and the relays of this process.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use syncrepl_client::journal::{JournalSize, JournalState};
use syncrepl_client::{Status, Store, printable};
use syncrepl_relay::{RelayState, RelayStatus};

use super::http::{Answer, Pages, Wanted};
use super::kept::{Kept, Read};
use super::{Pulse, delivery, page, status};
use crate::daemon::{Relays, Seen};
use crate::state;

/// The age of what the pages tell, at most.
const KEPT_FOR: Duration = Duration::from_secs(1);
/// The age of the journal's size: to add it up reads the journal.
const SIZE_KEPT_FOR: Duration = Duration::from_secs(10);
/// So many dead letters of a sink are shown; each is read with the event that it holds.
const LETTERS: u32 = 5;

/// The state that the server answers from.
pub(super) struct Source {
    data: PathBuf,
    ready_within: Duration,
    pulse: Pulse,
    /// The relays of a `run`, and whether names may be shown.
    delivery: Option<(Seen, bool)>,
    status: Kept<Status>,
    size: Kept<JournalSize>,
    delivered: Kept<Delivered>,
    letters: Kept<Vec<Letter>>,
}

/// Journal and sinks.
pub(super) struct Delivered {
    /// The id of the store.
    pub(super) source: String,
    /// The journal.
    pub(super) journal: JournalState,
    /// The sinks, by name.
    pub(super) sinks: Vec<SinkSeen>,
}

/// A sink and its relay.
pub(super) struct SinkSeen {
    /// Its name.
    pub(super) name: String,
    /// The status of its relay.
    pub(super) status: RelayStatus,
    /// The age of the oldest row of the journal that the sink does not have; zero if there is none.
    pub(super) behind: Duration,
    /// The number of its dead letters.
    pub(super) dead: u64,
}

/// A dead letter without the event that it holds.
pub(super) struct Letter {
    /// The name of the sink that refused it.
    pub(super) sink: String,
    /// The id of the event.
    pub(super) id: String,
    /// What happened.
    pub(super) kind: String,
    /// When it was refused.
    pub(super) time: SystemTime,
    /// Why it was refused.
    pub(super) why: String,
}

impl Source {
    pub(super) fn new(
        data: PathBuf,
        ready_within: Duration,
        pulse: Pulse,
        delivery: Option<(Seen, bool)>,
    ) -> Source {
        Source {
            data,
            ready_within,
            pulse,
            delivery,
            status: Kept::default(),
            size: Kept::default(),
            delivered: Kept::default(),
            letters: Kept::default(),
        }
    }

    /// The function that answers requests.
    pub(super) fn pages(self) -> Pages {
        Arc::new(move |wanted| self.answer(wanted))
    }

    fn answer(&self, wanted: &Wanted<'_>) -> Answer {
        let made = match wanted.path {
            "/livez" => Ok(self.alive()),
            "/readyz" => Ok(self.ready(wanted.verbose)),
            "/metrics" => self.metrics(),
            "/" if self.delivery.is_some() => self.people(),
            _ => {
                let home = if self.delivery.is_some() { "/, " } else { "" };
                Ok(Answer::plain(
                    404,
                    format!("there are {home}/metrics, /livez and /readyz\n"),
                ))
            }
        };
        made.unwrap_or_else(|error| Answer::plain(503, printable(&error) + "\n"))
    }

    fn alive(&self) -> Answer {
        match self.pulse.is_alive() {
            true => Answer::plain(200, "ok\n"),
            false => Answer::plain(503, "no step for ten minutes\n"),
        }
    }

    /// Whether the copy is current, and no sink needs a person.
    fn ready(&self, verbose: bool) -> Answer {
        let mut parts = vec![match &*self.status() {
            Ok(status) => {
                let line = state::line(&status.run, SystemTime::now());
                (status.is_current_within(self.ready_within), line)
            }
            Err(error) => (false, printable(error)),
        }];
        match self.relays() {
            None => {}
            Some(Err(error)) => parts.push((false, error)),
            Some(Ok(relays)) => parts.extend(relays.status.iter().map(|(name, status)| {
                let status = status.get();
                let (ready, name) = (status.state != RelayState::Manual, printable(name));
                let error = status
                    .last_error
                    .filter(|_| !ready || status.state == RelayState::Retrying);
                let why = error.map_or(String::new(), |(why, _)| format!(": {}", printable(&why)));
                (ready, format!("sink {name}: {}{why}", status.state))
            })),
        }
        let all = parts.iter().all(|(ready, _)| *ready);
        // A probe gets the copy's line, and what is not ready; a person all of it.
        let lines = parts
            .iter()
            .enumerate()
            .filter(|(n, (ready, _))| verbose || *n == 0 || !ready);
        let lines = lines.map(|(_, (ready, line))| match (verbose, ready) {
            (false, _) => format!("{line}\n"),
            (true, true) => format!("[+] {line}\n"),
            (true, false) => format!("[-] {line}\n"),
        });
        Answer::plain(if all { 200 } else { 503 }, lines.collect::<String>())
    }

    fn metrics(&self) -> Result<Answer, String> {
        let mut text = page::page((*self.status()).as_ref()?);
        if let Some(relays) = self.relays().and_then(Result::ok) {
            let delivered = self.delivered(relays);
            let size = self.size();
            text += &delivery::page((*delivered).as_ref()?, (*size).as_ref()?, SystemTime::now());
        }
        Ok(Answer::plain(200, text))
    }

    fn people(&self) -> Result<Answer, String> {
        let (copy, size) = (self.status(), self.size());
        let relays = self.relays().and_then(Result::ok);
        let delivered = relays.map(|relays| self.delivered(relays));
        let letters = relays.map(|relays| self.letters(relays));
        let view = status::View {
            copy: (*copy).as_ref()?,
            ready_within: self.ready_within,
            delivered: delivered.as_deref().map(Result::as_ref).transpose()?,
            size: (*size).as_ref()?,
            letters: letters
                .as_deref()
                .map_or(Ok(&[][..]), |letters| letters.as_deref())?,
            show_names: self.delivery.as_ref().is_some_and(|(_, show)| *show),
            data: &self.data,
            now: SystemTime::now(),
        };
        Ok(Answer {
            code: 200,
            html: true,
            text: view.page(),
        })
    }

    /// The relays of a `run`; an error before they are started. `None`: it is none.
    fn relays(&self) -> Option<Result<&Relays, String>> {
        let (seen, _) = self.delivery.as_ref()?;
        Some(
            seen.get()
                .ok_or_else(|| "the sinks are not started yet".to_owned()),
        )
    }

    fn status(&self) -> Read<Status> {
        self.status.get(KEPT_FOR, || {
            let status = Store::open(&self.data).and_then(|store| store.status());
            status.map_err(|error| error.to_string())
        })
    }

    fn size(&self) -> Read<JournalSize> {
        self.size.get(SIZE_KEPT_FOR, || {
            let size = Store::open(&self.data).and_then(|store| store.journal_size());
            size.map_err(|error| error.to_string())
        })
    }

    fn delivered(&self, relays: &Relays) -> Read<Delivered> {
        self.delivered.get(KEPT_FOR, || {
            let store = Store::open(&self.data).map_err(|error| error.to_string())?;
            let sinks = relays.status.iter().map(|(name, status)| {
                let status = status.get();
                sink(relays, &store, name, status)
            });
            Ok(Delivered {
                sinks: sinks.collect::<Result<_, String>>()?,
                source: store
                    .position()
                    .map_err(|error| error.to_string())?
                    .store
                    .to_string(),
                journal: store.journal().map_err(|error| error.to_string())?,
            })
        })
    }

    fn letters(&self, relays: &Relays) -> Read<Vec<Letter>> {
        self.letters.get(KEPT_FOR, || {
            let mut letters = Vec::new();
            for (name, _) in relays.status.iter() {
                let dead = relays.delivery.dead(name, None, LETTERS);
                let dead = dead.map_err(|error| error.to_string())?;
                letters.extend(dead.into_iter().map(|dead| Letter {
                    sink: name.clone(),
                    id: dead.id,
                    kind: dead.kind,
                    time: dead.time,
                    why: dead.why,
                }));
            }
            Ok(letters)
        })
    }
}

fn sink(
    relays: &Relays,
    store: &Store,
    name: &str,
    status: RelayStatus,
) -> Result<SinkSeen, String> {
    let now = SystemTime::now();
    let failed = |error: syncrepl_relay::DeliveryError| error.to_string();
    let seq = match &status.position {
        Some(position) => position.seq,
        // It has not reached its sink yet.
        None => {
            relays
                .delivery
                .sink(name)
                .map_err(failed)?
                .unwrap_or_default()
                .read
                .seq
        }
    };
    let next = store
        .journal_rows(seq, 1, 1)
        .map_err(|error| error.to_string())?;
    Ok(SinkSeen {
        name: name.to_owned(),
        behind: next
            .first()
            .map_or(Duration::ZERO, |row| state::between(row.time, now)),
        dead: relays
            .delivery
            .dead_count(name, now)
            .map_err(failed)?
            .events,
        status,
    })
}
