//! The content of a server or of a copy: entries by entryUUID.

use std::collections::{BTreeMap, BTreeSet};

use super::dn::normal_dn;

/// The values of an entry, by attribute name in lower case, options included.
pub(crate) type Attributes = BTreeMap<String, BTreeSet<Vec<u8>>>;

/// Content, by entryUUID.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Directory {
    /// The entries by entryUUID in lower case; by `dn:` and the normal DN where none was given.
    pub entries: BTreeMap<String, Entry>,
    /// The URLs of the references that came with them. No comparison looks at these.
    pub references: BTreeSet<String>,
}

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The DN as the server wrote it.
    pub dn: String,
    /// Names in lower case, options included.
    pub attrs: Attributes,
}

impl Directory {
    /// The entries by their normal DN.
    pub fn by_dn(&self) -> BTreeMap<String, Entry> {
        let entries = self.entries.values();
        entries
            .map(|entry| (normal_dn(&entry.dn), entry.clone()))
            .collect()
    }

    /// The entryUUID of the entry with that DN.
    pub fn uuid_of(&self, dn: &str) -> Option<&str> {
        let wanted = normal_dn(dn);
        let found = self
            .entries
            .iter()
            .find(|(_, entry)| normal_dn(&entry.dn) == wanted);
        found.map(|(uuid, _)| uuid.as_str())
    }

    /// How many entries.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Puts an entry in, by its entryUUID or else by its DN.
    pub(super) fn insert(&mut self, uuid: Option<String>, entry: Entry) {
        let key = uuid.unwrap_or_else(|| format!("dn:{}", normal_dn(&entry.dn)));
        let dn = entry.dn.clone();
        let earlier = self.entries.insert(key.clone(), entry);
        assert!(
            earlier.is_none(),
            "{key} came twice, the second time as {dn:?}"
        );
    }
}
