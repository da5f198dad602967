//! A second opinion on messages: `rasn-ldap`.
//!
//! It refuses more than we do (result codes of later RFCs, fields of later versions), so only messages
//! that both read are compared. It sorts every SET OF. It takes a constructed form for the primitive
//! one, which is a field or an operation of a later version to us.

use syncrepl_proto::filter::Filter;
use syncrepl_proto::message::{Message, Operation, SearchRequest};

/// An AbandonRequest ([APPLICATION 16], primitive) with the bit of a constructed one.
const CONSTRUCTED_ABANDON_REQUEST: u8 = 0x70;

/// We read `message` from `bytes`.
pub(super) fn compare(bytes: &[u8], message: &Message<'_>) {
    // `rasn-ldap` reads filters by recursion, without a limit.
    if let Operation::SearchRequest(request) = &message.op
        && Filter::from_ber(request.filter).is_err()
    {
        return;
    }
    // To us this is an operation of a later version, and we do not look at its contents. `rasn-ldap`
    // takes it for the primitive one, with any number of 32 bits as the message it names. A MessageID
    // has 31 bits (RFC 4511 §4.1.1), so nobody may read what `rasn-ldap` then writes.
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
        // Answers are compared where our reader passed over nothing.
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
