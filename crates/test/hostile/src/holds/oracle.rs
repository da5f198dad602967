//! A second opinion on messages: `rasn-ldap`. It refuses more than we do (result codes of later
//! RFCs, fields of later versions), so only what both read is compared. It sorts every SET OF,
//! and takes a constructed form for the primitive one, which is a field or an operation of a later
//! version to us.

use syncrepl_proto::filter::Filter;
use syncrepl_proto::message::{Message, Operation, SearchRequest};

/// An AbandonRequest ([APPLICATION 16], primitive) with the bit of a constructed one.
const CONSTRUCTED_ABANDON_REQUEST: u8 = 0x70;

/// `message` is what we read from `bytes`.
pub(super) fn compare(bytes: &[u8], message: &Message<'_>) {
    // They read filters by recursion, as deep as it goes.
    if let Operation::SearchRequest(request) = &message.op
        && Filter::from_ber(request.filter).is_err()
    {
        return;
    }
    // An operation of a later version to us, so that its contents are not looked at. They take it for
    // the primitive one, and any number of 32 bits for the message it names, where a MessageID has 31
    // (RFC 4511 §4.1.1): what they then write, nobody may read.
    if message.op == Operation::Other(CONSTRUCTED_ABANDON_REQUEST) {
        return;
    }
    let Ok(theirs) = rasn::ber::decode::<rasn_ldap::LdapMessage>(bytes) else {
        return;
    };
    let written = rasn::ber::encode(&theirs).expect("what they read they write");
    let read = Message::decode(&written).expect("what they write we read");
    let controls: Vec<_> = message.controls.iter().collect();
    assert_eq!(read.id, message.id);
    assert!(read.controls.iter().eq(controls.iter().copied()));
    match (&read.op, &message.op) {
        (Operation::SearchResultEntry(theirs), Operation::SearchResultEntry(ours)) => {
            assert_eq!(theirs.dn, ours.dn);
            assert!(theirs.attributes.same(&ours.attributes));
        }
        (Operation::SearchRequest(theirs), Operation::SearchRequest(ours)) => {
            // The filter is compared where filters are.
            assert_eq!(without_filter(theirs), without_filter(ours));
        }
        (Operation::SearchResultReference(theirs), Operation::SearchResultReference(ours)) => {
            assert!(theirs.iter().eq(ours.iter()));
        }
        // SETs in these, and requests are read by servers only.
        (Operation::ModifyRequest(_), Operation::ModifyRequest(_))
        | (Operation::AddRequest(_), Operation::AddRequest(_)) => {}
        (_, Operation::Other(_)) => {}
        // The answers: compared where nothing was passed over.
        (_, ours) if Message::encode(message.id, ours, &controls) != bytes => {}
        (theirs, ours) => assert_eq!(theirs, ours),
    }
}

fn without_filter<'a>(request: &SearchRequest<'a>) -> SearchRequest<'a> {
    SearchRequest {
        filter: &[],
        ..request.clone()
    }
}
