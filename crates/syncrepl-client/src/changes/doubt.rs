//! What an event puts in doubt. Each is told at a moment of its own, and of what lies below a renamed
//! entry a provider does not tell: so a record may be held below the wrong parent.

use roaring::RoaringTreemap;
use syncrepl_proto::{Uuid, dn};

use super::stage::{Work, member};
use crate::changes::change::Statement;
use crate::changes::ledger::{LEFT_EARLY, Ledger};
use crate::error::Result;
use crate::store::records::Stored;

impl Work<'_> {
    /// Records that were stated below the old DN before this entry was found to have left it may
    /// have moved with it, or stayed below an entry that took its place: only the provider knows.
    /// Those that are new are then without a parent, unless only the case of its name differs.
    pub(crate) fn doubt_what_was_stated_below(
        &mut self,
        known: &Stored,
        dn_key: &[u8],
    ) -> Result<()> {
        let respelled = known.dn_key == dn_key;
        let Ledger { stated, new, .. } = &self.stage.ledger;
        let now = &mut self.stage.agenda.now;
        if stated.is_empty() {
            return Ok(());
        }
        self.apply.records().below(&known.dn_key, |id| {
            let id = member(id);
            if stated.contains(id) && (respelled || !new.contains(id)) {
                now.insert(id);
            }
        })
    }

    /// An entry is told of that a search showed before, or that was below one that left. It may be told
    /// of now because it came, and what came with it may have been told to be gone before.
    pub(crate) fn doubt_what_may_have_come(&mut self, known: &Stored) -> Result<()> {
        if self.stage.searching || known.dn_key == dn::key(self.base) {
            return Ok(());
        }
        let id = member(known.id);
        let Ledger {
            fresh, was_away, ..
        } = &mut self.stage.ledger;
        if fresh.contains(LEFT_EARLY) && fresh.contains(id) {
            was_away.insert(id);
        }
        if self.stage.ledger.went_along.remove(id) || self.is_shown(known.id)? {
            self.stage.ledger.back.insert(id);
        }
        Ok(())
    }

    /// An entry was stated with this name, which it may have had already, or takes now. It may have
    /// been renamed to it while the last refresh ran. What was sent before that is held below whoever
    /// has its parent's old name now, and what was sent after it below whoever had this name before;
    /// of neither does a provider tell. If no record had the name, one that the filter hides had it.
    pub(crate) fn doubt_what_is_below(&mut self, dn_key: &[u8]) -> Result<()> {
        let full = self.stage.kind.is_full();
        if full || self.stage.searching || dn_key == dn::key(self.base) {
            return Ok(());
        }
        let by_hidden = !self.shows_parents && !self.is_held(dn_key)?;
        if !by_hidden && self.stage.ledger.fresh.is_empty() {
            return Ok(());
        }
        let mut found = RoaringTreemap::new();
        self.apply.records().below(dn_key, |id| {
            found.insert(member(id));
        })?;
        if !by_hidden {
            found &= &self.stage.ledger.fresh;
        }
        self.stage.suspect(found);
        Ok(())
    }

    /// An entry is gone that was about to be renamed: what a search showed below its new name already
    /// may be gone with it.
    pub(crate) fn doubt_what_went_ahead(&mut self, uuid: Uuid) -> Result<()> {
        if !self.stage.any.parked {
            return Ok(());
        }
        if let Some(dn) = self.apply.records().parked_dn(uuid)? {
            let doubtful = &mut self.stage.agenda.now;
            self.apply.records().below(&dn::key(&dn), |id| {
                doubtful.insert(member(id));
            })?;
        }
        Ok(())
    }

    /// An entry leaves a name, for another or for good. What waits for a name below that one does not
    /// go along: where it is then is asked at the end of the group.
    pub(crate) fn doubt_what_waits_below(
        &mut self,
        uuid: Uuid,
        goes_to: Option<&[u8]>,
    ) -> Result<()> {
        if !self.stage.any.parked || self.stage.is_about_the_end() {
            return Ok(());
        }
        let records = self.apply.records();
        let held = records.by_uuid(uuid)?.map(|known| known.dn_key);
        let awaited = records.parked_dn(uuid)?.map(|dn| dn::key(&dn));
        for key in held.into_iter().chain(awaited) {
            if goes_to != Some(&key) {
                records.parked_below(&key, |uuid, dn| {
                    self.stage.agenda.named.insert(uuid, dn);
                })?;
            }
        }
        Ok(())
    }

    /// Above the name of an entry somebody is held who has left, and still waits for another name. The
    /// entry came after that, and is not to go along: where it is, is asked when the provider is quiet.
    pub(crate) fn doubt_what_comes_below_the_moving(
        &mut self,
        statement: &Statement<'_>,
    ) -> Result<()> {
        if self.shows_parents || !self.stage.any.parked || self.stage.is_about_the_end() {
            return Ok(());
        }
        let records = self.apply.records();
        let mut key = statement.dn_key;
        while let Some(parent) = dn::parent_key(key) {
            if let Some(holder) = records.holder(parent, None)?
                && records.parked_rename(holder)?.is_some()
            {
                self.stage.ledger.unsure.insert(statement.uuid);
                break;
            }
            key = parent;
        }
        Ok(())
    }

    /// As long as the parents may be known as they are to be told only later, what is told now may
    /// be below a name that they had.
    pub(crate) fn note_fresh(&mut self, id: i64) {
        if self.stage.ledger.may_be_ahead && !self.stage.searching {
            self.stage.ledger.fresh.insert(member(id));
        }
    }
}
