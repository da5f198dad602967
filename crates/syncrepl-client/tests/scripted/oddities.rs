//! Answers that come late, never, or in a form that no RFC knows.

use std::time::{Duration, Instant};

use syncrepl_client::{Error, ErrorKind, Syncrepl, SyncreplMode};
use syncrepl_proto::attributes::AttributeList;
use syncrepl_proto::control::Control;
use syncrepl_proto::message::{LdapResult, Message, Operation, SearchResultEntry};
use syncrepl_proto::sync::EntryState::{self, Add, Modify};
use syncrepl_proto::sync::{SYNC_STATE, SyncState};

use crate::fake::{Fake, Step, uuid};
use crate::{Bench, poll_until};

const A: (u8, &str) = (1, "cn=a,ou=base,dc=example");
const B: (u8, &str) = (2, "cn=b,ou=base,dc=example");
const OLDER: &str = "rid=000,csn=20261121205327.954658Z#000000#000#000000";
const FIRST: &str = "rid=000,csn=20261121205328.954658Z#000000#000#000000";
const NEXT: &str = "rid=000,csn=20261121205329.954658Z#000000#000#000000";
const APACHE: &str = "Apache Software Foundation";
const APACHE_COOKIE: &str = "20261121205328.954658Z#000000#000#000000";

/// Follows until `last` was told, then goes.
fn follow(bench: &mut Bench, fake: &Fake, last: &str) {
    let mut client = Syncrepl::builder(bench.data(), &mut bench.told)
        .ldap_url(fake.url())
        .connect()
        .unwrap();
    poll_until(&mut client, |told| told.events.contains(&last.to_owned())).unwrap();
    client.unbind().unwrap();
    bench.assert_copy_is_told();
}

fn text_of(bench: &Bench, dn: &str) -> String {
    bench.told.map[dn].clone()
}

/// Two modifies of one entry at once: slapd sent it as it was after the first, with the cookie of
/// the second, and a refresh with that cookie brought nothing. The next write brought both.
#[test]
fn p10_what_is_missing_after_concurrent_writes_comes_with_the_next() {
    let mut bench = Bench::with("", OLDER, &[A, B]);
    let scripts = vec![
        vec![
            Step::Phase(false, None, true),
            Step::EntryWith(Modify, 1, A.1, "after the first", FIRST),
            Step::Cookie(FIRST),
        ],
        vec![Step::Done(None, true)],
        vec![
            Step::Phase(false, None, true),
            Step::EntryWith(Modify, 1, A.1, "after all three", NEXT),
        ],
    ];
    let fake = Fake::start("", scripts);
    fake.shows(&[(1, A.1, "after the second"), (2, B.1, "first")]);
    follow(&mut bench, &fake, "change cn=a");
    assert_eq!(text_of(&bench, A.1), "after the first");
    bench.refresh(&fake).unwrap();
    assert_eq!(bench.events(), ["done", "change cn=a", "done"]);
    assert_eq!(bench.cookie().as_deref(), Some(FIRST));
    follow(&mut bench, &fake, "change cn=a");
    assert_eq!(text_of(&bench, A.1), "after all three");
    let sent = [OLDER, FIRST, FIRST].map(|cookie| Some(cookie.to_owned()));
    assert_eq!(fake.cookies(), sent);
}

/// After kill -9 slapd counted from an older state: what it then sent was news all the same,
/// although its cookie was not.
#[test]
fn p10_what_comes_with_an_older_cookie_is_news() {
    let mut bench = Bench::with("", NEXT, &[A, B]);
    let script = vec![
        Step::Phase(false, None, true),
        Step::EntryWith(Modify, 1, A.1, "after the crash", OLDER),
        Step::EntryWith(EntryState::Delete, 2, B.1, "", FIRST),
    ];
    let fake = Fake::start("", vec![script]);
    follow(&mut bench, &fake, "delete cn=b");
    assert_eq!(text_of(&bench, A.1), "after the crash");
    assert_eq!(bench.cookie().as_deref(), Some(NEXT));
}

fn refused(result: Result<(), Error>, began: Instant) -> Error {
    assert!(began.elapsed() < Duration::from_secs(10), "it hung");
    result.unwrap_err()
}

/// ApacheDS tells the end of a refresh to nobody who stays: a cookie is all that comes.
#[test]
fn p26_a_refresh_that_never_ends_is_given_up() {
    let mut bench = Bench::with(APACHE, APACHE_COOKIE, &[A, B]);
    let script = vec![
        Step::Entry(Add, 1, A.1, "second"),
        Step::Cookie("20261121205329.954658Z#000000#000#000000"),
    ];
    let fake = Fake::start(APACHE, vec![script]);
    let (before, began) = (bench.told.map.clone(), Instant::now());
    let mut client = Syncrepl::builder(bench.data(), &mut bench.told)
        .ldap_url(fake.url())
        .refresh_timeout(Duration::from_millis(300))
        .connect()
        .unwrap();
    let error = refused(poll_until(&mut client, |_| false), began);
    assert_eq!(error.kind(), ErrorKind::Unreachable);
    assert!(error.is_retryable());
    drop(client);
    bench.told.map = before;
    bench.assert_copy_is_told();
    assert_eq!(bench.cookie().as_deref(), Some(APACHE_COOKIE));
}

