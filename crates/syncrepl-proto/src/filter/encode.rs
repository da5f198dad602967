//! Writes the encoding of filters (RFC 4511 §4.5.1.7).

use super::tag;

/// The depth to which `&`, `|` and `!` may nest.
pub const MAX_DEPTH: usize = 64;

/// MatchingRuleAssertion (RFC 4511 §4.5.1.7.7).
pub(super) struct Extensible<'a> {
    pub(super) rule: Option<&'a str>,
    pub(super) attribute: Option<&'a str>,
    pub(super) value: &'a [u8],
    pub(super) dn_attributes: bool,
}

/// An element whose contents are all of `parts`.
pub(super) fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::new();
    push(&mut out, tag, parts);
    out
}

/// Appends an element whose contents are all of `parts`.
pub(super) fn push(out: &mut Vec<u8>, tag: u8, parts: &[&[u8]]) {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    out.reserve(length + 6);
    out.push(tag);
    match u8::try_from(length) {
        Ok(short) if short < 0x80 => out.push(short),
        _ => {
            let bytes = length
                .to_be_bytes()
                .into_iter()
                .skip_while(|&byte| byte == 0);
            // At most eight bytes, so the count fits beside the high bit.
            out.push(0x80 | bytes.clone().count() as u8);
            out.extend(bytes);
        }
    }
    parts.iter().for_each(|part| out.extend_from_slice(part));
}

/// Appends an AttributeValueAssertion (RFC 4511 §4.1.6).
pub(super) fn push_comparison(out: &mut Vec<u8>, tag: u8, attribute: &str, value: &[u8]) {
    let attribute = element(tag::OCTETS, &[attribute.as_bytes()]);
    push(out, tag, &[&attribute, &element(tag::OCTETS, &[value])]);
}

/// Appends a SubstringFilter (RFC 4511 §4.5.1.7.2). `pieces` are its encoded substrings.
pub(super) fn push_substrings(out: &mut Vec<u8>, attribute: &str, pieces: &[u8]) {
    let attribute = element(tag::OCTETS, &[attribute.as_bytes()]);
    push(
        out,
        tag::SUBSTRINGS,
        &[&attribute, &element(tag::SEQUENCE, &[pieces])],
    );
}

/// Appends a MatchingRuleAssertion (RFC 4511 §4.5.1.7.7).
pub(super) fn push_extensible(out: &mut Vec<u8>, assertion: &Extensible<'_>) {
    let mut inner = Vec::new();
    if let Some(rule) = assertion.rule {
        push(&mut inner, tag::MATCHING_RULE, &[rule.as_bytes()]);
    }
    if let Some(attribute) = assertion.attribute {
        push(&mut inner, tag::TYPE, &[attribute.as_bytes()]);
    }
    push(&mut inner, tag::MATCH_VALUE, &[assertion.value]);
    if assertion.dn_attributes {
        push(&mut inner, tag::DN_ATTRIBUTES, &[&[0xff]]);
    }
    push(out, tag::EXTENSIBLE, &[&inner]);
}

/// Assembles nested filters from the inside out. It does not recurse, so hostile nesting cannot
/// exhaust the stack.
#[derive(Default)]
pub(super) struct Builder {
    pub(super) done: Vec<u8>,
    /// The open sets, outermost first: the tag, and the filters so far.
    pub(super) open: Vec<(u8, Vec<u8>)>,
}

impl Builder {
    /// The buffer for the next filter.
    pub(super) fn place(&mut self) -> Result<&mut Vec<u8>, &'static str> {
        match self.open.last_mut() {
            Some((tag::NOT, inner)) if !inner.is_empty() => Err("'!' with more than one filter"),
            Some((_, inner)) => Ok(inner),
            None if self.done.is_empty() => Ok(&mut self.done),
            None => Err("something after the end of the filter"),
        }
    }

    pub(super) fn open(&mut self, tag: u8) -> Result<(), &'static str> {
        self.place()?;
        if self.open.len() >= MAX_DEPTH {
            return Err("filters nested more than 64 deep");
        }
        self.open.push((tag, Vec::new()));
        Ok(())
    }

    pub(super) fn close(&mut self) -> Result<(), &'static str> {
        match self.open.pop() {
            None => Err("a ')' that closes nothing"),
            Some((tag::NOT, inner)) if inner.is_empty() => Err("'!' without a filter"),
            Some((tag, inner)) => {
                push(self.place()?, tag, &[&inner]);
                Ok(())
            }
        }
    }
}
