//! The beliefs of an open stage about each record: whether it is there, and how its DN is known
//! ([`Basis`]). They are bitmaps over rowids, so that a belief costs a few bits.
//!
//! The ledger only remembers. [`super::order`] says what a belief means when a parent moves, and
//! [`super::agenda`] holds the questions about it.

use std::collections::{BTreeMap, BTreeSet};

use roaring::RoaringTreemap;
use syncrepl_proto::Uuid;

/// How the DN of a record is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Basis {
    /// By the stream, or for a long time.
    Known,
    /// By the last refresh stage, which read each entry at a moment of its own.
    Fresh,
    /// By a search of an earlier stage, which may have been ahead of the stream.
    Shown,
    /// By this refresh stage.
    Stated,
    /// By a search of this stage.
    Found,
    /// By a statement below a name whose holder still waits to leave it.
    Unsure,
}

/// The beliefs of one stage.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    // Their presence, by what the stage said.
    /// Records sent, or named as present.
    pub(crate) present: RoaringTreemap,
    /// Records that are new. The stage does not know yet which entries lie below them.
    pub(crate) new: RoaringTreemap,
    /// Records that are said to be gone.
    pub(crate) gone: RoaringTreemap,
    /// One of them was not named: a search did not show it.
    pub(crate) gone_unnamed: bool,
    /// Records that may have come into the base while the copy held them, and have brought others.
    pub(crate) back: RoaringTreemap,
    /// Names that records left while a record below stayed there and was asked for: the record that
    /// had the name. If a search does not show the other, it may have left with that one.
    pub(crate) left: BTreeMap<Vec<u8>, i64>,
    // How their DNs are known.
    /// Records whose DN this stage stated. While the questions of a group are answered: those whose
    /// DN a search of this stage showed, or that are unsure.
    pub(crate) stated: RoaringTreemap,
    /// Records whose DN the last refresh stage stated.
    pub(crate) fresh: RoaringTreemap,
    /// Records whose DN a search of this stage showed.
    pub(crate) found: RoaringTreemap,
    /// These are all records that there are.
    pub(crate) all_found: bool,
    /// Entries that came below a name whose holder still waits to leave it.
    pub(crate) unsure: BTreeSet<Uuid>,
    /// Fresh records that a group of the persist stage placed soon after the refresh stage.
    pub(crate) fresh_placed: RoaringTreemap,
    /// The last refresh stage ended so recently that what is stated now counts as fresh, too.
    pub(crate) may_be_ahead: bool,
}

impl Ledger {
    /// A refresh stage commits: what it stated is fresh.
    pub(crate) fn stated_is_fresh(&mut self) {
        self.fresh = std::mem::take(&mut self.stated);
    }

    /// A stage begins anew without a cookie: the provider says again what is present, and what it
    /// stated still holds.
    pub(crate) fn restart(&mut self) {
        self.present.clear();
        self.gone.clear();
        self.all_found = false;
    }
}

/// A rowid as a member of a bitmap; SQLite's are positive unless somebody sets them by hand.
pub(crate) fn member(id: i64) -> u64 {
    id as u64
}

/// A member of a bitmap as a rowid.
pub(crate) fn rowid(member: u64) -> i64 {
    member as i64
}
