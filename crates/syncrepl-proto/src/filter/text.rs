//! Reads and writes the text of filters (RFC 4515 §3).

use std::fmt::{self, Write};

use super::decode::{Node, Reader};
use super::encode::{self, Builder, Extensible};
use super::error::FilterError;
use super::tag;
use crate::attributes::{is_description, is_oid};
use crate::text::is_printable;

pub(super) fn parse(text: &str) -> Result<Vec<u8>, FilterError> {
    let trimmed = text.trim_ascii();
    let before = text.len() - text.trim_ascii_start().len();
    if trimmed.starts_with('(') {
        return parse_enclosed(trimmed, before + 1);
    }
    // The added parenthesis shifts every position by one byte.
    parse_enclosed(&format!("({trimmed})"), before).map_err(|error| match error {
        FilterError::Text { problem, position } => FilterError::Text {
            problem,
            position: position.min(before + trimmed.len() + 1),
        },
        other => other,
    })
}

/// Reads a filter in parentheses. A problem at byte `at` of `text`, counted from 0, is reported at
/// position `base + at`.
fn parse_enclosed(text: &str, base: usize) -> Result<Vec<u8>, FilterError> {
    let mut builder = Builder::default();
    let mut at = 0;
    loop {
        let located = |problem| FilterError::Text {
            problem,
            position: base + at,
        };
        let rest = text.get(at..).unwrap_or_default();
        match rest.bytes().next() {
            None if builder.open.is_empty() && !builder.done.is_empty() => return Ok(builder.done),
            None => return Err(located("missing ')'")),
            Some(byte) if byte.is_ascii_whitespace() => at += 1,
            Some(b')') => {
                builder.close().map_err(located)?;
                at += 1;
            }
            Some(b'(') => {
                let spaces = rest
                    .bytes()
                    .skip(1)
                    .take_while(u8::is_ascii_whitespace)
                    .count();
                let body = at + 1 + spaces;
                let set = match text.as_bytes().get(body) {
                    Some(b'&') => tag::AND,
                    Some(b'|') => tag::OR,
                    Some(b'!') => tag::NOT,
                    _ => {
                        let out = builder.place().map_err(located)?;
                        at = body
                            + push_item(out, text.get(body..).unwrap_or_default(), base + body)?;
                        continue;
                    }
                };
                builder.open(set).map_err(located)?;
                at = body + 1;
            }
            Some(_) => return Err(located("missing '('")),
        }
    }
}

/// Encodes the `item` (RFC 4515 §3) at the beginning of `text`, which stands at `base` in the
/// filter. Returns the length of the item in bytes, its `)` included.
fn push_item(out: &mut Vec<u8>, text: &str, base: usize) -> Result<usize, FilterError> {
    let error = |problem, at: usize| {
        Err(FilterError::Text {
            problem,
            position: base + at,
        })
    };
    let Some(end) = text.find(')') else {
        return error("missing ')'", text.len());
    };
    let item = text.get(..end).unwrap_or_default();
    let Some((left, value)) = item.split_once('=') else {
        return error("missing '=' after the attribute", end);
    };
    let value = Value {
        text: value,
        base: base + left.len() + 1,
    };
    let (kind, name) = match left.as_bytes().last() {
        Some(b'>') => (tag::GREATER_OR_EQUAL, left.strip_suffix('>')),
        Some(b'<') => (tag::LESS_OR_EQUAL, left.strip_suffix('<')),
        Some(b'~') => (tag::APPROXIMATE, left.strip_suffix('~')),
        Some(b':') => (tag::EXTENSIBLE, left.strip_suffix(':')),
        _ => (tag::EQUALITY, Some(left)),
    };
    let name = name.unwrap_or_default();
    if kind == tag::EXTENSIBLE {
        let Some((attribute, dn_attributes, rule)) = extensible(name) else {
            return error("not attribute:dn:rule:=value (attribute or rule needed)", 0);
        };
        let value = &value.unescape()?;
        encode::push_extensible(
            out,
            &Extensible {
                rule,
                attribute,
                value,
                dn_attributes,
            },
        );
        return Ok(end + 1);
    }
    if name.is_empty() {
        return error("missing attribute", 0);
    }
    if !is_description(name) {
        return error("an invalid attribute name", 0);
    }
    if kind != tag::EQUALITY || !value.text.contains('*') {
        encode::push_comparison(out, kind, name, &value.unescape()?);
        return Ok(end + 1);
    }
    let pieces = value.substrings()?;
    if pieces.is_empty() {
        encode::push(out, tag::PRESENT, &[name.as_bytes()]);
    } else {
        encode::push_substrings(out, name, &pieces);
    }
    Ok(end + 1)
}

/// Splits the text before `:=` into the attribute, whether `:dn` is there, and the rule.
fn extensible(text: &str) -> Option<(Option<&str>, bool, Option<&str>)> {
    let mut parts = text.split(':');
    let attribute = parts.next().filter(|attribute| !attribute.is_empty());
    let mut rule = parts.next();
    let dn_attributes = rule.is_some_and(|dn| dn.eq_ignore_ascii_case("dn"));
    if dn_attributes {
        rule = parts.next();
    }
    let valid = (attribute.is_some() || rule.is_some())
        && attribute.is_none_or(is_description)
        && rule.is_none_or(is_oid)
        && parts.next().is_none();
    valid.then_some((attribute, dn_attributes, rule))
}

