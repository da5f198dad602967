//! Search filters: text (RFC 4515) to encoding (RFC 4511 §4.5.1.7) and back.
//!
//! A filter is kept in its encoding. A [`Condition`] is made of one to be evaluated.

mod canonical;
mod compile;
mod condition;
mod decode;
mod encode;
mod error;
mod names;
mod parents;
mod tag;
mod text;

use std::fmt;

pub use condition::{Condition, Subject};
pub use encode::MAX_DEPTH;
pub use error::FilterError;

/// A search filter (RFC 4511 §4.5.1.7), kept in its canonical encoding: shortest lengths, no
/// default values. Two filters are equal when these bytes are.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Filter(Vec<u8>);

impl Filter {
    /// Reads RFC 4515 text. Like `ldapsearch`, it accepts a filter without the outer parentheses,
    /// and white space around nested filters.
    ///
    /// # Errors
    /// [`FilterError::Text`].
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        text::parse(text).map(Self)
    }

    /// Reads and checks an encoding, which must be all of `bytes`. Long lengths and `dnAttributes`
    /// FALSE, which BER allows, are brought to the canonical form.
    ///
    /// # Errors
    /// [`FilterError::Encoding`].
    pub fn from_ber(bytes: &[u8]) -> Result<Self, FilterError> {
        decode::recode(bytes).map(Self)
    }

    /// The canonical encoding.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// `(attribute=*)`. The attribute name is not checked.
    pub fn present(attribute: &str) -> Self {
        Self(encode::element(tag::PRESENT, &[attribute.as_bytes()]))
    }

    /// Whether it is `(objectClass=*)`, which every entry matches (RFC 4512 §2.4).
    pub fn matches_every_entry(&self) -> bool {
        let [tag::PRESENT, _length, attribute @ ..] = self.0.as_slice() else {
            return false;
        };
        attribute.eq_ignore_ascii_case(b"objectClass")
    }

    /// `(attribute=value)`; `value` is not escaped. The attribute name is not checked.
    pub fn equality(attribute: &str, value: &[u8]) -> Self {
        let mut out = Vec::new();
        encode::push_comparison(&mut out, tag::EQUALITY, attribute, value);
        Self(out)
    }

    /// `(attribute>=value)`; `value` is not escaped. The attribute name is not checked.
    pub fn greater_or_equal(attribute: &str, value: &[u8]) -> Self {
        let mut out = Vec::new();
        encode::push_comparison(&mut out, tag::GREATER_OR_EQUAL, attribute, value);
        Self(out)
    }

    /// Matches entries that all of `filters` match. With no filters it is the absolute true filter
    /// (RFC 4526). The depth is not checked.
    pub fn and(filters: &[Self]) -> Self {
        Self::set(tag::AND, filters)
    }

    /// Matches entries that any of `filters` matches. With no filters it is the absolute false
    /// filter (RFC 4526). The depth is not checked.
    pub fn or(filters: &[Self]) -> Self {
        Self::set(tag::OR, filters)
    }

    /// The negation of this filter. The depth is not checked.
    pub fn not(&self) -> Self {
        Self::set(tag::NOT, std::slice::from_ref(self))
    }

    fn set(tag: u8, filters: &[Self]) -> Self {
        let parts: Vec<&[u8]> = filters.iter().map(Self::as_bytes).collect();
        Self(encode::element(tag, &parts))
    }
}

impl std::str::FromStr for Filter {
    type Err = FilterError;

    fn from_str(text: &str) -> Result<Self, FilterError> {
        Self::parse(text)
    }
}

/// Writes RFC 4515 text. Bytes that are unprintable or not UTF-8 are escaped.
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
