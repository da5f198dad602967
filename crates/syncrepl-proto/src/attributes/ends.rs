//! The values with which two sets begin, and those with which both end. Of a large attribute most values stay as they
//! are, in their order: then little is left to compare.

use std::cmp::Ordering;

use super::list::contents;

/// Takes the values off two sets with which both begin, and those with which both end. Returns these.
pub(super) fn strip<'a>(old: &mut &'a [u8], new: &mut &'a [u8]) -> [&'a [u8]; 2] {
    let whole = *old;
    loop {
        let (mut ours, mut theirs) = (*old, *new);
        match (contents(&mut ours), contents(&mut theirs)) {
            (Some(our), Some(their)) if our == their => (*old, *new) = (ours, theirs),
            _ => break,
        }
    }
    let before = until(whole, old);
    let equal = equal_at_end(old, new);
    // The end is common from the first place on where a value begins in both.
    let (mut ours, mut theirs) = (*old, *new);
    while ours.len() != theirs.len() || ours.len() > equal {
        let (our, their) = match ours.len().cmp(&theirs.len()) {
            Ordering::Greater => (contents(&mut ours), None),
            Ordering::Less => (None, contents(&mut theirs)),
            Ordering::Equal => (contents(&mut ours), contents(&mut theirs)),
        };
        if our.or(their).is_none() {
            // `decode` has validated both sets, so this cannot occur.
            return [before, &[]];
        }
    }
    (*old, *new) = (until(old, ours), until(new, theirs));
    [before, ours]
}

/// The part of `whole` before its end `end`.
fn until<'a>(whole: &'a [u8], end: &[u8]) -> &'a [u8] {
    let length = whole.len().saturating_sub(end.len());
    whole.get(..length).unwrap_or_default()
}

/// The number of bytes with which both end.
fn equal_at_end(one: &[u8], other: &[u8]) -> usize {
    const PART: usize = 64;
    let parts = one.rchunks_exact(PART).zip(other.rchunks_exact(PART));
    let parts = parts.take_while(|(one, other)| one == other).count() * PART;
    let (one, other) = (one.iter().rev().skip(parts), other.iter().rev().skip(parts));
    parts
        + one
            .zip(other)
            .take_while(|(one, other)| one == other)
            .count()
}
