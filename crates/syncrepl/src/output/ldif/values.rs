//! The values of an entry before and after a change, and the smallest modification between them. It
//! knows that a rename adds the values of the new name and may delete those of the old one.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use syncrepl_client::Attributes;
use syncrepl_proto::dn;

/// Standard attributes without an equality rule (RFC 2798, RFC 4519, RFC 4524). A modification cannot
/// name a single value of theirs, so it replaces all of them.
const NO_EQUALITY: [&str; 11] = [
    "audio",
    "enhancedsearchguide",
    "facsimiletelephonenumber",
    "jpegphoto",
    "photo",
    "preferreddeliverymethod",
    "searchguide",
    "teletexterminalidentifier",
    "telexnumber",
    "userpkcs12",
    "usersmimecertificate",
];

const OBJECT_CLASS: &str = "objectclass";

/// The values of an entry by attribute, in lower case. Spelling and order of the values are the
/// provider's.
#[derive(Debug, Default, Clone)]
pub(super) struct Values<'a>(BTreeMap<String, Named<'a>>);

/// An attribute's name as the provider spells it, and its values.
type Named<'a> = (Cow<'a, str>, Vec<Cow<'a, [u8]>>);

/// One part of a modification.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Change<'v> {
    /// `add`, `delete` or `replace`.
    pub(super) what: &'static str,
    pub(super) name: &'v str,
    pub(super) values: Vec<&'v [u8]>,
}

impl<'a> Values<'a> {
    /// Decodes a list in BER. Bytes that are no list give no values.
    pub(super) fn of(bytes: &'a [u8]) -> Self {
        let mut all = Values::default();
        let Ok(list) = Attributes::decode(bytes) else {
            return all;
        };
        for attribute in list.iter() {
            let key = attribute.name.to_ascii_lowercase();
            let entry = all
                .0
                .entry(key)
                .or_insert((attribute.name.into(), Vec::new()));
            entry.1.extend(attribute.values().map(Cow::Borrowed));
        }
        all
    }

    fn has(&self, name: &str, value: &[u8]) -> bool {
        let values = self.get(name);
        values.is_some_and(|values| values.iter().any(|other| alike(other, value)))
    }

    /// Whether these values have none of the old name left, after a rename from `from` to `to`.
    pub(super) fn lost_name(&self, from: &str, to: &str) -> bool {
        let (Ok(mut old), Ok(new)) = (dn::naming_values(from), dn::naming_values(to)) else {
            return false;
        };
        old.retain(|(name, value)| !names_exactly(&new, name, value));
        let is_left = |(name, value): &dn::NamingValue<'_>| match names(&new, name, value) {
            // A case-exact attribute may keep the old spelling beside the new one.
            true => self.has_exactly(name, value),
            false => self.has(name, value),
        };
        !old.is_empty() && !old.iter().any(is_left)
    }

    fn has_exactly(&self, name: &str, value: &[u8]) -> bool {
        let values = self.get(name);
        values.is_some_and(|values| values.iter().any(|other| other.as_ref() == value))
    }

    /// Whether a rename that deletes the old name would take the last value of an attribute that an
    /// object class may still require. `after` are the values at the end. The attribute may be required
    /// if it is still there, or if the object classes change too.
    pub(super) fn needs_old_name(&self, from: &str, to: &str, after: &Values<'a>) -> bool {
        let mut renamed = self.clone();
        renamed.rename(from, to, true, after);
        let other_classes = self.get(OBJECT_CLASS) != after.get(OBJECT_CLASS);
        let gone = no_longer(from, to).unwrap_or_default();
        gone.iter().any(|(name, _)| {
            self.get(name).is_some()
                && renamed.get(name).is_none()
                && (after.get(name).is_some() || other_classes)
        })
    }

    /// The values that allow a rename to `to`, where the new name has a new attribute that needs a new
    /// object class: these values, with the new classes and attributes of `after`. Nothing is deleted yet.
    pub(super) fn prepared(&self, to: &str, after: &Values<'a>) -> Option<Values<'a>> {
        let naming = dn::naming_values(to).ok()?;
        let is_new = |name: &str| self.get(name).is_none() && after.get(name).is_some();
        let (before, classes) = (self.get(OBJECT_CLASS)?, after.get(OBJECT_CLASS)?);
        let mut come: Vec<_> = classes
            .iter()
            .filter(|class| !self.has(OBJECT_CLASS, class))
            .cloned()
            .collect();
        if come.is_empty() || !naming.iter().any(|(name, _)| is_new(name)) {
            return None;
        }
        come.splice(0..0, before.iter().cloned());
        let mut prepared = self.clone();
        for (key, named) in &after.0 {
            prepared.0.entry(key.clone()).or_insert(named.clone());
        }
        prepared.0.get_mut(OBJECT_CLASS)?.1 = come;
        Some(prepared)
    }

    fn get(&self, name: &str) -> Option<&Vec<Cow<'a, [u8]>>> {
        let named = self.0.get(&name.to_ascii_lowercase());
        named.map(|(_, values)| values)
    }

    /// Does to these values what a rename does. It adds no attribute that is in neither list: the search
    /// did not ask for it.
    pub(super) fn rename(&mut self, from: &str, to: &str, delete_old: bool, after: &Values<'a>) {
        if delete_old {
            for (name, value) in no_longer(from, to).unwrap_or_default() {
                if let Some((_, values)) = self.0.get_mut(&name.to_ascii_lowercase()) {
                    values.retain(|other| !alike(other, &value));
                }
            }
            self.0.retain(|_, (_, values)| !values.is_empty());
        }
        for (name, value) in dn::naming_values(to).unwrap_or_default() {
            let key = name.to_ascii_lowercase();
            let is_copied = self.0.contains_key(&key) || after.0.contains_key(&key);
            if delete_old
                && let Some((_, values)) = self.0.get_mut(&key)
                && let Some(respelled) = values.iter_mut().find(|other| alike(other, &value))
            {
                *respelled = Cow::Owned(value.to_vec());
            }
            if is_copied && !self.has(name, &value) {
                let name = Cow::Owned(name.to_owned());
                let entry = self.0.entry(key).or_insert((name, Vec::new()));
                entry.1.push(Cow::Owned(value.into_owned()));
            }
        }
    }
}

