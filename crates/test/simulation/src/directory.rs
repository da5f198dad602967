//! The directory at the provider: a small tree, single changes to it, and the result of a search.

use std::collections::BTreeMap;
use std::sync::Arc;

use syncrepl_client::Scope;
use syncrepl_client::Uuid;
use syncrepl_proto::attributes::AttributeList;

/// An entry's number, which makes its entryUUID. No two entries ever have the same.
pub type Id = u32;

/// The suffix, a container inside of it that may be the base of the search, and one outside of
/// that.
pub const SUFFIX: Id = 0;
pub const INSIDE: Id = 1;
pub const OUTSIDE: Id = 2;
const FIXED: Id = 3;

/// An entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub parent: Id,
    pub name: String,
    pub text: u8,
    /// Whether a filter that hides some entries shows this one.
    pub keep: bool,
    /// Whether access rules hide it, though not what lies below.
    pub denied: bool,
    /// Whether it is a subentry, which no search shows.
    pub subentry: bool,
}

/// One operation of LDAP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    Add { id: Id, entry: Entry },
    Delete(Id),
    Text(Id, u8),
    Keep(Id, bool),
    Move { id: Id, parent: Id, name: String },
}

impl Change {
    /// The changed entry. No other entry gets a new entryCSN.
    pub fn id(&self) -> Id {
        match self {
            Change::Add { id, .. }
            | Change::Delete(id)
            | Change::Text(id, _)
            | Change::Keep(id, _)
            | Change::Move { id, .. } => *id,
        }
    }
}

/// The consumer's search, the same for a whole run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Search {
    pub base: Id,
    pub scope: Scope,
    /// Whether the filter hides entries that are not kept.
    pub filtered: bool,
}

impl Search {
    /// The DN of the base.
    pub fn base_dn(&self) -> &'static str {
        match self.base {
            SUFFIX => "dc=x",
            _ => "ou=in,dc=x",
        }
    }

    /// The URL with which the run configures the consumer.
    pub fn url(&self) -> String {
        let base = self.base_dn();
        let filter = if self.filtered { "?(title=keep)" } else { "" };
        format!("ldap://model/{base}??{}{filter}", self.scope.as_str())
    }
}

/// Which values of a computed attribute come with an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Values {
    All,
    Some,
    None,
}

/// An entry as a search shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    pub dn: String,
    /// The BER of the list, always in the same order of attributes.
    pub attributes: Vec<u8>,
}

/// All entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directory {
    pub entries: BTreeMap<Id, Entry>,
    /// Whether two entries may have names that differ in case only.
    pub alike: bool,
    /// Whether entries have a computed attribute.
    pub computed: bool,
}

impl Directory {
    pub fn new(alike: bool, computed: bool) -> Self {
        let fixed = |parent, name: &str| Entry {
            parent,
            name: name.to_owned(),
            text: 0,
            keep: true,
            denied: false,
            subentry: false,
        };
        let entries = BTreeMap::from([
            (SUFFIX, fixed(SUFFIX, "x")),
            (INSIDE, fixed(SUFFIX, "in")),
            (OUTSIDE, fixed(SUFFIX, "out")),
        ]);
        Directory {
            entries,
            alike,
            computed,
        }
    }

    pub fn is_fixed(id: Id) -> bool {
        id < FIXED
    }

