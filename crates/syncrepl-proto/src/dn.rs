//! Distinguished names (RFC 4514): split, compared, and turned into keys under which all entries
//! below a DN are one range of bytes.
//!
//! A key is an index, never an identity. This module knows no schema, so it compares every value
//! without letter case.

mod masked;
mod naming;
mod read;
mod types;

pub use masked::masked;
pub use naming::{NamingValue, naming_values};
pub use read::DnError;
use read::{Pair, Value, pairs};
use types::short_name;
pub use types::type_name;

/// Ends each RDN of a key, and occurs nowhere else in one.
const END: u8 = 0x00;
/// Begins each of the two-byte sequences below. They replace the bytes that a value must not
/// contain literally.
const ESCAPE: u8 = 0x01;
const ESCAPED_END: [u8; 2] = [ESCAPE, 0x01];
const ESCAPED_ESCAPE: [u8; 2] = [ESCAPE, 0x02];
/// Separates the attribute-value pairs of one RDN.
const PLUS: [u8; 2] = [ESCAPE, 0x03];
/// Precedes a value written as `#` and hexadecimal digits.
const HEX: [u8; 2] = [ESCAPE, 0x04];
/// Precedes the exact spelling of an RDN, where letter case tells two entries apart.
const EXACT: [u8; 2] = [ESCAPE, 0x05];
/// Begins the key of a text that is not a DN. No attribute type begins with this byte.
const NOT_A_DN: u8 = 0x02;

/// The key of `dn`: its normalised form, root first. Every RDN ends with a zero byte that occurs
/// nowhere else, so `key(parent)` is a strict prefix of `key(child)`, and `key("")` is empty.
///
/// Two spellings of one name (RFC 4514 §2) have one key. It holds the short names of attribute
/// types, resolves escapes, trims spaces and collapses runs of them (RFC 4518 §2.6.1), turns
/// letters into lower case and sorts the pairs of a multi-valued RDN. A text that is not a DN has a
/// key of one component that no DN has.
pub fn key(dn: &str) -> Vec<u8> {
    encode(dn, Case::Fold)
}

/// As [`key`], but an RDN is kept apart from those that differ from it in letter case alone if `is_exact`
/// says so of its key, the key of its parent included: the exact spelling follows it then.
///
/// Only the server knows which values differ in letter case alone and name two entries.
pub fn key_among(dn: &str, is_exact: impl Fn(&[u8]) -> bool) -> Vec<u8> {
    let folded = key(dn);
    let exact = encode(dn, Case::Keep);
    let mut out = Vec::with_capacity(folded.len());
    let rdns = folded.split_inclusive(|&byte| byte == END);
    for (folded, exact) in rdns.zip(exact.split_inclusive(|&byte| byte == END)) {
        out.extend_from_slice(folded);
        if is_exact(&out) {
            out.pop();
            out.extend_from_slice(&EXACT);
            out.extend_from_slice(exact);
        }
    }
    out
}

/// The range of the keys that [`key_among`] gives to the spellings of the RDN at the end of `key`, and to
/// what lies below them: `lower <= k < upper`.
pub fn exact_range(key: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let rdn = key.strip_suffix(&[END]).unwrap_or(key);
    let [escape, mark] = EXACT;
    ([rdn, &EXACT].concat(), [rdn, &[escape, mark + 1]].concat())
}

/// The highest level at which two DNs of one key differ, if they differ: the key there, and the DNs from
/// there up to the root, as they are written.
pub fn alike<'d>(one: &'d str, other: &'d str) -> Option<(Vec<u8>, [&'d str; 2])> {
    if key(one) != key(other) {
        return None;
    }
    let depth = depth(&key(one));
    for levels in (0..depth).rev() {
        let above = [ancestor(one, levels)?, ancestor(other, levels)?];
        if !same_spelling_aside(above[0], above[1]) {
            return Some((key(above[0]), above));
        }
    }
    None
}

/// The range of the keys below `key`: `lower < k`, and `k < upper` when there is an upper bound.
/// The empty key has none, because every key lies below it.
pub fn descendants(key: &[u8]) -> (Vec<u8>, Option<Vec<u8>>) {
    let mut upper = key.to_vec();
    while let Some(last) = upper.pop() {
        if let Some(next) = last.checked_add(1) {
            upper.push(next);
            return (key.to_vec(), Some(upper));
        }
    }
    (key.to_vec(), None)
}

