//! BER as LDAP uses it (RFC 4511 §5.1): one-byte tags, definite lengths, over borrowed bytes.
//! It knows lengths and primitive types; what the elements mean is for the modules above.

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

/// What was being read, and what was wrong with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{what}: {problem}")]
pub struct DecodeError {
    /// The element that was being read, in the RFC's words.
    pub what: &'static str,
    /// What was wrong with it.
    pub problem: Problem,
}

/// What can be wrong with an element.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Problem {
    /// The bytes end before the element does.
    #[error("it ends too early")]
    Truncated,
    /// An indefinite, reserved or oversized length (RFC 4511 §5.1 allows the definite form only).
    #[error("its length is not a definite length")]
    Length,
    /// A tag of more than one byte, which LDAP never uses.
    #[error("its tag is longer than one byte")]
    LongTag,
    /// A BOOLEAN, INTEGER, ENUMERATED or OCTET STRING in constructed form (X.690 §8; RFC 4511 §5.1
    /// for the OCTET STRING).
    #[error("tag 0x{0:02x} is the constructed form of a type that has none")]
    Constructed(u8),
    /// Another element stands where this one should.
    #[error("tag 0x{found:02x} where 0x{expected:02x} is due")]
    Tag {
        /// The tag that should be there.
        expected: u8,
        /// The tag that is there.
        found: u8,
    },
    /// The element is not there.
    #[error("it is missing")]
    Missing,
    /// A number outside the range its type allows.
    #[error("its number is out of range")]
    Number,
    /// A BOOLEAN that is not one byte.
    #[error("it is not a boolean")]
    Boolean,
    /// A string that has to be UTF-8 and is not.
    #[error("it is not UTF-8")]
    Utf8,
    /// A field that is there more than once, so that nobody can tell which one counts.
    #[error("it is there twice")]
    Twice,
    /// More bytes after its end, so that a length must be wrong.
    #[error("bytes follow its end")]
    Trailing,
    /// Something else that the RFC does not allow.
    #[error("{0}")]
    Invalid(&'static str),
}

impl DecodeError {
    /// An error about `what`.
    pub fn new(what: &'static str, problem: Problem) -> Self {
        DecodeError { what, problem }
    }
}

/// One element: its tag, its contents, and all of its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Element<'a> {
    /// The identifier octet.
    pub tag: u8,
    /// The contents octets.
    pub value: &'a [u8],
    /// Identifier, length and contents.
    pub raw: &'a [u8],
}

/// The header of an element at the front of `input`: tag, header length, contents length.
/// `None` when more bytes are needed to tell.
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

/// Reads one element after the other.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a> {
    input: &'a [u8],
    what: &'static str,
}

impl<'a> Reader<'a> {
    /// A reader over the contents of `what` (named in errors).
    pub fn new(input: &'a [u8], what: &'static str) -> Self {
        Reader { input, what }
    }

    /// Whether everything has been read.
    pub fn is_empty(&self) -> bool {
        self.input.is_empty()
    }

    /// The tag of the next element, if there is one.
    pub fn peek(&self) -> Option<u8> {
        self.input.first().copied()
    }

    fn error(&self, problem: Problem) -> DecodeError {
        DecodeError::new(self.what, problem)
    }

    /// The next element, whatever it is.
    pub fn element(&mut self) -> Result<Element<'a>, DecodeError> {
        if self.input.is_empty() {
            return Err(self.error(Problem::Missing));
        }
        let (tag, start, length) = header(self.input)
            .map_err(|problem| self.error(problem))?
            .ok_or_else(|| self.error(Problem::Truncated))?;
        // Taken for a field of a later version, a flag in this form would be passed over.
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

    /// The next element, which has to carry `tag`; `what` names it in errors.
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

    /// The contents of the next element if it carries `tag`.
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

