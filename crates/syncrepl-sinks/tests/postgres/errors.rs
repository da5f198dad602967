//! What the server refuses: one event alone, and never a value in the message.

use serde_json::json;
use syncrepl_relay::{Event, EventKind, Position, Sink, SinkResult, Trouble};
use syncrepl_testing::Postgres;

use crate::common::{Tell, added, deliver, event, owner, sink, sink_with};

const CANARY: &str = "canary-7f3a";

/// Sends one batch to where the sink stands.
fn send(sink: &mut dyn Sink, events: &[Event]) -> SinkResult<syncrepl_relay::Sent> {
    let before: Position = sink.open(&owner())?.expect("a position");
    sink.send(&syncrepl_relay::Batch {
        events,
        before: &before,
        attempts: 0,
    })
}

fn person(entry: u128, seq: u64, mail: &str) -> Event {
    added(entry, seq, "Ann").attr("mail", &[mail.as_bytes().to_vec()])
}

#[test]
fn unique_constraint_refuses_one_event_alone() {
    let server = Postgres::start();
    let mut sink = sink_with(&server, json!({"columns": {"mail": "mail"}}));
    deliver(&mut *sink, &[], 1).unwrap();
    server.psql(
        "ALTER TABLE entries ADD CONSTRAINT one_mail UNIQUE (mail) DEFERRABLE INITIALLY DEFERRED",
    );
    let events = [
        person(1, 1, "a@x"),
        person(2, 2, CANARY),
        person(3, 3, CANARY),
        person(4, 4, "d@x"),
    ];
    let error = send(&mut *sink, &events).unwrap_err();
    assert_eq!(error.trouble(), Trouble::Refused);
    let text = error.to_string();
    assert!(
        text.contains("one_mail") && text.contains("DEFERRABLE"),
        "{text}"
    );
    assert!(!text.contains(CANARY), "{text}");
    assert_eq!(server.psql("SELECT count(*) FROM entries"), "0");
    let refused: Vec<bool> = events
        .chunks(1)
        .map(|event| send(&mut *sink, event).is_err())
        .collect();
    assert_eq!(refused, [false, false, true, false]);
    // Two entries swap their values in one batch.
    let swap = [person(2, 5, "a@x"), person(1, 6, CANARY)];
    assert_eq!(send(&mut *sink, &swap).unwrap().accepted, 2);
    assert_eq!(
        server.psql("SELECT string_agg(mail, ' ' ORDER BY uuid) FROM entries"),
        format!("{CANARY} a@x d@x")
    );
}

#[test]
fn messages_hold_no_values() {
    let server = Postgres::start();
    let mut sink = sink_with(&server, json!({"columns": {"mail": "mail"}}));
    deliver(&mut *sink, &[], 1).unwrap();
    let raise = |how: &str| {
        format!(
            "CREATE OR REPLACE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {how} RETURN NEW; END $$; \
             DROP TRIGGER IF EXISTS f ON entries; \
             CREATE TRIGGER f BEFORE INSERT ON entries FOR EACH ROW EXECUTE FUNCTION f();"
        )
    };
    for (what, sql, trouble) in [
        (
            "P0001",
            raise("RAISE EXCEPTION 'no: %', NEW.mail;"),
            Trouble::Refused,
        ),
        (
            "42P01",
            raise(
                "RAISE EXCEPTION '%', NEW.mail USING ERRCODE = '42P01', CONSTRAINT = NEW.mail, COLUMN = NEW.mail, HINT = NEW.mail;",
            ),
            Trouble::Manual,
        ),
        ("22P02", raise("PERFORM NEW.mail::int;"), Trouble::Refused),
        (
            "40001",
            raise("RAISE EXCEPTION '%', NEW.mail USING ERRCODE = '40001';"),
            Trouble::Passing,
        ),
        (
            "53100",
            raise("RAISE EXCEPTION '%', NEW.mail USING ERRCODE = '53100';"),
            Trouble::Passing,
        ),
        (
            "23514",
            "DROP TRIGGER f ON entries; ALTER TABLE entries ADD CHECK (mail NOT LIKE 'can%')"
                .to_owned(),
            Trouble::Refused,
        ),
        (
            "22001",
            "ALTER TABLE entries ALTER mail TYPE varchar(3)".to_owned(),
            Trouble::Refused,
        ),
    ] {
        server.psql(&sql);
        let error = send(&mut *sink, &[person(1, 1, CANARY)]).unwrap_err();
        let text = format!("{error} {error:?}");
        assert_eq!(error.trouble(), trouble, "{text}");
        assert!(text.contains(what), "{what}: {text}");
        assert!(!text.contains(CANARY), "{text}");
    }
    assert_eq!(server.psql("SELECT count(*) FROM entries"), "0");
}

#[test]
fn change_of_an_entry_that_is_not_there_is_refused_alone() {
    let server = Postgres::start();
    let mut sink = sink(&server);
    let change = |entry, seq| event(EventKind::Changed, entry, seq).change("cn", &["x"], &[]);
    let events = [
        added(1, 1, "Ann"),
        change(1, 2),
        change(2, 3),
        added(3, 4, "Cid"),
    ];
    let sent = send(&mut *sink, &events).unwrap();
    assert_eq!(sent.accepted, 2);
    assert!(
        sent.refused
            .expect("a reason")
            .contains("is not in the table")
    );
    let sent = send(&mut *sink, &events[2..]).unwrap();
    assert_eq!((sent.accepted, sent.refused.is_some()), (0, true));
    let mut moved = event(EventKind::Renamed, 2, 5).dn("cn=y");
    assert!(
        send(&mut *sink, &[moved.clone()])
            .unwrap()
            .refused
            .is_some()
    );
    // Told whole, it is there.
    moved = moved.attrs(&[("cn", &["y"])]);
    assert_eq!(send(&mut *sink, &[moved]).unwrap().accepted, 1);
    assert_eq!(
        server.psql("SELECT string_agg(dn, ' ' ORDER BY uuid) FROM entries"),
        "cn=Ann cn=y"
    );
}

#[test]
fn lock_that_another_holds_passes() {
    let server = Postgres::start();
    let mut sink = sink_with(&server, json!({"timeout": "1s"}));
    deliver(&mut *sink, &[], 1).unwrap();
    let mut holder = server.client("psql", "postgres");
    holder.args([
        "-XAtq",
        "-d",
        "app",
        "-c",
        "BEGIN; LOCK TABLE entries; SELECT pg_sleep(4); COMMIT",
    ]);
    let holder = std::thread::spawn(move || holder.output());
    let held = "SELECT count(*) FROM pg_locks l JOIN pg_class c ON c.oid = l.relation \
                WHERE relname = 'entries' AND mode = 'AccessExclusiveLock'";
    syncrepl_testing::wait_until(crate::common::PATIENCE, || server.psql(held) == "1");
    let error = send(&mut *sink, &[added(1, 1, "Ann")]).unwrap_err();
    assert_eq!(error.trouble(), Trouble::Passing, "{error}");
    holder.join().expect("the holder").expect("psql starts");
    deliver(&mut *sink, &[added(1, 1, "Ann")], 1).unwrap();
}
