//! A record takes another DN, and what lies below it goes along or stays.

use syncrepl_proto::dn;

use super::agenda::When;
use super::change::{self, Difference};
use super::ledger::{Basis, member};
use super::order::{Place, Verdict, order};
use super::rules::Rule;
use super::stage::Work;
use crate::error::Result;
use crate::store::records::{Attributes, FEW, Parked, Placed, Stored, attribute_list};

/// A parent that has just been renamed.
struct Moved<'a> {
    id: i64,
    dn: &'a str,
    dn_key: &'a [u8],
    old_key: &'a [u8],
    /// How many names the old DN consists of.
    depth: usize,
    /// Whether the keys below the new DN follow from those below the old one. Where letter case tells names
    /// apart, it may do so below one parent and not below another.
    derives_keys: bool,
}

impl Work<'_> {
    /// Moves a record to its parked DN, tells its changed attributes, and takes along the records below
    /// it. The DNs that became free go to `freed`, if a record may wait for one.
    pub(crate) fn move_record(
        &mut self,
        known: Stored,
        parked: &Parked,
        freed: &mut Vec<Vec<u8>>,
    ) -> Result<()> {
        let old_key = known.dn_key.clone();
        self.note_name_held(&parked.dn_key);
        let renamed = self.apply.rename(known, &parked.dn, &parked.dn_key)?;
        match &parked.attributes {
            Attributes::Stated(stated) => self.apply.restate(&renamed, attribute_list(stated)?)?,
            Attributes::Same => {}
            Attributes::Unsaid => self.apply.restate_entry_dn(&renamed)?,
        }
        self.move_below(&old_key, &renamed, freed)?;
        // If only the letter case differs, the name is not free, and what lies below it is respelled
        // all the same.
        if old_key != parked.dn_key && self.stage.waiting.any() {
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
        if !self.may_hold_below(old_key) {
            return Ok(());
        }
        let few = self.apply.records().few_below(old_key)?;
        if few.as_ref().is_some_and(Vec::is_empty) {
            return Ok(());
        }
        let moved = Moved {
            id: parent.id,
            dn: &parent.dn,
            dn_key: &parent.dn_key,
            old_key,
            depth: dn::depth(old_key),
            derives_keys: !self.apply.writer.keys().any() && dn::validate(&parent.dn).is_ok(),
        };
        // A record below a child that stays, or has to wait, stays with that child.
        let mut stays = None;
        let at_once = self.stage.limits.moved.min(FEW);
        if let Some(few) = few.filter(|few| few.len() <= at_once) {
            return self.move_children(few, &moved, &mut stays, freed);
        }
        if moved.derives_keys && !dn::is_within(moved.dn_key, old_key) {
            // A child that moves leaves this name for good, and nothing comes below it meanwhile.
            let mut children = self.apply.records().next_below(old_key, None, at_once)?;
            while let Some((id, last)) = children.last().cloned() {
                self.move_children(children, &moved, &mut stays, freed)?;
                let next = self.end_of_one_that_stays(stays.as_deref());
                let after = next
                    .as_deref()
                    .map_or((&last[..], id), |end| (end, i64::MIN));
                let records = self.apply.records();
                children = records.next_below(old_key, Some(after), at_once)?;
            }
            return Ok(());
        }
        let list = self.apply.records().list_moving(old_key)?;
        for first in list.clone().step_by(at_once) {
            let numbers = first..list.end.min(first + at_once as i64);
            let children = self.apply.records().take_moving(&numbers)?;
            self.move_children(children, &moved, &mut stays, freed)?;
        }
        Ok(())
    }

    /// Moves these, parents first. Each moves alone, so none is another than it was when it was listed.
    fn move_children(
        &mut self,
        children: Vec<Placed>,
        moved: &Moved<'_>,
        stays: &mut Option<Vec<u8>>,
        freed: &mut Vec<Vec<u8>>,
    ) -> Result<()> {
        self.apply.heed_stop()?;
        for (id, dn_key) in children.into_iter().filter(|(id, _)| *id != moved.id) {
            if stays.as_ref().is_some_and(|key| dn_key.starts_with(key)) {
                self.ask_below_one_that_stays(id)?;
                continue;
            }
            let verdict = self.judge(id)?;
            *stays = if verdict.is_certain_to_stay() {
                Some(dn_key)
            } else if let Some(child) = self.apply.records().by_id(id)? {
                self.move_child(child, verdict, moved, freed)?
            } else {
                None
            };
        }
        Ok(())
    }

    /// Moves a child along, or leaves it where it is. Returns its key if what lies below it stays, too.
    fn move_child(
        &mut self,
        child: Stored,
        verdict: Verdict,
        moved: &Moved<'_>,
        freed: &mut Vec<Vec<u8>>,
    ) -> Result<Option<Vec<u8>>> {
        let waits =
            self.stage.waiting.may_hold(child.id) && self.apply.records().is_parked(child.uuid)?;
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
        let dn_key = self.key_below(&child.dn_key, &dn, moved);
        // Of two keys each is that of another name.
        if child.dn_key == dn_key && change::dn_difference(&child.dn, &dn) != Difference::Meaning {
            return Ok(None);
        }
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
        self.note_name_held(&dn_key);
        let renamed = self.apply.rename(child, &dn, &dn_key)?;
        self.apply.restate_entry_dn(&renamed)?;
        if child_key != dn_key && self.stage.waiting.any() {
            freed.push(child_key);
        }
        Ok(None)
    }

    /// The key of a child's new DN.
    fn key_below(&self, child_key: &[u8], dn: &str, moved: &Moved<'_>) -> Vec<u8> {
        match child_key.strip_prefix(moved.old_key) {
            Some(own) if moved.derives_keys => [moved.dn_key, own].concat(),
            _ => self.key(dn),
        }
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
        self.let_wait(&Parked {
            uuid: child.uuid,
            id: Some(child.id),
            dn,
            dn_key,
            attributes: Attributes::Unsaid,
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

    /// Where what lies below a child that stays ends, if no question is to be put about any of it.
    fn end_of_one_that_stays(&self, stays: Option<&[u8]>) -> Option<Vec<u8>> {
        let ledger = &self.stage.ledger;
        let stays = stays.filter(|_| self.stage.is_refresh() && ledger.all_found)?;
        if cfg!(debug_assertions) {
            let each = |id| debug_assert!(ledger.found.contains(member(id)));
            self.apply.records().below(stays, each).ok();
        }
        dn::descendants(stays).1
    }

    /// Child C stays, and D below it stays with it. If C turns out to have moved, D does not go along
    /// unless its own DN is known, so the provider is asked for D, too.
    fn ask_below_one_that_stays(&mut self, id: i64) -> Result<()> {
        // A search of this refresh showed D: after P was stated, or else that statement asked for D.
        let found = self.stage.is_refresh() && self.stage.ledger.found.contains(member(id));
        if found || self.lacks(Rule::BelowOneThatStays) {
            return Ok(());
        }
        let verdict = order(self.basis_before(id)?, self.stage.source());
        if let Some(when) = verdict.ask {
            self.stage.agenda.ask_where(member(id), when);
        }
        Ok(())
    }
}