/// The text after the `=` of an item.
struct Value<'a> {
    text: &'a str,
    base: usize,
}

impl Value<'_> {
    fn unescape(&self) -> Result<Vec<u8>, FilterError> {
        let mut out = Vec::with_capacity(self.text.len());
        let mut rest = self.text.as_bytes();
        while let [byte, after @ ..] = rest {
            let problem = match (byte, after) {
                (b'\\', [high, low, after @ ..]) => match (digit(*high), digit(*low)) {
                    (Some(high), Some(low)) => {
                        out.push(high << 4 | low);
                        rest = after;
                        continue;
                    }
                    _ => "'\\' without two hexadecimal digits (write \\5c for '\\' itself)",
                },
                (b'\\', _) => "'\\' without two hexadecimal digits (write \\5c for '\\' itself)",
                (b'(', _) => "missing ')', or a '(' that must be written \\28,",
                (b'*', _) => "a '*' that must be written \\2a",
                (0, _) => "a zero byte, which must be written \\00,",
                _ => {
                    out.push(*byte);
                    rest = after;
                    continue;
                }
            };
            let position = self.base + (self.text.len() - rest.len());
            return Err(FilterError::Text { problem, position });
        }
        Ok(out)
    }

    /// The encoded pieces between asterisks, without empty ones.
    fn substrings(&self) -> Result<Vec<u8>, FilterError> {
        let mut out = Vec::new();
        let mut at = 0;
        for text in self.text.split('*') {
            let end = at + text.len();
            let piece = Value {
                text,
                base: self.base + at,
            }
            .unescape()?;
            let tag = match (at, end == self.text.len()) {
                (0, _) => tag::INITIAL,
                (_, true) => tag::FINAL,
                _ => tag::ANY,
            };
            if !piece.is_empty() {
                encode::push(&mut out, tag, &[&piece]);
            }
            at = end + 1;
        }
        Ok(out)
    }
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte)
        .to_digit(16)
        .and_then(|digit| u8::try_from(digit).ok())
}

/// Writes the text of an encoding that this module has made. It does not recurse.
pub(super) fn write(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    let mut readers = vec![Reader::trusting(bytes)];
    while let Some(reader) = readers.last_mut() {
        let Ok(node) = reader.filter() else {
            readers.pop();
            if !readers.is_empty() {
                f.write_char(')')?;
            }
            continue;
        };
        f.write_char('(')?;
        match node {
            Node::Set(tag, inner) => {
                f.write_char(match tag {
                    tag::AND => '&',
                    tag::OR => '|',
                    _ => '!',
                })?;
                readers.push(inner);
                continue;
            }
            Node::Present(attribute) => {
                write_name(f, attribute)?;
                f.write_str("=*")?;
            }
            Node::Comparison(tag, attribute, value) => {
                write_name(f, attribute)?;
                f.write_str(match tag {
                    tag::GREATER_OR_EQUAL => ">=",
                    tag::LESS_OR_EQUAL => "<=",
                    tag::APPROXIMATE => "~=",
                    _ => "=",
                })?;
                write_value(f, value)?;
            }
            Node::Substrings(attribute, pieces) => write_substrings(f, attribute, pieces)?,
            Node::Extensible(assertion) => {
                f.write_str(assertion.attribute.unwrap_or_default())?;
                f.write_str(if assertion.dn_attributes { ":dn" } else { "" })?;
                if let Some(rule) = assertion.rule {
                    write!(f, ":{rule}")?;
                }
                f.write_str(":=")?;
                write_value(f, assertion.value)?;
            }
        }
        f.write_char(')')?;
    }
    Ok(())
}

fn write_substrings(f: &mut impl Write, attribute: &str, mut pieces: Reader<'_>) -> fmt::Result {
    write_name(f, attribute)?;
    f.write_char('=')?;
    let mut last = tag::INITIAL;
    while let Ok((tag, piece)) = pieces.element() {
        if tag != tag::INITIAL {
            f.write_char('*')?;
        }
        write_value(f, piece.rest)?;
        last = tag;
    }
    if last == tag::FINAL {
        Ok(())
    } else {
        f.write_char('*')
    }
}

/// Escapes an invalid name: the text is then not a filter. Unescaped, it could read as a different
/// filter.
fn write_name(f: &mut impl Write, name: &str) -> fmt::Result {
    if is_description(name) {
        f.write_str(name)
    } else {
        write_escaped(f, name.as_bytes())
    }
}

fn write_value(f: &mut impl Write, value: &[u8]) -> fmt::Result {
    for chunk in value.utf8_chunks() {
        for c in chunk.valid().chars() {
            if matches!(c, '*' | '(' | ')' | '\\') || !is_printable(c) {
                write_escaped(f, c.encode_utf8(&mut [0; 4]).as_bytes())?;
            } else {
                f.write_char(c)?;
            }
        }
        write_escaped(f, chunk.invalid())?;
    }
    Ok(())
}

fn write_escaped(f: &mut impl Write, bytes: &[u8]) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "\\{byte:02x}"))
}
