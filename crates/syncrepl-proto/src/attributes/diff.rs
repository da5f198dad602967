//! The difference between two lists, value by value: under each description, the values that came and that went.

use std::collections::{HashMap, HashSet};
use std::hash::{Hash, Hasher};
use std::vec;

use super::ends::strip;
use super::list::{Attribute, AttributeList, each_value, parts};

/// The difference in one attribute: values that came, and values that went. One of the two may be empty,
/// but not both. `Debug` shows neither secrets nor long values.
#[derive(Clone, PartialEq, Eq)]
pub struct AttributeDiff<'a> {
    /// The attribute description as the new list spells it, or the old one if the new one lacks it.
    pub name: &'a str,
    /// The values that only the new list has, each once, in its order.
    pub added: Vec<&'a [u8]>,
    /// The values that only the old list has, each once, in its order.
    pub removed: Vec<&'a [u8]>,
}

/// The differences between two lists, one item an attribute. Made by [`AttributeList::diff`].
#[derive(Clone)]
pub struct Diff<'a> {
    pairs: vec::IntoIter<Pair<'a>>,
}

impl<'a> AttributeList<'a> {
    /// The difference to the list `new`, attribute by attribute. Only attributes that differ are in it: first
    /// those of the new list, in its order, then those that only this list has.
    ///
    /// It has no item exactly when the lists are the [`same`](Self::same). The order of attributes and
    /// values, the letter case of descriptions, attributes without values, and the repetition of a value
    /// or of a description mean nothing.
    ///
    /// The cost grows with the bytes of both lists. Values that both lists have at the beginning or the end
    /// of an attribute take no memory, and every other value a few words, while its attribute is compared.
    pub fn diff<'d>(&self, new: &AttributeList<'d>) -> Diff<'d>
    where
        'a: 'd,
    {
        let pairs = match self.in_order(new) {
            Some(pairs) => pairs,
            None => self.by_name(new),
        };
        Diff {
            pairs: pairs.into_iter(),
        }
    }

    /// The attributes whose bytes differ, or `None`: both lists need the same descriptions in the same order,
    /// with few differences, as they usually have.
    fn in_order<'d>(&self, new: &AttributeList<'d>) -> Option<Vec<Pair<'d>>>
    where
        'a: 'd,
    {
        let mut pairs = Vec::new();
        let (mut ours, mut theirs) = (self.contents, new.contents);
        while ours != theirs {
            let (our, their) = (parts(&mut ours)?, parts(&mut theirs)?);
            if our == their {
                continue;
            }
            // A second occurrence of the description may hold further values.
            let once = |list: &AttributeList<'_>| list.names(their.0) == 1;
            if pairs.len() == FEW || !our.0.eq_ignore_ascii_case(their.0) {
                return None;
            }
            if !once(self) || !once(new) {
                return None;
            }
            let mut pair = Pair::of(std::str::from_utf8(their.0).ok()?);
            (pair.old.set, pair.new.set) = (our.1, their.1);
            pairs.push(pair);
        }
        Some(pairs)
    }

    /// All attributes of both lists.
    fn by_name<'d>(&self, new: &AttributeList<'d>) -> Vec<Pair<'d>>
    where
        'a: 'd,
    {
        let mut pairs = Pairs::default();
        for attribute in new.iter() {
            pairs.take(attribute, |pair| &mut pair.new);
        }
        pairs.next = 0;
        for attribute in self.iter() {
            pairs.take(attribute, |pair| &mut pair.old);
        }
        pairs.list
    }
}

impl<'a> Iterator for Diff<'a> {
    type Item = AttributeDiff<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        self.pairs.find_map(Pair::diff)
    }
}

/// A description in whichever letter case.
#[derive(Clone, Copy)]
pub(super) struct Name<'a>(pub(super) &'a str);

impl PartialEq for Name<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(other.0)
    }
}

impl Eq for Name<'_> {}

impl Hash for Name<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for byte in self.0.bytes() {
            state.write_u8(byte.to_ascii_lowercase());
        }
    }
}

/// The attributes of both lists by description.
#[derive(Default)]
struct Pairs<'a> {
    list: Vec<Pair<'a>>,
    /// Where each description is in `list`, once there are many.
    index: HashMap<Name<'a>, usize>,
    /// Where the next description is if both lists have the same order.
    next: usize,
}

/// Up to this number of attributes, looking at each is cheaper than hashing.
const MANY: usize = 32;

