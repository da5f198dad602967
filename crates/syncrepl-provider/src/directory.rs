//! The tree of entries: add, delete and rename (RFC 4511 §4.7 to §4.9), lookups and ranges. Every
//! change gets a CSN and goes into the change log. Who is told of it is for others.

mod modify;

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::Arc;

pub use modify::Modification;
use syncrepl_proto::message::Scope;
use syncrepl_proto::{Uuid, dn};

use crate::changelog::{Change, ChangeLog};
use crate::csn::{Clock, Csn};
use crate::description;
use crate::entry::{Entry, Stored, View, is_operational};
use crate::refusal::{Refusal, code};

pub(crate) struct Directory {
    /// Suffixes, as keys: where entries need no parent.
    suffixes: Vec<Vec<u8>>,
    /// By key, so that what is below an entry follows it.
    entries: BTreeMap<Vec<u8>, Arc<Entry>>,
    by_uuid: HashMap<Uuid, Vec<u8>>,
    clock: Clock,
    random: fastrand::Rng,
    /// contextCSN: the newest change; none while the directory has never held anything.
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

    /// Puts an entry back as it was, its entryUUID and CSN included.
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

    /// The entries of a scope, parents before children.
    pub(crate) fn scope(&self, base: &[u8], scope: Scope) -> Vec<View> {
        let from = (Bound::Included(base), Bound::Unbounded);
        self.entries
            .range::<[u8], _>(from)
            .take_while(|(key, _)| key.starts_with(base))
            .filter(|(key, _)| in_scope(key, base, scope))
            .map(|(_, entry)| self.view(entry))
            .collect()
    }

    /// The entry, or noSuchObject with the nearest entry above.
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

    /// The nearest entry above `key`.
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

    /// Add (RFC 4511 §4.7). An entryUUID among the attributes is kept.
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

    /// Delete (RFC 4511 §4.8), of a leaf.
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

    /// Modify (RFC 4511 §4.6): all of it or nothing.
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

    /// ModifyDN (RFC 4511 §4.9). What is below moves along, and keeps its CSNs.
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
        // Without the spaces around it, but with one that is escaped at its end.
        let (new_rdn, _) = dn::split_first(new_rdn).unwrap_or((new_rdn, ""));
        let new_dn = format!("{new_rdn},{}", parent.entry.dn);
        let new_key = dn::key(&new_dn);
        if new_key != old_key && self.entries.contains_key(&new_key) {
            return Err(Refusal::new(code::ENTRY_ALREADY_EXISTS, ""));
        }
        let mut entry = Entry::clone(&before.entry);
        modify::rename_values(&mut entry, &new_dn, delete_old_rdn)?;
        let levels = dn::depth(&old_key);
        entry.csn = self.clock.next(self.context.as_ref());
        entry.dn.clone_from(&new_dn);
        entry.key = new_key;
        let csn = entry.csn.clone();

        let moved = self.scope(&old_key, Scope::Subtree);
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
        let after = self.by_uuid(before.entry.uuid);
        Ok(self.record(csn, Some(before), after))
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

    /// A random UUID (RFC 9562 §5.4).
    fn new_uuid(&mut self) -> Uuid {
        let mut bytes = self.random.u128(..).to_be_bytes();
        let [.., version, _, variant, _, _, _, _, _, _, _] = &mut bytes;
        *version = *version & 0x0f | 0x40;
        *variant = *variant & 0x3f | 0x80;
        Uuid::from_bytes(bytes)
    }
}

/// Whether a key is in a scope.
pub(crate) fn in_scope(key: &[u8], base: &[u8], scope: Scope) -> bool {
    match scope {
        Scope::Base => key == base,
        Scope::One => dn::parent_key(key) == Some(base),
        Scope::Subtree => dn::is_within(key, base),
    }
}

/// The key of a DN that is one.
pub(crate) fn valid_key(name: &str) -> Result<Vec<u8>, Refusal> {
    match dn::validate(name) {
        Ok(()) => Ok(dn::key(name)),
        Err(error) => Err(Refusal::new(code::INVALID_DN_SYNTAX, error.to_string())),
    }
}

/// Puts values that come as single pairs together by attribute.
pub(crate) fn group<N: AsRef<str>, V: AsRef<[u8]>>(
    pairs: impl IntoIterator<Item = (N, V)>,
) -> Vec<Stored> {
    let mut grouped: Vec<Stored> = Vec::new();
    for (name, value) in pairs {
        let (name, value) = (name.as_ref(), value.as_ref().to_vec());
        match grouped
            .iter_mut()
            .find(|stored| description::same(&stored.name, name))
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
