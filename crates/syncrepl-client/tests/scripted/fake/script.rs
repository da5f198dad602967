//! The script of a provider, and the record of what the consumer asked of it.

use std::time::Duration;

use syncrepl_client::Uuid;
use syncrepl_proto::sync::EntryState;

/// One thing that the provider sends in answer to a sync search.
#[derive(Debug, Clone)]
pub enum Step {
    /// An entry: state, number, DN, description.
    Entry(EntryState, u8, &'static str, &'static str),
    /// The same with a cookie.
    EntryWith(EntryState, u8, &'static str, &'static str, &'static str),
    /// syncIdSet: refreshDeletes, numbers, cookie.
    Ids(bool, Vec<u8>, Option<&'static str>),
    /// syncIdSet (present) of so many ids that no entry has.
    Strangers(u32),
    /// newcookie.
    Cookie(&'static str),
    /// refreshDelete or refreshPresent: present, cookie, refreshDone.
    Phase(bool, Option<&'static str>, bool),
    /// The end of a refresh: cookie, refreshDeletes. SearchResultDone with a Sync Done control or,
    /// when the consumer asked for the persist stage too, the end of a phase with refreshDone.
    Done(Option<&'static str>, bool),
    /// SearchResultDone with this result and no control.
    Result(u32, &'static str),
    /// An entry without a Sync State control.
    WithoutState(&'static str),
    /// A Notice of Disconnection with this result; the provider closes the connection.
    Notice(u32),
    /// Any message, made from the id of the search.
    Raw(fn(u32) -> Vec<u8>),
    /// The provider sends what it has, and is silent for that time.
    Later(Duration),
    /// The provider closes the connection.
    Cut,
}

/// The provider's answer to a heartbeat: a "Who am I?" while a sync search runs.
#[derive(Debug, Clone, Copy, Default)]
pub enum Heartbeat {
    #[default]
    Success,
    /// An error with this result code.
    Refuses(u32),
    /// No answer. After that time the provider sends a newcookie of the search instead.
    Cookie(Duration, &'static str),
    Silence,
    /// The provider closes the connection.
    Closes,
}

/// The requests that the provider heard.
#[derive(Debug, Default)]
pub struct Log {
    /// The cookie of each sync search, in order.
    pub cookies: Vec<Option<String>>,
    /// The number of plain searches below the base.
    pub lookups: usize,
    pub abandoned: usize,
    pub cancelled: usize,
    /// Whether each sync search asked for the persist stage.
    pub persisted: Vec<bool>,
    pub heartbeats: usize,
}

/// An entry that a plain search shows: number, DN, description. An entry without a description is
/// hidden by a filter for it.
pub type Shown = (u8, String, String);

/// The base of every search.
pub const BASE: &str = "ou=base,dc=example";

/// The description of an entry, where nothing else is said.
pub const fn text(number: u8) -> &'static str {
    const TEXTS: [&str; 13] = [
        "entry 0", "entry 1", "entry 2", "entry 3", "entry 4", "entry 5", "entry 6", "entry 7",
        "entry 8", "entry 9", "entry 10", "entry 11", "entry 12",
    ];
    TEXTS[number as usize]
}

/// The entryUUID of an entry.
pub fn uuid(number: u8) -> Uuid {
    Uuid::from_bytes([number; 16])
}
