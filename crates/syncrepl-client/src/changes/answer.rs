//! What the provider is asked about single entries, and what follows from its answers.

use std::collections::BTreeSet;

use roaring::RoaringTreemap;
use syncrepl_proto::{Uuid, dn};

use super::settle::{Absent, Ask, BATCH, Rules};
use crate::changes::ledger::{LEFT_EARLY, Ledger};
use crate::changes::stage::{Work, member, rowid};
use crate::error::Result;

/// For more records than that, one search for everything is cheaper than one for each hundred.
const ASKED_ONE_BY_ONE: u64 = 1000;

impl Work<'_> {
    /// Looks these records up. What is found is taken as stated; the rest is gone, and returned.
    pub(crate) fn ask_for(
        &mut self,
        ids: &RoaringTreemap,
        ask: &mut dyn Ask,
    ) -> Result<RoaringTreemap> {
        let mut ids = ids.clone();
        if ids.len() > ASKED_ONE_BY_ONE {
            ids -= self.take_whole(ask)?;
        }
        let (mut absent, means) = self.ask_at_stored_dns(&ids, ask)?;
        if means == Absent::MayHaveMoved && !absent.is_empty() {
            absent -= self.take_whole(ask)?;
        }
        Ok(absent)
    }

    /// Takes all that the search shows as stated. Returns the records among it.
    pub(crate) fn take_whole(&mut self, ask: &mut dyn Ask) -> Result<RoaringTreemap> {
        let mut shown = RoaringTreemap::new();
        ask.whole(&mut |uuid, dn, attributes| {
            self.entry(uuid, dn, attributes)?;
            if let Some(id) = self.apply.records().id_of(uuid)? {
                shown.insert(member(id));
            }
            Ok(())
        })?;
        Ok(shown)
    }

    /// Takes all that the search shows as stated; the rest is gone.
    pub(crate) fn take_everything(&mut self, rules: Rules<'_>, ask: &mut dyn Ask) -> Result<()> {
        let shown = self.take_whole(ask)?;
        let mut absent = RoaringTreemap::new();
        self.apply.records().ids(|id| {
            absent.insert(member(id));
        })?;
        self.doom_all(absent - shown, rules)
    }

    /// Looks these records up; but where entryUUID cannot be searched, the rest may have moved.
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
        let mut ids = ids.iter();
        loop {
            let mut wanted = Vec::new();
            for id in ids.by_ref().take(BATCH) {
                if let Some(stored) = self.apply.records().by_id(rowid(id))? {
                    wanted.push((stored.uuid, stored.dn));
                }
            }
            if wanted.is_empty() {
                return Ok((absent, means));
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
    }

    /// A record that is believed to be there and is not in question itself.
    fn control(&self, in_question: impl Fn(i64) -> bool) -> Result<Option<Uuid>> {
        if let Some(id) = self
            .stage
            .ledger
            .present
            .iter()
            .map(rowid)
            .find(|id| !in_question(*id))
            && let Some(stored) = self.apply.records().by_id(id)?
        {
            return Ok(Some(stored.uuid));
        }
        let doomed = &self.stage.ledger.gone;
        self.apply
            .records()
            .any(|id| !in_question(id) && !doomed.contains(member(id)))
    }

    /// Two entries were stated with one DN: the provider is asked for both, and for what lies below
    /// it, since of which of them that was the child is not known either.
    pub(crate) fn ask_about(
        &mut self,
        conflicts: &BTreeSet<(Uuid, Uuid)>,
        ask: &mut dyn Ask,
    ) -> Result<()> {
        let mut uuids: BTreeSet<_> = conflicts
            .iter()
            .flat_map(|(one, two)| [*one, *two])
            .collect();
        let mut below = Vec::new();
        for (_, holder) in conflicts {
            if let Some(holder) = self.apply.records().by_uuid(*holder)? {
                self.apply
                    .records()
                    .below(&holder.dn_key, |id| below.push(id))?;
            }
        }
        for id in below {
            uuids.extend(self.apply.records().by_id(id)?.map(|stored| stored.uuid));
        }
        let mut wanted = Vec::new();
        let mut ids = BTreeSet::new();
        for uuid in uuids {
            let known = self.apply.records().by_uuid(uuid)?;
            ids.extend(known.as_ref().map(|stored| stored.id));
            let stated = self.apply.records().parked_dn(uuid)?;
            wanted.push((
                uuid,
                stated.or(known.map(|stored| stored.dn)).unwrap_or_default(),
            ));
        }
        self.take_as_found(&wanted, &ids, ask)
    }

    /// Takes the entries that the provider has only hinted at as a search shows them.
    pub(crate) fn look_up_hints(&mut self, ask: &mut dyn Ask) -> Result<()> {
        let wanted: Vec<_> = std::mem::take(&mut self.stage.agenda.named)
            .into_iter()
            .collect();
        self.take_wanted(&wanted, ask)
    }

    /// Takes these entries, given with the DN where they are believed to be, as a search shows them.
    pub(crate) fn take_wanted(
        &mut self,
        wanted: &[(Uuid, String)],
        ask: &mut dyn Ask,
    ) -> Result<()> {
        let mut ids = BTreeSet::new();
        for (uuid, _) in wanted {
            ids.extend(self.apply.records().id_of(*uuid)?);
        }
        self.take_as_found(wanted, &ids, ask)
    }

    /// Takes what a search shows of the wanted entries. Those that it does not show are gone. `ids`
    /// are those of them that are records.
    fn take_as_found(
        &mut self,
        wanted: &[(Uuid, String)],
        ids: &BTreeSet<i64>,
        ask: &mut dyn Ask,
    ) -> Result<()> {
        if wanted.is_empty() {
            return Ok(());
        }
        let present = self.control(|id| ids.contains(&id))?;
        let mut missing: BTreeSet<_> = wanted.iter().map(|(uuid, _)| *uuid).collect();
        let mut means = Absent::IsGone;
        for batch in wanted.chunks(BATCH) {
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
        for uuid in missing {
            if let Some(id) = self.apply.records().id_of(uuid)? {
                self.note_gone_early(id)?;
            }
            self.delete(uuid)?;
        }
        Ok(())
    }

    /// Records that a search does not show are gone.
    pub(crate) fn doom_absent(&mut self, absent: RoaringTreemap) -> Result<()> {
        for id in &absent {
            self.note_gone_early(rowid(id))?;
        }
        self.stage.ledger.gone |= absent;
        Ok(())
    }

    /// A record that a search does not show may have gone with a parent of which that is still to be
    /// told. Or, by the time something is told of the parent, it came back with all that is below it.
    /// So the parents count as shown by that search, too.
    fn note_gone_early(&mut self, id: i64) -> Result<()> {
        let Ledger { stated, fresh, .. } = &mut self.stage.ledger;
        for known in [stated, fresh] {
            if known.contains(member(id)) {
                known.insert(LEFT_EARLY);
            }
        }
        let base = dn::key(self.base);
        for key in self.keys_of(id)? {
            let mut key = key.as_slice();
            while let Some(parent) = dn::parent_key(key).filter(|parent| *parent != base) {
                if let Some(id) = self.apply.records().holder(parent, None)? {
                    self.placed().insert(id)?;
                    self.stage.any.shown = true;
                }
                key = parent;
            }
        }
        Ok(())
    }
}
