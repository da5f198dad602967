//! Live messages that are no statement but a reason to look. A provider may send an entry as it stores
//! it: without the values that a search computes, and although no search shows it (a subentry, RFC
//! 3672). So a message that would take values away is not believed before a search has shown the entry.
//!
//! That a search agrees with a message proves nothing: a group that somebody left looks like a computed
//! one that the message lacks. A search that shows a value which the message lacked does prove something, if
//! the entry has not changed since (its entryCSN tells). When that is so of most messages about an attribute,
//! each message of that provider is a hint, until a full refresh.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use roaring::RoaringTreemap;
use syncrepl_proto::attributes::AttributeList;
use syncrepl_proto::{Uuid, cookie, dn};

use super::agenda::When;
use super::ask::Ask;
use super::change::Statement;
use super::ledger::{Basis, member};
use super::rules::Rule;
use super::source::Source;
use super::stage::Work;
use crate::error::Result;
use crate::store::records::{Stored, attribute_list};

/// How many lost values of one entry are remembered. One that a search shows is enough.
const REMEMBERED: usize = 50;

/// The provider writes these with each change, and computes none of them.
const WRITTEN: [&str; 4] = ["entryCSN", "modifyTimestamp", "modifiersName", "entryDN"];

impl Work<'_> {
    /// Whether a message is no more than a hint: the provider may have sent an entry that no search
    /// shows, or a new one of which a search is likely to show more.
    pub(super) fn is_hint(&mut self, uuid: Uuid, attributes: &AttributeList<'_>) -> Result<bool> {
        let hints = &self.stage.hints;
        if hints.all {
            return Ok(true);
        }
        if !hints.as_stored || self.stage.source() != Source::Stream {
            return Ok(false);
        }
        let records = self.apply.records();
        // A referral object may come as an entry, and a search shows it as a reference.
        let is_known = records.id_of(uuid)?.is_some()
            || self.stage.any.references && records.reference_id(uuid)?.is_some();
        if is_known || self.lacks(Rule::AddedUnseen) {
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
    pub(super) fn answer_values(&mut self, ask: &mut dyn Ask) -> Result<()> {
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
        let mut seem_lacked = BTreeMap::new();
        for batch in wanted.chunks(self.stage.limits.batch) {
            let mut missing: BTreeSet<_> = batch.iter().map(|(uuid, _)| *uuid).collect();
            ask.by_uuid(batch, present, &mut |uuid, dn, attributes| {
                missing.remove(&uuid);
                let lost = asked.get(&uuid).map(Vec::as_slice).unwrap_or_default();
                let names: BTreeSet<_> = lost.iter().map(|(name, _)| name.clone()).collect();
                self.stage.hints.lost.extend(names);
                let names = shown_of(lost, &attributes);
                if !names.is_empty() {
                    seem_lacked.insert(uuid, (dn.to_owned(), names));
                }
                self.stage.hints.shown.insert(uuid);
                self.values(uuid, dn, attributes)
            })?;
            // The provider will tell what became of it, as a rule. Otherwise it is asked once it is silent.
            for uuid in missing {
                self.ask_where_when_quiet(uuid)?;
            }
        }
        match seem_lacked.is_empty() || self.stage.hints.refuted {
            true => Ok(()),
            false => self.note_lacked(seem_lacked, present, ask),
        }
    }

    fn ask_where_when_quiet(&mut self, uuid: Uuid) -> Result<()> {
        if let Some(id) = self.apply.records().id_of(uuid)? {
            self.stage.agenda.ask_where(member(id), When::Quiet);
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

    /// A search shows a record, and its values are news. Its DN is not, if the stream told it: the search
    /// may be ahead of what the stream has still to tell, of this entry or of a parent.
    pub(super) fn values(
        &mut self,
        uuid: Uuid,
        dn: &str,
        attributes: AttributeList<'_>,
    ) -> Result<()> {
        let Some(known) = self.apply.records().by_uuid(uuid)? else {
            return self.entry(uuid, dn, attributes);
        };
        if self.stage.ledger.gone.contains(member(known.id)) || self.is_shown(known.id)? {
            return self.entry(uuid, dn, attributes);
        }
        let awaited = self.apply.records().parked_dn(uuid)?;
        let held = awaited.as_deref().unwrap_or(&known.dn);
        self.stage.ledger.present.insert(member(known.id));
        if self.key(held) != self.key(dn) && self.basis_before(known.id)? != Basis::Known {
            self.stage.agenda.ask_where(member(known.id), When::Quiet);
        }
        let own = |dn| dn::split_first(dn).map(|(own, _)| dn::key(own));
        if own(held) != own(dn) {
            // These values belong to a name that the stream has still to tell, with the values.
            return Ok(());
        }
        if awaited.is_some() {
            // The values that wait with the DN are those of a message, and older.
            self.waits_for_its_name_alone(uuid)?;
        }
        self.apply.restate(&known, attributes)
    }

    /// The attributes whose lost values the search shows. They count only if the entry is as the message
    /// told it: a later change, which the stream has still to tell, may have brought the values back.
    fn note_lacked(
        &mut self,
        seem_lacked: BTreeMap<Uuid, (String, BTreeSet<String>)>,
        present: Option<Uuid>,
        ask: &mut dyn Ask,
    ) -> Result<()> {
        let Some(cookie) = self.stage.cookie.clone() else {
            return Ok(());
        };
        let wanted: Vec<_> = seem_lacked
            .iter()
            .map(|(uuid, (dn, _))| (*uuid, dn.clone()))
            .collect();
        let mut lacked = Vec::new();
        for batch in wanted.chunks(self.stage.limits.batch) {
            ask.places(batch, present, &mut |located| {
                let csn = located.csn.as_deref();
                let told = csn.is_some_and(|csn| cookie::covers(&cookie, csn) == Some(true));
                if let Some((_, names)) = seem_lacked.get(&located.uuid).filter(|_| told) {
                    lacked.extend(names.iter().cloned());
                }
            })?;
        }
        self.stage.hints.lacked.append(&mut lacked);
        Ok(())
    }
}

/// The attributes of which a search shows values that a message would have taken away.
fn shown_of(lost: &[(String, u64)], shown: &AttributeList<'_>) -> BTreeSet<String> {
    let is_shown =
        |(name, value): &&(String, u64)| shown.values(name).any(|shown| digest(shown) == *value);
    lost.iter()
        .filter(is_shown)
        .map(|(name, _)| name.clone())
        .collect()
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
        .filter(|(name, value)| !is_written(name) && !names(&named, name, value))
        .map(|(name, value)| (name.to_ascii_lowercase(), digest(value)))
        .collect())
}

/// The attributes of a record under the name that a statement gives it: the naming values follow, and
/// nothing else.
pub(super) fn with_name(known: &Stored, statement: &Statement<'_>) -> Result<Vec<u8>> {
    let [before, after] =
        [&known.dn, statement.dn].map(|dn| dn::naming_values(dn).unwrap_or_default());
    let stated = |name: &str, value: &[u8]| {
        statement
            .attributes
            .values(name)
            .any(|other| other == value)
    };
    let mut list: Vec<(&str, Vec<&[u8]>)> = Vec::new();
    for attribute in attribute_list(&known.attributes)?.iter() {
        let name = attribute.name;
        let gone = |value: &[u8]| names(&before, name, value) && !stated(name, value);
        list.push((
            name,
            attribute.values().filter(|value| !gone(value)).collect(),
        ));
    }
    for attribute in statement.attributes.iter() {
        let name = attribute.name;
        let named = attribute
            .values()
            .filter(|value| names(&after, name, value));
        let same_name = |(other, _): &&mut (&str, Vec<&[u8]>)| other.eq_ignore_ascii_case(name);
        match list.iter_mut().find(same_name) {
            Some((_, values)) => {
                for value in named {
                    if !values.contains(&value) {
                        values.push(value);
                    }
                }
            }
            None => list.push((name, named.collect())),
        }
    }
    list.retain(|(_, values)| !values.is_empty());
    Ok(AttributeList::encode(list))
}

/// Whether one of these naming values is this one.
fn names(naming: &[dn::NamingValue<'_>], name: &str, value: &[u8]) -> bool {
    let mut naming = naming.iter();
    naming.any(|(other, named)| other.eq_ignore_ascii_case(name) && named.as_ref() == value)
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
