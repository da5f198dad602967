//! The tree of entries: add, delete, modify and rename (RFC 4511 §4.6 to §4.9), and lookups.
//!
//! Every change gets a CSN and enters the change log. `shared` tells the sync searches of it.

mod modify;

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::Arc;

pub use modify::Modification;
use syncrepl_proto::attributes::same_description;
use syncrepl_proto::message::Scope;
use syncrepl_proto::{Uuid, dn};

use crate::changelog::{Change, ChangeLog};
use crate::csn::{Clock, Csn};
use crate::entry::{Entry, Stored, View, is_operational};
use crate::refusal::{Refusal, code};

pub(crate) struct Directory {
    /// The keys of the naming contexts. Their entries need no parent.
    suffixes: Vec<Vec<u8>>,
    /// Sorted by key, so that a subtree is a range.
    entries: BTreeMap<Vec<u8>, Arc<Entry>>,
    by_uuid: HashMap<Uuid, Vec<u8>>,
    clock: Clock,
    random: fastrand::Rng,
    /// contextCSN: the newest change. `None` until the directory has held an entry.
    pub(crate) context: Option<Csn>,
    pub(crate) log: ChangeLog,
}

impl Directory {
    pub(crate) fn new(suffixes: &[String], log: usize, seed: u64) -> Directory {
        Directory {
            suffixes: suffixes.iter().map(|suffix| dn::key(suffix)).collect(),
            entries: BTreeMap::new(),
            by_uuid: HashMap::new(),
            clock: Clock::default(),
            random: fastrand::Rng::with_seed(seed),
            context: None,
            log: ChangeLog::new(log),
        }
    }

    /// Puts an entry back with its entryUUID and CSN.
    pub(crate) fn restore(&mut self, entry: Entry) {
        self.log.begin_at(entry.csn.clone());
        self.context = self.context.take().max(Some(entry.csn.clone()));
        self.insert(entry);
    }

    pub(crate) fn get(&self, key: &[u8]) -> Option<View> {
        self.entries.get(key).map(|entry| self.view(entry))
    }

    pub(crate) fn by_uuid(&self, uuid: Uuid) -> Option<View> {
        self.get(self.by_uuid.get(&uuid)?)
    }

    fn view(&self, entry: &Arc<Entry>) -> View {
        let below = (Bound::Excluded(&entry.key), Bound::Unbounded);
        let next = self.entries.range::<Vec<u8>, _>(below).next();
        View {
            entry: Arc::clone(entry),
            has_children: next.is_some_and(|(key, _)| key.starts_with(&entry.key)),
        }
    }

    /// The entries in a scope, parents before children.
    pub(crate) fn scope(&self, base: &[u8], scope: Scope) -> Vec<View> {
        let from = (Bound::Included(base), Bound::Unbounded);
        self.entries
            .range::<[u8], _>(from)
            .take_while(|(key, _)| key.starts_with(base))
            .filter(|(key, _)| in_scope(key, base, scope))
            .map(|(_, entry)| self.view(entry))
            .collect()
    }

    /// The entry of this name.
    ///
    /// # Errors
    /// invalidDNSyntax; noSuchObject, with the nearest existing entry above as matchedDN.
    pub(crate) fn find(&self, name: &str) -> Result<View, Refusal> {
        let key = valid_key(name)?;
        self.get(&key).ok_or_else(|| self.missing(&key))
    }

    fn missing(&self, key: &[u8]) -> Refusal {
        let matched_dn = self
            .nearest(key)
            .map_or_else(String::new, |entry| entry.dn.clone());
        Refusal {
            matched_dn,
            ..Refusal::new(code::NO_SUCH_OBJECT, "")
        }
    }

    /// The nearest existing entry above `key`.
    fn nearest(&self, key: &[u8]) -> Option<&Arc<Entry>> {
        let mut key = key;
        while let Some(parent) = dn::parent_key(key) {
            if let Some(entry) = self.entries.get(parent) {
                return Some(entry);
            }
            key = parent;
        }
        None
    }

    /// The referral object at or above a name (RFC 3296 §5).
    pub(crate) fn referral(&self, name: &str) -> Option<Arc<Entry>> {
        let key = dn::key(name);
        let mut at = Some(key.as_slice());
        while let Some(key) = at {
            if let Some(entry) = self.entries.get(key)
                && entry.is_referral()
            {
                return Some(Arc::clone(entry));
            }
            at = dn::parent_key(key);
        }
        None
    }