    pub fn children(&self, id: Id) -> impl Iterator<Item = Id> + '_ {
        let child = move |(child, entry): &(&Id, &Entry)| entry.parent == id && **child != id;
        self.entries.iter().filter(child).map(|(child, _)| *child)
    }

    /// Whether `id` is `ancestor` or lies below it.
    pub fn is_within(&self, mut id: Id, ancestor: Id) -> bool {
        loop {
            if id == ancestor {
                return true;
            }
            match self.entries.get(&id) {
                Some(entry) if entry.parent != id => id = entry.parent,
                _ => return false,
            }
        }
    }

    pub fn depth(&self, mut id: Id) -> usize {
        let mut depth = 0;
        while let Some(entry) = self.entries.get(&id)
            && entry.parent != id
        {
            (id, depth) = (entry.parent, depth + 1);
        }
        depth
    }

    fn is_taken(&self, parent: Id, name: &str, except: Id) -> bool {
        self.children(parent)
            .filter(|&id| id != except)
            .any(|id| match self.alike {
                true => self.entries[&id].name == name,
                false => self.entries[&id].name.eq_ignore_ascii_case(name),
            })
    }

    /// The directory after a change; `None` when a server would refuse it.
    pub fn after(&self, change: &Change) -> Option<Directory> {
        let mut next = self.clone();
        match change {
            Change::Add { id, entry } => {
                if !self.entries.contains_key(&entry.parent)
                    || self.is_taken(entry.parent, &entry.name, *id)
                    || self.entries.contains_key(id)
                {
                    return None;
                }
                next.entries.insert(*id, entry.clone());
            }
            Change::Delete(id) => {
                if Directory::is_fixed(*id) || self.children(*id).next().is_some() {
                    return None;
                }
                next.entries.remove(id)?;
            }
            Change::Text(id, text) => next.entries.get_mut(id)?.text = *text,
            Change::Keep(id, keep) => {
                if Directory::is_fixed(*id) {
                    return None;
                }
                next.entries.get_mut(id)?.keep = *keep;
            }
            Change::Move { id, parent, name } => {
                if Directory::is_fixed(*id)
                    || !self.entries.contains_key(parent)
                    || self.is_within(*parent, *id)
                    || self.is_taken(*parent, name, *id)
                {
                    return None;
                }
                let entry = next.entries.get_mut(id)?;
                if entry.parent == *parent && entry.name == *name {
                    return None;
                }
                (entry.parent, entry.name) = (*parent, name.clone());
            }
        }
        Some(next)
    }

    pub fn dn(&self, id: Id) -> String {
        let Some(entry) = self.entries.get(&id) else {
            return String::new();
        };
        let kind = match id {
            SUFFIX => return "dc=x".to_owned(),
            INSIDE | OUTSIDE => "ou",
            _ => "cn",
        };
        format!("{kind}={},{}", entry.name, self.dn(entry.parent))
    }

    pub fn is_shown(&self, id: Id, search: &Search) -> bool {
        let Some(entry) = self.entries.get(&id) else {
            return false;
        };
        let in_scope = match search.scope {
            Scope::Base => id == search.base,
            Scope::One => entry.parent == search.base && id != search.base,
            Scope::Subtree => self.is_within(id, search.base),
        };
        in_scope && (entry.keep || !search.filtered) && !entry.denied && !entry.subentry
    }

    /// Whether the search shows an entry whose parent the filter hides.
    pub fn has_hidden_containers(&self, search: &Search) -> bool {
        search.filtered
            && self.entries.keys().any(|&id| {
                let entry = &self.entries[&id];
                entry.keep
                    && self.is_within(id, search.base)
                    && id != search.base
                    && !self.entries[&entry.parent].keep
            })
    }

    /// Whether the filter or an access rule hides a parent of an entry.
    pub fn is_below_hidden(&self, mut id: Id, search: &Search) -> bool {
        while let Some(entry) = self.entries.get(&id)
            && id != search.base
            && entry.parent != id
        {
            id = entry.parent;
            let hidden = |parent: &Entry| search.filtered && !parent.keep || parent.denied;
            if self.entries.get(&id).is_some_and(hidden) {
                return true;
            }
        }
        false
    }

    /// The attributes of an entry. `more`: operational attributes that the consumer requested.
    pub fn attributes(&self, id: Id, values: Values, more: &[(&str, String)]) -> Vec<u8> {
        let Some(entry) = self.entries.get(&id) else {
            return AttributeList::encode([]);
        };
        let text = entry.text.to_string();
        let class: &[u8] = match entry.subentry {
            true => b"subentry",
            false => b"device",
        };
        let mut list = vec![
            ("objectClass", vec![class]),
            ("cn", vec![entry.name.as_bytes()]),
            ("description", vec![text.as_bytes()]),
        ];
        if entry.keep {
            list.push(("title", vec![&b"keep"[..]]));
        }
        let computed: [&[u8]; 2] = [b"cn=all,dc=x", text.as_bytes()];
        match values {
            _ if !self.computed => {}
            Values::All => list.push(("memberOf", computed.to_vec())),
            Values::Some => list.push(("memberOf", computed[..1].to_vec())),
            Values::None => {}
        }
        for (name, value) in more {
            list.push((name, vec![value.as_bytes()]));
        }
        AttributeList::encode(list)
    }

    pub fn shown(&self, search: &Search) -> BTreeMap<Id, Arc<Shown>> {
        self.entries
            .keys()
            .filter(|&&id| self.is_shown(id, search))
            .map(|&id| {
                let shown = Shown {
                    dn: self.dn(id),
                    attributes: self.attributes(id, Values::All, &[]),
                };
                (id, Arc::new(shown))
            })
            .collect()
    }
}

/// The factor between an entry's number and its entryUUID.
const SCRAMBLE: u128 = 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835;

/// The entryUUID of an entry. The order of UUIDs differs from the order of creation, so that a
/// consumer that relies on it shows a finding.
pub fn uuid(id: Id) -> Uuid {
    Uuid::from_u128((u128::from(id) + 1).wrapping_mul(SCRAMBLE) & !0xffff | u128::from(id))
}

/// The entry with this entryUUID, or `None` if the model did not make it.
pub fn id_of(found: Uuid) -> Option<Id> {
    let id = (found.as_u128() & 0xffff) as Id;
    (uuid(id) == found).then_some(id)
}
