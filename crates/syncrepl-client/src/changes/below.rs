//! Entries below another: a provider says nothing of them when that one comes, moves or goes.

use roaring::RoaringTreemap;
use syncrepl_proto::Uuid;

use super::agenda::When;
use super::ask::Ask;
use super::ledger::{member, rowid};
use super::rules::Rule;
use super::stage::Work;
use super::terms::Terms;
use super::waiting::Walk;
use crate::error::Result;

/// How often the question is repeated when the entry has gone elsewhere between two searches.
const CHILDREN_ROUNDS: u32 = 3;

impl Work<'_> {
    /// An entry that is new, or back, may have been moved here with all that lies below it. A provider
    /// that sends changes only says nothing of that.
    pub(crate) fn ask_below_the_new(&mut self, terms: Terms<'_>) -> Result<()> {
        if !terms.may_bring_others || self.stage.kind.is_full() {
            return Ok(());
        }
        let new = std::mem::take(&mut self.stage.ledger.new);
        if !self.lacks(Rule::BelowNew) {
            self.stage.agenda.ask_below(&new);
        }
        if !self.lacks(Rule::BelowBack) {
            self.stage.agenda.ask_below(&self.stage.ledger.back);
        }
        let mut walk = Walk::adds();
        while let Some(parked) = self.next_waiting(&mut walk)? {
            self.stage.agenda.ask_below_waiting(parked.uuid);
        }
        Ok(())
    }

    /// A record below an entry that is gone may be gone with it, or stay. Below an entry that was gone
    /// and is back, records may have changed meanwhile.
    pub(crate) fn ask_below_the_gone(&mut self, terms: Terms<'_>) -> Result<()> {
        if self.deletes_the_absent(terms) || self.lacks(Rule::BelowGone) {
            return Ok(());
        }
        let mut below = RoaringTreemap::new();
        for id in &self.stage.ledger.gone | &self.stage.ledger.back {
            self.held_below(id, &mut below)?;
        }
        below -= &self.stage.ledger.gone;
        self.without_the_moving(&mut below)?;
        self.stage.agenda.ask_where_all(below, When::Now);
        Ok(())
    }

    /// Asks what lies below the entries of the agenda.
    pub(crate) fn answer_below(&mut self, ask: &mut dyn Ask) -> Result<()> {
        let (ids, waiting) = self.stage.agenda.take_below();
        // For an entry that is new in an answer, the same search has shown all that lies below it.
        let new = std::mem::take(&mut self.stage.ledger.new);
        let waiting: Vec<_> = waiting.into_iter().collect();
        for batch in waiting.chunks(self.stage.limits.batch) {
            self.fetch_below(batch, ask)?;
        }
        let mut ids = ids.iter().peekable();
        while ids.peek().is_some() {
            let mut batch = Vec::new();
            for id in ids.by_ref().take(self.stage.limits.batch) {
                batch.extend(self.apply.records().uuid_of(rowid(id))?);
            }
            self.fetch_below(&batch, ask)?;
        }
        self.stage.ledger.new = new;
        Ok(())
    }

    /// Takes what the search shows below those of these entries that have children.
    fn fetch_below(&mut self, batch: &[Uuid], ask: &mut dyn Ask) -> Result<()> {
        if batch.is_empty() {
            return Ok(());
        }
        for _ in 0..CHILDREN_ROUNDS {
            let mut vanished = false;
            for dn in ask.with_children(batch)? {
                let mut shown = false;
                ask.below(&dn, &mut |uuid, dn, attributes| {
                    shown = true;
                    self.entry(uuid, dn, attributes)
                })?;
                vanished |= !shown;
            }
            // Nothing is there any more: between two searches the entry may have gone elsewhere.
            if !vanished {
                break;
            }
        }
        Ok(())
    }

    /// The records below absent ones, also those named as present: the provider listed them when the
    /// stage began, and one may have gone since with its parent.
    pub(crate) fn held_below_all(&self, absent: &RoaringTreemap) -> Result<RoaringTreemap> {
        let mut below = RoaringTreemap::new();
        for id in absent {
            self.held_below(id, &mut below)?;
        }
        below -= absent;
        Ok(below - &self.stage.ledger.gone)
    }

    /// The records below another, by the name that it is held by and by the one that it waits for. Also
    /// those that wait for a name below it, with what lies below them.
    pub(crate) fn held_below(&self, id: u64, below: &mut RoaringTreemap) -> Result<()> {
        for key in self.keys_of(rowid(id))? {
            let records = self.apply.records();
            records.below(&key, |id| {
                below.insert(member(id));
            })?;
            if !self.stage.waiting.any() {
                continue;
            }
            let mut waiting = Vec::new();
            records.parked_below(&key, |uuid, _| waiting.push(uuid))?;
            for uuid in waiting {
                if let Some(stored) = records.by_uuid(uuid)?
                    && stored.id != rowid(id)
                {
                    below.insert(member(stored.id));
                    records.below(&stored.dn_key, |id| {
                        below.insert(member(id));
                    })?;
                }
            }
        }
        Ok(())
    }

    /// The key of the DN by which a record is held, and of the one that it waits for.
    pub(crate) fn keys_of(&self, id: i64) -> Result<Vec<Vec<u8>>> {
        let Some(stored) = self.apply.records().by_id(id)? else {
            return Ok(Vec::new());
        };
        let target = match self.stage.waiting.may_hold(id) {
            true => self.apply.records().parked_dn(stored.uuid)?,
            false => None,
        };
        let target = target.map(|dn| self.key(&dn));
        Ok(std::iter::once(stored.dn_key).chain(target).collect())
    }
}