    /// Adds an entry (RFC 4511 §4.7). An entryUUID among the attributes is kept; other operational
    /// attributes are ignored.
    pub(crate) fn add(
        &mut self,
        name: &str,
        attributes: Vec<Stored>,
    ) -> Result<Arc<Change>, Refusal> {
        let key = valid_key(name)?;
        if key.is_empty() {
            return Err(Refusal::new(
                code::UNWILLING_TO_PERFORM,
                "the root DSE cannot be added",
            ));
        }
        if self.entries.contains_key(&key) {
            return Err(Refusal::new(code::ENTRY_ALREADY_EXISTS, ""));
        }
        self.check_place(&key)?;
        let mut uuid = None;
        let mut kept: Vec<Stored> = Vec::new();
        for stored in attributes {
            if is_operational(&stored.name) {
                if stored.name.eq_ignore_ascii_case("entryUUID") {
                    uuid = Some(self.free_uuid(&stored)?);
                }
                continue;
            }
            if stored.values.is_empty() {
                let what = format!("{}: no values", stored.name);
                return Err(Refusal::new(code::INVALID_ATTRIBUTE_SYNTAX, what));
            }
            modify::add_values(&mut kept, &stored.name, stored.values)?;
        }
        modify::add_naming_values(&mut kept, name)?;
        modify::check_classes(&kept)?;
        let uuid = uuid.unwrap_or_else(|| self.new_uuid());
        let csn = self.clock.next(self.context.as_ref());
        let entry = Entry {
            uuid,
            dn: name.to_owned(),
            key,
            attributes: kept,
            created: csn.clone(),
            csn: csn.clone(),
        };
        let after = self.insert(entry);
        Ok(self.record(csn, None, Some(after)))
    }

    /// Deletes an entry without children (RFC 4511 §4.8).
    pub(crate) fn delete(&mut self, name: &str) -> Result<Arc<Change>, Refusal> {
        let before = self.find(name)?;
        if before.has_children {
            let why = "subordinate objects must be deleted first";
            return Err(Refusal::new(code::NOT_ALLOWED_ON_NON_LEAF, why));
        }
        self.entries.remove(&before.entry.key);
        self.by_uuid.remove(&before.entry.uuid);
        let csn = self.clock.next(self.context.as_ref());
        Ok(self.record(csn, Some(before), None))
    }

    /// Modifies an entry (RFC 4511 §4.6): either every modification applies or none.
    pub(crate) fn modify(
        &mut self,
        name: &str,
        modifications: &[Modification],
    ) -> Result<Arc<Change>, Refusal> {
        let before = self.find(name)?;
        let mut entry = Entry::clone(&before.entry);
        modify::apply(&mut entry, modifications)?;
        entry.csn = self.clock.next(self.context.as_ref());
        let csn = entry.csn.clone();
        let after = self.insert(entry);
        Ok(self.record(csn, Some(before), Some(after)))
    }

    /// Renames an entry (ModifyDN, RFC 4511 §4.9). Its descendants move along and keep their CSNs.
    pub(crate) fn rename(
        &mut self,
        name: &str,
        new_rdn: &str,
        delete_old_rdn: bool,
        new_superior: Option<&str>,
    ) -> Result<Arc<Change>, Refusal> {
        let before = self.find(name)?;
        let old_key = before.entry.key.clone();
        if self.suffixes.contains(&old_key) {
            return Err(Refusal::new(
                code::UNWILLING_TO_PERFORM,
                "a suffix cannot be renamed",
            ));
        }
        if valid_key(new_rdn).map(|key| dn::depth(&key))? != 1 {
            return Err(Refusal::new(
                code::INVALID_DN_SYNTAX,
                "newrdn is not one RDN",
            ));
        }
        let parent = match new_superior {
            Some(superior) => self.find(superior)?,
            None => {
                let parent = dn::parent_key(&old_key).and_then(|parent| self.get(parent));
                parent.ok_or_else(|| self.missing(&old_key))?
            }
        };
        if dn::is_within(&parent.entry.key, &old_key) {
            let why = "an entry cannot be moved below itself";
            return Err(Refusal::new(code::UNWILLING_TO_PERFORM, why));
        }
        // `split_first` trims spaces, but keeps an escaped one at the end.
        let (new_rdn, _) = dn::split_first(new_rdn).unwrap_or((new_rdn, ""));
        let new_dn = format!("{new_rdn},{}", parent.entry.dn);
        let new_key = dn::key(&new_dn);
        if new_key != old_key && self.entries.contains_key(&new_key) {
            return Err(Refusal::new(code::ENTRY_ALREADY_EXISTS, ""));
        }
        let mut entry = Entry::clone(&before.entry);
        modify::rename_values(&mut entry, &new_dn, delete_old_rdn)?;
        entry.csn = self.clock.next(self.context.as_ref());
        entry.dn = new_dn;
        entry.key = new_key;
        let csn = entry.csn.clone();
        self.move_subtree(&old_key, entry);
        let after = self.by_uuid(before.entry.uuid);
        Ok(self.record(csn, Some(before), after))
    }

