//! The inner loops, one round at a time: `benches/micro.rs` times them, `bin/counted` counts their
//! instructions.

#![warn(unreachable_pub)]

use std::hint::black_box;

use syncrepl_proto::Uuid;
use syncrepl_proto::attributes::AttributeList;
use syncrepl_proto::control::Control;
use syncrepl_proto::dn;
use syncrepl_proto::frame::Frames;
use syncrepl_proto::message::{Message, Operation, Scope, SearchRequest, SearchResultEntry};
use syncrepl_proto::session::{Session, SyncEvent};
use syncrepl_proto::sync::{EntryState, SYNC_STATE, SyncMode, SyncState};

const DN: &str = "uid=user0012345,ou=People,dc=example,dc=com";

fn person(title: &str) -> Vec<u8> {
    let one = |name, value: &'static str| (name, vec![value.as_bytes()]);
    AttributeList::encode([
        (
            "objectClass",
            ["top", "person", "organizationalPerson", "inetOrgPerson"]
                .map(str::as_bytes)
                .to_vec(),
        ),
        one("uid", "user0012345"),
        one("cn", "Fatma Fischer 12345"),
        one("sn", "Fischer"),
        one("givenName", "Fatma"),
        one("displayName", "Fatma Fischer"),
        one("mail", "fatma.fischer.12345@example.com"),
        one("telephoneNumber", "+49 30 0012345"),
        one("employeeNumber", "12345"),
        one("employeeType", "staff"),
        one("departmentNumber", "D26"),
        ("title", vec![title.as_bytes()]),
        one(
            "description",
            "works in building 7, behind the door with the number 12345",
        ),
    ])
}

/// An entry as the provider sends it, in answer to message 1.
fn entry() -> Vec<u8> {
    let attributes = person("Engineer");
    let attributes = AttributeList::decode(&attributes).expect("our own bytes");
    let state = SyncState {
        state: EntryState::Add,
        uuid: Uuid::from_u128(7),
        cookie: None,
    };
    let value = state.encode();
    let control = Control {
        oid: SYNC_STATE,
        critical: false,
        value: Some(&value),
    };
    let entry = Operation::SearchResultEntry(SearchResultEntry { dn: DN, attributes });
    Message::encode(1, &entry, &[control])
}

/// Cuts an entry out of a stream.
pub fn frame() -> impl FnMut() {
    let entry = entry();
    let mut frames = Frames::default();
    move || {
        frames.push(black_box(&entry));
        assert!(black_box(frames.poll_message()).is_ok_and(|message| message.is_some()));
    }
}

/// The same, read and understood.
pub fn decode() -> impl FnMut() {
    let entry = entry();
    let search = SearchRequest::new("dc=example,dc=com", Scope::Subtree, b"\x87\x0bobjectClass");
    let mut session = Session::new(SyncMode::RefreshOnly);
    session.start(1, &search, None);
    let mut frames = Frames::default();
    move || {
        frames.push(&entry);
        let bytes = frames.poll_message().expect("LDAP").expect("a message");
        let message = Message::decode(bytes).expect("a message");
        let event = session.handle_message(&message).expect("an event");
        assert!(matches!(black_box(event), SyncEvent::Entry { .. }));
    }
}

/// Decides about an entry of which one attribute has changed.
pub fn compare() -> impl FnMut() {
    let [old, new] = ["Engineer", "Director"]
        .map(|title| AttributeList::decode(person(title).leak()).expect("our own bytes"));
    move || assert!(!black_box(&old).same(black_box(&new)))
}

/// Normalises a DN.
pub fn dn() -> impl FnMut() {
    || {
        black_box(dn::key(black_box(DN)));
    }
}
