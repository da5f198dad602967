//! The questions that are due, put to the provider, and what follows from its answers.

use std::collections::{BTreeMap, BTreeSet};

use roaring::RoaringTreemap;
use syncrepl_proto::{Uuid, dn};

use super::agenda::When;
use super::ask::{Absent, Ask};
use super::ledger::{member, rowid};
use super::rules::Rule;
use super::stage::Work;
use super::terms::Terms;
use crate::error::Result;

/// How often answers may put further questions before something is told.
const ANSWERS: u32 = 6;

impl Work<'_> {
    /// Asks what is due, and what the answers ask in turn.
    pub(crate) fn answer_what_is_due(&mut self, terms: Terms<'_>, ask: &mut dyn Ask) -> Result<()> {
        for _ in 0..ANSWERS {
            if !self.stage.agenda.is_due() {
                break;
            }
            self.answer(terms, ask)?;
        }
        Ok(())
    }

    /// Asks each question once. A statement that answers one of them closes it.
    fn answer(&mut self, terms: Terms<'_>, ask: &mut dyn Ask) -> Result<()> {
        let named = self.stage.agenda.take_named();
        self.ask_where(named, terms, ask)?;
        self.answer_values(ask)?;
        self.answer_below(ask)?;
        let mut now = self.stage.agenda.take_where();
        if now.is_empty() {
            return Ok(());
        }
        if now.len() > self.stage.limits.whole_at {
            now -= self.take_whole(ask)?;
        }
        let (mut absent, means) = self.ask_at_stored_dns(&now, ask)?;
        if means == Absent::MayHaveMoved && !absent.is_empty() {
            absent -= self.take_whole(ask)?;
        }
        for id in &absent {
            self.not_shown(id, terms)?;
        }
        Ok(())
    }

    /// A record that no search shows is gone, and what is held below it may be gone with it.
    fn not_shown(&mut self, id: u64, terms: Terms<'_>) -> Result<()> {
        let mut below = RoaringTreemap::new();
        self.held_below(id, &mut below)?;
        below -= &self.stage.ledger.gone;
        if self.deletes_the_absent(terms) {
            below &= &self.stage.ledger.present;
        }
        if !self.lacks(Rule::BelowNotShown) {
            self.stage.agenda.ask_where_all(below, When::Now);
        }
        self.note_gone_early(rowid(id))?;
        let ledger = &mut self.stage.ledger;
        ledger.gone_unnamed |= ledger.gone.insert(id);
        Ok(())
    }

    /// Takes all that the search shows as stated. Returns the records among it.
    pub(crate) fn take_whole(&mut self, ask: &mut dyn Ask) -> Result<RoaringTreemap> {
        self.note_all_names()?;
        // Each record that a search shows is found.
        let before = std::mem::take(&mut self.stage.ledger.found);
        let taken = ask.whole(&mut |uuid, dn, attributes| self.entry(uuid, dn, attributes));
        let shown = self.stage.ledger.found.clone();
        self.stage.ledger.found |= before;
        taken?;
        let (ledger, mut all) = (&mut self.stage.ledger, true);
        self.apply
            .records()
            .ids(|id| all &= ledger.found.contains(member(id)))?;
        ledger.all_found = all;
        Ok(shown)
    }

    /// Takes all that the search shows as stated; the rest is gone.
    pub(crate) fn take_everything(&mut self, ask: &mut dyn Ask) -> Result<()> {
        let shown = self.take_whole(ask)?;
        self.others_are_gone(&shown)
    }

    pub(crate) fn others_are_gone(&mut self, shown: &RoaringTreemap) -> Result<()> {
        let mut absent = RoaringTreemap::new();
        self.apply.records().ids(|id| {
            absent.insert(member(id));
        })?;
        self.are_gone(absent - shown)
    }

    /// Looks these records up. Returns those that were not shown; where entryUUID cannot be searched,
    /// they may have moved.
    pub(crate) fn ask_at_stored_dns(
        &mut self,
        ids: &RoaringTreemap,
        ask: &mut dyn Ask,
    ) -> Result<(RoaringTreemap, Absent)> {
        let (mut absent, mut means) = (ids.clone(), Absent::IsGone);
        if ids.is_empty() {
            return Ok((absent, means));
        }
        let present = self.control(|id| ids.contains(member(id)))?;
        let mut ids = ids.iter().peekable();
        while ids.peek().is_some() {
            self.apply.heed_stop()?;
            let mut wanted = Vec::new();
            for id in ids.by_ref().take(self.stage.limits.batch) {
                match self.apply.records().by_id(rowid(id))? {
                    Some(stored) => wanted.push((stored.uuid, stored.dn)),
                    // Deleted since the question was put.
                    None => _ = absent.remove(id),
                }
            }
            if wanted.is_empty() {
                continue;
            }
            let batch = ask.by_uuid(&wanted, present, &mut |uuid, dn, attributes| {
                if let Some(id) = self.apply.records().id_of(uuid)? {
                    absent.remove(member(id));
                }
                self.entry(uuid, dn, attributes)
            })?;
            if batch == Absent::MayHaveMoved {
                means = batch;
            }
        }
        Ok((absent, means))
    }

    /// A record that is believed to be there and is not in question itself.
    pub(super) fn control(&self, in_question: impl Fn(i64) -> bool) -> Result<Option<Uuid>> {
        let present = &self.stage.ledger.present;
        if let Some(id) = present.iter().map(rowid).find(|id| !in_question(*id))
            && let Some(stored) = self.apply.records().by_id(id)?
        {
            return Ok(Some(stored.uuid));
        }
        let gone = &self.stage.ledger.gone;
        self.apply
            .records()
            .any(|id| !in_question(id) && !gone.contains(member(id)))
    }

    /// Takes what a search shows of these entries, given with the DN last heard of. Those that it does
    /// not show are gone.
    fn ask_where(
        &mut self,
        named: BTreeMap<Uuid, String>,
        terms: Terms<'_>,
        ask: &mut dyn Ask,
    ) -> Result<()> {
        if named.is_empty() {
            return Ok(());
        }
        let mut missing = named.clone();
        let mut means = Absent::IsGone;
        let wanted: Vec<_> = named.into_iter().collect();
        let present = self.control_beside(&wanted)?;
        for batch in wanted.chunks(self.stage.limits.batch) {
            self.apply.heed_stop()?;
            let answer = ask.by_uuid(batch, present, &mut |uuid, dn, attributes| {
                missing.remove(&uuid);
                self.entry(uuid, dn, attributes)
            })?;
            if answer == Absent::MayHaveMoved {
                means = answer;
            }
        }
        if means == Absent::MayHaveMoved && !missing.is_empty() {
            ask.whole(&mut |uuid, dn, attributes| {
                missing.remove(&uuid);
                self.entry(uuid, dn, attributes)
            })?;
        }
        for uuid in missing.into_keys() {
            self.is_not_shown(uuid, terms)?;
        }
        Ok(())
    }

    /// A search for this entry does not show it.
    pub(super) fn is_not_shown(&mut self, uuid: Uuid, terms: Terms<'_>) -> Result<()> {
        if let Some(id) = self.apply.records().id_of(uuid)? {
            self.not_shown(member(id), terms)?;
        }
        self.delete(uuid)
    }

    /// A record that is believed to be there, and none of those that are wanted.
    pub(super) fn control_beside(&self, wanted: &[(Uuid, String)]) -> Result<Option<Uuid>> {
        let mut ids = RoaringTreemap::new();
        for (uuid, _) in wanted {
            ids.extend(self.apply.records().id_of(*uuid)?.map(member));
        }
        self.control(|id| ids.contains(member(id)))
    }

    /// A search for everything does not show these records: they are gone.
    pub(crate) fn are_gone(&mut self, absent: RoaringTreemap) -> Result<()> {
        for id in &absent {
            self.note_gone_early(rowid(id))?;
        }
        let ledger = &mut self.stage.ledger;
        ledger.gone_unnamed |= !absent.is_subset(&ledger.gone);
        ledger.gone |= absent;
        Ok(())
    }

    /// A record that a search does not show may have gone with a parent of which that is still to be
    /// told. Or, by the time something is told of the parent, it came back with all that is below it.
    /// So the parents count as shown by that search, too, unless one of them is said to be gone.
    fn note_gone_early(&mut self, id: i64) -> Result<()> {
        let above = self.above(id)?;
        if !above.is_disjoint(&self.stage.ledger.gone) || self.lacks(Rule::ParentsOfNotShown) {
            return Ok(());
        }
        for id in &above {
            self.shown().insert(rowid(id))?;
            self.stage.any.shown = true;
        }
        Ok(())
    }

    /// The records above another, by each name that it is held by, waits for, or would have if it had
    /// gone along with a parent.
    fn above(&self, id: i64) -> Result<RoaringTreemap> {
        let base = dn::key(self.base);
        let mut above = RoaringTreemap::new();
        let mut keys = self.keys_of(id)?;
        // A record may have moved below the name that it left, so each move is followed once.
        let mut followed = BTreeSet::new();
        while let Some(key) = keys.pop() {
            let mut name = key.as_slice();
            while let Some(parent) = dn::parent_key(name).filter(|parent| *parent != base) {
                if let Some(id) = self.apply.records().holder(parent, None)? {
                    above.insert(member(id));
                }
                if let Some(moved) = self.stage.ledger.left.get(parent)
                    && let Some(now) = self.apply.records().key_of(*moved)?
                    && followed.insert(*moved)
                {
                    keys.push([&now, &key[parent.len()..]].concat());
                }
                name = parent;
            }
        }
        Ok(above)
    }
}
