//! How a row holds the difference between two states of an entry: a SEQUENCE of attributes in BER.
//!
//! Each is a SEQUENCE of its name and, where there are any, the values added, tag `[0]`, and removed, tag
//! `[1]`. An attribute with neither is *masked*: it has changed, and its values are kept out of the journal.

use std::fmt;

use syncrepl_proto::attributes::AttributeDiff;
use syncrepl_proto::ber::{DecodeError, Problem, Reader, Writer, tag};

use crate::record::Attributes;

/// The difference between two states, without the values of attributes that `hides` accepts.
pub(super) fn difference(
    old: &Attributes<'_>,
    new: &Attributes<'_>,
    hides: impl Fn(&str) -> bool,
) -> Vec<u8> {
    DiffWriter::write(|writer| {
        for change in old.diff(new) {
            match hides(change.name) {
                true => writer.masked(change.name),
                false => writer.attribute(change.name, &change.added, &change.removed),
            }
        }
    })
}

const ADDED: u8 = 0xa0;
const REMOVED: u8 = 0xa1;

/// Writes the difference.
struct DiffWriter(Writer);

impl DiffWriter {
    /// Writes one SEQUENCE, whose attributes `contents` writes.
    fn write(contents: impl FnOnce(&mut DiffWriter)) -> Vec<u8> {
        let mut inner = DiffWriter(Writer::new());
        contents(&mut inner);
        let inner = inner.0.finish();
        let mut outer = Writer::with_capacity(inner.len() + 10);
        outer.value(tag::SEQUENCE, &inner);
        outer.finish()
    }

    /// An attribute whose values stay out of the journal.
    fn masked(&mut self, name: &str) {
        self.attribute(name, &[], &[]);
    }

    /// An attribute with the values that it gained and lost.
    fn attribute(&mut self, name: &str, added: &[&[u8]], removed: &[&[u8]]) {
        self.0.constructed(tag::SEQUENCE, |writer| {
            writer.octets(name.as_bytes());
            for (tag, values) in [(ADDED, added), (REMOVED, removed)] {
                if !values.is_empty() {
                    writer.constructed(tag, |writer| {
                        values.iter().for_each(|value| writer.octets(value));
                    });
                }
            }
        });
    }
}

/// The values that a change added to an entry and removed from it.
#[derive(Clone, PartialEq, Eq)]
pub struct JournalDiff {
    raw: Box<[u8]>,
}

/// What a change did to one attribute.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct JournalChange<'a> {
    /// The attribute description, as the provider spells it.
    pub name: &'a str,
    /// Whether the values are kept out of the journal: then none is shown.
    pub masked: bool,
    added: &'a [u8],
    removed: &'a [u8],
}

impl JournalDiff {
    /// Takes what [`DiffWriter`] wrote, and checks all of it. Memory stays within the bytes given.
    pub(super) fn decode(raw: Vec<u8>) -> Result<Self, DecodeError> {
        let mut outer = Reader::new(&raw, "difference");
        let mut inner = Reader::new(
            outer.expect(tag::SEQUENCE, "difference")?.value,
            "difference",
        );
        outer.end()?;
        while !inner.is_empty() {
            let change = JournalChange::decode(&mut inner)?;
            check_values(change.added)?;
            check_values(change.removed)?;
        }
        Ok(JournalDiff { raw: raw.into() })
    }

    /// The attributes that changed, each once.
    pub fn iter(&self) -> impl Iterator<Item = JournalChange<'_>> {
        // `decode` has checked everything, so no error can occur here.
        let mut outer = Reader::new(&self.raw, "difference");
        let inner = outer.element().map_or(&[][..], |element| element.value);
        let mut inner = Reader::new(inner, "difference");
        std::iter::from_fn(move || JournalChange::decode(&mut inner).ok())
    }
}