/// The naming values of `from` that `to` does not have.
fn no_longer<'a>(from: &'a str, to: &str) -> Option<Vec<dn::NamingValue<'a>>> {
    let (mut gone, new) = (dn::naming_values(from).ok()?, dn::naming_values(to).ok()?);
    gone.retain(|(name, value)| !names(&new, name, value));
    Some(gone)
}

/// Whether one of these naming values is this one, in whichever spelling.
fn names(naming: &[dn::NamingValue<'_>], name: &str, value: &[u8]) -> bool {
    let mut naming = naming.iter();
    naming.any(|(other, new)| name.eq_ignore_ascii_case(other) && alike(new, value))
}

fn names_exactly(naming: &[dn::NamingValue<'_>], name: &str, value: &[u8]) -> bool {
    let mut naming = naming.iter();
    naming.any(|(other, new)| name.eq_ignore_ascii_case(other) && new.as_ref() == value)
}

/// Whether most matching rules call the two equal. They ignore letter case and runs of spaces.
fn alike(a: &[u8], b: &[u8]) -> bool {
    let plain = |bytes: &[u8]| -> Option<String> {
        let words = std::str::from_utf8(bytes).ok()?.split(' ');
        let words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
        Some(words.join(" ").to_lowercase())
    };
    a == b || matches!((plain(a), plain(b)), (Some(a), Some(b)) if a == b)
}

/// The modifications that lead from `old` to `new`, attribute by attribute.
pub(super) fn changes<'v>(old: &'v Values<'_>, new: &'v Values<'_>) -> Vec<Change<'v>> {
    let mut changes = Vec::new();
    let keys: BTreeSet<&String> = old.0.keys().chain(new.0.keys()).collect();
    for key in keys {
        let (what, name, values) = match (old.0.get(key), new.0.get(key)) {
            (Some((_, old)), Some((name, new))) => {
                change_values(&mut changes, key, name, old, new);
                continue;
            }
            (None, Some((name, new))) => ("add", name, distinct(new)),
            (Some((name, _)), None) => ("delete", name, Vec::new()),
            (None, None) => continue,
        };
        changes.push(Change { what, name, values });
    }
    changes
}

fn change_values<'v>(
    changes: &mut Vec<Change<'v>>,
    key: &str,
    name: &'v str,
    old: &'v [Cow<'_, [u8]>],
    new: &'v [Cow<'_, [u8]>],
) {
    let (before, after): (BTreeSet<&[u8]>, BTreeSet<&[u8]>) = (
        old.iter().map(|v| &**v).collect(),
        new.iter().map(|v| &**v).collect(),
    );
    let mut gone = distinct(old);
    gone.retain(|value| !after.contains(value));
    let mut come = distinct(new);
    come.retain(|value| !before.contains(value));
    if gone.is_empty() && come.is_empty() {
        return;
    }
    let size = |values: &[&[u8]]| {
        values
            .iter()
            .map(|value| value.len() + name.len())
            .sum::<usize>()
    };
    let whole = distinct(new);
    let one_by_one = size(&gone) + size(&come) < size(&whole)
        && can_be_named(key)
        && gone.iter().chain(&come).all(|value| is_text(value));
    if !one_by_one {
        changes.push(Change {
            what: "replace",
            name,
            values: whole,
        });
        return;
    }
    // First the deletes: a new value may equal a deleted one by the attribute's rule.
    for (what, values) in [("delete", gone), ("add", come)] {
        if !values.is_empty() {
            changes.push(Change { what, name, values });
        }
    }
}

/// Whether a modification can name single values of an attribute. It takes an equality rule.
fn can_be_named(key: &str) -> bool {
    let (base, options) = key.split_once(';').unwrap_or((key, ""));
    !options.split(';').any(|option| option == "binary") && !NO_EQUALITY.contains(&base)
}

fn is_text(value: &[u8]) -> bool {
    std::str::from_utf8(value).is_ok_and(|text| !text.contains('\0'))
}

fn distinct<'v>(values: &'v [Cow<'_, [u8]>]) -> Vec<&'v [u8]> {
    let mut seen = BTreeSet::new();
    let values = values.iter().map(|value| &**value);
    values.filter(|value| seen.insert(*value)).collect()
}
