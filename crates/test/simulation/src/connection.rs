//! One connection as the provider sees it: its sync search, and bytes each way.

use std::collections::VecDeque;

use syncrepl_proto::frame::Frames;
use syncrepl_proto::sync::SyncMode;

use crate::directory::Id;

/// The largest request that the provider takes, in bytes.
const LARGEST: usize = 1 << 20;

pub struct Connection {
    /// Bytes from the consumer.
    pub inbox: Frames,
    /// Bytes that the consumer has not read yet.
    pub outbox: VecDeque<u8>,
    pub closed: bool,
    pub sync: Option<Sync>,
}

impl Connection {
    pub fn new() -> Self {
        Connection {
            inbox: Frames::new(LARGEST),
            outbox: VecDeque::new(),
            closed: false,
            sync: None,
        }
    }
}

/// A sync search that the provider is answering.
#[derive(Debug, Clone)]
pub struct Sync {
    pub message: u32,
    pub mode: SyncMode,
    /// The messages of the refresh stage that the provider has still to send.
    pub items: VecDeque<Item>,
    /// The place in the lineage at which the search began. In the persist stage: the place of the
    /// last change that the provider told.
    pub told: usize,
    pub persist: bool,
    /// The provider has sent everything.
    pub ended: bool,
    /// The newest version at which the refresh stage has looked. Later messages show nothing older.
    pub seen: usize,
}

/// One message of a refresh stage. The provider looks at the entry only when it sends the message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// Sends the entry, unless it came and went after the search began.
    Entry(Id),
    /// Sends the entry, or its delete if the search no longer shows it.
    Touched(Id),
    /// Names entries that are still there.
    Present(Vec<Id>),
    /// The same with a Sync State control.
    PresentEntry(Id),
    /// Names entries that were gone when the search began. An entry may be back by now; the
    /// provider tells of it later.
    Deleted(Vec<Id>),
    /// The same with a Sync State control.
    Gone(Id),
    /// A cookie and nothing else.
    Cookie,
    /// Ends a present phase; a delete phase follows.
    PhaseDone,
    /// Ends the stage. `present`: its last phase was a present phase. `cookie`: with a cookie.
    Done { present: bool, cookie: bool },
}
