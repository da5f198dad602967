//! Bytes that no honest provider sends. The readers refuse them with an error, without a panic, a
//! hang or much memory.

use proptest::prelude::*;
use syncrepl_proto::ber::{Problem, Writer, tag};
use syncrepl_proto::control::Control;
use syncrepl_proto::filter::Filter;
use syncrepl_proto::frame::{FrameError, Frames};
use syncrepl_proto::message::{Message, Operation, SearchRequest, result_name};
use syncrepl_proto::sync::{SyncDone, SyncInfo, SyncRequest, SyncState};

use crate::conversation::{conversation, cuts, places, search};
use crate::{golden, wire};

#[derive(Debug, Clone)]
enum Damage {
    Flip(u8),
    Set(u8),
    Insert(Vec<u8>),
    Delete(usize),
    Duplicate(usize),
    Truncate,
}

fn damage() -> impl Strategy<Value = Damage> {
    // Bytes with a meaning: tags, long lengths, ends of ranges.
    let telling = prop::sample::select(vec![
        0u8, 1, 4, 0x0a, 0x30, 0x31, 0x7f, 0x80, 0x81, 0x84, 0x88, 0xa0, 0xa3, 0xff,
    ]);
    prop_oneof![
        4 => (0u32..8).prop_map(|bit| Damage::Flip(1 << bit)),
        4 => telling.prop_map(Damage::Set),
        1 => any::<u8>().prop_map(Damage::Set),
        2 => prop::collection::vec(any::<u8>(), 1..12).prop_map(Damage::Insert),
        2 => (1usize..12).prop_map(Damage::Delete),
        2 => (1usize..40).prop_map(Damage::Duplicate),
        1 => Just(Damage::Truncate),
    ]
}

fn apply(stream: &mut Vec<u8>, at: prop::sample::Index, damage: &Damage) {
    if stream.is_empty() {
        return;
    }
    let at = at.index(stream.len());
    let end = |count: usize| (at + count).min(stream.len());
    match damage {
        Damage::Flip(bit) => stream[at] ^= bit,
        Damage::Set(byte) => stream[at] = *byte,
        Damage::Insert(bytes) => drop(stream.splice(at..at, bytes.iter().copied())),
        Damage::Delete(count) => drop(stream.drain(at..end(*count))),
        Damage::Duplicate(count) => {
            let piece = stream[at..end(*count)].to_vec();
            drop(stream.splice(at..at, piece));
        }
        Damage::Truncate => stream.truncate(at),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn damaged_stream_ignores_splits(
        conversation in conversation(),
        cuts in cuts(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), damage()), 1..6),
    ) {
        let mut stream = conversation.messages.concat();
        damage.iter().for_each(|(at, damage)| apply(&mut stream, *at, damage));
        let whole = conversation.hear(&stream, &[]);
        prop_assert_eq!(conversation.hear(&stream, &places(&stream, &cuts)), whole);
    }

    /// The outer length stays right, so that the damage reaches the inner readers.
    #[test]
    fn damaged_message_is_safe(
        conversation in conversation(),
        which in any::<prop::sample::Index>(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), damage()), 1..4),
    ) {
        let mut messages = conversation.messages.clone();
        let message = which.get(&conversation.messages);
        let mut contents = message[if message[1] < 0x80 { 2 } else { 3 }..].to_vec();
        damage.iter().for_each(|(at, damage)| apply(&mut contents, *at, damage));
        let mut writer = Writer::new();
        writer.value(tag::SEQUENCE, &contents);
        messages[which.index(conversation.messages.len())] = writer.finish();
        let heard = conversation.hear(&messages.concat(), &[]);
        prop_assert!(heard.len() <= messages.len());
    }

    #[test]
    fn any_bytes_are_safe(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        let _ = Message::decode(&bytes);
        let _ = SyncInfo::decode(&bytes);
        let _ = SyncDone::decode(&bytes);
        let _ = SyncState::decode(&bytes);
        let _ = SyncRequest::decode(&bytes);
        let _ = Filter::from_ber(&bytes);
    }

    #[test]
    fn no_result_name_is_empty(code in any::<u32>()) {
        prop_assert_ne!(result_name(code), Some(""));
    }
}

