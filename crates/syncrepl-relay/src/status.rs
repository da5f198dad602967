//! The state of a relay, for metrics, pages and people.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use crate::event::EventKind;
use crate::position::Position;

/// The state of a relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum RelayState {
    /// It has not reached its sink yet.
    #[default]
    Connecting,
    /// The sink has everything.
    UpToDate,
    /// Events are on their way.
    Delivering,
    /// A pass over everything, or over the folded entries, is on its way.
    Snapshot,
    /// A pass over everything waits for a refresh.
    WaitsForRefresh,
    /// The sink failed; the relay tries again by itself.
    Retrying,
    /// A person has to act.
    Manual,
    /// A person paused it.
    Paused,
    /// The journal is off.
    JournalOff,
    /// It has ended.
    Stopped,
}

impl RelayState {
    /// All of them.
    pub const ALL: [RelayState; 10] = [
        RelayState::Connecting,
        RelayState::UpToDate,
        RelayState::Delivering,
        RelayState::Snapshot,
        RelayState::WaitsForRefresh,
        RelayState::Retrying,
        RelayState::Manual,
        RelayState::Paused,
        RelayState::JournalOff,
        RelayState::Stopped,
    ];
}

impl fmt::Display for RelayState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            RelayState::Connecting => "connecting",
            RelayState::UpToDate => "up to date",
            RelayState::Delivering => "delivering",
            RelayState::Snapshot => "snapshot",
            RelayState::WaitsForRefresh => "waits for a refresh",
            RelayState::Retrying => "retrying",
            RelayState::Manual => "needs a person",
            RelayState::Paused => "paused",
            RelayState::JournalOff => "journal off",
            RelayState::Stopped => "stopped",
        })
    }
}

/// The state of a relay.
#[derive(Debug, Clone, Default)]
pub struct RelayStatus {
    /// Its state.
    pub state: RelayState,
    /// Since when.
    pub since: Option<SystemTime>,
    /// Where the journal was read to.
    pub position: Option<Position>,
    /// The last error, and when it was; it stays after the next success.
    pub last_error: Option<(String, SystemTime)>,
    /// How many events the sink has acknowledged since the process began, by kind.
    pub sent: BTreeMap<&'static str, u64>,
    /// How often the relay had to try again, by reason.
    pub retries: BTreeMap<&'static str, u64>,
    /// How often the sink stood before where it had stood.
    pub rewound: u64,
    /// How many dead letters it has.
    pub dead: u64,
    /// How long the calls of `send` took: their number, and all of their time.
    pub sending: (u64, Duration),
    /// From the commit of the newest acknowledged change to its acknowledgement.
    pub age: Option<Duration>,
    /// How much of a pass over everything is done, from 0 to 1.
    pub progress: Option<f64>,
    /// The last events, the newest first: time, word, entryUUID, names of the changed attributes.
    pub recent: Vec<Recent>,
}

/// An event, without its values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recent {
    /// When it was stored.
    pub time: SystemTime,
    /// Its kind.
    pub kind: EventKind,
    /// The entryUUID.
    pub uuid: uuid::Uuid,
    /// The DN, if it is known.
    pub dn: Option<String>,
    /// The names of the attributes that changed.
    pub changed: Vec<String>,
}

/// A status that a relay writes and others read.
#[derive(Debug, Clone, Default)]
pub struct SharedStatus(Arc<Mutex<RelayStatus>>);

impl SharedStatus {
    /// As it is now.
    pub fn get(&self) -> RelayStatus {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(crate) fn change(&self, change: impl FnOnce(&mut RelayStatus)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    pub(crate) fn enter(&self, state: RelayState, now: SystemTime) {
        self.change(|status| {
            if status.state != state || status.since.is_none() {
                (status.state, status.since) = (state, Some(now));
            }
        });
    }
}
