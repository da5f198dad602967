//! Answers that come late, never, or in a form that no RFC knows.

use std::time::{Duration, Instant};

use syncrepl_client::{Error, ErrorKind, Syncrepl, SyncreplMode};
use syncrepl_proto::attributes::AttributeList;
use syncrepl_proto::control::Control;
use syncrepl_proto::message::{LdapResult, Message, Operation, SearchResultEntry};
use syncrepl_proto::sync::EntryState::Modify;
use syncrepl_proto::sync::{SYNC_STATE, SyncState};

use crate::bench::{Bench, as_it_is, poll_until};
use crate::fake::{Fake, Step, uuid};
use crate::story::*;

const APACHE_COOKIE: &str = "20261121205328.954658Z#000000#000#000000";

/// Follows until `last` was told, then unbinds.
fn follow(bench: &mut Bench, fake: &Fake, last: &str) {
    bench.follow_until(fake, as_it_is, |told| told.heard(last));
}

/// The copy is the one of A and B that the test began with.
#[track_caller]
fn assert_unchanged(bench: &mut Bench) {
    bench.told.map.roll_back();
    let two = [A, B].map(|(n, dn)| (dn.to_owned(), text(n).to_owned()));
    assert_eq!(*bench.told.map.now(), two.into());
    bench.assert_copy_is_told();
}

fn text_of(bench: &Bench, dn: &str) -> String {
    bench.told.map.now()[dn].clone()
}

/// Two writers modify one entry at once. slapd sends it as it is after the first write, with the
/// cookie of the second, and a refresh with that cookie brings nothing. Since the message takes a value
/// away, the entry is read, and with it the second write.
#[test]
fn p10_the_write_missing_after_concurrent_writes_is_read() {
    let mut bench = Bench::with("", OLDER, &[A, B]);
    let scripts = vec![
        vec![
            persist(),
            modify_with(1, A.1, "after the first", FIRST),
            cookie(FIRST),
        ],
        vec![Step::Done(None, true)],
        vec![persist(), modify_with(1, A.1, "after all three", NEXT)],
    ];
    let fake = Fake::start("", scripts);
    fake.describes(&[(1, A.1, "after the second"), (2, B.1, text(2))]);
    follow(&mut bench, &fake, "change cn=a");
    assert_eq!(text_of(&bench, A.1), "after the second");
    fake.describes(&[(1, A.1, "after all three"), (2, B.1, text(2))]);
    bench.refresh(&fake).unwrap();
    assert_eq!(bench.events(), ["done", "change cn=a", "done"]);
    assert_eq!(bench.cookie().as_deref(), Some(FIRST));
    follow(&mut bench, &fake, "change cn=a");
    assert_eq!(text_of(&bench, A.1), "after all three");
    let sent = [OLDER, FIRST, FIRST].map(|cookie| Some(cookie.to_owned()));
    assert_eq!(fake.cookies(), sent);
}

/// After kill -9 slapd counts from an older state. Its changes are news all the same, although their
/// cookies are old.
#[test]
fn p10_a_change_with_an_older_cookie_is_news() {
    let mut bench = Bench::with("", NEXT, &[A, B]);
    let fake = Fake::plays([
        persist(),
        modify_with(1, A.1, "after the crash", OLDER),
        delete_with(2, B.1, FIRST),
    ]);
    follow(&mut bench, &fake, "delete cn=b");
    assert_eq!(text_of(&bench, A.1), "after the crash");
    assert_eq!(bench.cookie().as_deref(), Some(NEXT));
}

/// The error, which came soon.
fn refused(result: Result<(), Error>, began: Instant) -> Error {
    assert!(began.elapsed() < Duration::from_secs(10), "it hung");
    result.unwrap_err()
}

/// To a search that persists ApacheDS never tells the end of the refresh. It sends a cookie, and no
/// more.
#[test]
fn p26_a_refresh_that_never_ends_is_given_up() {
    let mut bench = Bench::with(APACHE, APACHE_COOKIE, &[A, B]);
    let script = vec![
        add_as(1, A.1, "second"),
        cookie("20261121205329.954658Z#000000#000#000000"),
    ];
    let fake = Fake::start(APACHE, vec![script]);
    let began = Instant::now();
    let mut client = Syncrepl::builder(bench.data(), &mut bench.told)
        .ldap_url(fake.url())
        .any_server(true)
        .refresh_timeout(Duration::from_millis(300))
        .connect()
        .unwrap();
    let error = refused(poll_until(&mut client, |_| false), began);
    assert_eq!(error.kind(), ErrorKind::Unreachable);
    assert!(error.is_retryable());
    drop(client);
    assert_unchanged(&mut bench);
    assert_eq!(bench.cookie().as_deref(), Some(APACHE_COOKIE));
}

