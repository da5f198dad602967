//! The end of a stage, as one loop: the consumer asks what is due, tells what is certain, and sees
//! which questions that puts, until there are none. A question that is still open after a number of
//! rounds waits until the provider is silent.

use roaring::RoaringTreemap;

use super::agenda::When;
use super::ask::Ask;
use super::ledger::member;
use super::stage::{Named, Work};
use super::terms::{Parents, Settled, Terms};
use super::waiting::Walk;
use crate::error::{Error, ErrorKind, Result};
use crate::store::records::{Attributes, Parked};

/// One search for all is worth it when one of so many records is looked for: what it costs for each
/// entry is a tenth of what a question costs where entryUUID is not indexed, and more where it is.
const WORTH_A_LIST: u64 = 10;

impl Work<'_> {
    /// Ends the stage; afterwards it can be committed.
    pub(crate) fn settle(&mut self, terms: Terms<'_>, ask: &mut dyn Ask) -> Result<Settled> {
        if self.stage.named.unknown_overflow || !self.stage.named.unknown.is_empty() {
            return Ok(Settled::Incomplete(
                "the provider named entries that it never sent",
            ));
        }
        let mut placed = self.begin_answers(terms)?;
        if self.stage.agenda.everything {
            self.take_everything(ask)?;
        } else if self.stage.agenda.all_values {
            self.take_all_values(ask)?;
        }
        self.ask_below_the_new(terms)?;
        self.ask_below_the_gone(terms)?;
        self.answer_what_is_due(terms, ask)?;
        if self.deletes_the_absent(terms) && !self.confirm_the_absent(terms, ask)? {
            return Ok(Settled::Incomplete("entries it left out are still there"));
        }
        self.follow_parents(terms, ask)?;
        let rounds = self.stage.limits.rounds;
        for round in 1..=rounds {
            self.answer_what_is_due(terms, ask)?;
            self.tell(terms, round == rounds, ask)?;
            placed |= &self.stage.ledger.stated;
            let missed = self.settle_orphans(&placed, round == rounds, terms, ask)?;
            self.ask_below_the_new(terms)?;
            let learned = self.learn_parents(terms, ask)?;
            if !missed && !learned && !self.stage.agenda.is_due() {
                break;
            }
            if round == rounds {
                self.answer_the_last(terms, ask)?;
            }
        }
        self.leave_the_rest(terms)?;
        self.forget_alike()?;
        Ok(Settled::Done)
    }

    /// From here on searches show what is taken. Returns the records that the stage, or a search
    /// before it, has placed, and whose parents have to be there.
    fn begin_answers(&mut self, terms: Terms<'_>) -> Result<RoaringTreemap> {
        self.stage.searching = true;
        let mut placed = &self.stage.ledger.stated | &self.stage.hidden.placed;
        if self.stage.is_refresh() && self.stage.any.shown {
            // An earlier search may have shown C below a name that P took later and has left since:
            // this refresh tells of P, and not of C.
            placed |= self.shown().ids()?;
        }
        if !self.stage.is_refresh() {
            self.stage.ledger.stated = self.unsure()?;
        }
        if !terms.may_bring_others {
            self.stage.ledger.back.clear();
        }
        if self.deletes_the_absent(terms) {
            // A record that was left out is asked for with the others that were.
            self.stage.agenda.only_where(&self.stage.ledger.present);
        }
        Ok(placed)
    }

    /// Whether a record that the stage did not mention is gone.
    pub(crate) fn deletes_the_absent(&self, terms: Terms<'_>) -> bool {
        self.stage.is_refresh() && terms.absent_is_deleted
    }

    /// The rounds are used up. The questions of the last one are answered all the same: no later stage
    /// asks what lies below an entry that was new in this one.
    fn answer_the_last(&mut self, terms: Terms<'_>, ask: &mut dyn Ask) -> Result<()> {
        self.stage.hidden.unsettled = terms.parents != Parents::Leave;
        self.answer_what_is_due(terms, ask)?;
        self.tell(terms, true, ask)
    }

    /// A question that is open after all rounds is asked when the provider is silent.
    fn leave_the_rest(&mut self, terms: Terms<'_>) -> Result<()> {
        if terms.parents != Parents::Leave {
            self.ancestors().forget_unneeded()?;
        }
        self.ask_later_about_orphans()?;
        let unsure = self.unsure()?;
        self.stage.agenda.ask_where_all(unsure, When::Quiet);
        for uuid in self.stage.agenda.take_named().into_keys() {
            if let Some(id) = self.apply.records().id_of(uuid)? {
                self.stage.agenda.ask_where(member(id), When::Quiet);
            }
        }
        for uuid in self.stage.agenda.take_values().into_keys() {
            if let Some(id) = self.apply.records().id_of(uuid)? {
                self.stage.agenda.ask_where(member(id), When::Quiet);
            }
        }
        self.stage.agenda.leave_for_quiet();
        Ok(())
    }

    /// The records that came below a name whose holder still waited to leave it.
    fn unsure(&self) -> Result<RoaringTreemap> {
        let mut records = RoaringTreemap::new();
        for uuid in &self.stage.ledger.unsure {
            records.extend(self.apply.records().id_of(*uuid)?.map(member));
        }
        Ok(records)
    }

    /// Decides which records are gone because the stage left them out: each is looked for, and one
    /// that is still shown proves that the stage was incomplete. False then.
    fn confirm_the_absent(&mut self, terms: Terms<'_>, ask: &mut dyn Ask) -> Result<bool> {
        let mut candidates = RoaringTreemap::new();
        self.apply.records().ids(|id| {
            candidates.insert(member(id));
        })?;
        candidates -= &self.stage.ledger.present;
        candidates -= &self.stage.ledger.gone;
        self.without_the_moving(&mut candidates)?;
        let total = candidates.len();
        let absent = self.not_shown_of(&candidates, ask)?;
        if absent.len() < total {
            if self.stage.restarts < 2 {
                return Ok(false);
            }
            let shown = &candidates - &absent;
            let named = self.named(Vec::new(), &shown, shown.len())?;
            return Err(still_shown(shown.len(), &named));
        }
        if total > 0 && total >= terms.guard.size() {
            self.heed_guard(terms, terms.guard.check_everything(total), &absent)?;
        }
        let Named {
            references, listed, ..
        } = &self.stage.named;
        if !listed {
            self.apply
                .records()
                .retain_references(|id| references.contains(member(id)))?;
        }
        // A record that was named as present was counted when the stage began, and may have gone
        // since with its parent.
        let left_behind = self.held_below_all(&absent)?;
        self.stage.agenda.ask_where_all(left_behind, When::Now);
        self.stage.ledger.gone |= absent;
        Ok(true)
    }

    /// Returns those of these records that no search shows.
    fn not_shown_of(
        &mut self,
        candidates: &RoaringTreemap,
        ask: &mut dyn Ask,
    ) -> Result<RoaringTreemap> {
        // Many are looked for by one search that names all that is there. Where entryUUID is not indexed,
        // the provider reads all entries for each search anyway.
        let total = candidates.len();
        let many = total > self.stage.limits.whole_at
            && total >= self.apply.writer.entries() / WORTH_A_LIST;
        let mut shown = match many {
            true => self.shown_of(candidates, ask)?,
            false => None,
        };
        let mut absent = match &shown {
            Some(shown) => candidates - shown,
            None => RoaringTreemap::new(),
        };
        let rest = shown.get_or_insert_with(|| candidates.clone());
        // A record that moved was stated: under its stored DN is the candidate, or nobody.
        absent |= self.ask_at_stored_dns(rest, ask)?.0;
        Ok(absent)
    }

    /// Those of these records that are among all that the search shows. `None` if the provider does not
    /// allow that search, or does not show a record that is believed to be there.
    fn shown_of(
        &mut self,
        candidates: &RoaringTreemap,
        ask: &mut dyn Ask,
    ) -> Result<Option<RoaringTreemap>> {
        let control = self.control(|id| candidates.contains(member(id)))?;
        let (mut shown, mut confirmed) = (RoaringTreemap::new(), false);
        let listed = ask.ids(&mut |uuid| {
            confirmed |= Some(uuid) == control;
            let id = self.apply.records().id_of(uuid)?.map(member);
            shown.extend(id.filter(|id| candidates.contains(*id)));
            Ok(())
        });
        match listed {
            Ok(readable) => Ok((readable && confirmed).then_some(shown)),
            Err(error) if error.kind() == ErrorKind::Refused => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Leaves out the records that were stated to be elsewhere, unless they go there with a parent.
    pub(crate) fn without_the_moving(&mut self, candidates: &mut RoaringTreemap) -> Result<()> {
        let mut walk = Walk::renames();
        while let Some(parked) = self.next_waiting(&mut walk)? {
            let Parked { id, attributes, .. } = parked;
            if let Some(id) = id
                && attributes != Attributes::Unsaid
            {
                candidates.remove(member(id));
            }
        }
        Ok(())
    }

    pub(crate) fn guard_deletes(&self, terms: Terms<'_>) -> Result<()> {
        let gone = &self.stage.ledger.gone;
        let deletes = gone.len() + self.apply.writer.tally().deleted;
        self.heed_guard(terms, terms.guard.check(terms.now, deletes), gone)
    }

    /// The base itself may have been named as gone, and nothing of what lies below it.
    pub(crate) fn guard_everything(&self, terms: Terms<'_>) -> Result<()> {
        let tally = self.apply.writer.tally();
        let gone = &self.stage.ledger.gone;
        let all = terms.guard.size() + tally.added;
        if self.stage.ledger.gone_unnamed && gone.len() + tally.deleted >= all {
            let said = terms.guard.check_everything(gone.len());
            self.heed_guard(terms, said, gone)?;
        }
        Ok(())
    }
}

fn still_shown(count: u64, named: &str) -> Error {
    let message = format!(
        "the provider left {count} entries out of a complete refresh that it still shows in a search: {named}"
    );
    Error::new(ErrorKind::Guard, message).with_hint("nothing was changed; check the provider's log, its indexes and its replication, then refresh again")
}
