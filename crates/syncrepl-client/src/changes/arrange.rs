//! The order in which waiting changes are stored and told, so that a copy keyed by DN can apply each
//! event: deletes, children first; renames, those with a free target first; then the parked adds.

use std::collections::BTreeSet;

use roaring::RoaringTreemap;
use syncrepl_proto::{Uuid, dn};

use super::agenda::When;
use super::apply::waiting_dn;
use super::ask::Ask;
use super::change::Statement;
use super::ledger::{member, rowid};
use super::rules::Rule;
use super::stage::Work;
use super::terms::Terms;
use super::waiting::Walk;
use crate::error::{Error, ErrorKind, Result};
use crate::store::records::{Attributes, Parked, attribute_list};

impl Work<'_> {
    /// Stores and tells what is certain by now. Of two entries that claim one name both are asked for,
    /// once; in the last round, or when that did not help, the holder gives way.
    pub(crate) fn tell(&mut self, terms: Terms<'_>, last: bool, ask: &mut dyn Ask) -> Result<()> {
        self.guard_deletes(terms)?;
        self.guard_everything(terms)?;
        let mut conflicts = self.arrange()?;
        while self.tell_apart(&conflicts, ask)? {
            conflicts = self.arrange()?;
        }
        let asks = !last && !self.lacks(Rule::NameClaimedTwice);
        if asks && !conflicts.is_subset(&self.stage.agenda.conflicts) {
            return self.ask_about(conflicts);
        }
        while !conflicts.is_empty() {
            for (_, holder) in conflicts {
                self.give_way(holder)?;
            }
            conflicts = self.arrange()?;
        }
        Ok(())
    }

    /// Two entries were stated with one DN: the provider is asked for both, and for what lies below
    /// it, since of which of them that was the child is not known either.
    fn ask_about(&mut self, mut conflicts: BTreeSet<(Uuid, Uuid)>) -> Result<()> {
        let mut uuids = BTreeSet::new();
        for (waiting, holder) in &conflicts {
            uuids.extend([*waiting, *holder]);
            let mut below = Vec::new();
            if let Some(holder) = self.apply.records().by_uuid(*holder)? {
                let records = self.apply.records();
                records.below(&holder.dn_key, |id| below.push(id))?;
            }
            for id in below {
                uuids.extend(self.apply.records().by_id(id)?.map(|stored| stored.uuid));
            }
        }
        for uuid in uuids {
            let stated = self.apply.records().parked_dn(uuid)?;
            let dn = match stated {
                Some(dn) => dn,
                None => match self.apply.records().by_uuid(uuid)? {
                    Some(known) => known.dn,
                    None => continue,
                },
            };
            self.stage.agenda.ask_where_named(uuid, dn);
        }
        self.stage.agenda.conflicts.append(&mut conflicts);
        Ok(())
    }

    /// Stores and tells the waiting changes, in order. Returns the pairs of which one waits for a name
    /// that the other holds and is not about to leave: waiting entryUUID, holder's entryUUID.
    fn arrange(&mut self) -> Result<BTreeSet<(Uuid, Uuid)>> {
        let gone = std::mem::take(&mut self.stage.ledger.gone);
        for id in &gone {
            self.apply.records().list_gone(rowid(id))?;
        }
        while !gone.is_empty()
            && let Some(id) = self.apply.records().take_gone()?
        {
            if let Some(known) = self.apply.records().by_id(id)? {
                self.waits_no_longer(known.uuid)?;
                self.delete_record(&known)?;
            }
        }
        let mut conflicts = BTreeSet::new();
        if !self.stage.waiting.any() {
            return Ok(conflicts);
        }
        let mut opened = RoaringTreemap::new();
        self.stage.waiting.passed_over = false;
        loop {
            self.apply.heed_stop()?;
            conflicts.clear();
            let mut progress = false;
            let mut walk = Walk::renames();
            while let Some(parked) = self.next_waiting(&mut walk)? {
                progress |= self.try_rename(parked)?;
            }
            let mut walk = Walk::renames();
            while let Some(parked) = self.next_waiting(&mut walk)? {
                progress |= self.open_cycle(parked, &mut opened, &mut conflicts)?;
            }
            if !progress {
                break;
            }
        }
        let mut walk = Walk::adds();
        while let Some(parked) = self.next_waiting(&mut walk)? {
            match self.apply.records().holder(&parked.dn_key, None)? {
                Some(holder) => {
                    if let Some(holder) = self.apply.records().by_id(holder)? {
                        conflicts.insert((parked.uuid, holder.uuid));
                    }
                }
                None => self.add_parked(&parked)?,
            }
        }
        self.look_who_waits()?;
        Ok(conflicts)
    }

    fn add_parked(&mut self, parked: &Parked) -> Result<()> {
        self.waits_no_longer(parked.uuid)?;
        let Attributes::Stated(attributes) = &parked.attributes else {
            return Ok(());
        };
        let statement = Statement {
            uuid: parked.uuid,
            dn: &parked.dn,
            dn_key: &parked.dn_key,
            attributes: attribute_list(attributes)?,
        };
        self.note_name_held(&parked.dn_key);
        match self.apply.add(&statement)? {
            Some(id) => self.mark_added(id),
            None => Err(Error::new(
                ErrorKind::Store,
                format!("{} waits to be added and is there already", parked.uuid),
            )),
        }
    }

    /// Renames if the target is free, and then the records that waited for the names that became free.
    fn try_rename(&mut self, parked: Parked) -> Result<bool> {
        let mut freed = Vec::new();
        if !self.rename_if_free(&parked, &mut freed)? {
            return Ok(false);
        }
        self.follow_up(freed)?;
        Ok(true)
    }

    /// Those that were not tried yet have their turn to come.
    fn follow_up(&mut self, mut freed: Vec<Vec<u8>>) -> Result<()> {
        if !self.stage.waiting.passed_over {
            return Ok(());
        }
        while let Some(key) = freed.pop() {
            if let Some(next) = self.apply.records().rename_to(&key)? {
                self.rename_if_free(&next, &mut freed)?;
            }
        }
        Ok(())
    }

    fn rename_if_free(&mut self, parked: &Parked, freed: &mut Vec<Vec<u8>>) -> Result<bool> {
        let known = match parked.id {
            Some(id) => self.apply.records().by_id(id)?,
            None => None,
        };
        let Some(known) = known else {
            self.waits_no_longer(parked.uuid)?;
            return Ok(true);
        };
        if self
            .apply
            .records()
            .holder(&parked.dn_key, parked.id)?
            .is_some()
        {
            self.stage.waiting.passed_over = true;
            return Ok(false);
        }
        self.waits_no_longer(parked.uuid)?;
        self.move_record(known, parked, freed)?;
        Ok(true)
    }

    /// Follows the chain of records of which each waits for the name of the next. If the chain leads
    /// back, one member of the cycle is moved out of the way. If it ends at a record that is not about
    /// to move, that is a conflict.
    fn open_cycle(
        &mut self,
        parked: Parked,
        opened: &mut RoaringTreemap,
        conflicts: &mut BTreeSet<(Uuid, Uuid)>,
    ) -> Result<bool> {
        let mut visited = RoaringTreemap::new();
        let mut current = parked;
        loop {
            let Some(id) = current.id else {
                return Ok(false);
            };
            visited.insert(member(id));
            let Some(holder) = self.apply.records().holder(&current.dn_key, Some(id))? else {
                return self.try_rename(current);
            };
            let blocker = self.parked_move_of(holder)?;
            let Some(blocker) = blocker else {
                if let Some(holder) = self.apply.records().by_id(holder)? {
                    conflicts.insert((current.uuid, holder.uuid));
                }
                return Ok(false);
            };
            let Some(blocker_id) = blocker.id else {
                return Ok(false);
            };
            if visited.contains(member(blocker_id)) {
                if !opened.insert(member(blocker_id)) {
                    if let Some(holder) = self.apply.records().by_id(holder)? {
                        conflicts.insert((current.uuid, holder.uuid));
                    }
                    return Ok(false);
                }
                let freed = self.move_out_of_the_way(blocker_id)?;
                self.follow_up(freed)?;
                return Ok(true);
            }
            current = blocker;
        }
    }

    /// The parked rename that will move this record: its own, or that of the nearest record above.
    fn parked_move_of(&self, id: i64) -> Result<Option<Parked>> {
        if let Some(parked) = self.apply.records().parked_rename(id)? {
            return Ok(Some(parked));
        }
        if self.stage.is_about_the_end() && self.stage.ledger.stated.contains(member(id)) {
            return Ok(None);
        }
        let Some(stored) = self.apply.records().by_id(id)? else {
            return Ok(None);
        };
        let mut key = stored.dn_key.as_slice();
        while let Some(parent) = dn::parent_key(key) {
            if let Some(id) = self.apply.records().holder(parent, None)? {
                if let Some(parked) = self.apply.records().parked_rename(id)? {
                    return Ok(Some(parked));
                }
                if self.stage.is_about_the_end() && self.stage.ledger.stated.contains(member(id)) {
                    return Ok(None);
                }
            }
            key = parent;
        }
        Ok(None)
    }

    fn move_out_of_the_way(&mut self, id: i64) -> Result<Vec<Vec<u8>>> {
        let mut freed = Vec::new();
        if let Some(known) = self.apply.records().by_id(id)? {
            let (dn, dn_key) = waiting_dn(known.uuid, self.base);
            if known.dn_key == dn_key {
                // Two entries claim the name that it had: it has given way already.
                return Ok(freed);
            }
            let out = Parked {
                uuid: known.uuid,
                id: Some(id),
                dn,
                dn_key,
                attributes: Attributes::Unsaid,
            };
            self.move_record(known, &out, &mut freed)?;
        }
        Ok(freed)
    }

    /// The searches did not settle the conflict. The record whose DN was stated earlier waits under a
    /// name of its own. The provider may have nothing more to say of it, and says nothing of what lies
    /// below, so it is asked for them later.
    fn give_way(&mut self, holder: Uuid) -> Result<()> {
        if let Some(id) = self.apply.records().id_of(holder)? {
            let mut asked = RoaringTreemap::from_iter([member(id)]);
            if let Some(key) = self.apply.records().key_of(id)? {
                self.apply.records().below(&key, |id| {
                    asked.insert(member(id));
                })?;
            }
            if !self.lacks(Rule::HolderGaveWay) {
                self.stage.agenda.ask_where_all(asked, When::Quiet);
            }
            let freed = self.move_out_of_the_way(id)?;
            self.follow_up(freed)?;
        }
        Ok(())
    }
}
