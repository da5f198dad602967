//! Parents that the filter hides. A provider says nothing when one is renamed, moved or taken out of
//! the base, although everything below it gets another DN or leaves. So the store keeps the entryUUIDs
//! of such ancestors of records, and looks them up when something may have happened to them.
//!
//! The move of an ancestor is never applied to the records below it by reckoning, because a record may
//! have been stated below a name before the store knew which entry bears it. The provider is asked for
//! the records themselves, with the original filter.

use std::collections::{BTreeMap, BTreeSet};

use roaring::RoaringTreemap;
use syncrepl_proto::{cookie, dn};

use super::agenda::When;
use super::ask::{Ask, Located, Searched};
use super::change::{self, Difference};
use super::ledger::member;
use super::rules::Limits;
use super::stage::Work;
use super::terms::{Parents, Terms};
use crate::error::Result;
use crate::store::ancestors::Ancestors;
use crate::store::records::Records;

/// Asks where the known ancestors are, and lists those that have moved, or may have been elsewhere
/// meanwhile. Needs no transaction. Returns their number.
pub(crate) fn look_up(
    ancestors: Ancestors<'_>,
    records: Records<'_>,
    ask: &mut dyn Ask,
) -> Result<(u64, Searched)> {
    ancestors.forget_strayed()?;
    let present = records.any(|_| true)?;
    let (mut last, mut strayed, mut searched) = (0, 0, Searched::ByUuid);
    loop {
        let batch = ancestors.after(last, Limits::DEFAULT.batch)?;
        let Some(end) = batch.last() else {
            return Ok((strayed, searched));
        };
        last = end.id;
        let wanted: Vec<_> = batch.iter().map(|one| (one.uuid, one.dn.clone())).collect();
        let mut places = BTreeMap::new();
        let by = ask.places(&wanted, present, &mut |named| {
            places.insert(named.uuid, named);
        })?;
        if by == Searched::ByDn {
            searched = by;
        }
        for ancestor in &batch {
            let place = places.get(&ancestor.uuid);
            let csn = place.and_then(|place| place.csn.as_deref());
            // An ancestor that was changed may have been elsewhere and back.
            let unchanged = csn.is_none() || csn == ancestor.csn.as_deref();
            let stayed = unchanged
                && place.is_some_and(|place| {
                    change::dn_difference(&ancestor.dn, &place.dn) != Difference::Meaning
                });
            if !stayed {
                ancestors.stray(ancestor, place.map(|place| place.dn.as_str()), csn)?;
                strayed += 1;
            }
        }
    }
}