#[test]
fn truncated_messages_are_refused() {
    for bytes in golden::every() {
        for length in 0..bytes.len() {
            assert!(
                Message::decode(&bytes[..length]).is_err(),
                "{length} of {bytes:?}"
            );
            let mut frames = Frames::default();
            frames.push(&bytes[..length]);
            assert_eq!(frames.poll_message(), Ok(None));
            // Cut short inside, but with the right outer length.
            let mut writer = Writer::new();
            writer.value(tag::SEQUENCE, bytes.get(2..length).unwrap_or_default());
            let _ = Message::decode(&writer.finish());
        }
        let mut longer = bytes.clone();
        longer.push(0);
        assert_eq!(
            Message::decode(&longer).unwrap_err().problem,
            Problem::Trailing
        );
    }
}

#[test]
fn excessive_lengths_are_refused_at_once() {
    for count in 1..=8u8 {
        let mut bytes = vec![0x30, 0x80 | count];
        bytes.extend(vec![0xff; usize::from(count)]);
        let mut frames = Frames::new(200);
        frames.push(&bytes);
        let refused = matches!(frames.poll_message(), Err(FrameError::TooLarge { .. }));
        assert!(refused, "{bytes:?}");
        assert!(frames.space().len() < 1 << 20);
    }
    for first in [0x80, 0x89, 0xff] {
        let mut frames = Frames::default();
        frames.push(&[0x30, first]);
        assert_eq!(
            frames.poll_message(),
            Err(FrameError::NotLdap(Problem::Length))
        );
    }
    // A length that is allowed, with contents that never come.
    let mut frames = Frames::default();
    frames.push(&[0x30, 0x84, 0x03, 0xff, 0xff, 0xf0, 2, 1]);
    assert_eq!(frames.poll_message(), Ok(None));
    assert!(frames.buffered() + frames.space().len() < 1 << 20);
    // The same inside a message.
    for inner in [
        &b"\x30\x0a\x02\x01\x02\x64\x88\xff\xff\xff\xff"[..],
        b"\x30\x84\xff\xff\xff\xff",
    ] {
        assert!(Message::decode(inner).is_err());
    }
}

#[test]
fn message_id_range() {
    for (id, allowed) in [
        (&[2u8, 1, 0][..], true),
        (&[2, 4, 0x7f, 0xff, 0xff, 0xff], true),
        (&[2, 5, 0, 0x80, 0, 0, 0], false),
        (&[2, 1, 0xff], false),
        (&[2, 0], false),
        (&[2, 9, 0, 0, 0, 0, 0, 0, 0, 0, 1], false),
        (&[4, 1, 1], false),
    ] {
        let mut writer = Writer::new();
        writer.constructed(tag::SEQUENCE, |writer| {
            writer.raw(id);
            writer.raw(b"\x65\x07\x0a\x01\x00\x04\x00\x04\x00");
        });
        assert_eq!(Message::decode(&writer.finish()).is_ok(), allowed, "{id:?}");
    }
    let unbind = Message::encode(1 << 31, &Operation::UnbindRequest, &[]);
    assert!(Message::decode(&unbind).is_err());
}

