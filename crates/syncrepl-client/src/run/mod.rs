//! The run that keeps a copy up to date, as others see it: a run writes its state into the file `FILE.status`
//! beside the store, and anybody who may read that file can tell whether the copy is current.
//! `text` is the form of the state in the file, `file` writes and reads it.

mod file;
mod text;

use std::time::{Duration, SystemTime};

pub(crate) use file::{StateFile, read};

/// The state of the run that keeps a copy up to date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum RunState {
    /// No run has left a state: an earlier version made the copy, or the file of the state is gone.
    #[default]
    Unknown,
    /// The run connects, binds, and begins the sync search.
    Connecting,
    /// A refresh stage is under way.
    Refreshing,
    /// The copy is up to date, and the run tells changes as they happen.
    Following,
    /// The connection is lost, or could not be made. The run tries again.
    Waiting,
    /// The run ended as it should: a refresh was done, or a stop was requested.
    Stopped,
    /// The run ended by an error, or its process was killed or crashed.
    Failed,
}

impl RunState {
    const ALL: [RunState; 7] = [
        RunState::Unknown,
        RunState::Connecting,
        RunState::Refreshing,
        RunState::Following,
        RunState::Waiting,
        RunState::Stopped,
        RunState::Failed,
    ];

    /// The state in one word, such as `following`.
    pub fn name(self) -> &'static str {
        match self {
            RunState::Unknown => "unknown",
            RunState::Connecting => "connecting",
            RunState::Refreshing => "refreshing",
            RunState::Following => "following",
            RunState::Waiting => "waiting",
            RunState::Stopped => "stopped",
            RunState::Failed => "failed",
        }
    }

    /// Whether a process has to be there in this state.
    pub fn is_running(self) -> bool {
        matches!(
            self,
            RunState::Connecting | RunState::Refreshing | RunState::Following | RunState::Waiting
        )
    }

    fn of(name: &str) -> Option<RunState> {
        RunState::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// How far a refresh stage has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// The number of entries that the provider has sent or named in this stage.
    pub entries: u64,
    /// The number of entries in the copy when the stage began; 0 for a first refresh.
    pub before: u64,
}

impl Progress {
    pub(crate) fn of(entries: u64, before: u64) -> Self {
        Progress { entries, before }
    }
}

/// How far the copy was behind the provider when the provider was last asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Lag {
    /// The provider knew of no change that the copy had not.
    None,
    /// The provider's newest change was made so much later than the newest one in the copy.
    Time(Duration),
    /// The provider had numbered so many changes since. They need not concern the search.
    Changes(u64),
}

/// An error that a run met, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LastError {
    /// The message, fit to be shown.
    pub message: String,
    /// When it happened.
    pub time: SystemTime,
}

/// The state of the run that keeps a copy up to date, or of the last one that did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RunStatus {
    /// The state.
    pub state: RunState,
    /// Since when it is in this state.
    pub since: Option<SystemTime>,
    /// The process, as it is numbered on its own machine or in its own container.
    pub pid: Option<u32>,
    /// When the run began.
    pub started: Option<SystemTime>,
    /// The URL of the server of the present or last connection.
    pub server: Option<String>,
    /// How far the refresh stage has come, while one is under way.
    pub progress: Option<Progress>,
    /// When the provider was last heard.
    pub last_contact: Option<SystemTime>,
    /// The copy was current at this time: the provider answered, and the copy held everything that it knew.
    pub confirmed: Option<SystemTime>,
    /// How far the copy was behind, where the provider shows it.
    pub lag: Option<Lag>,
    /// The last error that ended a connection or the run.
    pub last_error: Option<LastError>,
    /// When the run tries again, while it waits.
    pub next_retry: Option<SystemTime>,
    /// How many connections the run has made.
    pub connections: u64,
    /// How many errors have ended a connection, or kept one from being made, since the run began.
    pub failures: u64,
    /// How many changes the run has committed.
    pub changes: u64,
}

/// The place in a store's history where the copy was found to be current: the id of the store, the number
/// of the commit, and its tag.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Place {
    pub(crate) store: String,
    pub(crate) commit: u64,
    pub(crate) tag: String,
}

/// All that the file of the state holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) run: RunStatus,
    /// Where the copy was when it was found to be current. After a backup was put back, that says nothing.
    pub(crate) place: Place,
    /// When this was written.
    pub(crate) seen: Option<SystemTime>,
}