    /// The contents of an OCTET STRING.
    pub fn octets(&mut self, what: &'static str) -> Result<&'a [u8], DecodeError> {
        Ok(self.expect(tag::OCTET_STRING, what)?.value)
    }

    /// The contents of an OCTET STRING that has to be UTF-8 (LDAPString, LDAPDN, URI).
    pub fn string(&mut self, what: &'static str) -> Result<&'a str, DecodeError> {
        utf8(self.octets(what)?, what)
    }

    /// An INTEGER or ENUMERATED between 0 and 2^31-1 (`maxInt`, RFC 4511 §4.1.1), which is every
    /// number that LDAP has.
    pub fn number(&mut self, tag: u8, what: &'static str) -> Result<u32, DecodeError> {
        number(self.expect(tag, what)?.value, what)
    }

    /// A BOOLEAN.
    pub fn boolean(&mut self, what: &'static str) -> Result<bool, DecodeError> {
        boolean(self.expect(tag::BOOLEAN, what)?.value, what)
    }

    /// An error unless everything has been read.
    pub fn end(&self) -> Result<(), DecodeError> {
        if self.is_empty() {
            Ok(())
        } else {
            Err(self.error(Problem::Trailing))
        }
    }

    /// Reads the rest as whole elements and throws them away: later versions of a SEQUENCE may
    /// have more fields, and have to be accepted (RFC 4511 §4).
    pub fn skip_rest(&mut self) -> Result<(), DecodeError> {
        while !self.is_empty() {
            self.element()?;
        }
        Ok(())
    }
}

/// Keeps a field that may be there once.
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

/// Contents as UTF-8.
pub fn utf8<'a>(value: &'a [u8], what: &'static str) -> Result<&'a str, DecodeError> {
    std::str::from_utf8(value).map_err(|_| DecodeError::new(what, Problem::Utf8))
}

/// Contents as a BOOLEAN. LDAP asks for 0xFF as TRUE; anything but zero is taken as TRUE.
pub fn boolean(value: &[u8], what: &'static str) -> Result<bool, DecodeError> {
    match value {
        [byte] => Ok(*byte != 0),
        _ => Err(DecodeError::new(what, Problem::Boolean)),
    }
}

/// Contents as a number between 0 and 2^31-1.
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

/// Writes elements, with the shortest lengths.
#[derive(Debug, Default)]
pub struct Writer {
    out: Vec<u8>,
}

impl Writer {
    /// An empty writer.
    pub fn new() -> Self {
        Writer::default()
    }

    /// An empty writer that need not grow before it holds so many bytes.
    pub fn with_capacity(bytes: usize) -> Self {
        Writer {
            out: Vec::with_capacity(bytes),
        }
    }

    /// What has been written.
    pub fn finish(self) -> Vec<u8> {
        self.out
    }

    /// An element with these contents.
    pub fn value(&mut self, tag: u8, value: &[u8]) {
        self.out.push(tag);
        push_length(&mut self.out, value.len());
        self.out.extend_from_slice(value);
    }

    /// Bytes that are whole elements already.
    pub fn raw(&mut self, elements: &[u8]) {
        self.out.extend_from_slice(elements);
    }

    /// A constructed element; `contents` writes what is in it.
    pub fn constructed(&mut self, tag: u8, contents: impl FnOnce(&mut Writer)) {
        self.out.push(tag);
        let start = self.out.len();
        contents(self);
        let mut length = Vec::with_capacity(9);
        push_length(&mut length, self.out.len() - start);
        self.out.splice(start..start, length);
    }

    /// An OCTET STRING.
    pub fn octets(&mut self, value: &[u8]) {
        self.value(tag::OCTET_STRING, value);
    }

    /// A non-negative INTEGER or ENUMERATED.
    pub fn number(&mut self, tag: u8, number: u32) {
        // The first bit is the sign: one more than the number has.
        let length = 1 + (u32::BITS - number.leading_zeros()) as usize / 8;
        self.value(tag, last(&u64::from(number).to_be_bytes(), length));
    }

    /// A BOOLEAN (TRUE is 0xFF, RFC 4511 §5.1).
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