#[test]
fn contradictory_inner_lengths_are_refused() {
    for entry in [
        // The attribute list is longer or shorter than its contents.
        &b"\x04\x01d\x30\x0b\x30\x08\x04\x02cn\x31\x02\x04\x00"[..],
        b"\x04\x01d\x30\x09\x30\x08\x04\x02cn\x31\x02\x04\x00",
        // The length of the attribute, the set, the value or the name is wrong.
        b"\x04\x01d\x30\x0a\x30\x09\x04\x02cn\x31\x02\x04\x00",
        b"\x04\x01d\x30\x0a\x30\x08\x04\x02cn\x31\x03\x04\x00",
        b"\x04\x01d\x30\x0a\x30\x08\x04\x02cn\x31\x02\x04\x01",
        b"\x04\x01d\x30\x0a\x30\x08\x04\x03cn\x31\x02\x04\x00",
        b"\x04\x02d\x30\x0a\x30\x08\x04\x02cn\x31\x02\x04\x00",
        // The list is missing, the SET is a SEQUENCE, a value has another type, a name is not
        // UTF-8.
        b"\x04\x01d",
        b"\x04\x01d\x30\x0a\x30\x08\x04\x02cn\x30\x02\x04\x00",
        b"\x04\x01d\x30\x0a\x30\x08\x04\x02cn\x31\x02\x0c\x00",
        b"\x04\x01d\x30\x0a\x30\x08\x04\x02\xff\xff\x31\x02\x04\x00",
        b"\x04\x01\xff\x30\x00",
    ] {
        let mut writer = Writer::new();
        writer.constructed(tag::SEQUENCE, |writer| {
            writer.number(tag::INTEGER, 2);
            writer.value(0x64, entry);
        });
        assert!(Message::decode(&writer.finish()).is_err(), "{entry:?}");
    }
}

#[test]
fn repeated_fields_are_refused() {
    for contents in [
        // Two lists of controls, two names, two values, two credentials.
        &b"\x02\x01\x02\x65\x07\x0a\x01\x00\x04\x00\x04\x00\xa0\x00\xa0\x00"[..],
        b"\x02\x01\x02\x79\x06\x80\x011\x80\x011",
        b"\x02\x01\x02\x79\x06\x81\x011\x81\x011",
        b"\x02\x01\x02\x78\x0d\x0a\x01\x00\x04\x00\x04\x00\x8b\x011\x8b\x011",
        b"\x02\x01\x02\x78\x0d\x0a\x01\x00\x04\x00\x04\x00\x8a\x011\x8a\x011",
        b"\x02\x01\x02\x61\x0b\x0a\x01\x00\x04\x00\x04\x00\x87\x00\x87\x00",
        b"\x02\x01\x02\x42\x00\xa0\x0d\x30\x0b\x04\x011\x01\x01\xff\x01\x01\x00\x04\x00",
        b"\x02\x01\x02\x42\x00\xa0\x09\x30\x07\x04\x011\x04\x00\x04\x00",
    ] {
        let mut writer = Writer::new();
        writer.value(tag::SEQUENCE, contents);
        let problem = Message::decode(&writer.finish()).unwrap_err().problem;
        assert_eq!(problem, Problem::Twice, "{contents:?}");
    }
}

/// `depth` nested elements.
fn nested(tag: u8, depth: usize, innermost: &[u8]) -> Vec<u8> {
    (0..depth).fold(innermost.to_vec(), |inner, _| {
        let mut writer = Writer::new();
        writer.value(tag, &inner);
        writer.finish()
    })
}

#[test]
fn depth_is_bounded() {
    for tag in [0xa0, 0xa1, 0xa2] {
        assert!(Filter::from_ber(&nested(tag, 64, b"\x87\x01c")).is_ok());
        assert!(Filter::from_ber(&nested(tag, 65, b"\x87\x01c")).is_err());
        assert!(Filter::from_ber(&nested(tag, 5_000, b"\x87\x01c")).is_err());
    }
    // A request does not read its filter, so the depth is harmless there.
    let bomb = nested(0xa2, 5_000, b"\x87\x01c");
    let request = SearchRequest {
        filter: &bomb,
        ..search()
    };
    let bytes = Message::encode(1, &Operation::SearchRequest(request), &[]);
    assert!(Message::decode(&bytes).is_ok());
    // Nested elements in a control value, and in place of controls.
    let inner = nested(0xa0, 5_000, b"");
    let control = Control {
        oid: "1.2",
        critical: false,
        value: Some(&inner),
    };
    assert!(Message::decode(&wire::entry_with(2, &[control])).is_ok());
    let mut contents = b"\x02\x01\x02\x42\x00".to_vec();
    contents.extend(inner);
    let mut writer = Writer::new();
    writer.value(tag::SEQUENCE, &contents);
    assert!(Message::decode(&writer.finish()).is_err());
    assert!(SyncInfo::decode(&nested(0xa3, 5_000, b"\x31\x00")).is_err());
}
