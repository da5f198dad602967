//! What readers see of the journal.

use std::fmt;
use std::time::SystemTime;

use syncrepl_proto::Uuid;
use syncrepl_proto::attributes::OwnedAttributeList;

use super::blob::JournalDiff;
use super::seq::Seq;
use super::settings::JournalSettings;
use crate::store::history::Tag;

/// What a row tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum JournalOp {
    /// An entry is new in the copy.
    Add,
    /// Attributes of an entry have changed.
    Change,
    /// An entry has another DN; attributes may have changed with it.
    Rename,
    /// An entry has left the copy.
    Delete,
    /// A writer has completed its first refresh, in which nothing changed. So each writer begins with a number
    /// that is larger than any before, also than those of a history that a restored backup has lost.
    Refreshed,
    /// No row was written for each change of this commit, or the journal was turned on here. A reader that
    /// stands before it has to look at the whole copy.
    Marker,
}

impl JournalOp {
    pub(super) fn stored(self) -> i64 {
        match self {
            JournalOp::Add => 1,
            JournalOp::Change => 2,
            JournalOp::Rename => 3,
            JournalOp::Delete => 4,
            JournalOp::Refreshed => 8,
            JournalOp::Marker => 9,
        }
    }

    pub(super) fn of_stored(stored: i64) -> Option<Self> {
        let all = [
            JournalOp::Add,
            JournalOp::Change,
            JournalOp::Rename,
            JournalOp::Delete,
            JournalOp::Refreshed,
            JournalOp::Marker,
        ];
        all.into_iter().find(|op| op.stored() == stored)
    }
}

/// How the copy came to know of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cause {
    /// The provider told it when it happened.
    Persist,
    /// A refresh from a cookie.
    Refresh,
    /// A refresh without a cookie, which compared everything.
    Reconcile,
}

impl Cause {
    pub(super) fn stored(self) -> i64 {
        match self {
            Cause::Persist => 1,
            Cause::Refresh => 2,
            Cause::Reconcile => 3,
        }
    }

    pub(super) fn of_stored(stored: i64) -> Option<Self> {
        let all = [Cause::Persist, Cause::Refresh, Cause::Reconcile];
        all.into_iter().find(|cause| cause.stored() == stored)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Cause::Persist => "persist",
            Cause::Refresh => "refresh",
            Cause::Reconcile => "reconcile",
        })
    }
}

/// A row of the journal.
#[derive(Debug, Clone)]
pub struct JournalRow {
    /// Its place.
    pub seq: Seq,
    /// The commit that it is a part of. A marker that was written between two commits has the number of the
    /// one before it, 0 if there was none.
    pub commit: u64,
    /// The tag of that commit. `None` before the first commit, and if it is too long ago.
    pub tag: Option<Tag>,
    /// Its number in the commit, from 1; 0 for a marker that was written between two commits.
    pub n: u64,
    /// What it tells.
    pub op: JournalOp,
    /// The entryUUID. All zero for a row that tells of no entry: a marker, and [`JournalOp::Refreshed`].
    pub uuid: Uuid,
    /// How the copy came to know of it.
    pub cause: Cause,
    /// When it was stored. No provider tells when it happened.
    pub time: SystemTime,
    /// The DN after the change; of a delete the last one. `None` for a row that tells of no entry.
    pub dn: Option<String>,
    /// The DN before a rename.
    pub old_dn: Option<String>,
    /// The values that a change added and removed.
    pub diff: Option<JournalDiff>,
    /// The attributes after an add or a change, and those that a deleted entry had at last. An attribute
    /// without values is one whose values are kept out of the journal
    /// ([`valueless`](OwnedAttributeList)). `None` where they are larger than
    /// [`image_max`](JournalSettings::image_max), for a rename without a change, and for a row that tells
    /// of no entry.
    pub after: Option<OwnedAttributeList>,
}

impl JournalRow {
    /// The id of this event: the commit's tag and number, and the number in the commit. The same change has the
    /// same id however often it is read, and no other change has it. `None` if the tag is not known.
    pub fn id(&self) -> Option<String> {
        self.tag
            .map(|tag| format!("{tag}.{}.{}", self.commit, self.n))
    }
}

/// The state of a journal, which costs little to read.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct JournalState {
    /// Whether changes are written to it.
    pub on: bool,
    /// When it was turned on; `None` while it is off.
    pub since: Option<SystemTime>,
    /// How it is kept; the defaults while it is off.
    pub settings: JournalSettings,
    /// The place of the newest row; zero if there never was one.
    pub head: Seq,
    /// Rows up to here may be gone.
    pub floor: Seq,
    /// The place of the newest marker, or of the last row that went although no folded entry stands for it. A
    /// reader that stands before it has to look at the whole copy.
    pub marker: Seq,
    /// Where the last of all known readers stands; `None` if no reader is known.
    pub needed: Option<Seq>,
    /// When the oldest row was stored.
    pub oldest: Option<SystemTime>,
}

/// The size of a journal. To add it up reads the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct JournalSize {
    /// The number of rows, markers included.
    pub rows: u64,
    /// About how many bytes they take.
    pub bytes: u64,
    /// The number of entries of which rows were dropped before every reader had them.
    pub folded: u64,
}