impl<'a> JournalChange<'a> {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let element = reader.expect(tag::SEQUENCE, "attribute")?;
        let mut fields = Reader::new(element.value, "attribute");
        let name = fields.string("attribute description")?;
        if name.is_empty() {
            let empty = Problem::Invalid("it is empty");
            return Err(DecodeError::new("attribute description", empty));
        }
        let added = fields.optional(ADDED, "values added")?;
        let removed = fields.optional(REMOVED, "values removed")?;
        fields.end()?;
        let (added, removed) = (added.unwrap_or_default(), removed.unwrap_or_default());
        Ok(JournalChange {
            name,
            masked: added.is_empty() && removed.is_empty(),
            added,
            removed,
        })
    }

    /// The values that the entry has now and had not before.
    pub fn added(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        values(self.added)
    }

    /// The values that the entry had before and has no more.
    pub fn removed(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        values(self.removed)
    }

    /// The same as a difference that can be applied to a list.
    pub fn to_diff(&self) -> AttributeDiff<'a> {
        AttributeDiff {
            name: self.name,
            added: self.added().collect(),
            removed: self.removed().collect(),
        }
    }
}

fn values<'a>(contents: &'a [u8]) -> impl Iterator<Item = &'a [u8]> + use<'a> {
    let mut reader = Reader::new(contents, "value");
    std::iter::from_fn(move || reader.octets("value").ok())
}

fn check_values(contents: &[u8]) -> Result<(), DecodeError> {
    let mut reader = Reader::new(contents, "value");
    while !reader.is_empty() {
        reader.octets("value")?;
    }
    Ok(())
}

impl fmt::Debug for JournalDiff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl fmt::Debug for JournalChange<'_> {
    /// The values by their number alone: they can be long.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JournalChange")
            .field("name", &self.name)
            .field("masked", &self.masked)
            .field("added", &self.added().count())
            .field("removed", &self.removed().count())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Attribute = (String, Vec<Vec<u8>>, Vec<Vec<u8>>);

    fn write(attributes: &[Attribute]) -> Vec<u8> {
        DiffWriter::write(|writer| {
            for (name, added, removed) in attributes {
                let [added, removed] =
                    [added, removed].map(|values| Vec::from_iter(values.iter().map(Vec::as_slice)));
                writer.attribute(name, &added, &removed);
            }
        })
    }

    fn read(diff: &JournalDiff) -> Vec<Attribute> {
        let change = |change: JournalChange<'_>| {
            let added = change.added().map(<[u8]>::to_vec).collect();
            let removed = change.removed().map(<[u8]>::to_vec).collect();
            (change.name.to_owned(), added, removed)
        };
        diff.iter().map(change).collect()
    }

    fn values() -> impl Strategy<Value = Vec<Vec<u8>>> {
        let value = prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..4),
            (100usize..300).prop_map(|size| vec![b'x'; size]),
        ];
        proptest::collection::vec(value, 0..4)
    }

    proptest! {
        #[test]
        fn difference_is_read_as_written(
            attributes in proptest::collection::vec(("[a-zé;]{1,9}", values(), values()), 0..5)
        ) {
            let diff = JournalDiff::decode(write(&attributes)).unwrap();
            prop_assert_eq!(read(&diff), attributes.clone());
            for (change, (_, added, removed)) in diff.iter().zip(&attributes) {
                prop_assert_eq!(change.masked, added.is_empty() && removed.is_empty());
            }
        }

        /// A damaged file may hold any bytes: those that are accepted can be read to their end.
        #[test]
        fn damaged_bytes_are_refused_or_read(
            attributes in proptest::collection::vec(("[a-z]{1,3}", values(), values()), 0..3),
            at in any::<prop::sample::Index>(),
            byte in any::<u8>(),
            cut in any::<prop::sample::Index>(),
        ) {
            let mut bytes = write(&attributes);
            let at = at.index(bytes.len());
            bytes[at] = byte;
            bytes.truncate(cut.index(bytes.len() + 1));
            if let Ok(diff) = JournalDiff::decode(bytes.clone()) {
                let size: usize = read(&diff).iter().map(|(name, added, removed)| {
                    name.len() + added.iter().chain(removed).map(Vec::len).sum::<usize>()
                }).sum();
                prop_assert!(size <= bytes.len());
            }
        }
    }

    #[test]
    fn change_without_values_is_masked() {
        let bytes = DiffWriter::write(|writer| writer.masked("userPassword"));
        let diff = JournalDiff::decode(bytes).unwrap();
        let change = diff.iter().next().unwrap();
        assert!(change.masked);
        assert_eq!((change.added().count(), change.removed().count()), (0, 0));
        assert!(JournalDiff::decode(Vec::new()).is_err());
        assert!(JournalDiff::decode(b"\x30\x00\x30\x00".to_vec()).is_err());
    }
}
