//! Attribute lists: the lazy view shows the same as a reading of everything at once.

use std::collections::BTreeSet;

use syncrepl_proto::attributes::{AttributeDiff, AttributeList};

/// A name and its values.
pub(super) type Eager = Vec<(String, Vec<Vec<u8>>)>;

/// A PartialAttributeList.
pub fn attributes(bytes: &[u8]) {
    let eager = eagerly(bytes);
    let list = match (AttributeList::decode(bytes), &eager) {
        (Ok(list), Some(_)) => list,
        (Err(_), None) => return,
        (list, eager) => panic!("{list:?}, but at once {eager:?}"),
    };
    let eager = eager.unwrap_or_default();
    assert_eq!(list.as_bytes(), bytes);
    let with_values = |eager: &Eager| -> Eager {
        let some = eager.iter().filter(|(_, values)| !values.is_empty());
        some.cloned().collect()
    };
    assert_eq!(lazily(&list), with_values(&eager));
    for (name, _) in &eager {
        let same_name = eager
            .iter()
            .filter(|(other, _)| other.eq_ignore_ascii_case(name));
        let values: Vec<&[u8]> = same_name
            .flat_map(|(_, values)| values.iter().map(Vec::as_slice))
            .collect();
        let found: Vec<&[u8]> = list.values(&name.to_ascii_uppercase()).collect();
        assert_eq!(found, values, "{name}");
    }
    let written = AttributeList::encode(eager.iter().map(|(name, values)| {
        (
            name.as_str(),
            values.iter().map(Vec::as_slice).collect::<Vec<_>>(),
        )
    }));
    assert!(written.len() <= bytes.len(), "ours is the shortest form");
    let again = AttributeList::decode(&written).expect("what we write we read");
    assert_eq!(eagerly(&written).as_ref(), Some(&eager));
    assert!(list.same(&again) && again.same(&list));
    if let Some((name, _)) = eager.first() {
        let without = list.without(name);
        let without = AttributeList::decode(&without).expect("what we write we read");
        assert_eq!(without.values(name).count(), 0);
        let left: Eager = with_values(&eager)
            .into_iter()
            .filter(|(other, _)| !other.eq_ignore_ascii_case(name))
            .collect();
        assert_eq!(lazily(&without), left);
        // It was no attribute if it had no value.
        assert_eq!(without.same(&list), list.values(name).count() == 0);
        differences(&list, &without);
    }
    backwards(&eager, &list);
}

/// Order and repetition mean nothing.
fn backwards(eager: &Eager, list: &AttributeList<'_>) {
    let reversed = AttributeList::encode(eager.iter().rev().map(|(name, values)| {
        let set: BTreeSet<&[u8]> = values.iter().map(Vec::as_slice).collect();
        (name.as_str(), set.into_iter().rev().collect())
    }));
    let reversed = AttributeList::decode(&reversed).expect("what we write we read");
    assert!(reversed.same(list));
    assert!(list.diff(&reversed).next().is_none());
}

/// What differs leads from each list to the other, and is told if they are not the same.
fn differences(one: &AttributeList<'_>, other: &AttributeList<'_>) {
    for (old, new) in [(one, other), (other, one)] {
        let diff: Vec<_> = old.diff(new).collect();
        assert_eq!(diff.is_empty(), old.same(new));
        let values = |diff: &AttributeDiff<'_>| diff.added.len() + diff.removed.len();
        assert!(diff.iter().all(|diff| values(diff) > 0));
        let applied = old.with_diff(diff).expect("every attribute has a name");
        assert!(applied.as_list().same(new));
    }
}

pub(super) fn lazily(list: &AttributeList<'_>) -> Eager {
    list.iter()
        .map(|attribute| {
            let values = attribute.values().map(<[u8]>::to_vec).collect();
            (attribute.name.to_owned(), values)
        })
        .collect()
}

/// RFC 4511 §4.5.2 read plainly, all at once.
fn eagerly(bytes: &[u8]) -> Option<Eager> {
    let (0x30, mut list, []) = element(bytes)? else {
        return None;
    };
    let mut eager = Vec::new();
    while !list.is_empty() {
        let (0x30, attribute, rest) = element(list)? else {
            return None;
        };
        list = rest;
        let (0x04, name, fields) = element(attribute)? else {
            return None;
        };
        let name = String::from_utf8(name.to_vec()).ok()?;
        let (0x31, mut set, mut later) = element(fields)? else {
            return None;
        };
        if name.is_empty() {
            return None;
        }
        // Fields of a later version.
        while !later.is_empty() {
            later = element(later)?.2;
        }
        let mut values = Vec::new();
        while !set.is_empty() {
            let (0x04, value, rest) = element(set)? else {
                return None;
            };
            values.push(value.to_vec());
            set = rest;
        }
        eager.push((name, values));
    }
    Some(eager)
}

/// A tag, its contents, and what follows.
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let (&first, rest) = rest.split_first()?;
    // Longer tags, and types that must not be constructed.
    if tag & 0x1f == 0x1f || [0x21, 0x22, 0x24, 0x2a].contains(&tag) {
        return None;
    }
    let (length, rest) = match first {
        0..=0x7f => (u128::from(first), rest),
        0x81..=0x88 => {
            let (length, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            let add = |sum: u128, byte: &u8| sum * 256 + u128::from(*byte);
            (length.iter().fold(0, add), rest)
        }
        _ => return None,
    };
    let (contents, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
    Some((tag, contents, rest))
}
