//! What differs between two lists, value by value: what came and what went under each description.

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};
use std::hash::{Hash, Hasher};
use std::vec;

use super::list::{Attribute, AttributeList, contents, each_value};

/// What differs in one attribute: values that came, and values that went. One of the two may be empty,
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
    /// What differs in the list `new`, attribute by attribute. Only attributes that differ are in it: first
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
        let mut pairs = Pairs::default();
        if self.contents != new.contents {
            for attribute in new.iter() {
                pairs.take(attribute, |pair| &mut pair.new);
            }
            pairs.next = 0;
            for attribute in self.iter() {
                pairs.take(attribute, |pair| &mut pair.old);
            }
        }
        Diff {
            pairs: pairs.list.into_iter(),
        }
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
const FEW: usize = 32;

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
            self.list.push(Pair {
                name,
                old: Side::default(),
                new: Side::default(),
            });
            if at >= FEW {
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
}

impl<'a> Pair<'a> {
    fn diff(mut self) -> Option<AttributeDiff<'a>> {
        let mut common: [&[u8]; 2] = [&[], &[]];
        if self.old.more.is_empty() && self.new.more.is_empty() {
            if self.old.set == self.new.set {
                return None;
            }
            common = strip(&mut self.old.set, &mut self.new.set);
        }
        let mut old: HashSet<&[u8]> = self.old.values().collect();
        let mut new: HashSet<&[u8]> = self.new.values().collect();
        // A value is taken out of its own set when it is told, so that it is told once.
        let removed = self.old.values();
        let removed = removed.filter(|value| !new.contains(value) && old.remove(value));
        let removed = removed.collect();
        let added = self.new.values();
        let added = added.filter(|value| !old.contains(value) && new.remove(value));
        let mut diff = AttributeDiff {
            name: self.name,
            added: added.collect(),
            removed,
        };
        diff.forget(common);
        let differs = !diff.added.is_empty() || !diff.removed.is_empty();
        differs.then_some(diff)
    }
}

impl AttributeDiff<'_> {
    /// Takes out the values that both lists have in these sets. A value comes twice in one attribute only
    /// if the provider breaks RFC 4511 §4.1.7.
    fn forget(&mut self, common: [&[u8]; 2]) {
        let values = || self.added.iter().chain(&self.removed);
        let few = values().count() <= 8;
        let index: HashSet<&[u8]> = values().copied().filter(|_| !few).collect();
        let is_told = |value: &&[u8]| match few {
            true => values().any(|told| told == value),
            false => index.contains(value),
        };
        let kept = common.into_iter().flat_map(each_value);
        let kept: HashSet<&[u8]> = kept.filter(is_told).collect();
        if !kept.is_empty() {
            self.added.retain(|value| !kept.contains(value));
            self.removed.retain(|value| !kept.contains(value));
        }
    }
}

/// Takes the values off two sets with which both begin, and those with which both end. Returns these.
fn strip<'a>(old: &mut &'a [u8], new: &mut &'a [u8]) -> [&'a [u8]; 2] {
    let whole = *old;
    loop {
        let (mut ours, mut theirs) = (*old, *new);
        match (contents(&mut ours), contents(&mut theirs)) {
            (Some(our), Some(their)) if our == their => (*old, *new) = (ours, theirs),
            _ => break,
        }
    }
    let before = until(whole, old);
    let equal = equal_at_end(old, new);
    // The end is common from the first place on where a value begins in both.
    let (mut ours, mut theirs) = (*old, *new);
    while ours.len() != theirs.len() || ours.len() > equal {
        let (our, their) = match ours.len().cmp(&theirs.len()) {
            Ordering::Greater => (contents(&mut ours), None),
            Ordering::Less => (None, contents(&mut theirs)),
            Ordering::Equal => (contents(&mut ours), contents(&mut theirs)),
        };
        if our.or(their).is_none() {
            // `decode` has validated both sets, so this cannot occur.
            return [before, &[]];
        }
    }
    (*old, *new) = (until(old, ours), until(new, theirs));
    [before, ours]
}

/// What stands in `whole` before its end `end`.
fn until<'a>(whole: &'a [u8], end: &[u8]) -> &'a [u8] {
    let length = whole.len().saturating_sub(end.len());
    whole.get(..length).unwrap_or_default()
}

/// The number of bytes with which both end.
fn equal_at_end(one: &[u8], other: &[u8]) -> usize {
    const PART: usize = 64;
    let parts = one.rchunks_exact(PART).zip(other.rchunks_exact(PART));
    let parts = parts.take_while(|(one, other)| one == other).count() * PART;
    let (one, other) = (one.iter().rev().skip(parts), other.iter().rev().skip(parts));
    parts
        + one
            .zip(other)
            .take_while(|(one, other)| one == other)
            .count()
}
