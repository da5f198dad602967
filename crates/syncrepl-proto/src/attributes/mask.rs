//! Attributes that are named without their values, because nobody may see those.

use super::list::{AttributeList, parts};
use crate::ber::{Writer, tag};

impl<'a> AttributeList<'a> {
    /// The BER of the list in which an attribute whose name `masks` accepts has that name and no values. An
    /// attribute that had no values before is left out, so that one without values is always a masked one.
    /// `None` if that changes nothing.
    pub fn masked(&self, mut masks: impl FnMut(&[u8]) -> bool) -> Option<Vec<u8>> {
        let mut rest = self.contents;
        let mut changes = false;
        while let Some((name, values)) = parts(&mut rest) {
            changes |= values.is_empty() || masks(name);
        }
        changes.then(|| self.with_masks(masks))
    }

    fn with_masks(&self, mut masks: impl FnMut(&[u8]) -> bool) -> Vec<u8> {
        let mut writer = Writer::with_capacity(self.raw.len());
        writer.constructed(tag::SEQUENCE, |writer| {
            let mut rest = self.contents;
            let mut before = rest;
            while let Some((name, values)) = parts(&mut rest) {
                let length = before.len() - rest.len();
                let whole = before.get(..length).unwrap_or_default();
                before = rest;
                if values.is_empty() {
                    continue;
                }
                match masks(name) {
                    false => writer.raw(whole),
                    true => writer.constructed(tag::SEQUENCE, |writer| {
                        writer.octets(name);
                        writer.value(tag::SET, &[]);
                    }),
                }
            }
        });
        writer.finish()
    }

    /// The names of the attributes without values, in their order: what [`masked`](Self::masked) has masked,
    /// in a list that it made.
    pub fn valueless(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        let mut rest = self.contents;
        std::iter::from_fn(move || {
            loop {
                let (name, values) = parts(&mut rest)?;
                if values.is_empty() {
                    return Some(text(name));
                }
            }
        })
    }
}

/// A name, which `decode` has found to be UTF-8.
fn text(name: &[u8]) -> &str {
    std::str::from_utf8(name).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masked_attribute_keeps_its_name_alone() {
        let bytes = AttributeList::encode([
            ("cn", vec![&b"Ann"[..]]),
            ("userPassword", vec![b"a", b"b"]),
            ("userPassword;x-a", vec![]),
            ("sn", vec![b"A"]),
        ]);
        let list = AttributeList::decode(&bytes).unwrap();
        let masked = list.masked(|name| name.starts_with(b"userP")).unwrap();
        let masked = AttributeList::decode(&masked).unwrap();
        let kept = AttributeList::encode([
            ("cn", vec![&b"Ann"[..]]),
            ("userPassword", vec![]),
            ("sn", vec![b"A"]),
        ]);
        assert_eq!(masked.as_bytes(), kept);
        assert_eq!(masked.valueless().collect::<Vec<_>>(), ["userPassword"]);
        assert_eq!(
            masked
                .iter()
                .map(|attribute| attribute.name)
                .collect::<Vec<_>>(),
            ["cn", "sn"]
        );
    }

    #[test]
    fn list_without_anything_to_mask_stays_as_it_is() {
        let bytes = AttributeList::encode([("cn", vec![&b"Ann"[..]])]);
        let list = AttributeList::decode(&bytes).unwrap();
        assert_eq!(list.masked(|_| false), None);
        assert_eq!(list.valueless().next(), None);
        // An attribute that the provider sent without values would pass for masked.
        let bytes = AttributeList::encode([("cn", vec![])]);
        let list = AttributeList::decode(&bytes).unwrap();
        assert_eq!(list.masked(|_| false), Some(b"\x30\x00".to_vec()));
    }
}
