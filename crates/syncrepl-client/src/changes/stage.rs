//! An open stage, a refresh stage or a group of the persist stage, and what is known of it. [`Work`] is the
//! stage at work; the other files of this folder are its methods.

use std::collections::BTreeSet;

use roaring::RoaringTreemap;
use syncrepl_proto::Uuid;

use super::agenda::{Agenda, When};
use super::apply::Applier;
use super::hints::Hints;
use super::ledger::{Basis, Ledger, member};
use super::occupied::Occupied;
use super::rules::Limits;
use super::source::{Kind, Source};
use super::terms::Parents;
use super::waiting::Waiting;
use crate::error::Result;
use crate::store::shown::Shown;

/// How many ids that were named as present, but never sent, are kept.
const UNKNOWN_LIMIT: usize = 10_000;

/// Everything remembered of a stage.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) kind: Kind,
    /// The stage has ended, and searches are answered now.
    pub(crate) searching: bool,
    /// Which messages are looked up at the end of the group instead of taken as sent.
    pub(crate) hints: Hints,
    /// How often the stage was begun anew without a cookie.
    pub(crate) restarts: u32,
    pub(crate) ledger: Ledger,
    pub(crate) agenda: Agenda,
    pub(crate) hidden: Hidden,
    pub(crate) named: Named,
    pub(crate) any: Any,
    pub(crate) waiting: Waiting,
    pub(crate) occupied: Occupied,
    /// The last cookie that came.
    pub(crate) cookie: Option<Vec<u8>>,
    /// The server ID in it, if there was one.
    pub(crate) server_id: Option<String>,
    /// How many messages said something of an entry.
    pub(crate) messages: u64,
    /// The DNs of the first records that the stage has deleted, for the message of a guard.
    pub(crate) deleted: Vec<String>,
    pub(crate) limits: Limits,
}

/// The ids and references that a refresh stage named besides records of the copy.
#[derive(Debug, Default)]
pub(crate) struct Named {
    /// References sent, or named as present.
    pub(crate) references: RoaringTreemap,
    /// Ids named as present that the store does not hold, unless they are too many.
    pub(crate) unknown: BTreeSet<Uuid>,
    /// There were more of them than are kept.
    pub(crate) unknown_overflow: bool,
    /// A search listed the ids of all that is present. It names no references.
    pub(crate) listed: bool,
}

impl Named {
    pub(crate) fn unknown(&mut self, uuid: Uuid) {
        if self.unknown.len() < UNKNOWN_LIMIT {
            self.unknown.insert(uuid);
        } else {
            self.unknown_overflow = true;
        }
    }
}

/// Findings of a stage about parents that the filter hides.
#[derive(Debug, Default)]
pub(crate) struct Hidden {
    /// The task of the end of a group.
    pub(crate) task: Parents,
    /// A cookie came without an entry: something happened that we are not told of.
    pub(crate) only_cookie: bool,
    /// Records that are new, or were sent with another DN, in the persist stage.
    pub(crate) placed: RoaringTreemap,
    /// A parent was found in another place than before.
    pub(crate) moved: bool,
    /// Not all parents are known, or in their places.
    pub(crate) unsettled: bool,
}

/// Of which rows there may be any at all. As a rule there are none, and none are looked for.
#[derive(Debug)]
pub(crate) struct Any {
    /// Records whose DN a search showed.
    pub(crate) shown: bool,
    pub(crate) references: bool,
    /// The entry before was new: then so is the next, as a rule.
    pub(crate) after_new: bool,
}

impl Stage {
    pub(crate) fn new(kind: Kind) -> Self {
        Stage {
            kind,
            searching: false,
            hints: Hints::default(),
            restarts: 0,
            ledger: Ledger::default(),
            agenda: Agenda::default(),
            hidden: Hidden::default(),
            named: Named::default(),
            any: Any {
                shown: false,
                references: true,
                after_new: false,
            },
            waiting: Waiting::default(),
            occupied: Occupied::default(),
            cookie: None,
            server_id: None,
            messages: 0,
            deleted: Vec::new(),
            limits: Limits::DEFAULT,
        }
    }

