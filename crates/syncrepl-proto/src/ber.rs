//! BER as LDAP uses it (RFC 4511 §5.1): one-byte tags and definite lengths, over borrowed bytes.
//!
//! This module knows lengths and primitive types. The modules above it know what the elements mean.

use thiserror::Error;

/// Universal and LDAP-wide tags.
pub mod tag {
    /// BOOLEAN.
    pub const BOOLEAN: u8 = 0x01;
    /// INTEGER.
    pub const INTEGER: u8 = 0x02;
    /// OCTET STRING.
    pub const OCTET_STRING: u8 = 0x04;
    /// ENUMERATED.
    pub const ENUMERATED: u8 = 0x0a;
    /// SEQUENCE and SEQUENCE OF.
    pub const SEQUENCE: u8 = 0x30;
    /// SET and SET OF.
    pub const SET: u8 = 0x31;
}

/// The reason why bytes could not be decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{what}: {problem}")]
pub struct DecodeError {
    /// The element that was being read, in the RFC's words.
    pub what: &'static str,
    /// The fault in it.
    pub problem: Problem,
}

/// A fault in an element.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Problem {
    /// The bytes end before the element does.
    #[error("it ends too early")]
    Truncated,
    /// An indefinite, reserved or oversized length. RFC 4511 §5.1 allows the definite form only.
    #[error("its length is not a definite length")]
    Length,
    /// A tag of more than one byte, which LDAP never uses.
    #[error("its tag is longer than one byte")]
    LongTag,
    /// A BOOLEAN, INTEGER, ENUMERATED or OCTET STRING in constructed form (X.690 §8; RFC 4511 §5.1
    /// for the OCTET STRING).
    #[error("tag 0x{0:02x} is the constructed form of a type that has none")]
    Constructed(u8),
    /// Another element stands in this place.
    #[error("tag 0x{found:02x} where 0x{expected:02x} is due")]
    Tag {
        /// The tag the RFC requires here.
        expected: u8,
        /// The tag found here.
        found: u8,
    },
    /// The element is missing.
    #[error("it is missing")]
    Missing,
    /// A number outside the range of its type.
    #[error("its number is out of range")]
    Number,
    /// A BOOLEAN that is not one byte.
    #[error("it is not a boolean")]
    Boolean,
    /// A string that the RFC requires to be UTF-8, and is not.
    #[error("it is not UTF-8")]
    Utf8,
    /// A field that occurs more than once. Nobody can tell which one counts.
    #[error("it is there twice")]
    Twice,
    /// Bytes follow the end of the element: some length is wrong.
    #[error("bytes follow its end")]
    Trailing,
    /// Another breach of the RFC, in words.
    #[error("{0}")]
    Invalid(&'static str),
}

impl DecodeError {
    /// An error in the element named `what`.
    pub fn new(what: &'static str, problem: Problem) -> Self {
        DecodeError { what, problem }
    }
}

/// One element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Element<'a> {
    /// The identifier octet.
    pub tag: u8,
    /// The contents octets.
    pub value: &'a [u8],
    /// Identifier, length and contents.
    pub raw: &'a [u8],
}

/// Reads the header of the element at the front of `input`: tag, header length and contents length,
/// in bytes. `None` when more bytes are needed.
pub(crate) fn header(input: &[u8]) -> Result<Option<(u8, usize, u64)>, Problem> {
    let Some((&tag, rest)) = input.split_first() else {
        return Ok(None);
    };
    if tag & 0x1f == 0x1f {
        return Err(Problem::LongTag);
    }
    let Some((&first, rest)) = rest.split_first() else {
        return Ok(None);
    };
    if first < 0x80 {
        return Ok(Some((tag, 2, u64::from(first))));
    }
    let count = usize::from(first & 0x7f);
    if count == 0 || count > 8 {
        return Err(Problem::Length);
    }
    let Some(bytes) = rest.get(..count) else {
        return Ok(None);
    };
    let length = bytes
        .iter()
        .fold(0u64, |length, &byte| length << 8 | u64::from(byte));
    Ok(Some((tag, 2 + count, length)))
}

/// Reads elements one after the other.
///
/// Every method that reads fails with a [`DecodeError`] when the element is missing, malformed or
/// of another type. The error names the element.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a> {
    input: &'a [u8],
    what: &'static str,
}

impl<'a> Reader<'a> {
    /// A reader over the contents of the element named `what` in errors.
    pub fn new(input: &'a [u8], what: &'static str) -> Self {
        Reader { input, what }
    }