/// Whether two DNs differ at most in spelling: spaces, escapes, the name of an attribute type, the
/// order within a multi-valued RDN. Unlike in [`key`], the letter case of values counts.
pub fn same_spelling_aside(a: &str, b: &str) -> bool {
    a == b || encode(a, Case::Keep) == encode(b, Case::Keep)
}

/// The key of the parent; `None` for the empty key.
pub fn parent_key(key: &[u8]) -> Option<&[u8]> {
    let (_, rest) = key.split_last()?;
    let end = rest
        .iter()
        .rposition(|&byte| byte == END)
        .map_or(0, |at| at + 1);
    rest.get(..end)
}

/// Whether `key` is `base_key` or lies below it.
pub fn is_within(key: &[u8], base_key: &[u8]) -> bool {
    key.starts_with(base_key)
}

/// The first `levels` RDNs of `key`, from the root.
pub fn top(key: &[u8], levels: usize) -> &[u8] {
    let mut ends = key.iter().enumerate().filter(|(_, byte)| **byte == END);
    match levels.checked_sub(1) {
        None => &[],
        Some(last) => ends
            .nth(last)
            .map_or(key, |(at, _)| key.get(..=at).unwrap_or(key)),
    }
}

/// The RDNs of `key`, from the root.
pub fn rdns_of_key(key: &[u8]) -> impl Iterator<Item = &[u8]> {
    key.split_inclusive(|&byte| byte == END)
}

/// The number of RDNs in `key`.
pub fn depth(key: &[u8]) -> usize {
    key.iter().filter(|&&byte| byte == END).count()
}

/// The first `levels` RDNs of `dn` as they are written, put below `new_ancestor`, which may be
/// empty and is taken literally. `None` if `dn` has fewer RDNs or is not a DN.
pub fn rebase(dn: &str, levels: usize, new_ancestor: &str) -> Option<String> {
    let rdns = spans(&pairs(dn).ok()?);
    let kept = match levels.checked_sub(1) {
        None => "",
        Some(last) => dn.get(rdns.first()?.0..rdns.get(last)?.1)?,
    };
    let comma = if kept.is_empty() || new_ancestor.is_empty() {
        ""
    } else {
        ","
    };
    Some([kept, comma, new_ancestor].concat())
}

/// The RDNs of `dn` as they are written, the entry's own first, without surrounding spaces.
///
/// # Errors
/// `dn` is not a DN.
pub fn rdns(dn: &str) -> Result<Vec<&str>, DnError> {
    let spans = spans(&pairs(dn)?);
    Ok(spans
        .into_iter()
        .filter_map(|(start, end)| dn.get(start..end))
        .collect())
}

/// The DNS domain of a DN that consists of domain components alone (RFC 2247): `example.com` for
/// `dc=example,dc=com`. Its labels are as the DN writes them.
pub fn domain(dn: &str) -> Option<String> {
    const COMPONENT: [&str; 3] = ["dc", "domainComponent", "0.9.2342.19200300.100.1.25"];
    let mut labels = Vec::new();
    for rdn in rdns(dn).ok()? {
        let (name, label) = rdn.split_once('=')?;
        let name = name.trim();
        if !COMPONENT
            .iter()
            .any(|known| name.eq_ignore_ascii_case(known))
        {
            return None;
        }
        labels.push(label.trim());
    }
    (!labels.is_empty()).then(|| labels.join("."))
}

/// The entry's own RDN and the parent's DN, as they are written. `None` if `dn` is empty or not a
/// DN.
pub fn split_first(dn: &str) -> Option<(&str, &str)> {
    let spans = spans(&pairs(dn).ok()?);
    let own = spans.first()?;
    let above = match (spans.get(1), spans.last()) {
        (Some(first), Some(last)) => dn.get(first.0..last.1)?,
        _ => "",
    };
    Some((dn.get(own.0..own.1)?, above))
}

/// The DN that lies `levels` above `dn`, as it is written there. `None` if `dn` has fewer RDNs or is not
/// a DN.
pub fn ancestor(dn: &str, levels: usize) -> Option<&str> {
    let spans = spans(&pairs(dn).ok()?);
    if spans.len() == levels {
        return Some("");
    }
    dn.get(spans.get(levels)?.0..spans.last()?.1)
}

