//! The workload's model of the server's content: names, parents, values. It knows as many of LDAP's
//! rules as decide whether the server refuses a change.

use std::collections::{BTreeMap, BTreeSet};

/// The kind of an entry, which decides which changes are allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Root,
    Unit,
    Person,
    Group,
    Referral,
}

pub(super) type Rdn = Vec<(String, String)>;
pub(super) type Values = BTreeMap<String, Vec<Vec<u8>>>;
pub(super) type Id = usize;

#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) kind: Kind,
    pub(super) parent: Id,
    pub(super) rdn: Rdn,
    pub(super) values: Values,
}

impl Node {
    /// Whether the value is in the name, so that a modify must leave it.
    pub(super) fn is_named_by(&self, attribute: &str, value: &[u8]) -> bool {
        self.rdn
            .iter()
            .any(|(name, held)| name == attribute && same(held.as_bytes(), value))
    }

    /// Whether a new name fits, and whether the old values may go with the old name.
    pub(super) fn may_lose(&self, new: &Rdn) -> bool {
        ["cn", "sn", "ou"]
            .iter()
            .all(|must| match self.values.get(*must) {
                None => true,
                Some(values) => {
                    let named = new.iter().any(|(name, _)| name == must);
                    named || values.iter().any(|value| !self.is_named_by(must, value))
                }
            })
    }

    /// Changes the values as a rename does.
    pub(super) fn renamed(&mut self, new: Rdn, delete_old: bool) {
        for (name, old) in std::mem::replace(&mut self.rdn, new.clone()) {
            let values = self.values.entry(name.clone()).or_default();
            if delete_old {
                values.retain(|value| !same(value, old.as_bytes()));
            }
            if values.is_empty() {
                self.values.remove(&name);
            }
        }
        for (name, value) in new {
            let values = self.values.entry(name).or_default();
            if !values.iter().any(|held| same(held, value.as_bytes())) {
                values.push(value.into_bytes());
            }
        }
    }
}

/// All entries, the root being number 0.
#[derive(Debug, Clone)]
pub(super) struct Tree {
    nodes: BTreeMap<Id, Node>,
    next: Id,
}

impl Tree {
    pub(super) fn new() -> Tree {
        let rdn = vec![("dc".to_owned(), "example".to_owned())];
        let root = Node {
            kind: Kind::Root,
            parent: 0,
            rdn,
            values: Values::new(),
        };
        Tree {
            nodes: BTreeMap::from([(0, root)]),
            next: 1,
        }
    }

    pub(super) fn insert(&mut self, node: Node) -> Id {
        self.next += 1;
        self.nodes.insert(self.next, node);
        self.next
    }

    pub(super) fn remove(&mut self, id: Id) -> Node {
        self.nodes.remove(&id).expect("a known entry")
    }

    pub(super) fn get(&self, id: Id) -> &Node {
        &self.nodes[&id]
    }

    pub(super) fn get_mut(&mut self, id: Id) -> &mut Node {
        self.nodes.get_mut(&id).expect("a known entry")
    }

    /// The entries that fit, oldest first.
    pub(super) fn ids(&self, fits: impl Fn(Id, &Node) -> bool) -> Vec<Id> {
        self.nodes
            .iter()
            .filter(|(id, node)| fits(**id, node))
            .map(|(id, _)| *id)
            .collect()
    }

    pub(super) fn children(&self, id: Id) -> Vec<Id> {
        self.ids(|child, node| child != 0 && node.parent == id)
    }

    /// The entries that have children.
    pub(super) fn parents(&self) -> BTreeSet<Id> {
        self.nodes.values().map(|node| node.parent).collect()
    }

    /// The entry and all below it, parents first.
    pub(super) fn subtree(&self, id: Id) -> Vec<Id> {
        let mut ids = vec![id];
        let mut next = 0;
        while next < ids.len() {
            ids.extend(self.children(ids[next]));
            next += 1;
        }
        ids
    }

    /// Whether `id` is `ancestor` or below it.
    pub(super) fn is_below(&self, mut id: Id, ancestor: Id) -> bool {
        while id != ancestor && id != 0 {
            id = self.get(id).parent;
        }
        id == ancestor
    }

    /// How far from the root.
    pub(super) fn depth(&self, mut id: Id) -> usize {
        let mut depth = 0;
        while id != 0 {
            id = self.get(id).parent;
            depth += 1;
        }
        depth
    }

    /// Whether another child of that parent has that name.
    pub(super) fn is_taken(&self, parent: Id, rdn: &Rdn, except: Id) -> bool {
        self.children(parent)
            .into_iter()
            .any(|child| child != except && same_rdn(&self.get(child).rdn, rdn))
    }

    /// The DN, each special character escaped as `style` says: a bit for each RDN.
    pub(super) fn dn(&self, id: Id, style: u64) -> String {
        if id == 0 {
            return crate::slapd::SUFFIX.to_owned();
        }
        let node = self.get(id);
        format!(
            "{},{}",
            rdn(&node.rdn, style & 1 == 1),
            self.dn(node.parent, style >> 1)
        )
    }
}

/// An RDN as text, escaped with a backslash or in hexadecimal.
pub(super) fn rdn(pairs: &Rdn, hexadecimal: bool) -> String {
    let pairs = pairs
        .iter()
        .map(|(name, value)| format!("{name}={}", escape(value, hexadecimal)));
    pairs.collect::<Vec<_>>().join("+")
}

fn escape(value: &str, hexadecimal: bool) -> String {
    let last = value.chars().count().saturating_sub(1);
    let mut text = String::new();
    for (at, c) in value.chars().enumerate() {
        let special = matches!(c, ',' | '+' | '"' | '\\' | ';' | '<' | '>' | '=')
            || (c == '#' && at == 0)
            || (c == ' ' && (at == 0 || at == last));
        match (special, hexadecimal) {
            (true, true) => text += &format!("\\{:02X}", u32::from(c)),
            (true, false) => text.extend(['\\', c]),
            (false, true) if !c.is_ascii() => {
                let mut buffer = [0; 4];
                let bytes = c.encode_utf8(&mut buffer).bytes();
                text.extend(bytes.map(|byte| format!("\\{byte:02x}")));
            }
            _ => text.push(c),
        }
    }
    text
}

fn same_rdn(left: &Rdn, right: &Rdn) -> bool {
    let within = |(name, value): &(String, String)| {
        right
            .iter()
            .any(|(n, v)| n == name && same(v.as_bytes(), value.as_bytes()))
    };
    left.len() == right.len() && left.iter().all(within)
}

/// Matching without regard to case and to spaces around, as `cn` and `uid` match.
pub(super) fn same(left: &[u8], right: &[u8]) -> bool {
    let folded = |value: &[u8]| String::from_utf8_lossy(value).trim().to_lowercase();
    left == right || folded(left) == folded(right)
}
