//! Live messages that are no statement but a reason to look. A provider may send an entry as it stores
//! it: without the values that a search computes, and although no search shows it (a subentry, RFC
//! 3672). So a message that would take values away is not believed before a search has shown the entry.
//!
//! That a search agrees with a message proves nothing: a group that somebody left looks like a computed
//! one that the message lacks. A search that shows a value which the message lacked does prove something.
//! From then on each message of that provider is a hint, until a full refresh.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{Duration, Instant};

use roaring::RoaringTreemap;
use syncrepl_proto::attributes::AttributeList;
use syncrepl_proto::{Uuid, dn};

use super::agenda::When;
use super::ask::{Absent, Ask};
use super::change::Statement;
use super::ledger::member;
use super::rules::Rule;
use super::source::Source;
use super::stage::Work;
use super::terms::Terms;
use crate::error::Result;
use crate::store::records::{Stored, attribute_list};

/// How many lost values of one entry are remembered. One that a search shows is enough.
const REMEMBERED: usize = 50;

/// A search may be ahead of the stream for so long, at the most.
const AHEAD: Duration = Duration::from_secs(60);

/// The most entries of which it is remembered that a search showed them lately.
const MOST: usize = 10_000;

/// The provider writes these with each change, and computes none of them.
const WRITTEN: [&str; 4] = ["entryCSN", "modifyTimestamp", "modifiersName", "entryDN"];

/// What makes a live message a hint.
#[derive(Debug, Default)]
pub(crate) struct Hints {
    /// Each message: the provider sends entries that this identity may not see.
    pub(crate) all: bool,
    /// The provider sends entries as it stores them.
    pub(crate) as_stored: bool,
    /// A message shows by its values alone whether it is complete: not if the search names attributes
    /// that are known to be computed, or shows no objectClass, by which a subentry is known.
    pub(crate) telling: bool,
    /// How many new entries came in this group.
    pub(crate) added: u64,
    /// A search has shown values that a message lacked.
    pub(crate) refuted: bool,
    /// The attributes of which this stage has found that out.
    pub(crate) lacked: BTreeSet<String>,
    pub(crate) lately: Lately,
    /// The entries whose values a search of this stage showed.
    pub(crate) shown: BTreeSet<Uuid>,
}

/// The entries whose values a search showed lately. A message about one of them may be older than that
/// search, and would grant again what was revoked.
#[derive(Debug, Default)]
pub(crate) struct Lately {
    at: HashMap<Uuid, Instant>,
    order: VecDeque<(Instant, Uuid)>,
}

impl Lately {
    /// A search showed this entry.
    pub(crate) fn note(&mut self, uuid: Uuid, now: Instant) {
        if self.order.len() < MOST {
            self.at.insert(uuid, now);
            self.order.push_back((now, uuid));
        }
    }

    /// Forgets the entries of which the stream must have told everything by now.
    pub(crate) fn forget(&mut self, now: Instant) {
        while let Some((at, uuid)) = self.order.front().copied()
            && now.saturating_duration_since(at) > AHEAD
        {
            self.order.pop_front();
            if self.at.get(&uuid) == Some(&at) {
                self.at.remove(&uuid);
            }
        }
    }

    /// Whether it may be one of them. If they are too many, each may be.
    fn contains(&self, uuid: Uuid) -> bool {
        self.order.len() >= MOST || self.at.contains_key(&uuid)
    }
}