    /// Goes on without a cookie: the provider says again what is present; what it stated still holds.
    pub(crate) fn restart(&mut self) {
        self.kind = Kind::Refresh { cookie_sent: false };
        self.restarts += 1;
        self.searching = false;
        self.ledger.restart();
        self.named = Named::default();
        self.cookie = None;
    }

    pub(crate) fn is_refresh(&self) -> bool {
        matches!(self.kind, Kind::Refresh { .. })
    }

    /// Where the statements come from that are taken now.
    pub(crate) fn source(&self) -> Source {
        match (self.kind, self.searching) {
            (kind, true) => Source::Search {
                in_refresh: kind != Kind::Group,
            },
            (Kind::Refresh { .. }, false) => Source::Refresh,
            (Kind::Group, false) if self.hints.all => Source::Hint,
            (Kind::Group, false) => Source::Stream,
        }
    }

    /// Whether a statement holds for the end of the stage, so that renames wait for it. A
    /// statement of the stream holds at once, one change after the other.
    pub(crate) fn is_about_the_end(&self) -> bool {
        !matches!(self.source(), Source::Stream | Source::Hint)
    }

    /// Asks where these records are: at the end of a refresh stage, or when the persist stage is quiet.
    pub(crate) fn ask_where(&mut self, records: RoaringTreemap) {
        let when = match self.is_refresh() {
            true => When::Now,
            false => When::Quiet,
        };
        self.agenda.ask_where_all(records, when);
    }
}

/// An open stage at work: events go in, changes are stored and told.
pub(crate) struct Work<'a> {
    pub(crate) stage: &'a mut Stage,
    pub(crate) apply: Applier<'a>,
    /// The base of the search.
    pub(crate) base: &'a str,
    /// The attributes that are left out of the copy.
    pub(crate) except: &'a [String],
    /// Whether the search shows every entry below its base, and so the parents of what it shows.
    pub(crate) shows_parents: bool,
}

impl Work<'_> {
    /// The key of a DN in this copy.
    pub(crate) fn key(&self, dn: &str) -> Vec<u8> {
        self.apply.writer.keys().of(dn)
    }

    pub(crate) fn shown(&self) -> Shown<'_> {
        Shown::new(self.apply.writer.connection())
    }

    /// Remembers whether a search showed the DN of a record, or the provider told it.
    pub(crate) fn note_shown_or_told(&mut self, id: i64) -> Result<()> {
        if self.stage.searching {
            self.stage.any.shown = true;
            self.stage.ledger.found.insert(member(id));
            return self.shown().insert(id);
        }
        if self.stage.any.shown {
            self.shown().remove(id)?;
        }
        Ok(())
    }

    /// Whether a search of an earlier stage, or of this one, showed the DN of a record, and nobody has
    /// told it since.
    pub(crate) fn is_shown(&self, id: i64) -> Result<bool> {
        Ok(self.stage.any.shown && self.shown().contains(id)?)
    }

    /// How the DN of a record is known.
    pub(crate) fn basis(&self, id: i64) -> Result<Basis> {
        let ledger = &self.stage.ledger;
        if !self.stage.is_about_the_end() || !ledger.stated.contains(member(id)) {
            return self.basis_before(id);
        }
        Ok(if ledger.found.contains(member(id)) {
            Basis::Found
        } else if self.stage.is_refresh() {
            Basis::Stated
        } else {
            Basis::Unsure
        })
    }

    /// How its DN was known before this stage stated it.
    pub(crate) fn basis_before(&self, id: i64) -> Result<Basis> {
        if self.is_shown(id)? {
            Ok(Basis::Shown)
        } else if self.stage.ledger.fresh.contains(member(id)) {
            Ok(Basis::Fresh)
        } else {
            Ok(Basis::Known)
        }
    }
}
