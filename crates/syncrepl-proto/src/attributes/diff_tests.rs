//! Tests of `diff` and `apply`: small lists to the letter, random ones by what must hold of them.

use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::vec;
use proptest::prelude::*;

use super::{AttributeDiff, AttributeList};
use crate::ber::{Writer, tag};

type Owned = Vec<(&'static str, Vec<Vec<u8>>)>;

fn list(attributes: &[(&'static str, &[&'static str])]) -> Vec<u8> {
    AttributeList::encode(
        attributes
            .iter()
            .map(|(name, values)| (*name, values.iter().map(|v| v.as_bytes()).collect())),
    )
}

fn decode(bytes: &[u8]) -> AttributeList<'_> {
    AttributeList::decode(bytes).unwrap()
}

/// The differences as text: `name+added-removed`.
fn told(old: &[u8], new: &[u8]) -> Vec<String> {
    let text = |diff: AttributeDiff<'_>| {
        let mut text = diff.name.to_owned();
        for (sign, values) in [('+', diff.added), ('-', diff.removed)] {
            for value in values {
                text.push(sign);
                text.push_str(std::str::from_utf8(value).unwrap());
            }
        }
        text
    };
    decode(old).diff(&decode(new)).map(text).collect()
}

#[test]
fn only_what_differs_is_told_in_the_order_of_the_new_list() {
    let old = list(&[
        ("gone", &["g"]),
        ("cn", &["a", "b", "c"]),
        ("sn", &["s"]),
        ("title", &["Clerk"]),
        ("left", &["1", "2"]),
    ]);
    let new = list(&[
        ("mail", &["m", "n"]),
        ("TITLE", &["Head"]),
        ("SN", &["s"]),
        ("cn;lang-de", &["a"]),
        ("CN", &["c", "d", "a"]),
    ]);
    let expected = [
        "mail+m+n",
        "TITLE+Head-Clerk",
        "cn;lang-de+a",
        "CN+d-b",
        "gone-g",
        "left-1-2",
    ];
    assert_eq!(told(&old, &new), expected);
    assert_eq!(told(&old, &old), [""; 0]);
}

#[test]
fn repetitions_and_empty_attributes_mean_nothing() {
    let old = list(&[("cn", &["a", "b"]), ("x", &[]), ("CN", &["c"])]);
    let same = list(&[
        ("cn", &["c"]),
        ("cn", &["a", "a"]),
        ("Cn", &["b", "c"]),
        ("y", &[]),
    ]);
    assert_eq!(told(&old, &same), [""; 0]);
    let new = list(&[("Cn", &["c"]), ("cn", &["d", "d"])]);
    assert_eq!(told(&old, &new), ["Cn+d-a-b"]);
    assert_eq!(told(&new, &old), ["cn+a+b-d"]);
    // The value that comes again stands in what both have at the beginning, or the end.
    let (one, twice) = (list(&[("cn", &["a", "b"])]), list(&[("cn", &["a", "a"])]));
    assert_eq!(told(&one, &twice), ["cn-b"]);
    assert_eq!(told(&twice, &one), ["cn+b"]);
    let (one, twice) = (list(&[("cn", &["b", "a"])]), list(&[("cn", &["a", "a"])]));
    assert_eq!(told(&one, &twice), ["cn-b"]);
}

#[test]
fn many_values_and_many_attributes() {
    let names: Vec<String> = (0..100).map(|number| format!("a{number}")).collect();
    let members: Vec<String> = (0..20_000).map(|number| format!("uid=p{number}")).collect();
    let encode = |names: &mut dyn Iterator<Item = &String>, members: &[&str]| {
        let mut all: Vec<(&str, Vec<&[u8]>)> = Vec::new();
        all.push((
            "member",
            members.iter().map(|member| member.as_bytes()).collect(),
        ));
        let names: Vec<&String> = names.collect();
        all.extend(names.iter().map(|name| (name.as_str(), vec![&b"v"[..]])));
        AttributeList::encode(all)
    };
    let all: Vec<&str> = members.iter().map(String::as_str).collect();
    let old = encode(&mut names.iter(), &all);
    let mut changed = all.clone();
    changed.remove(9_000);
    changed.insert(15_000, "uid=new");
    let mut reversed = changed.clone();
    reversed.reverse();
    for members in [changed, reversed] {
        let new = encode(&mut names.iter().rev(), &members);
        assert_eq!(told(&old, &new), ["member+uid=new-uid=p9000"]);
        assert_eq!(told(&new, &old), ["member+uid=p9000-uid=new"]);
        let new = encode(&mut names[1..].iter().rev(), &members);
        assert_eq!(told(&old, &new), ["member+uid=new-uid=p9000", "a0-v"]);
    }
}

/// A length may take more bytes than it needs. That says nothing about the value.
#[test]
fn longer_form_of_a_length_is_no_difference() {
    let short = list(&[("cn", &["a", "b"])]);
    let mut writer = Writer::new();
    writer.constructed(tag::SEQUENCE, |writer| {
        writer.constructed(tag::SEQUENCE, |writer| {
            writer.octets(b"cn");
            writer.constructed(tag::SET, |writer| {
                writer.raw(b"\x04\x81\x01a");
                writer.raw(b"\x04\x82\x00\x01b");
            });
        });
    });
    let long = writer.finish();
    assert_eq!(told(&short, &long), [""; 0]);
    assert_eq!(told(&long, &list(&[("cn", &["b", "c"])])), ["cn+c-a"]);
}

