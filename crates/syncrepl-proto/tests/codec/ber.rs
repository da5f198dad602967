//! BER: lengths, numbers and tags.

use proptest::prelude::*;
use syncrepl_proto::ber::{Problem, Reader, Writer, tag};
use syncrepl_proto::sync::SyncDone;

#[test]
fn lengths_of_every_form() {
    for (bytes, length) in [
        (&[4u8, 1, 7][..], 1),
        (&[4, 0x81, 1, 7], 1),
        (&[4, 0x84, 0, 0, 0, 1, 7], 1),
        (&[4, 0x88, 0, 0, 0, 0, 0, 0, 0, 1, 7], 1),
    ] {
        assert_eq!(Reader::new(bytes, "x").octets("x").unwrap().len(), length);
    }
    for (bytes, problem) in [
        (&[4u8, 0x80, 0, 0][..], Problem::Length),
        (&[4, 0x89, 0, 0, 0, 0, 0, 0, 0, 0, 1, 7], Problem::Length),
        (&[4, 0xff, 1], Problem::Length),
        (&[0x1f, 1, 7], Problem::LongTag),
        (&[4, 2, 7], Problem::Truncated),
        (
            &[4, 0x88, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 7],
            Problem::Truncated,
        ),
        (&[4], Problem::Truncated),
        (&[], Problem::Missing),
    ] {
        assert_eq!(
            Reader::new(bytes, "x").element().unwrap_err().problem,
            problem,
            "{bytes:?}"
        );
    }
}

#[test]
fn numbers() {
    for (number, bytes) in [
        (0u32, &[2u8, 1, 0][..]),
        (127, &[2, 1, 127]),
        (128, &[2, 2, 0, 128]),
        (4096, &[2, 2, 16, 0]),
        (i32::MAX as u32, &[2, 4, 0x7f, 0xff, 0xff, 0xff]),
    ] {
        let mut writer = Writer::new();
        writer.number(tag::INTEGER, number);
        assert_eq!(writer.finish(), bytes);
        assert_eq!(
            Reader::new(bytes, "n").number(tag::INTEGER, "n"),
            Ok(number)
        );
    }
    for bytes in [
        &[2u8, 0][..],
        &[2, 1, 0x80],
        &[2, 5, 0, 0x80, 0, 0, 0],
        &[2, 9, 0, 0, 0, 0, 0, 0, 0, 0, 1],
    ] {
        assert!(
            Reader::new(bytes, "n").number(tag::INTEGER, "n").is_err(),
            "{bytes:?}"
        );
    }
}

proptest! {
    #[test]
    fn elements_round_trip(values in prop::collection::vec((0u8..0x1f, prop::collection::vec(any::<u8>(), 0..300)), 0..8)) {
        let mut writer = Writer::new();
        writer.constructed(tag::SEQUENCE, |writer| {
            for (tag, value) in &values {
                writer.value(*tag, value);
            }
        });
        let bytes = writer.finish();
        let mut outer = Reader::new(&bytes, "outer");
        let mut inner = Reader::new(outer.expect(tag::SEQUENCE, "sequence").unwrap().value, "inner");
        prop_assert!(outer.is_empty());
        for (tag, value) in &values {
            let element = inner.element().unwrap();
            prop_assert_eq!(element.tag, *tag);
            prop_assert_eq!(element.value, &value[..]);
        }
        prop_assert!(inner.is_empty());
    }

    #[test]
    fn any_bytes_are_safe(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let _ = Reader::new(&bytes, "anything").skip_rest();
    }
}

/// Once, the reader skipped refreshDeletes TRUE in constructed form as a field of a later version,
/// and read FALSE. The consumer would have deleted every entry that was not named.
#[test]
fn constructed_form_of_primitive_is_refused() {
    for tag in [
        tag::BOOLEAN,
        tag::INTEGER,
        tag::OCTET_STRING,
        tag::ENUMERATED,
    ] {
        let bytes = [0x20 | tag, 1, 0xff];
        let error = Reader::new(&bytes, "x").element().unwrap_err();
        assert_eq!(error.problem, Problem::Constructed(0x20 | tag));
    }
    let done = SyncDone::decode(b"\x30\x03\x21\x01\xff");
    assert_eq!(done.unwrap_err().problem, Problem::Constructed(0x21));
}

#[test]
fn lengths_of_every_long_form() {
    for count in 1..=8u8 {
        // The largest length of this form: always beyond the end, never an overflow.
        let mut bytes = vec![tag::OCTET_STRING, 0x80 | count];
        bytes.extend(vec![0xff; usize::from(count)]);
        let error = Reader::new(&bytes, "x").element().unwrap_err();
        assert_eq!(error.problem, Problem::Truncated, "{bytes:?}");
        // The same form with leading zeros, which BER allows.
        let mut bytes = vec![tag::OCTET_STRING, 0x80 | count];
        bytes.extend(vec![0; usize::from(count) - 1]);
        bytes.extend([2, 7, 8]);
        let mut reader = Reader::new(&bytes, "x");
        assert_eq!(reader.octets("x"), Ok(&[7u8, 8][..]));
        assert_eq!(reader.end(), Ok(()));
    }
    for count in (9..=0x7f).chain([0]) {
        let mut bytes = vec![tag::OCTET_STRING, 0x80 | count];
        bytes.extend([0; 0x80]);
        let error = Reader::new(&bytes, "x").element().unwrap_err();
        assert_eq!(error.problem, Problem::Length, "{count}");
    }
}

#[test]
fn shortest_length_is_written() {
    for (size, header) in [
        (0usize, &[4u8, 0][..]),
        (0x7f, &[4, 0x7f]),
        (0x80, &[4, 0x81, 0x80]),
        (0xff, &[4, 0x81, 0xff]),
        (0x100, &[4, 0x82, 1, 0]),
        (0x1_0000, &[4, 0x83, 1, 0, 0]),
    ] {
        let mut writer = Writer::new();
        writer.octets(&vec![7; size]);
        let bytes = writer.finish();
        assert_eq!(bytes.get(..header.len()), Some(header));
        assert_eq!(bytes.len(), header.len() + size);
    }
}

#[test]
fn booleans() {
    for (bytes, value) in [
        (&[1u8, 1, 0][..], Some(false)),
        (&[1, 1, 0xff], Some(true)),
        (&[1, 1, 1], Some(true)),
        (&[1, 0], None),
        (&[1, 2, 0, 0], None),
    ] {
        assert_eq!(
            Reader::new(bytes, "b").boolean("b").ok(),
            value,
            "{bytes:?}"
        );
    }
}

#[test]
fn error_names_element_and_problem() {
    let error = Reader::new(&[4, 0], "x").number(tag::INTEGER, "messageID");
    let text = error.unwrap_err().to_string();
    assert_eq!(text, "messageID: tag 0x04 where 0x02 is due");
}

proptest! {
    #[test]
    fn numbers_agree_with_oracle(number in any::<u32>()) {
        let mut writer = Writer::new();
        writer.number(tag::INTEGER, number);
        let bytes = writer.finish();
        prop_assert_eq!(&bytes, &rasn::ber::encode(&number).unwrap());
        // maxInt (RFC 4511 §4.1.1) is 2^31-1.
        let read = Reader::new(&bytes, "n").number(tag::INTEGER, "n").ok();
        prop_assert_eq!(read, i32::try_from(number).is_ok().then_some(number));
    }
}
