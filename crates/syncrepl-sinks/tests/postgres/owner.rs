//! One owner a table.

use serde_json::json;
use syncrepl_relay::{EventKind, Owner, Position, Sink, Trouble};
use syncrepl_testing::Postgres;
use uuid::Uuid;

use crate::common::{SOURCE, Tell, added, deliver, entries, event, owner, sink, sink_with};

#[track_caller]
fn assert_manual(sink: &mut dyn Sink, who: &Owner, words: &str) {
    let error = sink.open(who).unwrap_err();
    assert_eq!(
        (error.trouble(), error.reason()),
        (Trouble::Manual, "owner")
    );
    assert!(error.to_string().contains(words), "{error}");
}

#[test]
fn two_sinks_on_one_table_need_a_person() {
    let server = Postgres::start();
    deliver(&mut *sink(&server), &[added(1, 10, "Ann")], 1).unwrap();
    let other = Owner {
        sink: "others".to_owned(),
        ..owner()
    };
    assert_manual(
        &mut *sink(&server),
        &other,
        "is that of the sink \"people\"",
    );
    // On a table of its own it is welcome.
    let mut apart = sink_with(&server, json!({"table": "others"}));
    assert_eq!(apart.open(&other).unwrap(), Some(Position::START));
    let rows = server.psql("SELECT target, sink FROM syncrepl_position ORDER BY target");
    assert_eq!(rows, "entries|people\nothers|others");
}

#[test]
fn other_store_needs_a_person_who_says_so() {
    let server = Postgres::start();
    let mut first = sink(&server);
    // Its numbers are far ahead of those of the store that follows.
    let events = [
        added(1, 1000, "Ann").generation(900),
        added(2, 1001, "Bob").generation(900),
    ];
    deliver(&mut *first, &events, 2).unwrap();
    let mut who = Owner {
        source: Uuid::from_u128(0xdef),
        ..owner()
    };
    assert_manual(&mut *sink(&server), &who, "take_over = true");
    who.take_over = true;
    let mut second = sink(&server);
    assert_eq!(second.open(&who).unwrap(), Some(Position::START));
    let batch = [event(EventKind::Snapshot, 1, 5)
        .attrs(&[("cn", &["Eve"])])
        .generation(4)];
    let sent = second.send(&syncrepl_relay::Batch {
        events: &batch,
        before: &Position::START,
        attempts: 0,
    });
    assert_eq!(sent.unwrap().accepted, 1);
    assert_eq!(second.stale(batch[0].generation, &[]).unwrap(), 1);
    second.end_generation(batch[0].generation, &[]).unwrap();
    assert_eq!(entries(&server), [r#"cn=Ann|{"cn": ["Eve"]}"#]);
    // The first one learns of it, and does not take the table back, although it was told the same once.
    assert_manual(&mut *first, &owner(), "is that of the sink");
    let again = Owner {
        take_over: true,
        ..owner()
    };
    assert_manual(&mut *first, &again, "is that of the sink");
}

#[test]
fn send_after_a_take_over_needs_a_person() {
    let server = Postgres::start();
    let mut first = sink(&server);
    let before = first.open(&owner()).unwrap().expect("a position");
    let taker = Owner {
        sink: "taker".to_owned(),
        take_over: true,
        ..owner()
    };
    sink(&server).open(&taker).unwrap();
    let error = first.send(&syncrepl_relay::Batch {
        events: &[added(1, 1, "Ann")],
        before: &before,
        attempts: 0,
    });
    let error = error.unwrap_err();
    assert_eq!(
        (error.trouble(), error.reason()),
        (Trouble::Manual, "owner")
    );
    assert_eq!(entries(&server), [""; 0]);
}

#[test]
fn store_that_was_adopted_goes_on_with_its_tables() {
    let server = Postgres::start();
    deliver(&mut *sink(&server), &[added(1, 10, "Ann")], 1).unwrap();
    let adopted = Owner {
        source: Uuid::from_u128(0xdef),
        previous: Some(SOURCE),
        ..owner()
    };
    assert_eq!(sink(&server).open(&adopted).unwrap(), Some(Position::START));
    assert_eq!(sink(&server).open(&adopted).unwrap(), Some(Position::START));
    assert_manual(&mut *sink(&server), &owner(), "is that of the sink");
}

#[test]
fn rows_of_nobody_are_not_touched() {
    let server = Postgres::start();
    deliver(&mut *sink(&server), &[added(1, 10, "Ann")], 1).unwrap();
    server.psql("DELETE FROM syncrepl_position");
    assert_manual(&mut *sink(&server), &owner(), "nothing says whose");
    let taker = Owner {
        take_over: true,
        ..owner()
    };
    assert_eq!(sink(&server).open(&taker).unwrap(), Some(Position::START));
}
