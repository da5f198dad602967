//! An event: one change, or the state of one entry, as a sink is told it. `encode` writes it as JSON.

use std::time::SystemTime;

use syncrepl_client::journal::{Cause, Seq};
use uuid::Uuid;

use crate::position::Position;

/// One message to a sink.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Stays the same however often the event is sent. Two events of one id are equal, byte by byte.
    pub id: String,
    /// Its kind.
    pub kind: EventKind,
    /// The entryUUID; the nil UUID for an event about the whole snapshot.
    pub uuid: Uuid,
    /// Never falls for an entry: of two events about it, the one with the larger sequence is the newer one. Two
    /// of the same sequence tell the same state.
    pub sequence: Seq,
    /// The pass over everything that the event belongs to, or that came before it. An entry of which no snapshot
    /// of this generation came is gone when the pass has ended.
    pub generation: Seq,
    /// When the change was stored. No provider tells when it happened.
    pub time: SystemTime,
    /// How the change was learned of; `None` for the state of an entry.
    pub cause: Option<Cause>,
    /// The DN after the change; before it for a delete. `None` if it is not known any more.
    pub dn: Option<String>,
    /// The DN before a rename.
    pub old_dn: Option<String>,
    /// The attributes that changed.
    pub changes: Vec<ValueChange>,
    /// The attributes after the change; before it for a delete. `None` when the journal does not hold them
    /// (a large entry), or when the sink is not sent them.
    pub attrs: Option<Vec<Attribute>>,
    /// The attributes whose values are not in `attrs` because they are long and did not change.
    pub omitted: Vec<String>,
    /// The attributes whose values no sink is told.
    pub masked: Vec<String>,
    /// Which part of an event that is too large for one message.
    pub part: Option<Part>,
    /// Where a sink stands that has this event and all before it.
    pub position: Position,
}

impl Event {
    /// Whether this is about one entry, not about the whole snapshot.
    pub fn is_of_entry(&self) -> bool {
        !matches!(
            self.kind,
            EventKind::SnapshotStarted | EventKind::SnapshotCompleted
        )
    }
}

/// An attribute with its values. A name stands once in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    /// The attribute description, as the provider or the sink's `rename` spells it.
    pub name: String,
    /// Its values, in any order.
    pub values: Vec<Vec<u8>>,
}

/// The change of one attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValueChange {
    /// The attribute description.
    pub name: String,
    /// The values changed, and are not told.
    pub masked: bool,
    /// The values that it has now and had not.
    pub added: Vec<Vec<u8>>,
    /// The values that it had and has no more.
    pub removed: Vec<Vec<u8>>,
}

/// The kinds of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// The entry is new.
    Added,
    /// Its attributes changed.
    Changed,
    /// It has another DN; its attributes may have changed with it.
    Renamed,
    /// It is gone.
    Deleted,
    /// Its state, whatever it was before.
    Snapshot,
    /// A pass over everything begins.
    SnapshotStarted,
    /// A pass over everything has ended: every entry has been told of since it began.
    SnapshotCompleted,
}

impl EventKind {
    /// All of them.
    pub const ALL: [EventKind; 7] = [
        EventKind::Added,
        EventKind::Changed,
        EventKind::Renamed,
        EventKind::Deleted,
        EventKind::Snapshot,
        EventKind::SnapshotStarted,
        EventKind::SnapshotCompleted,
    ];

    /// The type of the CloudEvent.
    pub fn name(self) -> &'static str {
        match self {
            EventKind::Added => "io.syncrepl.entry.added.v1",
            EventKind::Changed => "io.syncrepl.entry.changed.v1",
            EventKind::Renamed => "io.syncrepl.entry.renamed.v1",
            EventKind::Deleted => "io.syncrepl.entry.deleted.v1",
            EventKind::Snapshot => "io.syncrepl.entry.snapshot.v1",
            EventKind::SnapshotStarted => "io.syncrepl.snapshot.started.v1",
            EventKind::SnapshotCompleted => "io.syncrepl.snapshot.completed.v1",
        }
    }

    /// The word for people and metrics: `added`, `snapshot.started`.
    pub fn word(self) -> &'static str {
        match self {
            EventKind::Added => "added",
            EventKind::Changed => "changed",
            EventKind::Renamed => "renamed",
            EventKind::Deleted => "deleted",
            EventKind::Snapshot => "snapshot",
            EventKind::SnapshotStarted => "snapshot.started",
            EventKind::SnapshotCompleted => "snapshot.completed",
        }
    }
}

/// Which part of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// From 1 on.
    pub number: u32,
    /// How many there are.
    pub of: u32,
}
