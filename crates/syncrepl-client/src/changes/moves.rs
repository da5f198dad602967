//! A record takes another DN, and what lies below it goes along or stays.

use syncrepl_proto::dn;

use super::agenda::When;
use super::change::{self, Difference};
use super::ledger::{Basis, member};
use super::order::{Place, Verdict, order};
use super::rules::Rule;
use super::stage::Work;
use crate::error::Result;
use crate::store::records::{Parked, Stored, attribute_list};

/// A parent that has just been renamed.
struct Moved<'a> {
    id: i64,
    dn: &'a str,
    old_key: &'a [u8],
    /// How many names the old DN consists of.
    depth: usize,
}

impl Work<'_> {
    /// Moves a record to its parked DN, tells what is new of its attributes, and takes along what
    /// lies below it. The DNs that became free go to `freed`.
    pub(crate) fn move_record(
        &mut self,
        known: Stored,
        parked: &Parked,
        freed: &mut Vec<Vec<u8>>,
    ) -> Result<()> {
        let old_key = known.dn_key.clone();
        let renamed = self.apply.rename(known, &parked.dn, &parked.dn_key)?;
        match &parked.attributes {
            Some(attributes) => self.apply.restate(&renamed, attribute_list(attributes)?)?,
            None => self.apply.restate_entry_dn(&renamed)?,
        }
        self.move_below(&old_key, &renamed, freed)?;
        // If only the letter case differs, the name is not free, and what lies below it is respelled
        // all the same.
        if old_key != parked.dn_key {
            freed.push(old_key);
        }
        Ok(())
    }

    fn move_below(
        &mut self,
        old_key: &[u8],
        parent: &Stored,
        freed: &mut Vec<Vec<u8>>,
    ) -> Result<()> {
        let moved = Moved {
            id: parent.id,
            dn: &parent.dn,
            old_key,
            depth: dn::depth(old_key),
        };
        let (mut number, end) = self.apply.records().list_moving(old_key)?;
        // A record below a child that stays, or has to wait, stays with that child.
        let mut stays: Option<Vec<u8>> = None;
        while number < end {
            let id = self.apply.records().moving(number)?;
            number += 1;
            let Some(child) = self.moving_child(id, &moved)? else {
                continue;
            };
            if stays
                .as_ref()
                .is_some_and(|key| child.dn_key.starts_with(key))
            {
                self.ask_below_one_that_stays(child.id)?;
            } else {
                stays = self.move_child(child, &moved, freed)?;
            }
        }
        Ok(())
    }

    /// The record of the list of those that lie below a moved parent, unless it is gone by now.
    fn moving_child(&self, id: Option<i64>, moved: &Moved<'_>) -> Result<Option<Stored>> {
        match id.filter(|&id| id != moved.id) {
            Some(id) => self.apply.records().by_id(id),
            None => Ok(None),
        }
    }

    /// Moves a child along, or leaves it where it is. Returns its key if what lies below it stays, too.
    fn move_child(
        &mut self,
        child: Stored,
        moved: &Moved<'_>,
        freed: &mut Vec<Vec<u8>>,
    ) -> Result<Option<Vec<u8>>> {
        let verdict = self.judge(child.id)?;
        let waits = !verdict.is_certain_to_stay() && self.apply.records().is_parked(child.uuid)?;
        if verdict.place == Place::Stays || waits {
            // A child that waits for a name has a statement of its own.
            if let Some(when) = verdict.ask
                && !waits
            {
                self.stage.agenda.ask_where(member(child.id), when);
                let left = &mut self.stage.ledger.left;
                left.insert(moved.old_key.to_vec(), moved.id);
            }
            return Ok(Some(child.dn_key));
        }
        let levels = dn::depth(&child.dn_key).saturating_sub(moved.depth);
        let Some(dn) = dn::rebase(&child.dn, levels, moved.dn) else {
            return Ok(None);
        };
        if change::dn_difference(&child.dn, &dn) != Difference::Meaning {
            return Ok(None);
        }
        let dn_key = self.key(&dn);
        if self
            .apply
            .records()
            .holder(&dn_key, Some(child.id))?
            .is_some()
        {
            return self.park_child(&child, dn, dn_key);
        }
        self.ask_of_one_that_goes_along(child.id, verdict);
        let child_key = child.dn_key.clone();
        let renamed = self.apply.rename(child, &dn, &dn_key)?;
        self.apply.restate_entry_dn(&renamed)?;
        if child_key != dn_key {
            freed.push(child_key);
        }
        Ok(None)
    }

    fn judge(&self, child: i64) -> Result<Verdict> {
        let verdict = order(self.basis(child)?, self.stage.source());
        if verdict.ask == Some(When::Now) && self.lacks(Rule::ShownStays) {
            return Ok(order(Basis::Known, self.stage.source()));
        }
        Ok(verdict)
    }

    /// Another record holds the child's new DN, and may still move away: the child waits, and what
    /// lies below it with it.
    fn park_child(
        &mut self,
        child: &Stored,
        dn: String,
        dn_key: Vec<u8>,
    ) -> Result<Option<Vec<u8>>> {
        self.stage.agenda.at_once = !self.lacks(Rule::DerivedNameWaits);
        self.stage.any.parked = true;
        self.apply.records().park(&Parked {
            uuid: child.uuid,
            id: Some(child.id),
            dn,
            dn_key,
            attributes: None,
        })?;
        Ok(Some(child.dn_key.clone()))
    }

    fn ask_of_one_that_goes_along(&mut self, id: i64, verdict: Verdict) {
        if let Some(when) = verdict.ask
            && !self.lacks(Rule::FreshGoesAlong)
        {
            self.stage.agenda.ask_where(member(id), when);
        }
    }

    /// Child C stays, and D below it stays with it. If C turns out to have moved, D does not go along
    /// unless its own DN is known, so the provider is asked for D, too.
    fn ask_below_one_that_stays(&mut self, id: i64) -> Result<()> {
        if self.lacks(Rule::BelowOneThatStays) {
            return Ok(());
        }
        let verdict = order(self.basis_before(id)?, self.stage.source());
        if let Some(when) = verdict.ask {
            self.stage.agenda.ask_where(member(id), when);
        }
        Ok(())
    }
}