#[test]
fn debug_shows_no_secrets() {
    let (old, new) = (
        list(&[]),
        list(&[("userPassword", &["hunter2"]), ("cn", &["a"])]),
    );
    let diff: Vec<_> = decode(&old).diff(&decode(&new)).collect();
    let secret =
        r#"AttributeDiff { name: "userPassword", added: [(7 bytes, secret)], removed: [] }"#;
    assert_eq!(format!("{:?}", diff[0]), secret);
    let shown = r#"AttributeDiff { name: "cn", added: ["a"], removed: [] }"#;
    assert_eq!(format!("{:?}", diff[1]), shown);
    let lazy = format!("{:?}", decode(&old).diff(&decode(&new)));
    assert_eq!(lazy, format!("[{secret}, {shown}]"));
}

#[test]
fn differences_can_be_applied_twice() {
    let old = list(&[
        ("cn", &["a", "b"]),
        ("CN", &["c"]),
        ("sn", &["s"]),
        ("x", &["y"]),
    ]);
    let new = list(&[("cn", &["d", "b", "e"]), ("sn", &["s"]), ("l", &["here"])]);
    let (old, new) = (decode(&old), decode(&new));
    let once = old.with_diff(old.diff(&new)).unwrap();
    let expected = list(&[("cn", &["b", "d", "e"]), ("sn", &["s"]), ("l", &["here"])]);
    assert_eq!(once.as_list(), decode(&expected));
    let twice = once.as_list().with_diff(old.diff(&new)).unwrap();
    assert!(twice.as_list().same(&new), "{twice:?}");
    let nameless = AttributeDiff {
        name: "",
        added: vec![b"v"],
        removed: vec![],
    };
    assert!(old.with_diff([nameless]).is_err());
}

/// All values by lower-case description: what a list means.
fn meaning<'a>(list: &AttributeList<'a>) -> BTreeMap<String, BTreeSet<&'a [u8]>> {
    let mut all: BTreeMap<String, BTreeSet<&[u8]>> = BTreeMap::new();
    for attribute in list.iter() {
        let name = attribute.name.to_ascii_lowercase();
        all.entry(name).or_default().extend(attribute.values());
    }
    all
}

fn attributes() -> impl Strategy<Value = Owned> {
    let name = prop::sample::select(vec!["a", "A", "b", "a;x-1", "A;X-1"]);
    let value = prop_oneof![vec(b'x'..=b'z', 0..3), vec(b'x'..=b'y', 126..131)];
    vec((name, vec(value, 0..14)), 0..5)
}

/// Two lists that have much in common: a list, and the same after some changes.
fn pair() -> impl Strategy<Value = [Vec<u8>; 2]> {
    let changes = vec((any::<prop::sample::Index>(), 0..5_u8), 0..4);
    (attributes(), attributes(), changes, any::<bool>()).prop_map(
        |(old, other, changes, unrelated)| {
            let mut new = if unrelated { other } else { old.clone() };
            for (at, what) in changes {
                if new.is_empty() {
                    break;
                }
                let at = at.index(new.len());
                let values = &mut new[at].1;
                match what {
                    0 => values.insert(0, b"x".to_vec()),
                    1 => values.push(b"new".to_vec()),
                    2 => values.truncate(values.len() / 2),
                    3 => values.reverse(),
                    _ => new.rotate_left(at),
                }
            }
            [&old, &new].map(|list| {
                AttributeList::encode(
                    list.iter()
                        .map(|(name, values)| (*name, values.iter().map(Vec::as_slice).collect())),
                )
            })
        },
    )
}

proptest! {
    #[test]
    fn diff_is_what_the_meanings_differ_in([old, new] in pair()) {
        let (old, new) = (decode(&old), decode(&new));
        let (before, after) = (meaning(&old), meaning(&new));
        let mut seen = BTreeSet::new();
        for diff in old.diff(&new) {
            let name = diff.name.to_ascii_lowercase();
            let nothing = BTreeSet::new();
            let had = before.get(&name).unwrap_or(&nothing);
            let has = after.get(&name).unwrap_or(&nothing);
            let added: BTreeSet<&[u8]> = diff.added.iter().copied().collect();
            let removed: BTreeSet<&[u8]> = diff.removed.iter().copied().collect();
            prop_assert!(added.iter().eq(has.difference(had)));
            prop_assert!(removed.iter().eq(had.difference(has)));
            prop_assert_eq!((added.len(), removed.len()), (diff.added.len(), diff.removed.len()));
            prop_assert!(!added.is_empty() || !removed.is_empty());
            prop_assert!(seen.insert(name), "told twice");
        }
        let differing = before.keys().chain(after.keys()).filter(|name| before.get(*name) != after.get(*name));
        let differing: BTreeSet<String> = differing.cloned().collect();
        prop_assert_eq!(seen, differing);
    }

    #[test]
    fn diff_is_empty_exactly_when_the_lists_are_the_same([old, new] in pair()) {
        let (old, new) = (decode(&old), decode(&new));
        prop_assert_eq!(old.diff(&new).next().is_none(), old.same(&new));
    }

    #[test]
    fn old_list_and_diff_give_the_new_list([old, new] in pair()) {
        let (old, new) = (decode(&old), decode(&new));
        let applied = old.with_diff(old.diff(&new)).unwrap();
        prop_assert!(applied.as_list().same(&new), "{applied:?}");
    }
}