    /// Whether every byte has been read.
    pub fn is_empty(&self) -> bool {
        self.input.is_empty()
    }

    /// The tag of the next element; `None` at the end.
    pub fn peek(&self) -> Option<u8> {
        self.input.first().copied()
    }

    fn error(&self, problem: Problem) -> DecodeError {
        DecodeError::new(self.what, problem)
    }

    /// Reads the next element, whatever its tag.
    ///
    /// # Errors
    /// [`Problem::Missing`] at the end; [`Problem::Truncated`], [`Problem::Length`],
    /// [`Problem::LongTag`] or [`Problem::Constructed`] for a malformed element.
    pub fn element(&mut self) -> Result<Element<'a>, DecodeError> {
        if self.input.is_empty() {
            return Err(self.error(Problem::Missing));
        }
        let (tag, start, length) = header(self.input)
            .map_err(|problem| self.error(problem))?
            .ok_or_else(|| self.error(Problem::Truncated))?;
        // Readers skip fields they do not know. A BOOLEAN in constructed form must not pass for
        // one: a flag such as refreshDeletes would be lost.
        if matches!(tag, 0x21 | 0x22 | 0x24 | 0x2a) {
            return Err(self.error(Problem::Constructed(tag)));
        }
        let end = usize::try_from(length)
            .ok()
            .and_then(|length| start.checked_add(length))
            .ok_or_else(|| self.error(Problem::Truncated))?;
        let raw = self
            .input
            .get(..end)
            .ok_or_else(|| self.error(Problem::Truncated))?;
        let value = self
            .input
            .get(start..end)
            .ok_or_else(|| self.error(Problem::Truncated))?;
        self.input = self.input.get(end..).unwrap_or_default();
        Ok(Element { tag, value, raw })
    }

    /// Reads the next element, which must have the tag `tag`. Errors call it `what`.
    pub fn expect(&mut self, tag: u8, what: &'static str) -> Result<Element<'a>, DecodeError> {
        match self.peek() {
            Some(found) if found == tag => {
                let outer = std::mem::replace(&mut self.what, what);
                let element = self.element();
                self.what = outer;
                element
            }
            Some(found) => Err(DecodeError::new(
                what,
                Problem::Tag {
                    expected: tag,
                    found,
                },
            )),
            None => Err(DecodeError::new(what, Problem::Missing)),
        }
    }

    /// Reads the contents of the next element if it has the tag `tag`.
    pub fn optional(
        &mut self,
        tag: u8,
        what: &'static str,
    ) -> Result<Option<&'a [u8]>, DecodeError> {
        if self.peek() == Some(tag) {
            Ok(Some(self.expect(tag, what)?.value))
        } else {
            Ok(None)
        }
    }

    /// Reads the contents of an OCTET STRING.
    pub fn octets(&mut self, what: &'static str) -> Result<&'a [u8], DecodeError> {
        Ok(self.expect(tag::OCTET_STRING, what)?.value)
    }

    /// Reads an OCTET STRING that must be UTF-8 (LDAPString, LDAPDN, URI).
    pub fn string(&mut self, what: &'static str) -> Result<&'a str, DecodeError> {
        utf8(self.octets(what)?, what)
    }

    /// Reads an INTEGER or ENUMERATED between 0 and 2^31-1 (`maxInt`, RFC 4511 §4.1.1). LDAP has no
    /// other numbers.
    pub fn number(&mut self, tag: u8, what: &'static str) -> Result<u32, DecodeError> {
        number(self.expect(tag, what)?.value, what)
    }

    /// Reads a BOOLEAN.
    pub fn boolean(&mut self, what: &'static str) -> Result<bool, DecodeError> {
        boolean(self.expect(tag::BOOLEAN, what)?.value, what)
    }

    /// Fails with [`Problem::Trailing`] unless every byte has been read.
    pub fn end(&self) -> Result<(), DecodeError> {
        if self.is_empty() {
            Ok(())
        } else {
            Err(self.error(Problem::Trailing))
        }
    }

    /// Skips the elements that are left. A later version of a SEQUENCE may have more fields, and
    /// RFC 4511 §4 requires a reader to accept them.
    pub fn skip_rest(&mut self) -> Result<(), DecodeError> {
        while !self.is_empty() {
            self.element()?;
        }
        Ok(())
    }
}

/// Stores a field, and fails if it was stored before.
pub(crate) fn once<T>(
    field: &mut Option<T>,
    value: T,
    what: &'static str,
) -> Result<(), DecodeError> {
    match field.replace(value) {
        None => Ok(()),
        Some(_) => Err(DecodeError::new(what, Problem::Twice)),
    }
}

/// Reads contents octets as UTF-8.
pub fn utf8<'a>(value: &'a [u8], what: &'static str) -> Result<&'a str, DecodeError> {
    std::str::from_utf8(value).map_err(|_| DecodeError::new(what, Problem::Utf8))
}

/// Reads contents octets as a BOOLEAN. RFC 4511 §5.1 requires 0xFF for TRUE; any byte but zero is
/// accepted.
pub fn boolean(value: &[u8], what: &'static str) -> Result<bool, DecodeError> {
    match value {
        [byte] => Ok(*byte != 0),
        _ => Err(DecodeError::new(what, Problem::Boolean)),
    }
}

/// Reads contents octets as a number between 0 and 2^31-1.
pub fn number(value: &[u8], what: &'static str) -> Result<u32, DecodeError> {
    let out_of_range = DecodeError::new(what, Problem::Number);
    let negative = |first: &u8| first & 0x80 != 0;
    if value.first().is_none_or(negative) || value.len() > 8 {
        return Err(out_of_range);
    }
    let number = value
        .iter()
        .fold(0u64, |number, &byte| number << 8 | u64::from(byte));
    u32::try_from(number)
        .ok()
        .filter(|&number| number <= i32::MAX as u32)
        .ok_or(out_of_range)
}

/// Writes elements with the shortest possible lengths.
#[derive(Debug, Default)]
pub struct Writer {
    out: Vec<u8>,
}

impl Writer {
    /// An empty writer.
    pub fn new() -> Self {
        Writer::default()
    }

    /// An empty writer with room for so many bytes.
    pub fn with_capacity(bytes: usize) -> Self {
        Writer {
            out: Vec::with_capacity(bytes),
        }
    }

    /// The bytes written.
    pub fn finish(self) -> Vec<u8> {
        self.out
    }

    /// Writes an element with these contents.
    pub fn value(&mut self, tag: u8, value: &[u8]) {
        self.out.push(tag);
        push_length(&mut self.out, value.len());
        self.out.extend_from_slice(value);
    }

    /// Writes an element with these contents, if there are any.
    pub(crate) fn optional(&mut self, tag: u8, value: Option<&[u8]>) {
        if let Some(value) = value {
            self.value(tag, value);
        }
    }

    /// Writes bytes that are whole elements already.
    pub fn raw(&mut self, elements: &[u8]) {
        self.out.extend_from_slice(elements);
    }

    /// Writes a constructed element, whose contents `contents` writes.
    pub fn constructed(&mut self, tag: u8, contents: impl FnOnce(&mut Writer)) {
        self.out.push(tag);
        let start = self.out.len();
        contents(self);
        let mut length = Vec::with_capacity(9);
        push_length(&mut length, self.out.len() - start);
        self.out.splice(start..start, length);
    }

    /// Writes an OCTET STRING.
    pub fn octets(&mut self, value: &[u8]) {
        self.value(tag::OCTET_STRING, value);
    }

    /// Writes a non-negative INTEGER or ENUMERATED.
    pub fn number(&mut self, tag: u8, number: u32) {
        // The first bit is the sign, so the encoding needs one bit more than the number.
        let length = 1 + (u32::BITS - number.leading_zeros()) as usize / 8;
        self.value(tag, last(&u64::from(number).to_be_bytes(), length));
    }

    /// Writes a BOOLEAN (TRUE is 0xFF, RFC 4511 §5.1).
    pub fn boolean(&mut self, tag: u8, value: bool) {
        self.value(tag, &[if value { 0xff } else { 0 }]);
    }
}

fn push_length(out: &mut Vec<u8>, length: usize) {
    if length < 0x80 {
        out.push(length as u8);
        return;
    }
    let count = (u64::BITS - (length as u64).leading_zeros()).div_ceil(8);
    out.push(0x80 | count as u8);
    out.extend_from_slice(last(&(length as u64).to_be_bytes(), count as usize));
}

fn last(bytes: &[u8], count: usize) -> &[u8] {
    bytes
        .get(bytes.len().saturating_sub(count)..)
        .unwrap_or_default()
}
