//! The modification that leads from the values before a change to those after it. It names single values where
//! that is safe and shorter, and replaces all values of an attribute elsewhere.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashSet};

use super::equality::{Rule, rule};
use super::values::Values;

/// One part of a modification.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Change<'v> {
    /// `add`, `delete` or `replace`.
    pub(super) what: &'static str,
    pub(super) name: &'v str,
    pub(super) values: Vec<&'v [u8]>,
}

/// The parts that lead from `old` to `new`, attribute by attribute.
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
    let (gone, come) = difference(old, new);
    if gone.is_empty() && come.is_empty() {
        return;
    }
    if !one_by_one(key, &gone, &come, new) {
        changes.push(Change {
            what: "replace",
            name,
            values: distinct(new),
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

/// Up to this many bytes, all values of an attribute are not too many to be replaced.
const SHORT: usize = 4 << 10;

/// Whether the modification names the values that go and come, in place of all.
fn one_by_one(key: &str, gone: &[&[u8]], come: &[&[u8]], new: &[Cow<'_, [u8]>]) -> bool {
    // With each value the name is written again.
    let size = |length: usize| length + key.len();
    let named: usize = gone.iter().chain(come).map(|value| size(value.len())).sum();
    let whole: usize = new.iter().map(|value| size(value.len())).sum();
    let worth_it = match rule(key) {
        Rule::There => named < whole,
        // A server without such a rule refuses the record, so it has to save much.
        Rule::Unknown => whole > SHORT && named * 2 < whole,
        Rule::Missing => false,
    };
    worth_it && gone.iter().chain(come).all(|value| can_be_named(value))
}

/// Whether a server finds a value that is named so. It compares text. In a list of which each value begins with
/// its number, `{0}`, the numbers of the others change when one goes.
fn can_be_named(value: &[u8]) -> bool {
    let is_text = std::str::from_utf8(value).is_ok_and(|text| !text.contains('\0'));
    let number = value.strip_prefix(b"{").unwrap_or_default();
    let digits = number.iter().take_while(|byte| byte.is_ascii_digit());
    let digits = digits.count();
    is_text && (digits == 0 || number.get(digits) != Some(&b'}'))
}

/// The values that go and those that come, each once.
fn difference<'v>(
    old: &'v [Cow<'_, [u8]>],
    new: &'v [Cow<'_, [u8]>],
) -> (Vec<&'v [u8]>, Vec<&'v [u8]>) {
    // Most values of a large attribute stay, in their order.
    let begin = old.iter().zip(new).take_while(|(old, new)| old == new);
    let (begin, rest) = old.split_at(begin.count());
    let (_, other) = new.split_at(begin.len());
    let end = rest.iter().rev().zip(other.iter().rev());
    let end = end.take_while(|(old, new)| old == new).count();
    let (rest, end) = rest.split_at(rest.len() - end);
    let (other, _) = other.split_at(other.len() - end.len());

    let mut gone = lacking(rest, other);
    let mut come = lacking(other, rest);
    // Only a provider that repeats a value has one of them among those that stay.
    let told: HashSet<&[u8]> = gone.iter().chain(&come).copied().collect();
    let stay = begin.iter().chain(end).map(|value| &**value);
    let stay: HashSet<&[u8]> = stay.filter(|value| told.contains(value)).collect();
    gone.retain(|value| !stay.contains(value));
    come.retain(|value| !stay.contains(value));
    (gone, come)
}

/// The values of one list that the other lacks, each once.
fn lacking<'v>(values: &'v [Cow<'_, [u8]>], other: &[Cow<'_, [u8]>]) -> Vec<&'v [u8]> {
    let other: HashSet<&[u8]> = other.iter().map(|value| &**value).collect();
    let mut seen = HashSet::new();
    let values = values.iter().map(|value| &**value);
    let values = values.filter(|value| !other.contains(value) && seen.insert(*value));
    values.collect()
}

fn distinct<'v>(values: &'v [Cow<'_, [u8]>]) -> Vec<&'v [u8]> {
    let mut seen = HashSet::new();
    let values = values.iter().map(|value| &**value);
    values.filter(|value| seen.insert(*value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use syncrepl_client::Attributes;

    fn bytes(name: &str, values: &[&[u8]]) -> Vec<u8> {
        Attributes::encode([(name, values.to_vec())])
    }

    /// The words of the modification, and how many values each has.
    fn parts(name: &str, old: &[&[u8]], new: &[&[u8]]) -> Vec<(&'static str, usize)> {
        let (old, new) = (bytes(name, old), bytes(name, new));
        let (old, new) = (Values::of(&old), Values::of(&new));
        let changes = changes(&old, &new);
        changes
            .iter()
            .map(|change| (change.what, change.values.len()))
            .collect()
    }

    fn numbered(count: usize, form: impl Fn(usize) -> String) -> Vec<String> {
        (0..count).map(form).collect()
    }

    fn as_bytes(values: &[String]) -> Vec<&[u8]> {
        values.iter().map(String::as_bytes).collect()
    }

    #[test]
    fn known_rule_names_values_and_missing_rule_replaces_them() {
        let (old, new): ([&[u8]; 3], [&[u8]; 3]) = ([b"a", b"b", b"c"], [b"c", b"d", b"a"]);
        for name in ["mail", "MEMBER", "cn;lang-de"] {
            assert_eq!(
                parts(name, &old, &new),
                [("delete", 1), ("add", 1)],
                "{name}"
            );
        }
        for name in [
            "jpegPhoto",
            "nisNetgroupTriple",
            "member;binary",
            "myList",
            "1.2.3",
        ] {
            assert_eq!(parts(name, &old, &new), [("replace", 3)], "{name}");
        }
        assert_eq!(parts("mail", &old, &new[..1]), [("replace", 1)]);
        assert_eq!(parts("mail", &old, &[b"c", b"a", b"b", b"b"]), []);
        assert_eq!(parts("mail", &old[..2], &[b"a", b"a"]), [("delete", 1)]);
    }

    #[test]
    fn unknown_rule_names_values_where_that_saves_much() {
        let many = numbered(200, |number| format!("a value of some length, {number}"));
        let many = as_bytes(&many);
        let parts = |name: &str, new: &[&[u8]]| parts(name, &many, new);
        assert_eq!(parts("myList", &many[1..]), [("delete", 1)]);
        assert_eq!(parts("myList", &many[80..]), [("replace", 120)]);
        assert_eq!(parts("nisNetgroupTriple", &many[1..]), [("replace", 199)]);
        assert_eq!(parts("myList;binary", &many[1..]), [("replace", 199)]);
    }

    #[test]
    fn binary_and_numbered_values_are_replaced() {
        let text = numbered(300, |number| format!("a value of some length, {number}"));
        let mut values = as_bytes(&text);
        for odd in [&b"\xff\xd8"[..], b"a\0b", b"{12}last"] {
            let before = values.clone();
            values.push(odd);
            assert_eq!(
                parts("myList", &before, &values),
                [("replace", values.len())]
            );
            assert_eq!(parts("mail", &before, &values), [("replace", values.len())]);
            values.pop();
            values.insert(0, odd);
            // One that stays does not matter.
            assert_eq!(parts("mail", &values, &values[..300]), [("delete", 1)]);
            values.remove(0);
        }
        for text in [&b"{}"[..], b"{a}", b"{1", b"{SSHA}x"] {
            assert!(can_be_named(text), "{text:?}");
        }
    }
}
