//! `mode = "events"`: a row an event.

use serde_json::json;
use syncrepl_relay::{EventKind, Seq, Sink};
use syncrepl_testing::Postgres;
use uuid::Uuid;

use crate::common::{Tell, added, deliver, event, sink_with};

fn sink(server: &Postgres) -> Box<dyn Sink> {
    sink_with(server, json!({"mode": "events"}))
}

#[test]
fn events_are_rows_in_their_order() {
    let server = Postgres::start();
    let mut sink = sink(&server);
    let mut begin = event(EventKind::SnapshotStarted, 0, 9);
    begin.uuid = Uuid::nil();
    let events = [
        begin,
        added(1, 10, "Ann"),
        event(EventKind::Renamed, 1, 11).dn("cn=E\0ve"),
        event(EventKind::Changed, 1, 12).change("mail", &["a\\u0000\0"], &[]),
        event(EventKind::Deleted, 1, 13),
    ];
    deliver(&mut *sink, &events[..2], 2).unwrap();
    deliver(&mut *sink, &events, 2).unwrap();
    let shown = server.psql(
        "SELECT id, seq, date_trunc('second', time AT TIME ZONE 'UTC'), type, \
         right(uuid::text, 1), dn FROM events ORDER BY n",
    );
    let time = "2026-11-29 10:31:37";
    assert_eq!(
        shown.lines().collect::<Vec<_>>(),
        [
            format!("run.9.1|9|{time}|io.syncrepl.snapshot.started.v1||"),
            format!("run.10.1|10|{time}|io.syncrepl.entry.added.v1|1|cn=Ann"),
            format!("run.11.1|11|{time}|io.syncrepl.entry.renamed.v1|1|cn=E\\00ve"),
            format!("run.12.1|12|{time}|io.syncrepl.entry.changed.v1|1|"),
            format!("run.13.1|13|{time}|io.syncrepl.entry.deleted.v1|1|"),
        ]
    );
    let data = server.psql("SELECT data->'changes'->'mail'->'added'->0 FROM events WHERE seq = 12");
    assert_eq!(data, r#"{"base64": "YVx1MDAwMAA="}"#);
    sink.end_generation(Seq::new(99), &[]).unwrap();
    assert_eq!(sink.stale(Seq::new(99), &[]).unwrap(), 0);
    assert_eq!(server.psql("SELECT count(*) FROM events"), "5");
}

#[test]
fn event_that_comes_again_is_one_row() {
    let server = Postgres::start();
    let mut sink = sink(&server);
    let events = [added(1, 10, "Ann"), added(1, 10, "Ann")];
    deliver(&mut *sink, &events, 2).unwrap();
    assert_eq!(server.psql("SELECT count(*) FROM events"), "1");
}