impl Work<'_> {
    /// Whether a message is no more than a hint: the provider may have sent an entry that no search
    /// shows, or a new one of which a search is likely to show more.
    pub(super) fn is_hint(&mut self, uuid: Uuid, attributes: &AttributeList<'_>) -> Result<bool> {
        let hints = &self.stage.hints;
        if hints.all {
            return Ok(true);
        }
        if !hints.as_stored
            || self.stage.source() != Source::Stream
            || self.lacks(Rule::AddedUnseen)
            || self.apply.records().id_of(uuid)?.is_some()
        {
            return Ok(false);
        }
        let hints = &mut self.stage.hints;
        if hints.refuted || !hints.telling || is_shown_otherwise(attributes) {
            return Ok(true);
        }
        hints.added += 1;
        if hints.added <= self.stage.limits.few && !self.lacks(Rule::ValuesLost) {
            self.stage.agenda.ask_values(uuid, Vec::new());
        }
        Ok(false)
    }

    /// Whether the values of a live message are not believed before a search has shown the entry. Asks
    /// for them.
    pub(super) fn doubts_values(
        &mut self,
        known: &Stored,
        statement: &Statement<'_>,
    ) -> Result<bool> {
        let hints = &self.stage.hints;
        if !hints.as_stored || self.stage.source() != Source::Stream || self.lacks(Rule::ValuesLost)
        {
            return Ok(false);
        }
        let lost = lost_values(known, statement)?;
        if lost.is_empty() && !hints.refuted && !hints.lately.contains(known.uuid) {
            return Ok(false);
        }
        self.stage.agenda.ask_values(known.uuid, lost);
        Ok(true)
    }

    /// Looks at the entries whose values are in doubt.
    pub(super) fn answer_values(&mut self, terms: Terms<'_>, ask: &mut dyn Ask) -> Result<()> {
        let asked = self.stage.agenda.take_values();
        let mut wanted = Vec::new();
        for uuid in asked.keys() {
            let awaited = self.apply.records().parked_dn(*uuid)?;
            let held = || self.apply.records().by_uuid(*uuid);
            let dn = match awaited {
                Some(dn) => Some(dn),
                None => held()?.map(|known| known.dn),
            };
            wanted.extend(dn.map(|dn| (*uuid, dn)));
        }
        let present = self.control_beside(&wanted)?;
        for batch in wanted.chunks(self.stage.limits.batch) {
            let mut missing: BTreeSet<_> = batch.iter().map(|(uuid, _)| *uuid).collect();
            let means = ask.by_uuid(batch, present, &mut |uuid, dn, attributes| {
                missing.remove(&uuid);
                let lost = asked.get(&uuid).map(Vec::as_slice).unwrap_or_default();
                self.note_lacked(lost, &attributes);
                self.stage.hints.shown.insert(uuid);
                self.values(uuid, dn, attributes)
            })?;
            for uuid in missing {
                match means {
                    Absent::IsGone => self.is_not_shown(uuid, terms)?,
                    // For one entry the whole search would be too much: its values stay until the
                    // provider is silent.
                    Absent::MayHaveMoved => {
                        let id = self.apply.records().id_of(uuid)?.map(member);
                        id.into_iter()
                            .for_each(|id| self.stage.agenda.ask_where(id, When::Quiet));
                    }
                }
            }
        }
        Ok(())
    }

    /// Takes the values of all that the search shows; the rest is gone.
    pub(super) fn take_all_values(&mut self, ask: &mut dyn Ask) -> Result<()> {
        let mut shown = RoaringTreemap::new();
        ask.whole(&mut |uuid, dn, attributes| {
            self.values(uuid, dn, attributes)?;
            shown.extend(self.apply.records().id_of(uuid)?.map(member));
            Ok(())
        })?;
        self.others_are_gone(&shown)
    }

    /// A search shows a record. If it shows the DN that we hold, or are about to, then that is known as
    /// before, and only the values are news.
    pub(super) fn values(
        &mut self,
        uuid: Uuid,
        dn: &str,
        attributes: AttributeList<'_>,
    ) -> Result<()> {
        let Some(known) = self.apply.records().by_uuid(uuid)? else {
            return self.entry(uuid, dn, attributes);
        };
        let awaited = self.apply.records().parked_dn(uuid)?;
        let held = awaited.as_deref().unwrap_or(&known.dn);
        let gone = self.stage.ledger.gone.contains(member(known.id));
        if gone || self.key(held) != self.key(dn) {
            return self.entry(uuid, dn, attributes);
        }
        self.stage.ledger.present.insert(member(known.id));
        if awaited.is_some() {
            // The values that wait with the DN are those of a message, and older.
            self.apply.records().park_dn_alone(uuid)?;
        }
        self.apply.restate(&known, attributes)
    }

    fn note_lacked(&mut self, lost: &[(String, u64)], shown: &AttributeList<'_>) {
        for (name, value) in lost {
            if shown.values(name).any(|shown| digest(shown) == *value) {
                self.stage.hints.lacked.insert(name.clone());
            }
        }
    }
}

/// The values that a statement would take away from a record: attributes, and digests of the values.
fn lost_values(known: &Stored, statement: &Statement<'_>) -> Result<Vec<(String, u64)>> {
    let stated = &statement.attributes;
    if known.attributes == stated.as_bytes() {
        return Ok(Vec::new());
    }
    // An entry that takes another name may lose the value of the former one, which nobody computes.
    let named = match known.dn == statement.dn {
        true => Vec::new(),
        false => dn::naming_values(&known.dn).unwrap_or_default(),
    };
    let is_written = |name: &str| {
        let known = WRITTEN.iter().any(|known| known.eq_ignore_ascii_case(name));
        known && stated.values(name).next().is_some()
    };
    let lost = attribute_list(&known.attributes)?.lost_in(stated, REMEMBERED);
    Ok(lost
        .into_iter()
        .filter(|(name, value)| {
            let names = |(other, named): &dn::NamingValue<'_>| {
                other.eq_ignore_ascii_case(name) && *value == named.as_ref()
            };
            !is_written(name) && !named.iter().any(names)
        })
        .map(|(name, value)| (name.to_ascii_lowercase(), digest(value)))
        .collect())
}

fn digest(value: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// Whether it is a subentry, or a dynamic group.
fn is_shown_otherwise(attributes: &AttributeList<'_>) -> bool {
    let mut classes = attributes.values("objectClass");
    classes.any(|class| class.eq_ignore_ascii_case(b"subentry"))
        || attributes.values("memberURL").next().is_some()
}

/// The values in doubt: entries, and what messages would have taken away.
pub(crate) type Doubts = BTreeMap<Uuid, Vec<(String, u64)>>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lately_is_bounded_by_time_and_number() {
        let (mut lately, begin) = (Lately::default(), Instant::now());
        let uuid = Uuid::from_u128;
        lately.note(uuid(1), begin);
        lately.note(uuid(2), begin + AHEAD / 2);
        lately.note(uuid(1), begin + AHEAD / 2);
        lately.forget(begin + AHEAD + Duration::from_secs(1));
        assert!(lately.contains(uuid(1)), "it was shown again");
        assert!(lately.contains(uuid(2)) && !lately.contains(uuid(3)));
        lately.forget(begin + 2 * AHEAD);
        assert!(!lately.contains(uuid(1)) && lately.at.is_empty());
        for number in 0..MOST as u128 {
            lately.note(uuid(number), begin);
        }
        assert!(
            lately.contains(uuid(u128::MAX)),
            "they are too many to tell"
        );
        lately.forget(begin + 2 * AHEAD);
        assert!(!lately.contains(uuid(u128::MAX)));
    }
}
