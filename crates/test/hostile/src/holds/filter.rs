//! Filters: text and encoding, each from the other and back.

use syncrepl_proto::filter::{Condition, Filter};

/// An encoding when the first byte is 1, else text from the second byte on.
pub fn filter(bytes: &[u8]) {
    let Some((&kind, rest)) = bytes.split_first() else {
        return;
    };
    let filter = if kind == 1 {
        Filter::from_ber(rest).ok()
    } else {
        let text = std::str::from_utf8(rest).ok();
        text.and_then(|text| Filter::parse(text).ok())
    };
    let Some(filter) = filter else {
        return;
    };
    let again = Filter::from_ber(filter.as_bytes()).expect("what we keep we read");
    assert_eq!(again, filter, "the kept form is kept");
    let text = filter.to_string();
    assert!(!text.chars().any(char::is_control), "{text:?}");
    let read = Filter::parse(&text).expect("what we show we read");
    assert_eq!(read, filter, "{text}");
    assert_eq!(read.to_string(), text);
    // It can be compiled, however deep, to the same each time.
    let canonical = Condition::new(&filter).canonical();
    assert_eq!(Condition::new(&read).canonical(), canonical);
    // Another reader of RFC 4511 takes it, and finds nothing else in it.
    let theirs = rasn::ber::decode::<rasn_ldap::Filter>(filter.as_bytes()).expect("a filter");
    let written = rasn::ber::encode(&theirs).expect("what they read they write");
    let sorted = |bytes: &[u8]| {
        let mut bytes = bytes.to_vec();
        bytes.sort_unstable();
        bytes
    };
    // They sort a SET OF, so that the same bytes may come in another order.
    assert_eq!(sorted(&written), sorted(filter.as_bytes()));
}