impl Work<'_> {
    pub(crate) fn ancestors(&self) -> Ancestors<'_> {
        Ancestors::new(self.apply.writer.connection())
    }

    /// Asks where the records are that lie below ancestors that have moved.
    pub(crate) fn follow_parents(&mut self, terms: Terms<'_>, ask: &mut dyn Ask) -> Result<()> {
        let searched = match terms.parents {
            Parents::Leave => return Ok(()),
            Parents::LookUp => look_up(self.ancestors(), self.apply.records(), ask)?.1,
            Parents::LookedUp(searched) => searched,
        };
        if terms.parents == Parents::LookUp && self.is_full() {
            self.ancestors().forget_hidden()?;
        }
        let mut candidates = RoaringTreemap::new();
        // A record that was stated with another DN is not in question, unless an ancestor has left that
        // DN, too: the statement is older than the look at the ancestors.
        let mut waiting = BTreeMap::new();
        let mut shown = RoaringTreemap::new();
        self.apply.records().parked_ids(|id| {
            shown.insert(member(id));
        })?;
        while let Some(strayed) = self.ancestors().take_strayed()? {
            self.stage.hidden.moved = true;
            let mut below = self.in_question_below(&strayed.dn_key)?;
            below -= &shown;
            let records = self.apply.records();
            records.parked_below(&strayed.dn_key, |uuid, dn| {
                waiting.insert(uuid, dn);
            })?;
            match &strayed.place {
                None => self.ancestors().remove(strayed.id)?,
                Some(dn) => {
                    let csn = strayed.csn.as_deref();
                    let dn_key = self.key(dn);
                    self.ancestors().set_place(strayed.id, dn, &dn_key, csn)?;
                    // One search shows all of them, and the entries that came meanwhile. For a few
                    // records a question each is cheaper.
                    if below.len() >= self.stage.limits.batch as u64 || terms.may_bring_others {
                        self.sweep(dn, &mut shown, ask)?;
                    }
                }
            }
            candidates |= below;
        }
        if searched == Searched::ByDn && !(candidates.is_subset(&shown) && waiting.is_empty()) {
            // entryUUID cannot be searched, neither for ancestors nor for records.
            shown |= self.take_whole(ask)?;
            candidates -= &shown;
            return self.are_gone(candidates);
        }
        candidates -= &shown;
        for (uuid, dn) in waiting {
            self.stage.agenda.ask_where_named(uuid, dn);
        }
        self.stage.agenda.ask_where_all(candidates, When::Now);
        Ok(())
    }

    /// Looks up the hidden parents that are not known yet. Returns whether that put a question or
    /// showed an entry; then there may be more to learn.
    pub(crate) fn learn_parents(&mut self, terms: Terms<'_>, ask: &mut dyn Ask) -> Result<bool> {
        if terms.parents == Parents::Leave {
            return Ok(false);
        }
        self.ancestors().list_missing(&dn::key(self.base))?;
        let mut candidates = RoaringTreemap::new();
        let mut shown = RoaringTreemap::new();
        loop {
            self.apply.heed_stop()?;
            let batch = self.ancestors().take_missing(self.stage.limits.batch)?;
            if batch.is_empty() {
                break;
            }
            let dns: Vec<_> = batch.iter().map(|(_, dn)| dn.clone()).collect();
            let mut hidden = Vec::new();
            // Parents come first, and a search below one shows all that came with it.
            let mut seen_below: Option<Vec<u8>> = None;
            for ((dn_key, dn), named) in batch.into_iter().zip(ask.named(&dns)?) {
                match named {
                    Some(named) => {
                        candidates |= self.learn(&dn_key, &named)?;
                        let seen = seen_below.as_ref();
                        let seen = seen.is_some_and(|above| dn::is_within(&dn_key, above));
                        if terms.may_bring_others && !self.is_full() && !seen {
                            self.sweep(&named.dn, &mut shown, ask)?;
                            seen_below = Some(dn_key);
                        }
                    }
                    None => {
                        self.ancestors().put(None, &dn, &dn_key, None)?;
                        hidden.push(dn_key);
                    }
                }
            }
            candidates |= self.below_hidden(hidden, ask)?;
        }
        candidates -= &shown;
        let learned = !candidates.is_empty() || !shown.is_empty();
        self.stage.agenda.ask_where_all(candidates, When::Now);
        Ok(learned)
    }

    /// Remembers the entry that bears the DN of a hidden parent. Returns the records that may have been
    /// stated below this DN when another entry bore it.
    fn learn(&mut self, dn_key: &[u8], named: &Located) -> Result<RoaringTreemap> {
        let mut candidates = RoaringTreemap::new();
        if self.apply.records().id_of(named.uuid)?.is_some() {
            // It is a record that moved here: the provider told it just now, or has still to tell.
            return Ok(candidates);
        }
        if let Some(known) = self.ancestors().by_uuid(named.uuid)? {
            self.stage.hidden.moved = true;
            candidates |= self.in_question_below(&known.dn_key)?;
        }
        let csn = named.csn.as_deref();
        self.ancestors()
            .put(Some(named.uuid), &named.dn, dn_key, csn)?;
        if !self.had_this_name_before(named) {
            self.apply.records().below(dn_key, |id| {
                candidates.insert(member(id));
            })?;
        }
        Ok(candidates)
    }

    /// Whether a stage that tells of every entry can have sent none of them before the parent got its
    /// name.
    fn had_this_name_before(&self, named: &Located) -> bool {
        if !self.is_full() {
            return false;
        }
        let (cookie, csn) = (self.stage.cookie.as_deref(), named.csn.as_deref());
        match (cookie, csn) {
            (Some(cookie), Some(csn)) => cookie::covers(cookie, csn) == Some(true),
            _ => false,
        }
    }

    /// The provider does not show these parents. Either it denies access to them, or no entry has that
    /// name any more and the records below it are out of date. One record below tells which.
    fn below_hidden(&mut self, keys: Vec<Vec<u8>>, ask: &mut dyn Ask) -> Result<RoaringTreemap> {
        let mut candidates = RoaringTreemap::new();
        let mut there = BTreeSet::new();
        if self.is_full() {
            let mut samples = Vec::new();
            for key in &keys {
                samples.extend(self.ancestors().oldest_below(key)?);
            }
            let present = self.apply.records().any(|_| true)?;
            if !samples.is_empty() {
                ask.by_uuid(&samples, present, &mut |uuid, dn, _| {
                    if samples.iter().any(|(one, at)| {
                        *one == uuid && change::dn_difference(at, dn) != Difference::Meaning
                    }) {
                        there.insert(self.key(dn));
                    }
                    Ok(())
                })?;
            }
        }
        for key in keys {
            let confirmed = there
                .range(key.clone()..)
                .next()
                .is_some_and(|sample| sample.starts_with(&key));
            if !confirmed {
                candidates |= self.in_question_below(&key)?;
            }
        }
        Ok(candidates)
    }

    fn is_full(&self) -> bool {
        self.stage.kind.is_full()
    }

    /// The records below a DN, but those that are said to be gone.
    fn in_question_below(&self, dn_key: &[u8]) -> Result<RoaringTreemap> {
        let mut ids = RoaringTreemap::new();
        self.apply.records().below(dn_key, |id| {
            ids.insert(member(id));
        })?;
        ids -= &self.stage.ledger.gone;
        Ok(ids)
    }

    /// Takes all that the search shows at and below a DN as stated.
    pub(crate) fn sweep(
        &mut self,
        dn: &str,
        shown: &mut RoaringTreemap,
        ask: &mut dyn Ask,
    ) -> Result<()> {
        ask.below(dn, &mut |uuid, dn, attributes| {
            self.entry(uuid, dn, attributes)?;
            if let Some(id) = self.apply.records().id_of(uuid)? {
                shown.insert(member(id));
            }
            Ok(())
        })
    }
}
