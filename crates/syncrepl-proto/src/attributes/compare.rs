//! What two lists have in common, whatever the order of their attributes and values.

use std::collections::{BTreeMap, HashSet};

use super::ends::strip;
use super::list::{Attribute, AttributeList, each_value, parts};

impl<'a> AttributeList<'a> {
    /// Whether both lists hold the same values under the same descriptions. The order and the
    /// letter case of descriptions do not count.
    pub fn same(&self, other: &AttributeList<'_>) -> bool {
        self.contents == other.contents
            || self
                .same_in_order(other)
                .or_else(|| self.same_if_named_once(other))
                .unwrap_or_else(|| self.sorted() == other.sorted())
    }

    /// The answer of [`same`](Self::same) from one pass over both lists, or `None`. Usually both
    /// lists have the same order and differ in the values of one attribute.
    fn same_in_order(&self, other: &AttributeList<'_>) -> Option<bool> {
        let (mut ours, mut theirs) = (self.contents, other.contents);
        while !ours.is_empty() || !theirs.is_empty() {
            let (our, their) = (parts(&mut ours)?, parts(&mut theirs)?);
            if our == their {
                continue;
            }
            if !our.0.eq_ignore_ascii_case(their.0) || our.1.is_empty() != their.1.is_empty() {
                return None;
            }
            if !same_values(our.1, their.1) {
                // A second occurrence of the description may hold the missing values.
                let once = self.names(our.0) == 1 && other.names(our.0) == 1;
                return once.then_some(false);
            }
        }
        Some(true)
    }

    /// The number of occurrences of a description.
    pub(super) fn names(&self, name: &[u8]) -> usize {
        let mut rest = self.contents;
        std::iter::from_fn(|| parts(&mut rest))
            .filter(|(other, _)| other.eq_ignore_ascii_case(name))
            .count()
    }

    /// The answer of [`same`](Self::same) without an allocation for the list, or `None`: it needs
    /// few attributes and no description twice.
    fn same_if_named_once(&self, other: &AttributeList<'_>) -> Option<bool> {
        let mut ours = [None; FEW];
        let mut theirs = [None; FEW];
        let (ours, theirs) = (self.few(&mut ours)?, other.few(&mut theirs)?);
        if ours.len() != theirs.len() {
            return Some(false);
        }
        Some(ours.iter().zip(theirs).all(|(our, across)| {
            let Some(our) = our else { return true };
            let named = |their: &&Attribute<'_>| their.name.eq_ignore_ascii_case(our.name);
            // Usually both lists have the same order.
            let their = across.iter().chain(theirs.iter().flatten()).find(named);
            their.is_some_and(|their| our.same_values(their))
        }))
    }

    /// The attributes, if they fit into `few` and no description comes twice.
    fn few<'f>(&self, few: &'f mut [Option<Attribute<'a>>]) -> Option<&'f [Option<Attribute<'a>>]> {
        let mut count = 0;
        for attribute in self.iter() {
            let (before, free) = few.split_at_mut_checked(count)?;
            let same = |other: &Attribute<'_>| other.name.eq_ignore_ascii_case(attribute.name);
            if before.iter().flatten().any(same) {
                return None;
            }
            *free.first_mut()? = Some(attribute);
            count += 1;
        }
        few.get(..count)
    }

    fn sorted(&self) -> BTreeMap<String, Vec<&'a [u8]>> {
        let mut sorted: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for attribute in self.iter() {
            sorted
                .entry(attribute.name.to_ascii_lowercase())
                .or_default()
                .extend(attribute.values());
        }
        for values in sorted.values_mut() {
            values.sort_unstable();
            values.dedup();
        }
        sorted
    }

    /// The values of this list that `other` lacks under the same description, in their order; at most
    /// `limit` of them. The letter case of descriptions does not count.
    pub fn lost_in(&self, other: &AttributeList<'_>, limit: usize) -> Vec<(&'a str, &'a [u8])> {
        let mut lost = Vec::new();
        for attribute in self.iter() {
            let same_name = |their: &Attribute<'_>| their.name.eq_ignore_ascii_case(attribute.name);
            if other.iter().any(|their| their == attribute) {
                continue;
            }
            let kept: HashSet<_> = other
                .iter()
                .filter(same_name)
                .flat_map(|their| their.values())
                .collect();
            for value in attribute.values().filter(|value| !kept.contains(value)) {
                if lost.len() == limit {
                    return lost;
                }
                lost.push((attribute.name, value));
            }
        }
        lost
    }
}