/// A change that ApacheDS delivers late or never is no reason to delete, nor is its word that all
/// was told.
#[test]
fn p26_what_is_delivered_late_is_not_deleted_before() {
    let mut bench = Bench::with(APACHE, APACHE_COOKIE, &[A, B]);
    let late = "20261121205329.954658Z#000000#000#000000";
    let scripts = vec![
        vec![Step::Done(Some(late), false)],
        vec![
            Step::Entry(Modify, 1, A.1, "second"),
            Step::EntryWith(EntryState::Delete, 2, B.1, "", late),
            Step::Done(Some(late), false),
        ],
    ];
    let fake = Fake::start(APACHE, scripts);
    bench.refresh(&fake).unwrap();
    assert_eq!(bench.events(), ["done"]);
    bench.refresh(&fake).unwrap();
    assert_eq!(bench.events(), ["change cn=a", "delete cn=b", "done"]);
}

/// An entry as ApacheDS sends one that was moved: its state is 4, which no RFC knows.
fn with_state_4(id: u32) -> Vec<u8> {
    let state = SyncState {
        state: Modify,
        uuid: uuid(A.0),
        cookie: None,
    };
    let mut value = state.encode();
    // SEQUENCE { ENUMERATED state, …
    assert_eq!(value[2..5], [0x0a, 1, 2]);
    value[4] = 4;
    let control = Control {
        oid: SYNC_STATE,
        critical: false,
        value: Some(&value),
    };
    entry(id, &[("description", vec![b"moved"])], &control)
}

fn entry(id: u32, attributes: &[(&str, Vec<&[u8]>)], control: &Control<'_>) -> Vec<u8> {
    let attributes = AttributeList::encode(attributes.iter().cloned());
    let attributes = AttributeList::decode(&attributes).expect("attributes");
    let entry = SearchResultEntry {
        dn: A.1,
        attributes,
    };
    Message::encode(id, &Operation::SearchResultEntry(entry), &[*control])
}

#[test]
fn p26_a_state_that_no_rfc_knows_is_an_error() {
    let mut bench = Bench::with(APACHE, APACHE_COOKIE, &[A, B]);
    let before = bench.told.map.clone();
    let script = vec![
        Step::Entry(Modify, 2, B.1, "second"),
        Step::Raw(with_state_4),
        Step::Done(Some(APACHE_COOKIE), false),
    ];
    let began = Instant::now();
    let error = refused(bench.refresh(&Fake::start(APACHE, vec![script])), began);
    assert_eq!(error.kind(), ErrorKind::Protocol);
    assert!(error.to_string().contains("state"), "{error}");
    assert_eq!(bench.told.map, before, "nothing of it was kept");
}

fn empty_lists(id: u32) -> Vec<u8> {
    let value = SyncState {
        state: Modify,
        uuid: uuid(A.0),
        cookie: None,
    }
    .encode();
    let control = Control {
        oid: SYNC_STATE,
        critical: false,
        value: Some(&value),
    };
    // In another order and case, with what was asked for and is not there.
    let attributes = [
        ("DESCRIPTION", vec![&b"first"[..]]),
        ("SeeAlso", vec![]),
        ("OBJECTCLASS", vec![b"device"]),
    ];
    entry(id, &attributes, &control)
}

/// What is not there may come as an empty list, under the name that was asked for.
#[test]
fn p28_an_empty_list_is_no_attribute() {
    let mut bench = Bench::with("", FIRST, &[A, B]);
    let script = vec![Step::Raw(empty_lists), Step::Done(Some(NEXT), true)];
    bench.refresh(&Fake::start("", vec![script])).unwrap();
    assert_eq!(bench.events(), ["done"]);
}

fn extended_response(id: u32) -> Vec<u8> {
    let result = LdapResult {
        diagnostic: "no such control here",
        ..LdapResult::new(12)
    };
    let response = Operation::ExtendedResponse {
        result,
        name: None,
        value: None,
    };
    Message::encode(id, &response, &[])
}

/// Samba answers a search that has a critical control of RFC 4533 as if it were something else.
#[test]
fn p29_another_operation_than_expected_is_an_error() {
    for mode in [SyncreplMode::RefreshOnly, SyncreplMode::RefreshAndPersist] {
        let mut bench = Bench::with("", FIRST, &[A, B]);
        let fake = Fake::start("", vec![vec![Step::Raw(extended_response)]]);
        let began = Instant::now();
        let result = bench.run(&fake, mode, |builder| {
            builder.refresh_timeout(Duration::from_secs(2))
        });
        let error = refused(result, began);
        // What it meant is told.
        assert_eq!(error.kind(), ErrorKind::Refused);
        assert_eq!(error.result_code(), Some(12));
        assert!(
            error.to_string().contains("no such control here"),
            "{error}"
        );
        assert!(!error.is_retryable());
        assert_eq!(bench.cookie().as_deref(), Some(FIRST));
    }
}
