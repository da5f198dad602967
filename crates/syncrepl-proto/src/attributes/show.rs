//! `Debug` of attributes: text as text, other bytes shortened, secrets by their length alone. What
//! a provider sends can neither fill a log nor steer a terminal.

use std::fmt;

use super::diff::{AttributeDiff, Diff};
use super::list::{Attribute, AttributeList};
use crate::secret::is_secret;

/// More attributes of one list are counted, not shown.
const ATTRIBUTES: usize = 50;
/// More values of one attribute are counted, not shown.
const VALUES: usize = 10;
/// The most characters of a text that are shown.
const TEXT: usize = 100;
/// The most bytes of any other value that are shown.
const BYTES: usize = 16;

impl fmt::Debug for AttributeList<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = f.debug_map();
        let mut attributes = self.iter();
        for attribute in attributes.by_ref().take(ATTRIBUTES) {
            let values = Values(attribute.name, || attribute.values());
            map.entry(&Text(attribute.name), &values);
        }
        match attributes.count() {
            0 => map.finish(),
            more => map
                .entry(&format_args!("…"), &format_args!("{more} more"))
                .finish(),
        }
    }
}

impl fmt::Debug for Attribute<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attribute")
            .field("name", &Text(self.name))
            .field("values", &Values(self.name, || self.values()))
            .finish()
    }
}

impl fmt::Debug for AttributeDiff<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AttributeDiff")
            .field("name", &Text(self.name))
            .field("added", &Values(self.name, || self.added.iter().copied()))
            .field(
                "removed",
                &Values(self.name, || self.removed.iter().copied()),
            )
            .finish()
    }
}

impl fmt::Debug for Diff<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut list = f.debug_list();
        let mut diffs = self.clone();
        list.entries(diffs.by_ref().take(ATTRIBUTES));
        match diffs.count() {
            0 => list.finish(),
            more => list.entry(&format_args!("… {more} more")).finish(),
        }
    }
}

/// The values of an attribute with this name.
struct Values<'a, F>(&'a str, F);

impl<'v, F, I> fmt::Debug for Values<'_, F>
where
    F: Fn() -> I,
    I: Iterator<Item = &'v [u8]>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let secret = is_secret(self.0);
        let mut list = f.debug_list();
        let mut values = (self.1)();
        for value in values.by_ref().take(VALUES) {
            match std::str::from_utf8(value) {
                _ if secret => list.entry(&format_args!("({} bytes, secret)", value.len())),
                Ok(text) => list.entry(&Text(text)),
                Err(_) => list.entry(&Bytes(value)),
            };
        }
        match values.count() {
            0 => list.finish(),
            more => list.entry(&format_args!("… {more} more")).finish(),
        }
    }
}

/// A text in quotes; what is not printable is escaped.
struct Text<'a>(&'a str);

impl fmt::Debug for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.char_indices().nth(TEXT) {
            Some((end, _)) => {
                let beginning = self.0.get(..end).unwrap_or_default();
                write!(f, "{beginning:?}… ({} bytes)", self.0.len())
            }
            None => write!(f, "{:?}", self.0),
        }
    }
}

/// Bytes in hexadecimal.
struct Bytes<'a>(&'a [u8]);

impl fmt::Debug for Bytes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({} bytes: ", self.0.len())?;
        for byte in self.0.iter().take(BYTES) {
            write!(f, "{byte:02x}")?;
        }
        f.write_str(if self.0.len() > BYTES { "…)" } else { ")" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(attributes: &[(&str, &[&[u8]])]) -> String {
        let bytes =
            AttributeList::encode(attributes.iter().map(|(n, values)| (*n, values.to_vec())));
        format!("{:?}", AttributeList::decode(&bytes).unwrap())
    }

    #[test]
    fn text_is_text_and_bytes_are_hexadecimal() {
        let text = shown(&[
            ("cn", &[b"Ann \"A\"", "Änne".as_bytes()]),
            ("jpegPhoto", &[b"\xff\xd8"]),
        ]);
        assert_eq!(
            text,
            r#"{"cn": ["Ann \"A\"", "Änne"], "jpegPhoto": [(2 bytes: ffd8)]}"#
        );
        assert_eq!(shown(&[]), "{}");
    }

    #[test]
    fn control_and_direction_characters_are_escaped() {
        let text = shown(&[("c\n", &["a\x1b[31m\u{202e}\u{200b}b".as_bytes()])]);
        assert_eq!(text, r#"{"c\n": ["a\u{1b}[31m\u{202e}\u{200b}b"]}"#);
    }

    #[test]
    fn secrets_are_shown_by_their_length() {
        for name in [
            "userPassword",
            "USERPASSWORD;x-a",
            "myApiSecret",
            "unicodePwd",
        ] {
            let text = shown(&[(name, &[b"hunter2", b"\xff"])]);
            let values = "[(7 bytes, secret), (1 bytes, secret)]";
            assert_eq!(text, format!("{{{name:?}: {values}}}"));
            let bytes = AttributeList::encode([(name, vec![&b"hunter2"[..]])]);
            let list = AttributeList::decode(&bytes).unwrap();
            let one = format!("{:#?}", list.iter().next().unwrap());
            assert!(
                one.contains("7 bytes, secret") && !one.contains("hunter2"),
                "{one}"
            );
        }
    }

    #[test]
    fn much_is_shortened() {
        let (text, bytes) = ("ä".repeat(TEXT + 1), vec![0xff; BYTES + 1]);
        let shortened = shown(&[("a", &[text.as_bytes()]), ("b", &[&bytes])]);
        let (a, b) = ("ä".repeat(TEXT), "ff".repeat(BYTES));
        assert_eq!(
            shortened,
            format!(r#"{{"a": ["{a}"… (202 bytes)], "b": [(17 bytes: {b}…)]}}"#)
        );
        let values = [&b"v"[..]; VALUES + 3];
        let many = shown(&[("member", &values[..])]);
        assert_eq!(many.matches("\"v\"").count(), VALUES);
        assert!(many.ends_with(", … 3 more]}"), "{many}");
        let attributes: Vec<_> = std::iter::repeat_n(("a", &values[..1]), ATTRIBUTES + 2).collect();
        let many = shown(&attributes);
        assert_eq!(many.matches("\"a\"").count(), ATTRIBUTES);
        assert!(many.ends_with(", …: 2 more}"), "{many}");
    }
}
