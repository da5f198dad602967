//! Attributes and values as JSON. Whatever bytes a provider sends, a terminal shows them and is not steered.

use std::collections::BTreeMap;
use std::io::{self, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use syncrepl_client::{Attribute, AttributeDiff, Attributes};
use syncrepl_proto::text::is_printable;

/// Up to this many attributes, names are compared with each other. With more, a tree finds equal names.
const FEW: usize = 32;

/// Writes the attributes as an object, sorted by name. Names are spelled as the provider spells them.
pub(crate) fn attributes(out: &mut impl Write, attributes: &Attributes<'_>) -> io::Result<()> {
    // A provider may send a name twice, spelled differently; a JSON object must have it once.
    let mut few: [Option<Attribute<'_>>; FEW] = [None; FEW];
    let mut count = 0;
    for attribute in attributes.iter() {
        let same = |other: &Attribute<'_>| other.name.eq_ignore_ascii_case(attribute.name);
        match few.split_at_mut_checked(count) {
            Some((before, [free, ..])) if !before.iter().flatten().any(same) => {
                *free = Some(attribute);
                count += 1;
            }
            _ => return gathered(out, attributes),
        }
    }
    let (few, _) = few.split_at_mut(count);
    few.sort_unstable_by_key(|attribute| attribute.map(|attribute| attribute.name));
    let few = few.iter().flatten();
    object(
        out,
        few.map(|attribute| (attribute.name, attribute.values())),
    )
}

/// Does the same where a name comes twice, or there are many attributes.
fn gathered(out: &mut impl Write, attributes: &Attributes<'_>) -> io::Result<()> {
    let mut names: BTreeMap<String, &str> = BTreeMap::new();
    let mut all: BTreeMap<&str, Vec<&[u8]>> = BTreeMap::new();
    for attribute in attributes.iter() {
        let lower = attribute.name.to_ascii_lowercase();
        let name = names.entry(lower).or_insert(attribute.name);
        all.entry(name).or_default().extend(attribute.values());
    }
    object(
        out,
        all.into_iter()
            .map(|(name, values)| (name, values.into_iter())),
    )
}

/// Writes what differs as an object, sorted by name: the values that went, and those that came.
pub(super) fn differences(
    out: &mut impl Write,
    old: &Attributes<'_>,
    new: &Attributes<'_>,
) -> io::Result<()> {
    let mut all: Vec<AttributeDiff<'_>> = old.diff(new).collect();
    all.sort_unstable_by_key(|diff| diff.name);
    out.write_all(b"{")?;
    let mut between: &[u8] = b"";
    for diff in all {
        out.write_all(between)?;
        value(out, diff.name.as_bytes())?;
        let mut mark: &[u8] = b":{";
        for (word, part) in [("removed", diff.removed), ("added", diff.added)] {
            if !part.is_empty() {
                out.write_all(mark)?;
                write!(out, r#""{word}":"#)?;
                values(out, part.into_iter())?;
                mark = b",";
            }
        }
        out.write_all(b"}")?;
        between = b",";
    }
    out.write_all(b"}")
}

fn object<'a>(
    out: &mut impl Write,
    members: impl Iterator<Item = (&'a str, impl Iterator<Item = &'a [u8]>)>,
) -> io::Result<()> {
    out.write_all(b"{")?;
    let mut between: &[u8] = b"";
    for (name, all) in members {
        out.write_all(between)?;
        value(out, name.as_bytes())?;
        out.write_all(b":")?;
        values(out, all)?;
        between = b",";
    }
    out.write_all(b"}")
}

pub(crate) fn values<'a>(
    out: &mut impl Write,
    all: impl Iterator<Item = &'a [u8]>,
) -> io::Result<()> {
    out.write_all(b"[")?;
    let mut between: &[u8] = b"";
    for one in all {
        out.write_all(between)?;
        value(out, one)?;
        between = b",";
    }
    out.write_all(b"]")
}

/// Writes a value as a string if it is UTF-8, else in base64.
pub(crate) fn value(out: &mut impl Write, value: &[u8]) -> io::Result<()> {
    // Nearly every value needs no escapes. The fold has no early exit, so that the compiler can test
    // many bytes at a time.
    let plain = value.iter().fold(true, |plain, byte| {
        plain & matches!(byte, b' '..=b'~') & (*byte != b'"') & (*byte != b'\\')
    });
    if plain {
        out.write_all(b"\"")?;
        out.write_all(value)?;
        return out.write_all(b"\"");
    }
    match std::str::from_utf8(value) {
        Ok(text) => escaped(out, &serde_json::to_string(text)?),
        Err(_) => write!(out, "{}", base64(value)),
    }
}

/// Writes JSON that can hold a provider's text. serde_json escapes the control characters of ASCII
/// alone, and not all of them; this escapes everything that could steer a terminal.
pub(crate) fn escaped(out: &mut impl Write, json: &str) -> io::Result<()> {
    let mut written = 0;
    // Such a character can only be within a string: the rest of JSON is letters, digits and signs.
    for (at, wild) in json.match_indices(|c| !is_printable(c)) {
        out.write_all(&json.as_bytes()[written..at])?;
        for unit in wild.encode_utf16() {
            write!(out, "\\u{unit:04x}")?;
        }
        written = at + wild.len();
    }
    out.write_all(&json.as_bytes()[written..])
}

fn base64(bytes: &[u8]) -> Value {
    json!({ "base64": STANDARD.encode(bytes) })
}

/// A value as a string if it is UTF-8, else in base64.
pub(crate) fn text_or_base64(bytes: &[u8]) -> Value {
    std::str::from_utf8(bytes).map_or_else(|_| base64(bytes), Value::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steering_characters_are_escaped_and_read_back() {
        let text = "é\u{7f}\u{9b}2J\\u009b\u{202e}😀\u{e0041}\u{1b}\"";
        let mut out = Vec::new();
        value(&mut out, text.as_bytes()).unwrap();
        let json = String::from_utf8(out).unwrap();
        let shown = r#""é\u007f\u009b2J\\u009b\u202e😀\udb40\udc41\u001b\"""#;
        assert_eq!(json, shown);
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
    }

    #[test]
    fn differences_are_sorted_and_named_once() {
        let old = Attributes::encode([
            ("CN", vec![&b"a"[..]]),
            ("sn", vec![b"s", b"t"]),
            ("z", vec![b"\xff", b"q\""]),
        ]);
        let new = Attributes::encode([
            ("sn", vec![&b"t"[..], b"u"]),
            ("cn", vec![b"b"]),
            ("Cn", vec![b"a"]),
        ]);
        let [old, new] = [&old, &new].map(|list| Attributes::decode(list).unwrap());
        let mut out = Vec::new();
        differences(&mut out, &old, &new).unwrap();
        let json = r#"{"cn":{"added":["b"]},"sn":{"removed":["s"],"added":["u"]},"z":{"removed":[{"base64":"/w=="},"q\""]}}"#;
        assert_eq!(String::from_utf8(out).unwrap(), json);
    }
}
