//! Orphans: records whose parent is not in the copy although the search would show it. The parent was
//! renamed while the refresh ran, after its children had been sent; or it came into the base with a
//! parent of its own and left again, of which the provider says nothing. A parent whose name differs in
//! letter case from what its child says may be another entry, so such a child is asked for as well.

use std::collections::{BTreeMap, BTreeSet};

use roaring::RoaringTreemap;
use syncrepl_proto::dn;

use super::agenda::When;
use super::ask::Ask;
use super::ledger::{member, rowid};
use super::rules::Rule;
use super::stage::Work;
use super::terms::Terms;
use crate::error::Result;

/// So many parents are remembered while records are looked at one by one.
const PARENTS: usize = 1000;

impl Work<'_> {
    /// Asks for the orphans among the records that the stage has placed (in a full refresh: among all
    /// records), and for their parents. True when that left something to tell. In the last round it
    /// only puts the question for later.
    pub(crate) fn settle_orphans(
        &mut self,
        placed: &RoaringTreemap,
        last: bool,
        terms: Terms<'_>,
        ask: &mut dyn Ask,
    ) -> Result<bool> {
        if !self.shows_parents || self.lacks(Rule::Orphan) {
            return Ok(false);
        }
        let orphans = match self.stage.kind.is_full() {
            true => self.all_orphans()?,
            false => self.orphans_among(placed)?,
        };
        if last {
            // Parents keep moving meanwhile. An answer that told nothing new closed the question.
            let open = orphans - &self.stage.agenda.asked_when_quiet;
            self.stage.agenda.ask_where_all(open, When::Quiet);
            return Ok(false);
        }
        // Parents that are there, and not in the copy: access rules hide them.
        let mut hidden = BTreeSet::new();
        let mut rest = orphans.iter();
        loop {
            let mut batch = RoaringTreemap::new();
            while batch.len() < self.stage.limits.batch as u64
                && let Some(id) = rest.next()
            {
                if !hidden.contains(&self.parent_key(id)?) {
                    batch.insert(id);
                }
            }
            if batch.is_empty() {
                return Ok(false);
            }
            let gone = self.stage.ledger.gone.len();
            self.stage.agenda.ask_where_all(batch.clone(), When::Now);
            self.answer_what_is_due(terms, ask)?;
            if self.stage.is_refresh() && !self.lacks(Rule::ParentOfOrphan) {
                self.take_parents_of(&batch, terms, ask)?;
            }
            if self.stage.ledger.gone.len() > gone || self.apply.records().any_parked()? {
                return Ok(true);
            }
            if !self.stage.is_refresh() {
                return Ok(false);
            }
            // These orphans are where the copy holds them. To ask for each of thousands below the same
            // parent would only tell the same.
            for id in &batch {
                hidden.insert(self.parent_key(id)?);
            }
        }
    }

    fn parent_key(&self, id: u64) -> Result<Option<Vec<u8>>> {
        let key = self.apply.records().key_of(rowid(id))?;
        Ok(key.and_then(|key| dn::parent_key(&key).map(<[u8]>::to_vec)))
    }

    /// Asks for the entries that bear the names of their parents. Where a search confirms an orphan, the
    /// copy may hold its parent by an older name, or by a newer one: read from another node, ahead of
    /// the cookie, while this node lags behind. Then the copy follows this node, as the cookie does.
    fn take_parents_of(
        &mut self,
        orphans: &RoaringTreemap,
        terms: Terms<'_>,
        ask: &mut dyn Ask,
    ) -> Result<()> {
        let mut dns = BTreeMap::new();
        for id in orphans {
            let Some(stored) = self.apply.records().by_id(rowid(id))? else {
                continue;
            };
            if let (Some(key), Some((_, parent)), false) = (
                dn::parent_key(&stored.dn_key),
                dn::split_first(&stored.dn),
                self.apply.records().is_parked(stored.uuid)?,
            ) {
                dns.insert(key.to_vec(), parent.to_owned());
            }
        }
        if dns.is_empty() {
            return Ok(());
        }
        let dns: Vec<_> = dns.into_values().collect();
        for parent in ask.named(&dns)?.into_iter().flatten() {
            self.stage.agenda.ask_where_named(parent.uuid, parent.dn);
        }
        self.answer_what_is_due(terms, ask)
    }

    /// The stage is over, and the parent of C is still not known. It may be hidden; or the copy holds it
    /// elsewhere, because a search is ahead of what the provider tells. The provider is asked for C
    /// later, once.
    pub(crate) fn ask_later_about_orphans(&mut self) -> Result<()> {
        if self.lacks(Rule::FoundOrphan) {
            return Ok(());
        }
        let mut sent = self.stage.ledger.found.clone();
        if self.stage.ledger.may_be_ahead {
            sent |= &self.stage.hidden.placed;
        }
        sent -= &self.stage.agenda.asked_when_quiet;
        for id in self.orphans_among(&sent)? {
            let Some(stored) = self.apply.records().by_id(rowid(id))? else {
                continue;
            };
            if let Some(parent) = dn::parent_key(&stored.dn_key)
                && !self.ancestors().is_shown(parent)?
            {
                self.stage.agenda.ask_where(id, When::Quiet);
            }
        }
        Ok(())
    }

    pub(crate) fn orphans_among(&self, sent: &RoaringTreemap) -> Result<RoaringTreemap> {
        // To read the key of each costs more than to read all keys in their order.
        if sent.len() > self.apply.writer.entries() / 4 {
            return Ok(self.all_orphans()? & sent);
        }
        let base = dn::key(self.base);
        let mut orphans = RoaringTreemap::new();
        // Many records have few parents, and each is looked for once, as a rule: its key, and its DN.
        let mut held: BTreeMap<Vec<u8>, String> = BTreeMap::new();
        for id in sent {
            let Some((key, dn)) = self.apply.records().name_of(rowid(id))? else {
                continue;
            };
            let Some(parent) = dn::parent_key(&key) else {
                continue;
            };
            if key == base || parent == base {
                continue;
            }
            if !held.contains_key(parent) {
                let holder = self.apply.records().holder(parent, None)?;
                let holder = holder.map(|holder| self.apply.records().name_of(holder));
                if let Some((key, dn)) = holder.transpose()?.flatten() {
                    if held.len() >= PARENTS {
                        held.clear();
                    }
                    held.insert(key, dn);
                }
            }
            let is_there = held
                .get(parent)
                .is_some_and(|above| names_parent(&dn, above));
            if !is_there {
                orphans.insert(id);
            }
        }
        Ok(orphans)
    }

    fn all_orphans(&self) -> Result<RoaringTreemap> {
        let base = dn::key(self.base);
        let mut orphans = RoaringTreemap::new();
        // From the base down to the last record: every parent has come before its children.
        let mut path: Vec<(Vec<u8>, String)> = Vec::new();
        self.apply.records().names(|id, key, dn| {
            while path
                .last()
                .is_some_and(|(above, _)| !dn::is_within(key, above))
            {
                path.pop();
            }
            let parent = dn::parent_key(key);
            let is_there = key == base.as_slice()
                || parent.is_none_or(|parent| {
                    let named = |(above, its_dn): &(Vec<u8>, String)| {
                        above == parent && names_parent(dn, its_dn)
                    };
                    parent == base.as_slice() || path.last().is_some_and(named)
                });
            if !is_there {
                orphans.insert(member(id));
            }
            if path.last().is_none_or(|(above, _)| above != key) {
                path.push((key.to_vec(), dn.to_owned()));
            }
        })?;
        Ok(orphans)
    }
}

/// Whether the DN of a child names its parent as the parent is named: in another spelling, perhaps, but
/// not in other letters.
fn names_parent(child: &str, parent: &str) -> bool {
    child.ends_with(parent)
        || dn::ancestor(child, 1).is_none_or(|named| dn::same_spelling_aside(named, parent))
}
