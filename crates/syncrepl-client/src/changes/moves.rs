//! A record goes to another DN, and what lies below it goes along.

use syncrepl_proto::dn;

use super::ledger::member;
use super::rules::Rule;
use super::stage::Work;
use crate::changes::change::{self, Difference};
use crate::changes::order::{Place, order};
use crate::error::Result;
use crate::store::records::{Parked, Stored, attribute_list};

impl Work<'_> {
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
            self.apply.restate(&renamed, attribute_list(attributes)?)?;
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
            let stays_with = goes_elsewhere.as_ref();
            if stays_with.is_some_and(|key| child.dn_key.starts_with(key)) {
                self.ask_below_one_that_stays(id)?;
                continue;
            }
            let basis = self.basis(id)?;
            let verdict = order(basis, self.stage.source());
            let judged = verdict.place == Place::Stays && verdict.ask.is_none();
            let waits = !judged && self.apply.records().is_parked(child.uuid)?;
            if verdict.place == Place::Stays || waits {
                if let Some(when) = verdict.ask
                    && !waits
                    && !self.lacks(Rule::ShownStays)
                {
                    self.stage.agenda.ask_where(member(id), when);
                }
                goes_elsewhere = Some(child.dn_key);
                continue;
            }
            let levels = dn::depth(&child.dn_key).saturating_sub(depth);
            let Some(dn) = dn::rebase(&child.dn, levels, &parent.dn) else {
                continue;
            };
            let dn_key = dn::key(&dn);
            if change::dn_difference(&child.dn, &dn) != Difference::Meaning {
                continue;
            }
            if self.apply.records().holder(&dn_key, Some(id))?.is_some() {
                // Somebody holds its new DN, who may still move away: let it wait like others,
                // and what is below with it.
                goes_elsewhere = Some(child.dn_key);
                self.stage.agenda.at_once = !self.lacks(Rule::DerivedNameWaits);
                let (id, attributes) = (Some(id), None);
                self.stage.any.parked = true;
                self.apply.records().park(&Parked {
                    uuid: child.uuid,
                    id,
                    dn,
                    dn_key,
                    attributes,
                })?;
                continue;
            }
            if let Some(when) = verdict.ask
                && !self.lacks(Rule::FreshGoesAlong)
            {
                self.stage.agenda.ask_where(member(id), when);
            }
            let child_key = child.dn_key.clone();
            self.apply.rename(child, &dn, &dn_key)?;
            if child_key != dn_key {
                freed.push(child_key);
            }
        }
        Ok(())
    }

    /// A record stays with the one above it, and does not move along with that one later. So it is
    /// asked for itself.
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
