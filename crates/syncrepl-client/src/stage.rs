//! What is known of an open stage (a refresh stage, or a group of the persist stage), and what
//! each event of the provider does at once. What has to wait for the end is in [`crate::settle`].

use std::collections::{BTreeMap, BTreeSet};

use roaring::RoaringTreemap;
use syncrepl_proto::attributes::AttributeList;
use syncrepl_proto::message::Uris;
use syncrepl_proto::session::SyncEvent;
use syncrepl_proto::{Uuid, dn};

use crate::ancestors::Hidden;
use crate::apply::Applier;
use crate::change::{self, Difference, Statement};
use crate::error::Result;
use crate::store::records::{Parked, Stored};

/// How many ids that were named as present, but never sent, are kept.
const UNKNOWN_LIMIT: usize = 10_000;

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
    /// Records that are new.
    pub(crate) added: RoaringTreemap,
    /// Records whose DN was stated before a parent of theirs moved away.
    pub(crate) doubtful: RoaringTreemap,
    /// References sent, or named as present.
    pub(crate) references_seen: RoaringTreemap,
    /// Ids named as present that the store does not hold.
    pub(crate) unknown: BTreeSet<Uuid>,
    /// There were more of them than are kept.
    pub(crate) unknown_overflow: bool,
    /// A record waits for a DN that was derived from its parent's, not stated. In the persist
    /// stage that is settled before anything else moves the parent again.
    pub(crate) derived_waits: bool,
    /// Entries are not to be taken as sent, but to be looked up at the end.
    pub(crate) only_hints: bool,
    /// Those, by entryUUID, with the DN that was sent.
    pub(crate) hints: BTreeMap<Uuid, String>,
    /// What there is to say of parents that the filter hides.
    pub(crate) hidden: Hidden,
    /// What is said of entries now is the answer to a search: each DN is where the entry is at last,
    /// whatever moves above it. What a persist stage says is one change after the other.
    pub(crate) asking: bool,
    /// The last cookie that came.
    pub(crate) cookie: Option<Vec<u8>>,
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
            added: RoaringTreemap::new(),
            doubtful: RoaringTreemap::new(),
            references_seen: RoaringTreemap::new(),
            unknown: BTreeSet::new(),
            unknown_overflow: false,
            derived_waits: false,
            only_hints: false,
            hints: BTreeMap::new(),
            hidden: Hidden::default(),
            asking: false,
            cookie: None,
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
        self.cookie = None;
    }

    pub(crate) fn is_refresh(&self) -> bool {
        matches!(self.kind, Kind::Refresh { .. })
    }

    /// Whether what is said holds for the end of the stage, so that renames wait for it.
    pub(crate) fn is_about_the_end(&self) -> bool {
        self.is_refresh() || self.asking
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
}

