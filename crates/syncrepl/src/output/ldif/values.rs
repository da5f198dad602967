//! The values of an entry before and after a change. It knows that a rename adds the values of the new name and
//! may delete those of the old one.

use std::borrow::Cow;
use std::collections::BTreeMap;

use syncrepl_client::Attributes;
use syncrepl_proto::dn;

const OBJECT_CLASS: &str = "objectclass";

/// The values of an entry by attribute, in lower case. Spelling and order of the values are the
/// provider's.
#[derive(Debug, Default, Clone)]
pub(super) struct Values<'a>(pub(super) BTreeMap<String, Named<'a>>);

/// An attribute's name as the provider spells it, and its values.
pub(super) type Named<'a> = (Cow<'a, str>, Vec<Cow<'a, [u8]>>);

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