/// Checks that `dn` is a distinguished name.
///
/// Accepted beyond RFC 4514 are `;` between RDNs, quoted values, spaces around separators, the
/// prefix `OID.` (RFC 2253 §4), and unescaped special characters where they are unambiguous.
///
/// # Errors
/// The first problem, and its position.
pub fn validate(dn: &str) -> Result<(), DnError> {
    pairs(dn).map(|_| ())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Case {
    Fold,
    Keep,
}

fn encode(dn: &str, case: Case) -> Vec<u8> {
    let mut out = Vec::with_capacity(dn.len() + 8);
    let Ok(pairs) = pairs(dn) else {
        out.push(NOT_A_DN);
        dn.chars().for_each(|c| push_char(&mut out, c, case));
        out.push(END);
        return out;
    };
    for rdn in pairs.chunk_by(|_, next| next.joined).rev() {
        if let [pair] = rdn {
            pair.encode(&mut out, case);
        } else {
            let mut encoded: Vec<Vec<u8>> = rdn.iter().map(|pair| pair.encoded(case)).collect();
            encoded.sort_unstable();
            out.extend(encoded.join(&PLUS[..]));
        }
        out.push(END);
    }
    out
}

impl Pair<'_> {
    fn encoded(&self, case: Case) -> Vec<u8> {
        let mut out = Vec::new();
        self.encode(&mut out, case);
        out
    }

    fn encode(&self, out: &mut Vec<u8>, case: Case) {
        match short_name(self.attribute) {
            Ok(name) => out.extend_from_slice(name.as_bytes()),
            Err(other) => {
                let start = out.len();
                out.extend_from_slice(other.as_bytes());
                if let Some(written) = out.get_mut(start..) {
                    written.make_ascii_lowercase();
                }
            }
        }
        out.push(b'=');
        match &self.value {
            Value::Hex(digits) => {
                out.extend_from_slice(&HEX);
                out.extend(digits.bytes().map(|byte| byte.to_ascii_lowercase()));
            }
            Value::Text(value) => push_value(out, value, case),
        }
    }
}

fn push_value(out: &mut Vec<u8>, value: &[u8], case: Case) {
    let start = out.len();
    // Nearly all values are printable ASCII, which can be copied in whole words.
    if value.iter().all(|byte| matches!(byte, b' '..=b'~')) {
        if value.contains(&b' ') {
            let words = value.split(|&byte| byte == b' ');
            for word in words.filter(|word| !word.is_empty()) {
                if out.len() > start {
                    out.push(b' ');
                }
                out.extend_from_slice(word);
            }
        } else {
            out.extend_from_slice(value);
        }
        if let (Case::Fold, Some(written)) = (case, out.get_mut(start..)) {
            written.make_ascii_lowercase();
        }
        return;
    }
    let mut space = false;
    for chunk in value.utf8_chunks() {
        for c in chunk.valid().chars() {
            if c == ' ' {
                space = out.len() > start;
                continue;
            }
            if std::mem::take(&mut space) {
                out.push(b' ');
            }
            push_char(out, c, case);
        }
        if !chunk.invalid().is_empty() && std::mem::take(&mut space) {
            out.push(b' ');
        }
        out.extend_from_slice(chunk.invalid());
    }
}

fn push_char(out: &mut Vec<u8>, c: char, case: Case) {
    match c {
        '\0' => out.extend_from_slice(&ESCAPED_END),
        '\x01' => out.extend_from_slice(&ESCAPED_ESCAPE),
        ' '..='\x7f' if case == Case::Fold => out.push((c as u8).to_ascii_lowercase()),
        _ => {
            let mut buffer = [0; 4];
            let mut push = |c: char| out.extend_from_slice(c.encode_utf8(&mut buffer).as_bytes());
            match case {
                Case::Fold => c.to_lowercase().for_each(push),
                Case::Keep => push(c),
            }
        }
    }
}

/// The start and end of each RDN in the text, in bytes.
fn spans(pairs: &[Pair<'_>]) -> Vec<(usize, usize)> {
    let rdns = pairs.chunk_by(|_, next| next.joined);
    rdns.filter_map(|rdn| Some((rdn.first()?.start, rdn.last()?.end)))
        .collect()
}
