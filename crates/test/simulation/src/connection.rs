//! One connection as the provider sees it: what is to be told on it, and bytes each way.

use std::collections::VecDeque;

use syncrepl_proto::frame::Frames;
use syncrepl_proto::sync::SyncMode;

use crate::directory::Id;

/// The largest request that is taken.
const LARGEST: usize = 1 << 20;

pub struct Connection {
    /// What the consumer has sent.
    pub inbox: Frames,
    /// What the consumer has not yet read.
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

/// A sync search that is being answered.
#[derive(Debug, Clone)]
pub struct Sync {
    pub message: u32,
    pub mode: SyncMode,
    /// What is left to say of the refresh stage.
    pub items: VecDeque<Item>,
    /// In the persist stage: the place in the lineage of the last change that was told.
    pub told: usize,
    pub persist: bool,
    /// There is no more to say.
    pub ended: bool,
    /// The newest version that was looked at for the refresh stage: what is read later is no older.
    pub seen: usize,
}

/// One message of a refresh stage. What it says of an entry is what is so when it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// The entry, unless it came and went meanwhile.
    Entry(Id),
    /// The entry, or that it is gone.
    Touched(Id),
    /// They are still there, whether that is still so or not.
    Present(Vec<Id>),
    /// The same with a Sync State control.
    PresentEntry(Id),
    /// They were gone when the search began. Who came back since is told of later.
    Deleted(Vec<Id>),
    /// The same with a Sync State control.
    Gone(Id),
    /// A cookie and nothing else.
    Cookie,
    /// A present phase has ended, a delete phase follows.
    PhaseDone,
    /// The stage has ended. `present`: with a present phase. `cookie`: and here is the cookie.
    Done { present: bool, cookie: bool },
}
