//! A recorded stream made hostile: one to four changes, all drawn from one random number generator,
//! so that a seed gives the same stream again.

use std::time::Duration;

use fastrand::Rng;

use crate::recorded::{Conversation, messages};
use crate::replay::Play;

/// Replacements for values: escape sequences, characters that turn the direction of writing,
/// characters with a meaning in LDIF and JSON, and bytes that are no text at all.
pub const NASTY: [&[u8]; 14] = [
    b"",
    b"\x1b[2J\x1b[H",
    b"\x1b]0;title\x07",
    b"a\rb\nc\x08\x7f",
    b"\xc2\x9b31m",
    "\u{202e}\u{2066}x\u{200b}".as_bytes(),
    b"\xff\xfe\x00",
    b" led: < trailed ",
    b"dn: cn=a\n\ndn: cn=b",
    b"cn=a\\",
    b"cn=a,cn=b+c=d,",
    b"\"},{\"op\":\"commit\"",
    b"rid=000",
    b"(&(cn=*))\x00",
];

/// `stream` with some of its bytes and messages changed. Parts of `others` may be put in.
pub fn mutate(stream: &[u8], others: &[Vec<u8>], random: &mut Rng) -> Vec<u8> {
    let mut bytes = stream.to_vec();
    for _ in 0..random.usize(1..=4) {
        bytes = match random.u8(0..12) {
            0 => flip(bytes, random),
            1 => cut(bytes, random),
            2 | 3 => shuffle(&bytes, random),
            4 => splice(&bytes, others, random),
            5 => lengths(bytes, random),
            6 => insert(bytes, random),
            _ => element(bytes, others, random),
        };
    }
    bytes
}

/// How long the server waits for a request after an answer that was mutated. Often none comes, since the
/// consumer waits for the rest of that answer.
const PATIENCE: Duration = Duration::from_millis(5);

/// A conversation of which one answer is mutated: mostly the one to the sync search, so that it is not over
/// before it began. In one half of the cases the server sends the rest with it, before it is asked. If
/// the run does not stop (`stops`), the server ends the connection where the consumer did.
pub fn mutate_play(
    conversation: &Conversation,
    stops: bool,
    others: &[Vec<u8>],
    random: &mut Rng,
) -> Play {
    let mut play = conversation.play();
    if let Some(end) = conversation.end.filter(|_| !stops) {
        play.parts.truncate(end);
    }
    let any = random.usize(0..play.parts.len());
    let chosen = match random.u8(0..4) {
        0 => any,
        _ => conversation.sync.unwrap_or(any),
    };
    let mut rest = play.parts.split_off(chosen + 1);
    let part = &mut play.parts[chosen];
    if random.bool() {
        part.bytes
            .extend(rest.drain(..).flat_map(|part| part.bytes));
    }
    part.bytes = mutate(&part.bytes, others, random);
    play.parts.append(&mut rest);
    for (number, part) in play.parts.iter_mut().enumerate() {
        if number > chosen || conversation.end == Some(number) {
            part.patience = PATIENCE;
        }
    }
    play
}

fn flip(mut bytes: Vec<u8>, random: &mut Rng) -> Vec<u8> {
    for _ in 0..random.usize(1..=8) {
        let at = random.usize(0..bytes.len().max(1));
        if let Some(byte) = bytes.get_mut(at) {
            *byte ^= 1 << random.u8(0..8);
        }
    }
    bytes
}

fn cut(mut bytes: Vec<u8>, random: &mut Rng) -> Vec<u8> {
    bytes.truncate(random.usize(0..=bytes.len()));
    bytes
}

fn insert(mut bytes: Vec<u8>, random: &mut Rng) -> Vec<u8> {
    let at = random.usize(0..=bytes.len());
    let end = (at + random.usize(0..8)).min(bytes.len());
    let new: Vec<u8> = (0..random.usize(0..8)).map(|_| random.u8(..)).collect();
    bytes.splice(at..end, new);
    bytes
}