    /// Replaces the entry at `old_key` by `entry`, and moves its descendants below the new DN.
    fn move_subtree(&mut self, old_key: &[u8], entry: Entry) {
        let levels = dn::depth(old_key);
        let new_dn = entry.dn.clone();
        let moved = self.scope(old_key, Scope::Subtree);
        for view in &moved {
            self.entries.remove(&view.entry.key);
        }
        self.insert(entry);
        for view in moved.iter().skip(1) {
            let mut below = Entry::clone(&view.entry);
            let own = dn::depth(&below.key).saturating_sub(levels);
            if let Some(dn) = dn::rebase(&below.dn, own, &new_dn) {
                below.key = dn::key(&dn);
                below.dn = dn;
            }
            self.insert(below);
        }
    }

    fn check_place(&self, key: &[u8]) -> Result<(), Refusal> {
        if self.suffixes.iter().any(|suffix| suffix == key) {
            return Ok(());
        }
        if !self
            .suffixes
            .iter()
            .any(|suffix| dn::is_within(key, suffix))
        {
            let why = "it lies in none of the naming contexts";
            return Err(Refusal::new(code::UNWILLING_TO_PERFORM, why));
        }
        match dn::parent_key(key) {
            Some(parent) if self.entries.contains_key(parent) => Ok(()),
            _ => Err(self.missing(key)),
        }
    }

    fn insert(&mut self, entry: Entry) -> View {
        let entry = Arc::new(entry);
        self.by_uuid.insert(entry.uuid, entry.key.clone());
        self.entries.insert(entry.key.clone(), Arc::clone(&entry));
        self.view(&entry)
    }

    fn record(&mut self, csn: Csn, before: Option<View>, after: Option<View>) -> Arc<Change> {
        self.context = Some(csn.clone());
        let uuid = before
            .as_ref()
            .or(after.as_ref())
            .map(|view| view.entry.uuid);
        let change = Arc::new(Change {
            csn,
            uuid: uuid.unwrap_or_default(),
            before,
            after,
        });
        self.log.push(&change);
        change
    }

    fn free_uuid(&self, stored: &Stored) -> Result<Uuid, Refusal> {
        let parsed = match stored.values.as_slice() {
            [value] => std::str::from_utf8(value)
                .ok()
                .and_then(|text| Uuid::try_parse(text).ok()),
            _ => None,
        };
        let why = "entryUUID: not one UUID";
        let uuid = parsed.ok_or_else(|| Refusal::new(code::INVALID_ATTRIBUTE_SYNTAX, why))?;
        if self.by_uuid.contains_key(&uuid) {
            let why = "entryUUID: another entry has it";
            return Err(Refusal::new(code::CONSTRAINT_VIOLATION, why));
        }
        Ok(uuid)
    }

    /// A random UUID, version 4 (RFC 9562 §5.4).
    fn new_uuid(&mut self) -> Uuid {
        let mut bytes = self.random.u128(..).to_be_bytes();
        let [.., version, _, variant, _, _, _, _, _, _, _] = &mut bytes;
        *version = *version & 0x0f | 0x40;
        *variant = *variant & 0x3f | 0x80;
        Uuid::from_bytes(bytes)
    }
}

/// Whether the entry with this key is in the scope.
pub(crate) fn in_scope(key: &[u8], base: &[u8], scope: Scope) -> bool {
    match scope {
        Scope::Base => key == base,
        Scope::One => dn::parent_key(key) == Some(base),
        Scope::Subtree => dn::is_within(key, base),
    }
}

/// The key of a DN, or invalidDNSyntax.
pub(crate) fn valid_key(name: &str) -> Result<Vec<u8>, Refusal> {
    match dn::validate(name) {
        Ok(()) => Ok(dn::key(name)),
        Err(error) => Err(Refusal::new(code::INVALID_DN_SYNTAX, error.to_string())),
    }
}

/// Gathers pairs of name and value into attributes. Two spellings of one description make one
/// attribute.
pub(crate) fn group<N: AsRef<str>, V: AsRef<[u8]>>(
    pairs: impl IntoIterator<Item = (N, V)>,
) -> Vec<Stored> {
    let mut grouped: Vec<Stored> = Vec::new();
    for (name, value) in pairs {
        let (name, value) = (name.as_ref(), value.as_ref().to_vec());
        match grouped
            .iter_mut()
            .find(|stored| same_description(&stored.name, name))
        {
            Some(stored) => stored.values.push(value),
            None => grouped.push(Stored {
                name: name.to_owned(),
                values: vec![value],
            }),
        }
    }
    grouped
}
