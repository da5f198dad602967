//! Takes the text of a DN apart (RFC 4514 §3).

use std::borrow::Cow;

/// The reason why a text is not a distinguished name (RFC 4514 §3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{problem} at byte {position} of the DN")]
pub struct DnError {
    /// The problem, in words.
    pub problem: &'static str,
    /// The byte where it was found; the first byte is 1.
    pub position: usize,
}

/// One AttributeTypeAndValue (RFC 4514 §2.3) and its place in the text.
pub(super) struct Pair<'a> {
    pub(super) start: usize,
    pub(super) end: usize,
    /// Whether a `+` joins it to the previous pair.
    pub(super) joined: bool,
    pub(super) attribute: &'a str,
    pub(super) value: Value<'a>,
}

pub(super) enum Value<'a> {
    /// The value without escapes. An escape can stand for a byte that is not UTF-8.
    Text(Cow<'a, [u8]>),
    /// The digits after `#`: the BER encoding of the value (RFC 4514 §2.4).
    Hex(&'a str),
}

/// The pairs of a whole DN, in the order of the text.
pub(super) fn pairs(dn: &str) -> Result<Vec<Pair<'_>>, DnError> {
    let mut pairs = Vec::with_capacity(8);
    let mut scan = Scan { dn, at: 0 };
    scan.skip_spaces();
    if scan.peek().is_none() {
        return Ok(pairs);
    }
    let mut joined = false;
    loop {
        pairs.push(scan.pair(joined)?);
        scan.skip_spaces();
        joined = match scan.peek() {
            None => return Ok(pairs),
            Some(separator) => separator == b'+',
        };
        scan.at += 1;
    }
}

/// A position in the text; `at` is always on a character boundary.
struct Scan<'a> {
    dn: &'a str,
    at: usize,
}

impl<'a> Scan<'a> {
    fn peek(&self) -> Option<u8> {
        self.dn.as_bytes().get(self.at).copied()
    }

    fn skip_spaces(&mut self) {
        while self.peek() == Some(b' ') {
            self.at += 1;
        }
    }

    fn since(&self, start: usize) -> &'a str {
        self.dn.get(start..self.at).unwrap_or_default()
    }

    fn error<T>(&self, problem: &'static str) -> Result<T, DnError> {
        Err(DnError {
            problem,
            position: self.at + 1,
        })
    }

    /// Reads one pair, up to a separator or the end of the text.
    fn pair(&mut self, joined: bool) -> Result<Pair<'a>, DnError> {
        self.skip_spaces();
        let start = self.at;
        let in_type = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        while self.peek().is_some_and(in_type) {
            self.at += 1;
        }
        let attribute = self.since(start);
        if attribute.is_empty() {
            return self.error("an attribute type such as cn or dc is missing");
        }
        self.skip_spaces();
        if self.peek() != Some(b'=') {
            return self.error("missing '=' after the attribute type");
        }
        self.at += 1;
        let empty = self.at;
        self.skip_spaces();
        let (value, end) = match self.peek() {
            Some(b'#') => self.hex()?,
            Some(b'"') => self.quoted()?,
            None | Some(b',' | b';' | b'+') => (Value::Text(Cow::Borrowed(b"")), empty),
            Some(_) => self.text(b",;+")?,
        };
        Ok(Pair {
            start,
            end,
            joined,
            attribute,
            value,
        })
    }

    fn hex(&mut self) -> Result<(Value<'a>, usize), DnError> {
        self.at += 1;
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_hexdigit()) {
            self.at += 1;
        }
        let digits = self.since(start);
        self.expect_separator("a value that begins with '#' must be pairs of hexadecimal digits")?;
        if digits.is_empty() || digits.len() % 2 == 1 {
            return self.error("a value that begins with '#' must be pairs of hexadecimal digits");
        }
        Ok((Value::Hex(digits), start + digits.len()))
    }

    fn quoted(&mut self) -> Result<(Value<'a>, usize), DnError> {
        self.at += 1;
        let (value, _) = self.text(b"\"")?;
        if self.peek().is_none() {
            return self.error("missing '\"' that ends the value");
        }
        self.at += 1;
        let end = self.at;
        self.expect_separator("missing ',' after the quoted value")?;
        Ok((value, end))
    }

    fn expect_separator(&mut self, otherwise: &'static str) -> Result<(), DnError> {
        let end = self.at;
        self.skip_spaces();
        match self.peek() {
            None | Some(b',' | b';' | b'+') => Ok(()),
            Some(_) => {
                self.at = end;
                self.error(otherwise)
            }
        }
    }

    /// Reads a value up to an unescaped character of `ends`. Returns it, and its end in the text:
    /// after its last character other than a space, or after its last escape.
    fn text(&mut self, ends: &[u8]) -> Result<(Value<'a>, usize), DnError> {
        let rest = self.dn.as_bytes().get(self.at..).unwrap_or_default();
        let special = |byte: &u8| matches!(byte, b'\\' | 0) || ends.contains(byte);
        let length = rest.iter().position(special).unwrap_or(rest.len());
        if !matches!(rest.get(length), Some(b'\\' | 0)) {
            // Nearly all values contain no escape.
            let value = rest.get(..length).unwrap_or_default();
            let spaces = value.iter().rev().take_while(|byte| **byte == b' ').count();
            let end = self.at + length - spaces;
            self.at += length;
            return Ok((Value::Text(Cow::Borrowed(value)), end));
        }
        let mut start = self.at;
        let mut end = self.at;
        let mut unescaped: Vec<u8> = Vec::new();
        while let Some(byte) = self.peek().filter(|byte| !ends.contains(byte)) {
            if byte == 0 {
                return self.error("a zero byte, which must be written \\00,");
            }
            if byte != b'\\' {
                self.at += 1;
                end = if byte == b' ' { end } else { self.at };
                continue;
            }
            unescaped.extend_from_slice(self.since(start).as_bytes());
            unescaped.push(self.escape()?);
            start = self.at;
            end = self.at;
        }
        let rest = self.since(start).as_bytes();
        if unescaped.is_empty() {
            return Ok((Value::Text(Cow::Borrowed(rest)), end));
        }
        unescaped.extend_from_slice(rest);
        Ok((Value::Text(Cow::Owned(unescaped)), end))
    }

    fn escape(&mut self) -> Result<u8, DnError> {
        let digit = |at: usize| {
            let byte = self.dn.as_bytes().get(at).copied()?;
            char::from(byte)
                .to_digit(16)
                .and_then(|digit| u8::try_from(digit).ok())
        };
        if let (Some(high), Some(low)) = (digit(self.at + 1), digit(self.at + 2)) {
            self.at += 3;
            return Ok(high << 4 | low);
        }
        match self.dn.as_bytes().get(self.at + 1) {
            Some(&byte) if b" \"#+,;<=>\\".contains(&byte) => {
                self.at += 2;
                Ok(byte)
            }
            _ => self.error("'\\' without a special character or two hexadecimal digits after it"),
        }
    }
}