/// Whole messages twice, gone, or in another order.
fn shuffle(bytes: &[u8], random: &mut Rng) -> Vec<u8> {
    let mut all = messages(bytes);
    if all.is_empty() {
        return bytes.to_vec();
    }
    // The bytes behind the last whole message stay there.
    let rest = &bytes[all.iter().map(|message| message.len()).sum::<usize>()..];
    let (one, other) = (random.usize(0..all.len()), random.usize(0..all.len()));
    match random.u8(0..4) {
        0 => all.insert(other, all[one]),
        1 => drop(all.remove(one)),
        2 => all.swap(one, other),
        _ => {
            let moved = all.remove(one);
            all.insert(other.min(all.len()), moved);
        }
    }
    [all.concat().as_slice(), rest].concat()
}

/// The front of this stream, then the end of another, cut between messages or anywhere.
fn splice(bytes: &[u8], others: &[Vec<u8>], random: &mut Rng) -> Vec<u8> {
    let Some(other) = random.choice(others) else {
        return bytes.to_vec();
    };
    if random.bool() {
        let (front, end) = (random.usize(0..=bytes.len()), random.usize(0..=other.len()));
        return [&bytes[..front], &other[end..]].concat();
    }
    let (ours, theirs) = (messages(bytes), messages(other));
    let (front, end) = (random.usize(0..=ours.len()), random.usize(0..=theirs.len()));
    [ours[..front].concat(), theirs[end..].concat()].concat()
}

