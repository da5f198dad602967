//! The inner loops, so many times over, for `scripts/counts.sh`, which counts their instructions.
//!
//!     counted decode|compare|dn TIMES

use std::hint::black_box;
use std::process::ExitCode;

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

/// A stream of entries, cut into messages, read, and understood.
fn decode(times: usize) {
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
    let message = Message::encode(1, &entry, &[control]);
    let search = SearchRequest::new("dc=example,dc=com", Scope::Subtree, b"\x87\x0bobjectClass");
    let mut session = Session::new(SyncMode::RefreshOnly);
    session.start(1, &search, None);
    let mut frames = Frames::default();
    for _ in 0..times {
        frames.push(&message);
        let bytes = frames.poll_message().expect("LDAP").expect("a message");
        let message = Message::decode(bytes).expect("a message");
        let event = session.handle_message(&message).expect("an event");
        assert!(matches!(black_box(event), SyncEvent::Entry { .. }));
    }
}

/// An entry of which one attribute has changed.
fn compare(times: usize) {
    let (old, new) = (person("Engineer"), person("Director"));
    let [old, new] = [&old, &new].map(|bytes| AttributeList::decode(bytes).expect("our own"));
    for _ in 0..times {
        assert!(!black_box(&old).same(black_box(&new)));
    }
}

fn key(times: usize) {
    for _ in 0..times {
        black_box(dn::key(black_box(DN)));
    }
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [what, times] = words.as_slice() else {
        return ExitCode::from(2);
    };
    let Ok(times) = times.parse() else {
        return ExitCode::from(2);
    };
    match what.as_str() {
        "decode" => decode(times),
        "compare" => compare(times),
        "dn" => key(times),
        _ => return ExitCode::from(2),
    }
    ExitCode::SUCCESS
}
