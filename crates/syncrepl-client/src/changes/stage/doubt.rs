//! What an event puts in doubt. Each is told at a moment of its own, and of what lies below a renamed
//! entry a provider does not tell: so a record may be held below the wrong parent.

use roaring::RoaringTreemap;
use syncrepl_proto::{Uuid, dn};

use super::{Kind, Stage, WHO_LEFT_EARLY, Work, member};
use crate::changes::change::Statement;
use crate::error::Result;
use crate::store::records::Stored;

impl Work<'_> {
    /// Records that were stated below the old DN before this entry was found to have left it may
    /// have moved with it, or stayed below an entry that took its place: only the provider knows.
    /// Those that are new are then without a parent, unless only the case of its name differs.
    pub(super) fn doubt_what_was_stated_below(
        &mut self,
        known: &Stored,
        dn_key: &[u8],
    ) -> Result<()> {
        let respelled = known.dn_key == dn_key;
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
            if stated.contains(id) && (respelled || !added.contains(id)) {
                doubtful.insert(id);
            }
        })
    }

    /// An entry is told of that a search showed before, or that was below one that left. It may be told
    /// of now because it came, and what came with it may have been told to be gone before.
    pub(super) fn doubt_what_may_have_come(&mut self, known: &Stored) -> Result<()> {
        if self.stage.looking || known.dn_key == dn::key(self.base) {
            return Ok(());
        }
        let id = member(known.id);
        let Stage {
            fresh, was_away, ..
        } = &mut *self.stage;
        if fresh.contains(WHO_LEFT_EARLY) && fresh.contains(id) {
            was_away.insert(id);
        }
        if self.stage.went_along.remove(id) || self.is_placed(known.id)? {
            self.stage.returned.insert(id);
        }
        Ok(())
    }

    /// An entry was stated with this name, which it may have had already, or takes now. It may have
    /// been renamed to it while the last refresh ran. What was sent before that is held below whoever
    /// has its parent's old name now, and what was sent after it below whoever had this name before;
    /// of neither does a provider tell. If no record had the name, one that the filter hides had it.
    pub(super) fn doubt_what_is_below(&mut self, dn_key: &[u8]) -> Result<()> {
        let full = self.stage.kind == Kind::Refresh { cookie_sent: false };
        if full || self.stage.looking || dn_key == dn::key(self.base) {
            return Ok(());
        }
        let by_hidden = !self.shows_parents && !self.is_held(dn_key)?;
        if !by_hidden && self.stage.fresh.is_empty() {
            return Ok(());
        }
        let mut found = RoaringTreemap::new();
        self.apply.records().below(dn_key, |id| {
            found.insert(member(id));
        })?;
        if !by_hidden {
            found &= &self.stage.fresh;
        }
        self.stage.suspect(found);
        Ok(())
    }

    /// An entry is gone that was about to be renamed: what a search showed below its new name already
    /// may be gone with it.
    pub(super) fn doubt_what_went_ahead(&mut self, uuid: Uuid) -> Result<()> {
        if !self.stage.any_parked {
            return Ok(());
        }
        if let Some(dn) = self.apply.records().parked_dn(uuid)? {
            let doubtful = &mut self.stage.doubtful;
            self.apply.records().below(&dn::key(&dn), |id| {
                doubtful.insert(member(id));
            })?;
        }
        Ok(())
    }

    /// An entry leaves a name, for another or for good. What waits for a name below that one does not
    /// go along: where it is then is asked at the end of the group.
    pub(super) fn doubt_what_waits_below(
        &mut self,
        uuid: Uuid,
        goes_to: Option<&[u8]>,
    ) -> Result<()> {
        if !self.stage.any_parked || self.stage.is_about_the_end() {
            return Ok(());
        }
        let records = self.apply.records();
        let held = records.by_uuid(uuid)?.map(|known| known.dn_key);
        let awaited = records.parked_dn(uuid)?.map(|dn| dn::key(&dn));
        for key in held.into_iter().chain(awaited) {
            if goes_to != Some(&key) {
                records.parked_below(&key, |uuid, dn| {
                    self.stage.hints.insert(uuid, dn);
                })?;
            }
        }
        Ok(())
    }

    /// Above the name of an entry somebody is held who has left, and still waits for another name. The
    /// entry came after that, and is not to go along: where it is, is asked when the provider is quiet.
    pub(super) fn doubt_what_comes_below_the_moving(
        &mut self,
        statement: &Statement<'_>,
    ) -> Result<()> {
        if self.shows_parents || !self.stage.any_parked || self.stage.is_about_the_end() {
            return Ok(());
        }
        let records = self.apply.records();
        let mut key = statement.dn_key;
        while let Some(parent) = dn::parent_key(key) {
            if let Some(holder) = records.holder(parent, None)?
                && records.parked_rename(holder)?.is_some()
            {
                self.stage.unsure.insert(statement.uuid);
                break;
            }
            key = parent;
        }
        Ok(())
    }

    /// As long as the parents may be known as they are to be told only later, what is told now may
    /// be below a name that they had.
    pub(super) fn note_fresh(&mut self, id: i64) {
        if self.stage.may_be_ahead && !self.stage.looking {
            self.stage.fresh.insert(member(id));
        }
    }
}
