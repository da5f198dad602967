//! The questions that an open stage has for the provider, and when each is asked.
//!
//! What puts a question is in [`super::take`] and [`super::doubt`] while the stage runs, and in
//! [`super::settle`] at its end; [`super::answer`] asks what is due.

use std::collections::{BTreeMap, BTreeSet};

use roaring::RoaringTreemap;
use syncrepl_proto::Uuid;

/// The open questions of one stage.
#[derive(Debug, Default)]
pub(crate) struct Agenda {
    /// Where are these records? Asked before the stage, or group, is told.
    pub(crate) now: RoaringTreemap,
    /// The same question for entries by entryUUID, with the DN last heard of: they may be no records.
    pub(crate) named: BTreeMap<Uuid, String>,
    /// What lies below these entries? Asked before the stage, or group, is told.
    pub(crate) below: BTreeSet<Uuid>,
    /// Records held below one that is gone or back. One that a search shows all the same may have
    /// been away with it, and have brought others: what lies below it is asked, too.
    pub(crate) below_if_shown: RoaringTreemap,
    /// Where these records are is asked when the provider has been silent for a second: a search
    /// amid its changes would be ahead of them. Until then the question is in the store.
    pub(crate) quiet: RoaringTreemap,
    /// Records whose quiet question is asked in this stage. An answer that tells nothing new closes it.
    pub(crate) asked_when_quiet: RoaringTreemap,
    /// Entries about which that was asked in this stage.
    asked_below: BTreeSet<Uuid>,
    /// The whole search is looked at, whatever was told.
    pub(crate) everything: bool,
    /// A record waits for a DN that was derived from its parent's and never stated. The group ends
    /// before the next message, which may move the parent again.
    pub(crate) at_once: bool,
    /// Pairs of entries that claim one name, and were asked for: the one that waits, the holder.
    pub(crate) conflicts: BTreeSet<(Uuid, Uuid)>,
}

impl Agenda {
    /// Whether a question has to be answered before anything is told.
    pub(crate) fn is_due(&self) -> bool {
        !self.now.is_empty() || !self.named.is_empty() || !self.below.is_empty()
    }

    /// Asks what lies below an entry, once a stage.
    pub(crate) fn ask_below(&mut self, uuid: Uuid) {
        if self.asked_below.insert(uuid) {
            self.below.insert(uuid);
        }
    }

    /// A statement says where a record is.
    pub(crate) fn answered(&mut self, id: u64) {
        self.now.remove(id);
    }

    /// The rounds are used up: what is still to be asked waits until the provider is silent.
    pub(crate) fn leave_for_quiet(&mut self) {
        self.quiet |= std::mem::take(&mut self.now);
    }
}
