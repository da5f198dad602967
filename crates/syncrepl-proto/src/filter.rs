//! Search filters: their text (RFC 4515) and their encoding (RFC 4511 §4.5.1.7), each from the
//! other. A filter is kept as it goes on the wire; nothing here evaluates one.

mod ber;
mod parents;
mod text;

use std::fmt;

/// How many `&`, `|` and `!` may stand around a filter.
pub const MAX_DEPTH: usize = 64;

/// Why a text or an encoding is not a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FilterError {
    /// The text does not follow RFC 4515 §3.
    #[error("{problem} at byte {position} of the filter")]
    Text {
        /// What is wrong, in words.
        problem: &'static str,
        /// The byte where it was found; the first byte is 1.
        position: usize,
    },
    /// The bytes do not follow RFC 4511 §4.5.1.7.
    #[error("{problem} at byte {position} of the encoded filter")]
    Encoding {
        /// What is wrong, in words.
        problem: &'static str,
        /// The byte where it was found; the first byte is 1.
        position: usize,
    },
}

/// A search filter (RFC 4511 §4.5.1.7), held in its encoding with the shortest lengths and no
/// default values. Two filters are equal when these bytes are.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Filter(Vec<u8>);

impl Filter {
    /// Reads RFC 4515 text. The outer parentheses may be missing, as `ldapsearch` has it, and
    /// white space may stand around nested filters.
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        text::parse(text).map(Self)
    }

    /// Reads and checks an encoding, which must be all of `bytes`. What BER allows but this type
    /// does not keep (long lengths, `dnAttributes` FALSE) is brought to the kept form.
    pub fn from_ber(bytes: &[u8]) -> Result<Self, FilterError> {
        ber::recode(bytes).map(Self)
    }

    /// The encoding.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// `(attribute=*)`. The attribute is not checked.
    pub fn present(attribute: &str) -> Self {
        Self(ber::element(tag::PRESENT, &[attribute.as_bytes()]))
    }

    /// Whether it is `(objectClass=*)`, which every entry matches (RFC 4512 §2.4).
    pub fn matches_every_entry(&self) -> bool {
        let [tag::PRESENT, _length, attribute @ ..] = self.0.as_slice() else {
            return false;
        };
        attribute.eq_ignore_ascii_case(b"objectClass")
    }

    /// `(attribute=value)`, the value as it is, not escaped. The attribute is not checked.
    pub fn equality(attribute: &str, value: &[u8]) -> Self {
        let mut out = Vec::new();
        ber::push_comparison(&mut out, tag::EQUALITY, attribute, value);
        Self(out)
    }

    /// All of `filters`; of none, the absolute true filter (RFC 4526). Depth is not checked.
    pub fn and(filters: &[Self]) -> Self {
        Self::set(tag::AND, filters)
    }

    /// Any of `filters`; of none, the absolute false filter (RFC 4526). Depth is not checked.
    pub fn or(filters: &[Self]) -> Self {
        Self::set(tag::OR, filters)
    }

    /// The opposite of this filter. Depth is not checked.
    pub fn not(&self) -> Self {
        Self::set(tag::NOT, std::slice::from_ref(self))
    }

    fn set(tag: u8, filters: &[Self]) -> Self {
        let parts: Vec<&[u8]> = filters.iter().map(Self::as_bytes).collect();
        Self(ber::element(tag, &parts))
    }
}

impl std::str::FromStr for Filter {
    type Err = FilterError;

    fn from_str(text: &str) -> Result<Self, FilterError> {
        Self::parse(text)
    }
}

/// RFC 4515 text. What is not printable or not UTF-8 is escaped, byte by byte.
impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        text::write(f, &self.0)
    }
}

impl fmt::Debug for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Filter({self})")
    }
}

/// The tags of the Filter choice and of its parts (RFC 4511 §4.5.1.7).
mod tag {
    pub(super) const AND: u8 = 0xa0;
    pub(super) const OR: u8 = 0xa1;
    pub(super) const NOT: u8 = 0xa2;
    pub(super) const EQUALITY: u8 = 0xa3;
    pub(super) const SUBSTRINGS: u8 = 0xa4;
    pub(super) const GREATER_OR_EQUAL: u8 = 0xa5;
    pub(super) const LESS_OR_EQUAL: u8 = 0xa6;
    pub(super) const PRESENT: u8 = 0x87;
    pub(super) const APPROXIMATE: u8 = 0xa8;
    pub(super) const EXTENSIBLE: u8 = 0xa9;
    pub(super) const OCTETS: u8 = 0x04;
    pub(super) const SEQUENCE: u8 = 0x30;
    pub(super) const INITIAL: u8 = 0x80;
    pub(super) const ANY: u8 = 0x81;
    pub(super) const FINAL: u8 = 0x82;
    pub(super) const MATCHING_RULE: u8 = 0x81;
    pub(super) const TYPE: u8 = 0x82;
    pub(super) const MATCH_VALUE: u8 = 0x83;
    pub(super) const DN_ATTRIBUTES: u8 = 0x84;
}

/// MatchingRuleAssertion (RFC 4511 §4.5.1.7.7).
struct Extensible<'a> {
    rule: Option<&'a str>,
    attribute: Option<&'a str>,
    value: &'a [u8],
    dn_attributes: bool,
}

/// An AttributeDescription (RFC 4512 §2.5) or the name of a matching rule. Underscores occur.
fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-.;_".contains(&byte))
}

/// Puts nested filters together, from the inside out and without recursion.
#[derive(Default)]
struct Builder {
    done: Vec<u8>,
    /// The sets that are open, outermost first: tag, and the filters in it so far.
    open: Vec<(u8, Vec<u8>)>,
}

impl Builder {
    /// Where the next filter is to be written.
    fn place(&mut self) -> Result<&mut Vec<u8>, &'static str> {
        match self.open.last_mut() {
            Some((tag::NOT, inner)) if !inner.is_empty() => Err("'!' with more than one filter"),
            Some((_, inner)) => Ok(inner),
            None if self.done.is_empty() => Ok(&mut self.done),
            None => Err("something after the end of the filter"),
        }
    }

    fn open(&mut self, tag: u8) -> Result<(), &'static str> {
        self.place()?;
        if self.open.len() >= MAX_DEPTH {
            return Err("filters nested more than 64 deep");
        }
        self.open.push((tag, Vec::new()));
        Ok(())
    }

    fn close(&mut self) -> Result<(), &'static str> {
        match self.open.pop() {
            None => Err("a ')' that closes nothing"),
            Some((tag::NOT, inner)) if inner.is_empty() => Err("'!' without a filter"),
            Some((tag, inner)) => {
                ber::push(self.place()?, tag, &[&inner]);
                Ok(())
            }
        }
    }
}
