//! The attribute values that name an entry (RFC 4512 §2.3.1).

use std::borrow::Cow;

use super::read::{DnError, Value, pairs};
use crate::ber::Reader;

/// An attribute type as it is written, and its value without escapes.
pub type NamingValue<'a> = (&'a str, Cow<'a, [u8]>);

/// The attribute types and values of the first RDN of `dn`, escapes resolved; empty for the empty
/// DN.
///
/// A value written as `#` and hexadecimal digits becomes the contents of the BER element that the
/// digits encode (RFC 4514 §2.4).
///
/// # Errors
/// `dn` is not a DN.
pub fn naming_values(dn: &str) -> Result<Vec<NamingValue<'_>>, DnError> {
    let pairs = pairs(dn)?;
    let first = pairs.into_iter().enumerate();
    let first = first.take_while(|(at, pair)| *at == 0 || pair.joined);
    let values = first.map(|(_, pair)| {
        let value = match pair.value {
            Value::Text(value) => without_end(value, spaces_after(dn, pair.start, pair.end)),
            Value::Hex(digits) => Cow::Owned(contents(digits)),
        };
        (pair.attribute, value)
    });
    Ok(values.collect())
}

/// The number of trailing spaces that the reader took for a part of the value. A quoted value has
/// none.
fn spaces_after(dn: &str, start: usize, end: usize) -> usize {
    let pair = dn.get(start..end).unwrap_or_default();
    let value = pair.split_once('=').map_or("", |(_, value)| value);
    if value.trim_start_matches(' ').starts_with('"') {
        return 0;
    }
    let rest = dn.get(end..).unwrap_or_default();
    rest.len() - rest.trim_start_matches(' ').len()
}

fn without_end(value: Cow<'_, [u8]>, count: usize) -> Cow<'_, [u8]> {
    let length = value.len().saturating_sub(count);
    match value {
        Cow::Borrowed(value) => Cow::Borrowed(value.get(..length).unwrap_or_default()),
        Cow::Owned(mut value) => {
            value.truncate(length);
            Cow::Owned(value)
        }
    }
}

fn contents(digits: &str) -> Vec<u8> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).unwrap_or_default() as u8;
    let bytes: Vec<u8> = digits
        .as_bytes()
        .chunks(2)
        .map(|pair| {
            pair.iter()
                .fold(0, |byte: u8, half| byte << 4 | digit(half))
        })
        .collect();
    match Reader::new(&bytes, "attribute value").element() {
        Ok(element) => element.value.to_vec(),
        Err(_) => bytes,
    }
}
