//! The questions that an open stage has for the provider, and when each is asked.
//!
//! | question | asks | put by |
//! |---|---|---|
//! | *where* | where a record, or an entry named by entryUUID, is now | a move, a name, a delete, a conflict, an orphan |
//! | *below* | what lies below an entry | an entry that is new or back |
//! | *values* | what values an entry has | a live message that would take some away |
//! | *everything* | what the whole search shows | a gap between two stages |
//! | *all values* | the same, but a DN that we hold is no news | a change, if the user wants derived values |
//!
//! [`super::rules`] lists what puts a question; [`super::answer`] asks those that are due.

use std::collections::{BTreeMap, BTreeSet};

use roaring::RoaringTreemap;
use syncrepl_proto::Uuid;

use super::hints::Doubts;

/// When a question is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    /// Before the stage, or group, is told.
    Now,
    /// When the provider has been silent for a second: a search amid its changes would be ahead of
    /// them. Until then the question is in the store.
    Quiet,
}

/// The open questions of one stage.
#[derive(Debug, Default)]
pub(crate) struct Agenda {
    /// *Where*, now: records.
    now: RoaringTreemap,
    /// *Where*, now: entries by entryUUID, with the DN last heard of. They may be no records.
    named: BTreeMap<Uuid, String>,
    /// *Values*, now.
    values: Doubts,
    /// *Below*, now: records, and entries that still wait to become records.
    below: RoaringTreemap,
    below_waiting: BTreeSet<Uuid>,
    /// Those about which *below* was asked in this stage because they are new or back.
    asked_below: RoaringTreemap,
    asked_below_waiting: BTreeSet<Uuid>,
    /// *Where*, quiet: records.
    pub(crate) quiet: RoaringTreemap,
    /// Records whose quiet question is asked in this stage. An answer that tells nothing new closes it.
    pub(crate) asked_when_quiet: RoaringTreemap,
    /// *Everything*, now.
    pub(crate) everything: bool,
    /// *All values*, now.
    pub(crate) all_values: bool,
    /// A record waits for a DN that was derived from its parent's and never stated. The group ends
    /// before the next message, which may move the parent again.
    pub(crate) at_once: bool,
    /// Pairs of entries that claim one name and were asked for: the one that waits, the holder.
    pub(crate) conflicts: BTreeSet<(Uuid, Uuid)>,
}

impl Agenda {
    /// Asks where this record is.
    pub(crate) fn ask_where(&mut self, id: u64, when: When) {
        match when {
            When::Now => self.now.insert(id),
            When::Quiet => self.quiet.insert(id),
        };
    }

    /// Asks where these records are.
    pub(crate) fn ask_where_all(&mut self, ids: RoaringTreemap, when: When) {
        match when {
            When::Now => self.now |= ids,
            When::Quiet => self.quiet |= ids,
        }
    }

    /// The quiet questions about these records are asked in this stage.
    pub(crate) fn ask_what_was_quiet(&mut self, ids: RoaringTreemap) {
        self.asked_when_quiet = ids.clone();
        self.now |= ids;
    }

    /// Asks where this entry is, which may be no record. `dn` is where it was last heard of.
    pub(crate) fn ask_where_named(&mut self, uuid: Uuid, dn: String) {
        self.named.insert(uuid, dn);
    }

    /// Asks for the values of this record, of which a message would take some away.
    pub(crate) fn ask_values(&mut self, uuid: Uuid, lost: Vec<(String, u64)>) {
        self.values.insert(uuid, lost);
    }

    /// Takes the question which values these entries have.
    pub(crate) fn take_values(&mut self) -> Doubts {
        std::mem::take(&mut self.values)
    }

    /// Asks, once a stage, what lies below these records, which are new or back.
    pub(crate) fn ask_below(&mut self, ids: &RoaringTreemap) {
        self.below |= ids - &self.asked_below;
        self.asked_below |= ids;
    }

    /// Asks, once a stage, what lies below this new entry, which waits for its name.
    pub(crate) fn ask_below_waiting(&mut self, uuid: Uuid) {
        if self.asked_below_waiting.insert(uuid) {
            self.below_waiting.insert(uuid);
        }
    }

    /// A statement says where a record is.
    pub(crate) fn answered(&mut self, id: u64) {
        self.now.remove(id);
    }

    /// Of all records only these are asked for; the others are decided in another way.
    pub(crate) fn only_where(&mut self, ids: &RoaringTreemap) {
        self.now &= ids;
    }

    /// Whether a question has to be answered before anything is told.
    pub(crate) fn is_due(&self) -> bool {
        !self.now.is_empty()
            || !self.named.is_empty()
            || !self.values.is_empty()
            || !self.below.is_empty()
            || !self.below_waiting.is_empty()
    }

    /// Takes the question where these entries are.
    pub(crate) fn take_named(&mut self) -> BTreeMap<Uuid, String> {
        std::mem::take(&mut self.named)
    }

    /// Takes the question what lies below these records, and below these entries that wait.
    pub(crate) fn take_below(&mut self) -> (RoaringTreemap, BTreeSet<Uuid>) {
        let waiting = std::mem::take(&mut self.below_waiting);
        (std::mem::take(&mut self.below), waiting)
    }

    /// Takes the question where these records are.
    pub(crate) fn take_where(&mut self) -> RoaringTreemap {
        std::mem::take(&mut self.now)
    }

    /// The rounds are used up: the open questions wait until the provider is silent.
    pub(crate) fn leave_for_quiet(&mut self) {
        self.quiet |= std::mem::take(&mut self.now);
    }
}