/// A length that does not fit its element.
fn lengths(bytes: Vec<u8>, random: &mut Rng) -> Vec<u8> {
    let Some(path) = pick(&bytes, random) else {
        return bytes;
    };
    let Some(span) = path.last() else {
        return bytes;
    };
    let huge: [&[u8]; 6] = [
        &[0x84, 0x7f, 0xff, 0xff, 0xff],
        &[0x88, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
        &[0x83, 0xff, 0xff, 0xff],
        &[0x80],
        &[0x89],
        &[0x84, 0x03, 0xff, 0xff, 0x00],
    ];
    let length = (span.end - span.contents) as u8;
    let near = [length.wrapping_add(1) & 0x7f];
    let new: &[u8] = match random.u8(0..3) {
        0 => &near,
        _ => huge[random.usize(0..huge.len())],
    };
    let mut out = bytes;
    out.splice(span.start + 1..span.contents, new.iter().copied());
    out
}

/// One element changed so that all lengths around it still fit.
fn element(bytes: Vec<u8>, others: &[Vec<u8>], random: &mut Rng) -> Vec<u8> {
    let Some(path) = pick(&bytes, random) else {
        return bytes;
    };
    let Some(&Span {
        start,
        contents,
        end,
    }) = path.last()
    else {
        return bytes;
    };
    let (tag, value) = (bytes[start], &bytes[contents..end]);
    let whole = &bytes[start..end];
    let new = match (tag, random.u8(0..8)) {
        (_, 0) => Vec::new(),
        (_, 1) => [whole, whole].concat(),
        (_, 2) => foreign(others, random),
        (0x0a | 0x02, _) => wrap(tag, NUMBERS[random.usize(0..NUMBERS.len())]),
        (0x01, _) => wrap(tag, &[random.u8(0..2).wrapping_neg()]),
        (_, 3) => wrap(random.u8(..), value),
        (_, 4) if value.len() == 16 => wrap(tag, &[random.u8(0..3); 16]),
        _ => wrap(tag, &nasty(value, random)),
    };
    replace(&bytes, &path, new)
}

/// Contents of an INTEGER or ENUMERATED.
const NUMBERS: [&[u8]; 12] = [
    &[0],
    &[1],
    &[2],
    &[3],
    &[4],
    &[5],
    &[53],
    &[80],
    &[118],
    &[0x10, 0],
    &[0xff],
    &[0x7f, 0xff, 0xff, 0xff],
];

/// An element of another stream.
fn foreign(others: &[Vec<u8>], random: &mut Rng) -> Vec<u8> {
    let Some(other) = random.choice(others) else {
        return Vec::new();
    };
    let path = pick(other, random).unwrap_or_default();
    path.last()
        .map_or_else(Vec::new, |span| other[span.start..span.end].to_vec())
}

/// A value with one of [`NASTY`] in it, or in its place.
fn nasty(value: &[u8], random: &mut Rng) -> Vec<u8> {
    let at = random.usize(0..=value.len());
    let nasty = NASTY[random.usize(0..NASTY.len())];
    match random.bool() {
        true => [&value[..at], nasty, &value[at..]].concat(),
        false => nasty.to_vec(),
    }
}

/// The place of an element.
#[derive(Debug, Clone, Copy)]
struct Span {
    start: usize,
    contents: usize,
    end: usize,
}

/// A random element of a random message, with all those it is in, the message first.
fn pick(bytes: &[u8], random: &mut Rng) -> Option<Vec<Span>> {
    let messages = messages(bytes);
    let chosen = random.usize(0..messages.len().max(1));
    let start: usize = messages
        .iter()
        .take(chosen)
        .map(|message| message.len())
        .sum();
    let end = start + messages.get(chosen)?.len();
    let mut found = Vec::new();
    walk(bytes, start..end, &mut Vec::new(), &mut found);
    (!found.is_empty()).then(|| found.swap_remove(random.usize(0..found.len())))
}

fn walk(
    bytes: &[u8],
    within: std::ops::Range<usize>,
    path: &mut Vec<Span>,
    found: &mut Vec<Vec<Span>>,
) {
    let mut at = within.start;
    while let Some(span) = span(bytes, at, within.end) {
        path.push(span);
        found.push(path.clone());
        let inner = span.contents..span.end;
        // Octets that hold elements of their own: values of controls and of Sync Info.
        let tag = bytes[span.start];
        let holds = matches!(tag, 0x04 | 0x81) && whole(bytes, inner.clone());
        if path.len() < 12 && (tag & 0x20 != 0 || holds) {
            walk(bytes, inner, path, found);
        }
        path.pop();
        at = span.end;
    }
}

/// Whether it is one constructed element and nothing else.
fn whole(bytes: &[u8], within: std::ops::Range<usize>) -> bool {
    bytes.get(within.start).is_some_and(|tag| tag & 0x20 != 0)
        && span(bytes, within.start, within.end).is_some_and(|span| span.end == within.end)
}

fn span(bytes: &[u8], start: usize, end: usize) -> Option<Span> {
    let header = bytes.get(start..end)?;
    let (length, contents) = match header {
        [_, length @ 0..=0x7f, ..] => (usize::from(*length), start + 2),
        [_, 0x81, length, ..] => (usize::from(*length), start + 3),
        [_, 0x82, high, low, ..] => (usize::from(*high) << 8 | usize::from(*low), start + 4),
        _ => return None,
    };
    let stop = contents + length;
    (stop <= end).then_some(Span {
        start,
        contents,
        end: stop,
    })
}

fn replace(bytes: &[u8], path: &[Span], mut new: Vec<u8>) -> Vec<u8> {
    let mut path = path.iter().rev();
    let Some(mut inner) = path.next() else {
        return new;
    };
    for outer in path {
        let contents = [
            &bytes[outer.contents..inner.start],
            &new,
            &bytes[inner.end..outer.end],
        ];
        new = wrap(bytes[outer.start], &contents.concat());
        inner = outer;
    }
    [&bytes[..inner.start], &new, &bytes[inner.end..]].concat()
}

fn wrap(tag: u8, contents: &[u8]) -> Vec<u8> {
    let mut writer = syncrepl_proto::ber::Writer::new();
    writer.value(tag, contents);
    writer.finish()
}