fn same_values(one: &[u8], other: &[u8]) -> bool {
    let (mut ours, mut theirs) = (one, other);
    strip(&mut ours, &mut theirs);
    if ours.is_empty() && theirs.is_empty() {
        return true;
    }
    // Usually a value came or went, and it is one of these.
    let first_is_lost = |rest: &[u8], set: &[u8]| {
        let mut values = each_value(set);
        let first = each_value(rest).next();
        first.is_some_and(|first| !values.any(|value| value == first))
    };
    !first_is_lost(ours, other)
        && !first_is_lost(theirs, one)
        && sorted_values(one) == sorted_values(other)
}

fn sorted_values(set: &[u8]) -> Vec<&[u8]> {
    let mut values: Vec<_> = each_value(set).collect();
    values.sort_unstable();
    values.dedup();
    values
}

/// Up to this number of attributes, comparing each with each is cheaper than sorting.
const FEW: usize = 32;

impl Attribute<'_> {
    fn same_values(&self, other: &Attribute<'_>) -> bool {
        self.values == other.values || same_values(self.values, other.values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(attributes: &[(&'static str, &[&'static str])]) -> Vec<u8> {
        AttributeList::encode(
            attributes
                .iter()
                .map(|(name, values)| (*name, values.iter().map(|v| v.as_bytes()).collect())),
        )
    }

    #[test]
    fn same_ignores_order_case_and_empty_attributes() {
        let one = list(&[("cn", &["a", "b"]), ("mail", &["x"])]);
        for (other, same) in [
            (list(&[("MAIL", &["x"]), ("CN", &["b", "a"])]), true),
            (
                list(&[("cn", &["a", "b"]), ("mail", &["x"]), ("sn", &[])]),
                true,
            ),
            (
                list(&[("cn", &["a"]), ("cn", &["b"]), ("mail", &["x"])]),
                true,
            ),
            (list(&[("cn", &["a", "B"]), ("mail", &["x"])]), false),
            (
                list(&[("cn;lang-de", &["a", "b"]), ("mail", &["x"])]),
                false,
            ),
            (list(&[("cn", &["a", "b"])]), false),
            (
                list(&[("cn", &["b"]), ("mail", &["x"]), ("CN", &["a"])]),
                true,
            ),
            (
                list(&[("cn", &["b"]), ("mail", &["x"]), ("CN", &["c"])]),
                false,
            ),
            (list(&[("cn", &["a", "b"]), ("mail", &["y"])]), false),
        ] {
            let (one, other) = (
                AttributeList::decode(&one).unwrap(),
                AttributeList::decode(&other).unwrap(),
            );
            assert_eq!(one.same(&other), same, "{other:?}");
            assert_eq!(other.same(&one), same, "{other:?}");
        }
    }

    proptest::proptest! {
        /// Every shortcut gives the answer of the full comparison.
        #[test]
        fn shortcuts_agree_with_full_comparison(
            lists in [0, 1].map(|_| proptest::collection::vec(("[aAb]", proptest::collection::vec("[xy]", 0..3)), 0..4))
        ) {
            let [one, other] = lists.map(|list| {
                let list = list.iter().map(|(name, values)| {
                    (name.as_str(), values.iter().map(String::as_bytes).collect())
                });
                AttributeList::encode(list)
            });
            let [one, other] = [&one, &other].map(|bytes| AttributeList::decode(bytes).unwrap());
            assert_eq!(one.same(&other), one.sorted() == other.sorted());
        }
    }

    #[test]
    fn lost_values_are_those_that_the_other_lacks() {
        let one = list(&[("cn", &["a", "b", "c"]), ("mail", &["x"]), ("sn", &["s"])]);
        let other = list(&[
            ("CN", &["c"]),
            ("cn", &["b"]),
            ("mail;x-a", &["x"]),
            ("sn", &["s", "t"]),
        ]);
        let [one, other] = [&one, &other].map(|bytes| AttributeList::decode(bytes).unwrap());
        let lost = [("cn", &b"a"[..]), ("mail", b"x")];
        assert_eq!(one.lost_in(&other, 9), lost);
        assert_eq!(one.lost_in(&other, 1), lost[..1]);
        assert_eq!(one.lost_in(&one, 9), []);
    }
}
