//! What is known of an open stage: a refresh stage, or a group of the persist stage. What has to
//! wait for the end of it is in [`crate::changes::settle`].

mod doubt;
mod moving;
mod take;

use std::collections::{BTreeMap, BTreeSet};

use roaring::RoaringTreemap;
use syncrepl_proto::Uuid;

use crate::changes::ancestors::Hidden;
use crate::changes::apply::Applier;
use crate::error::Result;
use crate::store::placed::Placed;

/// How many ids that were named as present, but never sent, are kept.
const UNKNOWN_LIMIT: usize = 10_000;

/// Among what was stated, or is fresh: one that is no record any more, since a search did not show it.
/// It left with some parent, whose name may be another by now than when it was stated.
pub(crate) const WHO_LEFT_EARLY: u64 = 0;

/// What kind of stage it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A refresh stage, begun with a cookie or without.
    Refresh {
        /// Whether a cookie was sent.
        cookie_sent: bool,
    },
    /// A group of changes of the persist stage.
    Group,
}

/// Everything remembered of a stage: bitmaps over rowids, so that it stays small.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) kind: Kind,
    /// How often the stage was begun anew without a cookie.
    pub(crate) restarts: u32,
    /// Records sent, or named as present.
    pub(crate) seen: RoaringTreemap,
    /// Records whose DN was stated.
    pub(crate) stated: RoaringTreemap,
    /// Records said to be gone.
    pub(crate) doomed: RoaringTreemap,
    /// Records said to be gone, and then to be there again: what is below them may have changed
    /// meanwhile without a word.
    pub(crate) returned: RoaringTreemap,
    /// Records that may have been outside the base, if there is anything outside.
    pub(crate) was_away: RoaringTreemap,
    /// Records that went with one that was said to be gone, unless something is said of them yet.
    pub(crate) went_along: RoaringTreemap,
    /// Records that are new.
    pub(crate) added: RoaringTreemap,
    /// Records whose DN was stated before a parent of theirs moved away.
    pub(crate) doubtful: RoaringTreemap,
    /// Records whose DN was stated in the last refresh stage, and may be from before a change that
    /// is still to be told.
    pub(crate) fresh: RoaringTreemap,
    /// Records that may be held elsewhere than they are, to be asked for when the provider has
    /// nothing to tell for a moment: an answer to a search amid its changes is ahead of them.
    pub(crate) suspects: RoaringTreemap,
    /// Those that were, and are asked for in this stage.
    pub(crate) suspects_before: RoaringTreemap,
    /// Records that a search showed in this stage.
    pub(crate) found: RoaringTreemap,
    /// Whether there are more fresh ones since a search was made.
    pub(crate) looked_up: bool,
    /// Whether it is so soon after a refresh stage that the next of them still come.
    pub(crate) may_be_ahead: bool,
    /// References sent, or named as present.
    pub(crate) references_seen: RoaringTreemap,
    /// Ids named as present that the store does not hold.
    pub(crate) unknown: BTreeSet<Uuid>,
    /// There were more of them than are kept.
    pub(crate) unknown_overflow: bool,
    /// A record waits for a DN that was derived from its parent's, not stated. In the persist
    /// stage that is settled before anything else moves the parent again.
    pub(crate) derived_waits: bool,
    /// Whatever was told, the whole search is to be looked at.
    pub(crate) everything: bool,
    /// Entries are not to be taken as sent, but to be looked up at the end.
    pub(crate) only_hints: bool,
    /// Those, by entryUUID, with the DN that was sent.
    pub(crate) hints: BTreeMap<Uuid, String>,
    /// Entries of a group that stay where they are said to be, whatever moves above them, and are
    /// suspects when it ends.
    pub(crate) unsure: BTreeSet<Uuid>,
    /// What there is to say of parents that the filter hides.
    pub(crate) hidden: Hidden,
    /// The stage has ended, and searches show what is taken now: it is newer than what the provider
    /// has told, and may yet tell, of the parents.
    pub(crate) looking: bool,
    /// Whether there are records whose DN is from a search, in the store.
    pub(crate) any_placed: bool,
    /// Whether anything may be parked. As a rule nothing is, and need not be looked for.
    pub(crate) any_parked: bool,
    /// Whether there may be references, in the store.
    pub(crate) any_references: bool,
    /// Whether the entry before was new: then so is the next, as a rule.
    pub(crate) after_new: bool,
    /// What is said of entries now is the answer to a search: each DN is where the entry is at last,
    /// whatever moves above it. What a persist stage says is one change after the other.
    pub(crate) asking: bool,
    /// The last cookie that came.
    pub(crate) cookie: Option<Vec<u8>>,
    /// The server ID in it, if there was one.
    pub(crate) server_id: Option<String>,
    /// Who is present was listed by a search, which does not name references.
    pub(crate) listed: bool,
    /// How many records the store held when the stage, or group, began.
    pub(crate) before: u64,
    /// How many messages said something of an entry.
    pub(crate) messages: u64,
}