impl Work<'_> {
    /// Takes what was said of entries and references. Returns the cookie that came with it.
    pub(crate) fn take<'e>(&mut self, event: SyncEvent<'e>) -> Result<Option<&'e [u8]>> {
        match event {
            SyncEvent::Entry {
                uuid,
                dn,
                attributes,
                cookie,
            } => {
                self.stage.messages += 1;
                if self.stage.only_hints {
                    self.stage.hints.insert(uuid, dn.to_owned());
                } else {
                    self.entry(uuid, dn, attributes)?;
                }
                Ok(cookie)
            }
            SyncEvent::Reference { uuid, uris, cookie } => {
                self.stage.messages += 1;
                self.reference(uuid, Some(uris))?;
                Ok(cookie)
            }
            SyncEvent::Present { uuid, cookie } => {
                self.stage.messages += 1;
                self.present(uuid)?;
                Ok(cookie)
            }
            SyncEvent::Delete { uuid, cookie } => {
                self.stage.messages += 1;
                self.delete(uuid)?;
                Ok(cookie)
            }
            SyncEvent::IdSet {
                deleted,
                uuids,
                cookie,
            } => {
                for uuid in uuids.iter() {
                    self.stage.messages += 1;
                    if deleted {
                        self.delete(uuid)?;
                    } else {
                        self.present(uuid)?;
                    }
                }
                Ok(cookie)
            }
            SyncEvent::NewCookie(cookie) => {
                self.stage.hidden.only_cookie = true;
                Ok(Some(cookie))
            }
            SyncEvent::PhaseDone { cookie } => Ok(cookie),
            _ => Ok(None),
        }
    }

    /// An entry was sent.
    pub(crate) fn entry(
        &mut self,
        uuid: Uuid,
        dn: &str,
        attributes: AttributeList<'_>,
    ) -> Result<()> {
        self.stage.unknown.remove(&uuid);
        let reference = self.apply.records().reference_id(uuid)?;
        // In a refresh stage a referral object comes as a reference, so this is none.
        let referral = change::is_referral(&attributes)
            .unwrap_or(reference.is_some() && !self.stage.is_refresh());
        if referral {
            return self.reference(uuid, None);
        }
        if reference.is_some() {
            self.apply.records().delete_reference(uuid)?;
        }
        let known = self.apply.records().by_uuid(uuid)?;
        self.apply.records().unpark(uuid)?;
        let dn_key = dn::key(dn);
        let statement = Statement {
            uuid,
            dn,
            dn_key: &dn_key,
            attributes,
        };
        match known {
            None => self.new_entry(&statement),
            Some(known) => self.known_entry(known, &statement),
        }
    }

    fn new_entry(&mut self, statement: &Statement<'_>) -> Result<()> {
        if self
            .apply
            .records()
            .holder(statement.dn_key, None)?
            .is_some()
        {
            return self.park(statement, None);
        }
        let id = self.apply.add(statement)?;
        self.mark_added(id);
        Ok(())
    }

    pub(crate) fn mark_added(&mut self, id: i64) {
        self.stage.seen.insert(member(id));
        self.stage.stated.insert(member(id));
        self.stage.added.insert(member(id));
        self.stage.hidden.placed.insert(member(id));
    }

    fn known_entry(&mut self, known: Stored, statement: &Statement<'_>) -> Result<()> {
        let id = member(known.id);
        self.stage.seen.insert(id);
        if self.stage.doomed.remove(id) && !self.stage.asking {
            self.stage.returned.insert(id);
        }
        self.stage.doubtful.remove(id);
        // The DN stays as it was told, if only its spelling differs: whoever keeps a copy by DN
        // has to find it there with the next event.
        if change::dn_difference(&known.dn, statement.dn) != Difference::Meaning {
            self.stage.stated.insert(id);
            return self.apply.restate(&known, statement.attributes.as_bytes());
        }
        if self.stage.is_about_the_end() {
            // Renames wait for the end of the stage: only then is it known what became of those
            // who hold the DN, and of what lies below.
            if self.stage.is_refresh() {
                self.doubt_what_was_stated_below(&known)?;
            }
            self.stage.stated.insert(id);
            return self.park(statement, Some(known.id));
        }
        self.stage.hidden.placed.insert(id);
        if self
            .apply
            .records()
            .holder(statement.dn_key, Some(known.id))?
            .is_some()
        {
            return self.park(statement, Some(known.id));
        }
        let parked = parked(statement, Some(known.id));
        self.move_record(known, &parked, &mut Vec::new())
    }

    /// Records that were stated below the old DN before this entry was found to have left it may
    /// have moved with it, or stayed below an entry that took its place: only the provider knows.
    fn doubt_what_was_stated_below(&mut self, known: &Stored) -> Result<()> {
        let Stage {
            stated,
            doubtful,
            added,
            ..
        } = &mut *self.stage;
        if stated.is_empty() {
            return Ok(());
        }
        self.apply.records().below(&known.dn_key, |id| {
            let id = member(id);
            if stated.contains(id) && !added.contains(id) {
                doubtful.insert(id);
            }
        })
    }

    fn park(&mut self, statement: &Statement<'_>, id: Option<i64>) -> Result<()> {
        self.apply.records().park(&parked(statement, id))
    }

    /// A reference was sent, or a referral object whose URLs are not known.
    pub(crate) fn reference(&mut self, uuid: Uuid, uris: Option<Uris<'_>>) -> Result<()> {
        self.stage.unknown.remove(&uuid);
        let urls = uris.map(|uris| uris.as_bytes());
        let id = self.apply.records().set_reference(uuid, urls)?;
        self.stage.references_seen.insert(member(id));
        if let Some(known) = self.apply.records().by_uuid(uuid)? {
            // It was a record until now: a search no longer shows it as one.
            self.apply.delete(&known)?;
        }
        Ok(())
    }

    /// An entry or reference was named as present.
    pub(crate) fn present(&mut self, uuid: Uuid) -> Result<()> {
        if let Some(id) = self.apply.records().id_of(uuid)? {
            self.stage.seen.insert(member(id));
            self.stage.doomed.remove(member(id));
        } else if let Some(id) = self.apply.records().reference_id(uuid)? {
            self.stage.references_seen.insert(member(id));
        } else if self.stage.is_refresh() && !self.apply.records().is_parked(uuid)? {
            self.stage.name_unknown(uuid);
        }
        Ok(())
    }

    /// An entry or reference was said to be gone. Of one that was never there, nothing is told.
    pub(crate) fn delete(&mut self, uuid: Uuid) -> Result<()> {
        self.stage.unknown.remove(&uuid);
        self.apply.records().unpark(uuid)?;
        if self.apply.records().delete_reference(uuid)? {
            return Ok(());
        }
        let Some(known) = self.apply.records().by_uuid(uuid)? else {
            return Ok(());
        };
        let id = member(known.id);
        self.stage.seen.remove(id);
        self.stage.stated.remove(id);
        self.stage.added.remove(id);
        // In a refresh stage the entry may still be sent; and children are told before parents.
        if self.stage.is_about_the_end() || self.apply.records().any_below(&known.dn_key)? {
            self.stage.doomed.insert(id);
            return Ok(());
        }
        self.apply.delete(&known)
    }

    /// Moves a record to its parked DN, tells what is new of its attributes, and takes along what
    /// lies below it and was not stated elsewhere. The DNs that became free go to `freed`.
    pub(crate) fn move_record(
        &mut self,
        known: Stored,
        parked: &Parked,
        freed: &mut Vec<Vec<u8>>,
    ) -> Result<()> {
        let old_key = known.dn_key.clone();
        let renamed = self.apply.rename(known, &parked.dn, &parked.dn_key)?;
        if let Some(attributes) = &parked.attributes {
            self.apply.restate(&renamed, attributes)?;
        }
        if old_key == parked.dn_key {
            // Only the letter case differs: what lies below has its DN respelled all the same.
            return self.move_below(&old_key, &renamed, freed);
        }
        self.move_below(&old_key, &renamed, freed)?;
        freed.push(old_key);
        Ok(())
    }

    fn move_below(
        &mut self,
        old_key: &[u8],
        parent: &Stored,
        freed: &mut Vec<Vec<u8>>,
    ) -> Result<()> {
        let depth = dn::depth(old_key);
        let (mut number, end) = self.apply.records().list_moving(old_key)?;
        // What lies below a record that goes elsewhere, or has to wait, goes with that one.
        let mut goes_elsewhere: Option<Vec<u8>> = None;
        while number < end {
            let id = self.apply.records().moving(number)?;
            number += 1;
            let Some(id) = id.filter(|&id| id != parent.id) else {
                continue;
            };
            let Some(child) = self.apply.records().by_id(id)? else {
                continue;
            };
            if goes_elsewhere
                .as_ref()
                .is_some_and(|key| child.dn_key.starts_with(key))
            {
                continue;
            }
            let stated = self.stage.is_about_the_end() && self.stage.stated.contains(member(id));
            if stated || self.apply.records().is_parked(child.uuid)? {
                goes_elsewhere = Some(child.dn_key);
                continue;
            }
            let levels = dn::depth(&child.dn_key).saturating_sub(depth);
            let Some(dn) = dn::rebase(&child.dn, levels, &parent.dn) else {
                continue;
            };
            let dn_key = dn::key(&dn);
            if dn == child.dn {
                continue;
            }
            if self.apply.records().holder(&dn_key, Some(id))?.is_some() {
                // Somebody holds its new DN, who may still move away: let it wait like others,
                // and what is below with it.
                goes_elsewhere = Some(child.dn_key);
                self.stage.derived_waits = true;
                let (id, attributes) = (Some(id), None);
                self.apply.records().park(&Parked {
                    uuid: child.uuid,
                    id,
                    dn,
                    dn_key,
                    attributes,
                })?;
                continue;
            }
            let child_key = child.dn_key.clone();
            self.apply.rename(child, &dn, &dn_key)?;
            if child_key != dn_key {
                freed.push(child_key);
            }
        }
        Ok(())
    }
}

fn parked(statement: &Statement<'_>, id: Option<i64>) -> Parked {
    Parked {
        uuid: statement.uuid,
        id,
        dn: statement.dn.to_owned(),
        dn_key: statement.dn_key.to_vec(),
        attributes: Some(statement.attributes.as_bytes().to_vec()),
    }
}
