//! A PartialAttributeList that owns its bytes. Reading them is the borrowed list's job.

use std::fmt;

use super::list::AttributeList;
use crate::ber::DecodeError;

/// The BER of a whole list, validated.
#[derive(Clone)]
pub struct OwnedAttributeList {
    raw: Box<[u8]>,
    /// Where the contents begin, behind the header.
    contents: usize,
}

impl OwnedAttributeList {
    /// Takes one whole PartialAttributeList, header included, and validates it.
    ///
    /// # Errors
    /// Those of [`AttributeList::decode`].
    pub fn decode(raw: Vec<u8>) -> Result<Self, DecodeError> {
        let contents = AttributeList::decode(&raw)?.header();
        Ok(OwnedAttributeList {
            raw: raw.into_boxed_slice(),
            contents,
        })
    }

    /// The list, borrowed: this is how it is read.
    pub fn as_list(&self) -> AttributeList<'_> {
        AttributeList {
            raw: &self.raw,
            contents: self.raw.get(self.contents..).unwrap_or_default(),
        }
    }
}

impl From<AttributeList<'_>> for OwnedAttributeList {
    fn from(list: AttributeList<'_>) -> Self {
        OwnedAttributeList {
            raw: list.raw.into(),
            contents: list.header(),
        }
    }
}

impl AttributeList<'_> {
    /// The length of the header. The contents reach to the end: `decode` lets nothing follow.
    fn header(&self) -> usize {
        self.raw.len() - self.contents.len()
    }
}

impl fmt::Debug for OwnedAttributeList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_list().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owned_list_reads_like_the_borrowed_one() {
        for size in [0, 1, 200, 70_000] {
            let value = vec![b'x'; size];
            let bytes = AttributeList::encode([("cn", vec![&value[..]]), ("sn", vec![b"s"])]);
            let borrowed = AttributeList::decode(&bytes).unwrap();
            let owned = OwnedAttributeList::from(borrowed);
            assert_eq!(owned.as_list(), borrowed);
            let decoded = OwnedAttributeList::decode(bytes.clone()).unwrap();
            assert_eq!(decoded.as_list(), borrowed);
        }
        assert!(OwnedAttributeList::decode(b"\x30\x01".to_vec()).is_err());
    }
}
