//! The end of a stage, as one loop: ask what is due, tell what is certain, and see which questions
//! that puts, until there are none. What is still open after a number of rounds waits until the
//! provider is silent.

use std::time::Instant;

use roaring::RoaringTreemap;
use syncrepl_proto::Uuid;
use syncrepl_proto::attributes::AttributeList;

use super::agenda::When;
use super::ancestors::{Locate, Parents};
use super::guard::DeleteGuard;
use super::stage::{Named, Work, member};
use crate::error::{Error, ErrorKind, Result};
use crate::store::records::Parked;

/// How often changes are told and new questions answered. Parents that keep moving meanwhile could
/// put questions for ever.
const ROUNDS: u32 = 4;

/// Takes an entry that was asked for: entryUUID, DN, attributes.
pub(crate) type Found<'a> = dyn FnMut(Uuid, &str, AttributeList<'_>) -> Result<()> + 'a;

/// What it means that an entry was asked for by its entryUUID and not shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Absent {
    /// It is not in the search result.
    IsGone,
    /// entryUUID cannot be searched: it is not under the DN at which it was read, and may be
    /// under another.
    MayHaveMoved,
}

/// Plain searches beside the sync search, on a connection of their own.
pub(crate) trait Ask: Locate {
    /// Hands out those of the wanted entries that the search shows. `present` is an entry known to
    /// be there, by which is seen whether entries may be searched by entryUUID at all.
    fn by_uuid(
        &mut self,
        wanted: &[(Uuid, String)],
        present: Option<Uuid>,
        found: &mut Found<'_>,
    ) -> Result<Absent>;

    /// The DNs of those among these entries that have children.
    fn with_children(&mut self, uuids: &[Uuid]) -> Result<Vec<String>>;

    /// Hands out what the search shows below a DN.
    fn below(&mut self, dn: &str, found: &mut Found<'_>) -> Result<()>;

    /// Hands out all that the search shows.
    fn whole(&mut self, found: &mut Found<'_>) -> Result<()>;
}

/// What holds for a stage as a whole.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules<'a> {
    /// Whether what was not seen is gone.
    pub(crate) absent_is_deleted: bool,
    /// Whether an entry may come into the base and bring others with it.
    pub(crate) may_bring_others: bool,
    /// What may be deleted,
    pub(crate) guard: &'a DeleteGuard,
    /// at this moment.
    pub(crate) now: Instant,
    pub(crate) parents: Parents,
}

/// How a stage ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Settled {
    /// The copy equals what the provider told.
    Done,
    /// Something is missing: the refresh has to be made again without a cookie. Why.
    Incomplete(&'static str),
}

impl Work<'_> {
    /// Ends the stage; afterwards it can be committed.
    pub(crate) fn settle(&mut self, rules: Rules<'_>, ask: &mut dyn Ask) -> Result<Settled> {
        if self.stage.named.unknown_overflow || !self.stage.named.unknown.is_empty() {
            return Ok(Settled::Incomplete(
                "the provider named entries that it never sent",
            ));
        }
        let mut placed = self.begin_answers(rules)?;
        if self.stage.agenda.everything {
            self.take_everything(rules, ask)?;
        }
        self.ask_below_the_new(rules)?;
        self.ask_below_the_gone(rules)?;
        self.answer_what_is_due(rules, ask)?;
        if self.deletes_the_absent(rules) && !self.confirm_the_absent(rules, ask)? {
            return Ok(Settled::Incomplete("entries it left out are still there"));
        }
        self.follow_parents(rules, ask)?;
        for round in 1..=ROUNDS {
            self.answer_what_is_due(rules, ask)?;
            self.tell(rules, round == ROUNDS)?;
            placed |= &self.stage.ledger.stated;
            let missed = self.settle_orphans(&placed, round == ROUNDS, rules, ask)?;
            self.ask_below_the_new(rules)?;
            let learned = self.learn_parents(rules, ask)?;
            if !missed && !learned && !self.stage.agenda.is_due() {
                break;
            }
        }
        self.leave_the_rest(rules)?;
        Ok(Settled::Done)
    }

