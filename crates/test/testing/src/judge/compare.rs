//! Two directories side by side, and the difference in a form that a person can read.

use std::collections::{BTreeMap, BTreeSet};

use super::directory::{Directory, Entry};
use super::dn::normal_dn;

const AT_MOST: usize = 20;

/// Nothing to say when both hold the same entries.
///
/// # Panics
/// With the differences, about twenty lines of them, when they do not.
pub fn assert_same(left_name: &str, left: &Directory, right_name: &str, right: &Directory) {
    // To the letter: then nothing needs to be made comparable first.
    if left.entries == right.entries {
        return;
    }
    let lines = differences(left_name, left, right_name, right);
    if lines.is_empty() {
        return;
    }
    let more = lines.len().saturating_sub(AT_MOST);
    let shown = lines[..lines.len() - more].join("\n");
    panic!(
        "{left_name} ({} entries) and {right_name} ({} entries) differ:\n{shown}{}",
        left.len(),
        right.len(),
        if more > 0 {
            format!("\n… and {more} lines more")
        } else {
            String::new()
        }
    );
}

/// One line for each difference.
pub fn differences(
    left_name: &str,
    left: &Directory,
    right_name: &str,
    right: &Directory,
) -> Vec<String> {
    let (left, right) = comparable(left, right);
    let mut lines = Vec::new();
    let keys: BTreeSet<&String> = left.keys().chain(right.keys()).collect();
    for key in keys {
        match (left.get(key), right.get(key)) {
            (Some(l), Some(r)) => entries(&mut lines, key, (left_name, l), (right_name, r)),
            (Some(l), None) => lines.push(format!("only in {left_name}: {key} {}", l.dn)),
            (None, Some(r)) => lines.push(format!("only in {right_name}: {key} {}", r.dn)),
            (None, None) => {}
        }
    }
    lines
}

type Entries = BTreeMap<String, Entry>;

/// By entryUUID, or by DN as soon as one side knows some entry by its DN only.
fn comparable(left: &Directory, right: &Directory) -> (Entries, Entries) {
    let without_id = |key: &String| key.starts_with("dn:");
    if left
        .entries
        .keys()
        .chain(right.entries.keys())
        .any(without_id)
    {
        (left.by_dn(), right.by_dn())
    } else {
        (left.entries.clone(), right.entries.clone())
    }
}

fn entries(lines: &mut Vec<String>, key: &str, left: (&str, &Entry), right: (&str, &Entry)) {
    let (left_name, left) = left;
    let (right_name, right) = right;
    if normal_dn(&left.dn) != normal_dn(&right.dn) {
        lines.push(format!(
            "{key}: DN is {:?} in {left_name}, {:?} in {right_name}",
            left.dn, right.dn
        ));
    }
    let none = BTreeSet::new();
    let names: BTreeSet<&String> = left.attrs.keys().chain(right.attrs.keys()).collect();
    for name in names {
        let l = left.attrs.get(name).unwrap_or(&none);
        let r = right.attrs.get(name).unwrap_or(&none);
        for (side, values) in [(left_name, l.difference(r)), (right_name, r.difference(l))] {
            let values: Vec<String> = values.map(|value| show(value)).collect();
            if !values.is_empty() {
                let values = values.join(", ");
                lines.push(format!(
                    "{} ({key}): {name} only in {side}: {values}",
                    left.dn
                ));
            }
        }
    }
}

/// The value for a person: escaped, and cut where it is long.
pub(crate) fn show(value: &[u8]) -> String {
    const LONG: usize = 60;
    let start: Vec<u8> = value.iter().copied().take(LONG).collect();
    let text = match std::str::from_utf8(&start) {
        Ok(text) => format!("{text:?}"),
        Err(_) => format!("b\"{}\"", start.escape_ascii()),
    };
    if value.len() > LONG {
        format!("{text}… ({} bytes)", value.len())
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::super::search::from_ldif;
    use super::*;

    const LEFT: &str = "dn: o=a\nentryUUID: 1\no: a\no: b\n\ndn: o=c\nentryUUID: 2\no: c\n";

    #[test]
    fn order_and_spelling_do_not_matter() {
        let right = "dn: O=c\nentryUUID: 2\nO: c\n\ndn: o = a\nO: b\no: a\nentryUUID: 1\n";
        assert_same("left", &from_ldif(LEFT), "right", &from_ldif(right));
        let without_ids = "dn: O=c\nO: c\n\ndn: o = a\nO: b\no: a\n";
        assert_same("left", &from_ldif(LEFT), "right", &from_ldif(without_ids));
    }

    #[test]
    fn every_difference_has_its_line() {
        let right = "dn: o=A\nentryUUID: 1\no: a\nx: y\n\ndn: o=c\nentryUUID: 3\no: c\n";
        let lines = differences("left", &from_ldif(LEFT), "right", &from_ldif(right));
        assert_eq!(
            lines,
            [
                r#"1: DN is "o=a" in left, "o=A" in right"#,
                r#"o=a (1): o only in left: "b""#,
                r#"o=a (1): x only in right: "y""#,
                "only in left: 2 o=c",
                "only in right: 3 o=c",
            ]
        );
    }

    #[test]
    #[should_panic(expected = "and 5 lines more")]
    fn a_long_list_is_cut() {
        let many: String = (0..25)
            .map(|i| format!("dn: o={i}\nentryUUID: {i}\no: {i}\n\n"))
            .collect();
        assert_same("left", &from_ldif(&many), "right", &Directory::default());
    }
}
