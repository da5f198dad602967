//! The questions that an open stage has for the provider, and when each is asked.

use std::collections::BTreeMap;

use roaring::RoaringTreemap;
use syncrepl_proto::Uuid;

/// The open questions of one stage.
#[derive(Debug, Default)]
pub(crate) struct Agenda {
    /// Where these records are is asked before the stage, or group, is told.
    pub(crate) now: RoaringTreemap,
    /// The same for entries by entryUUID, with the DN that was last heard of: they may be no records.
    pub(crate) named: BTreeMap<Uuid, String>,
    /// Where these records are is asked when the provider has been silent for a second: a search
    /// amid its changes would be ahead of them. Until then the question is in the store.
    pub(crate) quiet: RoaringTreemap,
    /// Records whose quiet question is asked in this stage. An answer that tells nothing new closes it.
    pub(crate) asked_when_quiet: RoaringTreemap,
    /// The whole search is looked at, whatever was told.
    pub(crate) everything: bool,
    /// A record waits for a DN that was derived from its parent's and never stated. The group ends
    /// before the next message, which may move the parent again.
    pub(crate) at_once: bool,
}