    /// From here on searches show what is taken. Returns the records that the stage has placed so
    /// far, whose parents have to be there.
    fn begin_answers(&mut self, rules: Rules<'_>) -> Result<RoaringTreemap> {
        self.stage.searching = true;
        let placed = &self.stage.ledger.stated | &self.stage.hidden.placed;
        if !self.stage.is_refresh() {
            self.stage.ledger.stated = self.unsure()?;
        }
        let ledger = &mut self.stage.ledger;
        if rules.may_bring_others {
            ledger.back |= std::mem::take(&mut ledger.was_away);
        }
        if self.deletes_the_absent(rules) {
            // A record that was left out is asked for with the others that were.
            self.stage.agenda.only_where(&self.stage.ledger.present);
        }
        Ok(placed)
    }

    /// Whether a record that the stage did not mention is gone.
    pub(crate) fn deletes_the_absent(&self, rules: Rules<'_>) -> bool {
        self.stage.is_refresh() && rules.absent_is_deleted
    }

    /// What is open after all rounds is asked when the provider is silent.
    fn leave_the_rest(&mut self, rules: Rules<'_>) -> Result<()> {
        if self.stage.agenda.is_due() {
            self.stage.hidden.unsettled = rules.parents != Parents::Leave;
        }
        if rules.parents != Parents::Leave {
            self.ancestors().forget_unneeded()?;
        }
        self.suspect_orphans()?;
        let unsure = self.unsure()?;
        self.stage.agenda.ask_where_all(unsure, When::Quiet);
        self.stage.agenda.leave_for_quiet();
        Ok(())
    }

    /// The records among those of which it is not sure where they are.
    fn unsure(&self) -> Result<RoaringTreemap> {
        let mut records = RoaringTreemap::new();
        for uuid in &self.stage.ledger.unsure {
            records.extend(self.apply.records().id_of(*uuid)?.map(member));
        }
        Ok(records)
    }

    /// Decides which records are gone because the stage left them out: each is looked for, and one
    /// that is still shown proves that the stage was incomplete. False then.
    fn confirm_the_absent(&mut self, rules: Rules<'_>, ask: &mut dyn Ask) -> Result<bool> {
        let mut candidates = RoaringTreemap::new();
        self.apply.records().ids(|id| {
            candidates.insert(member(id));
        })?;
        candidates -= &self.stage.ledger.present;
        candidates -= &self.stage.ledger.gone;
        self.without_the_moving(&mut candidates)?;
        let total = candidates.len();
        // A record that moved was stated: under its stored DN is the candidate, or nobody.
        let absent = self.ask_at_stored_dns(&candidates, ask)?.0;
        if absent.len() < total {
            return match self.stage.restarts < 2 {
                true => Ok(false),
                false => Err(still_shown(total - absent.len())),
            };
        }
        if total > 0 && total >= self.stage.before {
            rules.guard.check_everything(total)?;
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

    /// Leaves out the records that were stated to be elsewhere, unless they go there with a parent.
    pub(crate) fn without_the_moving(&self, candidates: &mut RoaringTreemap) -> Result<()> {
        let mut after = None;
        while let Some(parked) = self.next_parked(false, &after)? {
            if let (Some(id), Some(_)) = (parked.id, &parked.attributes) {
                candidates.remove(member(id));
            }
            after = Some((parked.dn_key, parked.uuid));
        }
        Ok(())
    }

    pub(crate) fn guard_deletes(&self, rules: Rules<'_>) -> Result<()> {
        let deletes = self.stage.ledger.gone.len() + self.apply.writer.tally().deleted;
        rules.guard.check(rules.now, deletes)
    }

    /// The base itself may have been named as gone, and nothing of what lies below it.
    pub(crate) fn guard_everything(&self, rules: Rules<'_>) -> Result<()> {
        let tally = self.apply.writer.tally();
        let gone = self.stage.ledger.gone.len();
        if self.stage.ledger.gone_unnamed && gone + tally.deleted >= self.stage.before + tally.added
        {
            rules.guard.check_everything(gone)?;
        }
        Ok(())
    }

    pub(crate) fn next_parked(
        &self,
        adds: bool,
        after: &Option<(Vec<u8>, Uuid)>,
    ) -> Result<Option<Parked>> {
        if !self.stage.any.parked {
            return Ok(None);
        }
        let after = after.as_ref().map(|(key, uuid)| (key.as_slice(), *uuid));
        self.apply.records().next_parked(adds, after)
    }
}

fn still_shown(count: u64) -> Error {
    let message = format!(
        "the provider left {count} entries out of a complete refresh that it still shows in a search"
    );
    Error::new(ErrorKind::Guard, message).with_hint("nothing was changed; check the provider's log, its indexes and its replication, then refresh again")
}
