//! The end of a stage: what else has to be asked, what is gone, and in which order the rest is
//! told: deletes, children first; renames, those with a free target first; then the parked adds.

use std::time::Instant;

use roaring::RoaringTreemap;
use syncrepl_proto::Uuid;
use syncrepl_proto::attributes::AttributeList;

use crate::changes::ancestors::{Locate, Parents};
use crate::changes::guard::DeleteGuard;
use crate::changes::stage::{Named, Work, member};
use crate::error::{Error, ErrorKind, Result};
use crate::store::records::Parked;

/// How many entries are asked for at a time.
pub(crate) const BATCH: usize = 100;
/// How often more is asked when hidden parents turn out to be elsewhere than just now.
const LEARNING_ROUNDS: u32 = 3;
/// How often records are asked for that their parents left behind.
const DOUBTFUL_ROUNDS: u32 = 3;
/// How often orphans are looked for. Who is left then, because parents keep moving, is a suspect.
const ORPHAN_ROUNDS: u32 = 3;

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
        self.stage.searching = true;
        let told = &self.stage.ledger.stated | &self.stage.hidden.placed;
        if !self.stage.is_refresh() {
            self.stage.ledger.stated.clear();
            self.stage.ledger.stated |= self.unsure()?;
        }
        if rules.may_bring_others {
            self.stage.ledger.back |= std::mem::take(&mut self.stage.ledger.was_away);
        }
        self.look_up_hints(ask)?;
        if self.stage.agenda.everything {
            self.take_everything(rules, ask)?;
        }
        let full = self.stage.kind.is_full();
        if rules.may_bring_others && !full {
            self.fetch_below_the_new(ask)?;
        }
        if self.stage.is_refresh() && rules.absent_is_deleted {
            // Who was left out is asked for with the others that were.
            self.stage.agenda.now &= &self.stage.ledger.present;
        }
        self.settle_doubtful(rules, ask)?;
        if !self.find_the_absent(rules, ask)? {
            return Ok(Settled::Incomplete("entries it left out are still there"));
        }
        self.follow_parents(rules, ask)?;
        self.tell_all(rules, ask)?;
        if self.shows_parents {
            // Whoever is found elsewhere than just now may be an orphan there.
            let mut sent = told | &self.stage.ledger.stated;
            let mut rounds = 0;
            while self.settle_orphans((!full).then_some(&sent), ask)? {
                self.tell_all(rules, ask)?;
                sent |= &self.stage.ledger.stated;
                rounds += 1;
                if rounds == ORPHAN_ROUNDS {
                    // Parents keep moving meanwhile.
                    self.stage.agenda.quiet |= self.orphans_among(&sent)?;
                    break;
                }
            }
        }
        if rules.may_bring_others && !full && !self.stage.ledger.new.is_empty() {
            // Who was found to be new only by now may have come with others, too.
            self.fetch_below_the_new(ask)?;
            self.tell_all(rules, ask)?;
        }
        let mut rounds = 0;
        while self.learn_parents(rules, ask)? {
            self.tell_all(rules, ask)?;
            rounds += 1;
            if rounds == LEARNING_ROUNDS {
                self.stage.hidden.unsettled = true;
                break;
            }
        }
        if rules.parents != Parents::Leave {
            self.ancestors().forget_unneeded()?;
        }
        self.suspect_orphans()?;
        // Where they are was not to be found out in all these rounds.
        let left = std::mem::take(&mut self.stage.agenda.now) | self.unsure()?;
        self.stage.agenda.quiet |= left;
        Ok(Settled::Done)
    }

    /// The records among those of which it is not sure where they are.
    fn unsure(&self) -> Result<RoaringTreemap> {
        let mut records = RoaringTreemap::new();
        for uuid in &self.stage.ledger.unsure {
            records.extend(self.apply.records().id_of(*uuid)?.map(member));
        }
        Ok(records)
    }

    /// Tells what is known by now, then asks for what was placed by a search and so did not move
    /// along when its parent did.
    fn tell_all(&mut self, rules: Rules<'_>, ask: &mut dyn Ask) -> Result<()> {
        self.tell(rules, ask)?;
        for _ in 0..DOUBTFUL_ROUNDS {
            if self.stage.agenda.now.is_empty() {
                break;
            }
            self.settle_doubtful(rules, ask)?;
            self.tell(rules, ask)?;
        }
        Ok(())
    }

    /// Asks for the doubtful, and for what is held below those of them that are gone.
    pub(crate) fn settle_doubtful(&mut self, rules: Rules<'_>, ask: &mut dyn Ask) -> Result<()> {
        let doubtful = std::mem::take(&mut self.stage.agenda.now);
        let absent = self.ask_for(&doubtful, ask)?;
        let mut below = self.held_below_all(&absent)?;
        if self.stage.is_refresh() && rules.absent_is_deleted {
            below &= &self.stage.ledger.present;
        }
        self.doom_absent(absent)?;
        let gone = self.ask_for(&below, ask)?;
        if rules.may_bring_others {
            self.fetch_below_the_found(&(&below - &gone), ask)?;
        }
        self.doom_absent(gone)
    }

    /// Decides what is gone without having been named. False when the provider left out what it
    /// still shows.
    fn find_the_absent(&mut self, rules: Rules<'_>, ask: &mut dyn Ask) -> Result<bool> {
        let implied = self.stage.is_refresh() && rules.absent_is_deleted;
        let mut candidates = RoaringTreemap::new();
        let mut below_returned = RoaringTreemap::new();
        if implied {
            self.apply.records().ids(|id| {
                candidates.insert(member(id));
            })?;
            candidates -= &self.stage.ledger.present;
        } else {
            // What lay below an entry that is gone may be gone with it, or may stay.
            for id in &self.stage.ledger.gone {
                self.held_below(id, &mut candidates)?;
            }
            for id in &self.stage.ledger.back {
                self.held_below(id, &mut below_returned)?;
            }
            below_returned -= &candidates;
            candidates |= &below_returned;
        }
        candidates -= &self.stage.ledger.gone;
        let mut after = None;
        while let Some(parked) = self.next_parked(false, &after)? {
            // It was stated to be elsewhere, unless it is to go there along with its parent.
            if let (Some(id), Some(_)) = (parked.id, &parked.attributes) {
                candidates.remove(member(id));
            }
            after = Some((parked.dn_key, parked.uuid));
        }
        let total = candidates.len();
        let absent = match implied {
            // Whoever moved was stated: under the stored DN there is nobody, or the candidate.
            true => self.ask_at_stored_dns(&candidates, ask)?.0,
            false => self.ask_for(&candidates, ask)?,
        };
        if implied {
            if absent.len() < total {
                if self.stage.restarts < 2 {
                    return Ok(false);
                }
                return Err(Error::new(
                    ErrorKind::Guard,
                    format!(
                        "the provider left {} entries out of a complete refresh that it still shows in a search",
                        total - absent.len()
                    ),
                )
                .with_hint("nothing was changed; check the provider's log, its indexes and its replication, then refresh again"));
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
        }
        if !implied && rules.may_bring_others {
            self.fetch_below_the_found(&(&candidates - &absent), ask)?;
        }
        let unnamed = !implied && !absent.is_empty();
        let left_behind = match implied {
            true => self.held_below_all(&absent)?,
            false => RoaringTreemap::new(),
        };
        below_returned &= &absent;
        self.stage.ledger.gone |= absent;
        self.doom_absent(below_returned)?;
        let gone = self.ask_for(&left_behind, ask)?;
        self.doom_absent(gone)?;
        if unnamed {
            // The base itself was named, it may be, and nothing of what lies below it.
            let (tally, doomed) = (self.apply.writer.tally(), self.stage.ledger.gone.len());
            if doomed + tally.deleted >= self.stage.before + tally.added {
                rules.guard.check_everything(doomed)?;
            }
        }
        Ok(true)
    }

    pub(crate) fn guard_deletes(&self, rules: Rules<'_>) -> Result<()> {
        let deletes = self.stage.ledger.gone.len() + self.apply.writer.tally().deleted;
        rules.guard.check(rules.now, deletes)
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