impl<'a> Pairs<'a> {
    fn take(
        &mut self,
        attribute: Attribute<'a>,
        side: for<'p> fn(&'p mut Pair<'a>) -> &'p mut Side<'a>,
    ) {
        let name = attribute.name;
        let at = self.find(name).unwrap_or(self.list.len());
        self.next = at + 1;
        if at == self.list.len() {
            self.list.push(Pair::of(name));
            if at >= MANY {
                let unindexed = self.list.iter().enumerate().skip(self.index.len());
                self.index
                    .extend(unindexed.map(|(at, pair)| (Name(pair.name), at)));
            }
        }
        if let Some(pair) = self.list.get_mut(at) {
            side(pair).push(attribute.values);
        }
    }

    fn find(&self, name: &str) -> Option<usize> {
        let is_it = |pair: &Pair<'_>| Name(pair.name) == Name(name);
        match self.list.get(self.next) {
            Some(pair) if is_it(pair) => Some(self.next),
            _ if self.index.is_empty() => self.list.iter().position(is_it),
            _ => self.index.get(&Name(name)).copied(),
        }
    }
}

/// An attribute in both lists.
#[derive(Clone)]
struct Pair<'a> {
    name: &'a str,
    old: Side<'a>,
    new: Side<'a>,
}

/// The values of an attribute in one list.
#[derive(Clone, Default)]
struct Side<'a> {
    /// The contents of their SET.
    set: &'a [u8],
    /// Those of further SETs, if the list names the attribute more than once.
    more: Vec<&'a [u8]>,
}

impl<'a> Side<'a> {
    fn push(&mut self, set: &'a [u8]) {
        match self.set.is_empty() {
            true => self.set = set,
            false => self.more.push(set),
        }
    }

    fn values(&self) -> impl Iterator<Item = &'a [u8]> {
        let sets = std::iter::once(&self.set).chain(&self.more);
        sets.flat_map(|set| each_value(set))
    }

    /// The values that the other side lacks, each once. The cost is the product of both numbers.
    fn without(&self, other: &Side<'a>) -> Vec<&'a [u8]> {
        let mut lacking = Vec::new();
        for value in self.values() {
            if !lacking.contains(&value) && !other.values().any(|known| known == value) {
                lacking.push(value);
            }
        }
        lacking
    }
}

/// Up to this number of values or attributes, looking at each is cheaper than anything else.
const FEW: usize = 8;

impl<'a> Pair<'a> {
    fn of(name: &'a str) -> Self {
        Pair {
            name,
            old: Side::default(),
            new: Side::default(),
        }
    }

    fn diff(mut self) -> Option<AttributeDiff<'a>> {
        let mut common: [&[u8]; 2] = [&[], &[]];
        if self.old.more.is_empty() && self.new.more.is_empty() {
            if self.old.set == self.new.set {
                return None;
            }
            common = strip(&mut self.old.set, &mut self.new.set);
        }
        let is_short = |side: &Side<'_>| side.values().nth(FEW).is_none();
        let mut diff = match is_short(&self.old) && is_short(&self.new) {
            true => AttributeDiff {
                name: self.name,
                added: self.new.without(&self.old),
                removed: self.old.without(&self.new),
            },
            false => self.hashed(),
        };
        // A value comes twice in one attribute only if the provider breaks RFC 4511 §4.1.7.
        let kept = || common.into_iter().flat_map(each_value);
        forget(&mut diff.removed, kept());
        forget(&mut diff.added, kept().chain(self.old.values()));
        let differs = !diff.added.is_empty() || !diff.removed.is_empty();
        differs.then_some(diff)
    }

    /// The differences of many values. A value that the new list repeats may be among those that came.
    fn hashed(&self) -> AttributeDiff<'a> {
        let mut left: HashSet<&[u8]> = self.old.values().collect();
        let mut came = HashSet::new();
        let added = self.new.values();
        let added = added.filter(|value| !left.remove(value) && came.insert(*value));
        AttributeDiff {
            name: self.name,
            added: added.collect(),
            removed: match left.is_empty() {
                true => Vec::new(),
                false => self
                    .old
                    .values()
                    .filter(|value| left.remove(value))
                    .collect(),
            },
        }
    }
}

/// Takes out the values that stay.
fn forget<'v>(values: &mut Vec<&[u8]>, stay: impl Iterator<Item = &'v [u8]>) {
    if values.is_empty() {
        return;
    }
    let index: HashSet<&[u8]> = match values.len() > FEW {
        true => values.iter().copied().collect(),
        false => HashSet::new(),
    };
    let is_told = |value: &&[u8]| match index.is_empty() {
        true => values.contains(value),
        false => index.contains(value),
    };
    let stay: HashSet<&[u8]> = stay.filter(is_told).collect();
    if !stay.is_empty() {
        values.retain(|value| !stay.contains(value));
    }
}