impl Stage {
    pub(crate) fn new(kind: Kind, before: u64) -> Self {
        Stage {
            kind,
            restarts: 0,
            seen: RoaringTreemap::new(),
            stated: RoaringTreemap::new(),
            doomed: RoaringTreemap::new(),
            returned: RoaringTreemap::new(),
            was_away: RoaringTreemap::new(),
            went_along: RoaringTreemap::new(),
            added: RoaringTreemap::new(),
            doubtful: RoaringTreemap::new(),
            fresh: RoaringTreemap::new(),
            suspects: RoaringTreemap::new(),
            suspects_before: RoaringTreemap::new(),
            found: RoaringTreemap::new(),
            looked_up: false,
            may_be_ahead: false,
            references_seen: RoaringTreemap::new(),
            unknown: BTreeSet::new(),
            unknown_overflow: false,
            derived_waits: false,
            everything: false,
            only_hints: false,
            hints: BTreeMap::new(),
            unsure: BTreeSet::new(),
            hidden: Hidden::default(),
            looking: false,
            any_placed: false,
            any_parked: true,
            any_references: true,
            after_new: false,
            asking: false,
            cookie: None,
            server_id: None,
            listed: false,
            before,
            messages: 0,
        }
    }

    /// Goes on without a cookie: what is present is to be said again, what was stated still holds.
    pub(crate) fn restart(&mut self) {
        self.kind = Kind::Refresh { cookie_sent: false };
        self.restarts += 1;
        self.seen.clear();
        self.doomed.clear();
        self.references_seen.clear();
        self.unknown.clear();
        self.unknown_overflow = false;
        self.looking = false;
        self.listed = false;
        self.cookie = None;
    }

    pub(crate) fn is_refresh(&self) -> bool {
        matches!(self.kind, Kind::Refresh { .. })
    }

    /// Whether what is said holds for the end of the stage, so that renames wait for it.
    pub(crate) fn is_about_the_end(&self) -> bool {
        self.is_refresh() || self.asking
    }

    /// Records that may be held elsewhere than they are. In a refresh stage they are asked for at its
    /// end, in the persist stage when it is quiet.
    pub(crate) fn suspect(&mut self, records: RoaringTreemap) {
        match self.is_refresh() {
            true => self.doubtful |= records,
            false => self.suspects |= records,
        }
    }

    fn name_unknown(&mut self, uuid: Uuid) {
        if self.unknown.len() < UNKNOWN_LIMIT {
            self.unknown.insert(uuid);
        } else {
            self.unknown_overflow = true;
        }
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

/// An open stage at work: events go in, changes are stored and told.
pub(crate) struct Work<'a> {
    pub(crate) stage: &'a mut Stage,
    pub(crate) apply: Applier<'a>,
    /// The base of the search.
    pub(crate) base: &'a str,
    /// Whether the search shows every entry below its base, and so the parents of what it shows.
    pub(crate) shows_parents: bool,
}

impl Work<'_> {
    pub(crate) fn placed(&self) -> Placed<'_> {
        Placed::new(self.apply.writer.connection())
    }

    /// Remembers whether the DN of a record is from a search, or was told.
    fn note_place(&mut self, id: i64) -> Result<()> {
        if self.stage.looking {
            self.stage.any_placed = true;
            // One search shows entries of several moments, too.
            self.stage.looked_up |= self.stage.fresh.insert(member(id));
            self.stage.found.insert(member(id));
            return self.placed().insert(id);
        }
        if self.stage.any_placed {
            self.placed().remove(id)?;
        }
        Ok(())
    }

    /// Whether a record cannot be believed to have moved with its parent: the search that showed its
    /// DN may have seen it there already, or below another parent.
    fn is_placed(&self, id: i64) -> Result<bool> {
        Ok(self.stage.any_placed && self.placed().contains(id)?)
    }

    /// The same for what was stated in the last refresh stage, which showed it at some moment of its
    /// own. In the persist stage that is asked for later, when the provider is quiet.
    fn is_uncertain(&self, id: i64) -> Result<bool> {
        let is_fresh = self.stage.is_refresh() && self.stage.fresh.contains(member(id));
        Ok(is_fresh || self.is_placed(id)?)
    }
}