/// ApacheDS delivers changes late or never, and still says that it told everything. Neither is a
/// reason to delete.
#[test]
fn p26_an_entry_whose_change_is_late_is_not_deleted_before() {
    let mut bench = Bench::with(APACHE, APACHE_COOKIE, &[A, B]);
    let late = "20261121205329.954658Z#000000#000#000000";
    let scripts = vec![
        vec![done_by_presence(late)],
        vec![
            modify_as(1, A.1, "second"),
            delete_with(2, B.1, late),
            done_by_presence(late),
        ],
    ];
    let fake = Fake::start(APACHE, scripts);
    bench.refresh(&fake).unwrap();
    assert_eq!(bench.events(), ["done"]);
    bench.refresh(&fake).unwrap();
    assert_eq!(bench.events(), ["change cn=a", "delete cn=b", "done"]);
}

/// The value of the control that says: A was modified.
fn a_modified() -> Vec<u8> {
    SyncState {
        state: Modify,
        uuid: uuid(A.0),
        cookie: None,
    }
    .encode()
}

/// ApacheDS sends a moved entry with the state 4, which no RFC knows.
fn with_state_4(id: u32) -> Vec<u8> {
    let mut value = a_modified();
    // SEQUENCE { ENUMERATED state, …
    assert_eq!(value[2..5], [0x0a, 1, 2]);
    value[4] = 4;
    entry_a(id, &[("description", vec![b"moved"])], &value)
}

/// The message with A, these attributes, and this value of its Sync State control.
fn entry_a(id: u32, attributes: &[(&str, Vec<&[u8]>)], state: &[u8]) -> Vec<u8> {
    let control = Control {
        oid: SYNC_STATE,
        critical: false,
        value: Some(state),
    };
    let attributes = AttributeList::encode(attributes.iter().cloned());
    let attributes = AttributeList::decode(&attributes).expect("attributes");
    let entry = SearchResultEntry {
        dn: A.1,
        attributes,
    };
    Message::encode(id, &Operation::SearchResultEntry(entry), &[control])
}

#[test]
fn p26_a_state_that_no_rfc_knows_is_an_error() {
    let mut bench = Bench::with(APACHE, APACHE_COOKIE, &[A, B]);
    let script = vec![
        modify_as(2, B.1, "second"),
        Step::Raw(with_state_4),
        done_by_presence(APACHE_COOKIE),
    ];
    let began = Instant::now();
    let error = refused(bench.refresh(&Fake::start(APACHE, vec![script])), began);
    assert_eq!(error.kind(), ErrorKind::Protocol);
    assert!(error.to_string().contains("state"), "{error}");
    assert_unchanged(&mut bench);
}

/// A as the copy has it, in another order and case, and with an attribute that it does not have.
/// The work for an entry grows with the square of its depth.
#[test]
fn entry_of_too_many_levels_is_an_error() {
    let mut bench = Bench::with(APACHE, APACHE_COOKIE, &[A, B]);
    let deep = format!("{}{}", "cn=x,".repeat(1000), B.1).leak();
    let script = vec![
        modify_as(2, deep, "second"),
        done_by_presence(APACHE_COOKIE),
    ];
    let error = refused(
        bench.refresh(&Fake::start(APACHE, vec![script])),
        Instant::now(),
    );
    assert_eq!(error.kind(), ErrorKind::Protocol);
    assert!(error.to_string().contains("levels"), "{error}");
    assert_unchanged(&mut bench);
}

fn empty_lists(id: u32) -> Vec<u8> {
    let attributes = [
        ("DESCRIPTION", vec![text(1).as_bytes()]),
        ("SeeAlso", vec![]),
        ("OBJECTCLASS", vec![b"device"]),
    ];
    entry_a(id, &attributes, &a_modified())
}

/// A provider may send an empty list for an attribute that the consumer asks for and the entry does
/// not have.
#[test]
fn p28_an_empty_list_is_no_attribute() {
    let mut bench = Bench::with("", FIRST, &[A, B]);
    let fake = Fake::plays([Step::Raw(empty_lists), done(NEXT)]);
    bench.refresh(&fake).unwrap();
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

/// Samba answers a search with a critical control of RFC 4533 by an extended response.
#[test]
fn p29_another_operation_than_expected_is_an_error() {
    for mode in [SyncreplMode::RefreshOnly, SyncreplMode::RefreshAndPersist] {
        let mut bench = Bench::with("", FIRST, &[A, B]);
        let fake = Fake::plays([Step::Raw(extended_response)]);
        let began = Instant::now();
        let result = bench.run(&fake, mode, |builder| {
            builder.refresh_timeout(Duration::from_secs(2))
        });
        let error = refused(result, began);
        // The error tells what the response says.
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

/// Tried all the same, Samba refuses. No other vendor's advice helps there.
#[test]
fn p29_refusal_by_a_server_that_is_not_supported_says_why() {
    let mut bench = Bench::new();
    let samba = "Samba Team (https://www.samba.org)";
    let fake = Fake::start(samba, vec![vec![Step::Raw(extended_response)]]);
    let error = refused(bench.refresh(&fake), Instant::now());
    assert_eq!(error.result_code(), Some(12));
    let text = error.to_string();
    assert!(text.contains("DirSync"), "{text}");
    assert!(!text.contains("syncprov"), "{text}");
}
