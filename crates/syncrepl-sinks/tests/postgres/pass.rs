//! A pass over everything: entries that it does not tell of go at its end.

use syncrepl_relay::{Event, EventKind, Position, Seq, Sink};
use syncrepl_testing::Postgres;

use crate::common::{Tell, added, deliver, event, sink, uuid};

fn snapshot(entry: u128, seq: u64, generation: u64) -> Event {
    event(EventKind::Snapshot, entry, seq)
        .dn(&format!("cn={entry}"))
        .attrs(&[("cn", &[entry.to_string().as_str()])])
        .generation(generation)
}

/// Where a sink stands after a pass: events of one sequence have positions of their own.
fn pass(entries: &[u128], seq: u64, generation: u64) -> Vec<Event> {
    let events = entries.iter().zip(1..).map(|(entry, index)| {
        let mut event = snapshot(*entry, seq, generation);
        event.position = Position {
            commit: index,
            ..event.position
        };
        event
    });
    events.collect()
}

fn send(sink: &mut dyn Sink, events: &[Event]) {
    let before = sink
        .open(&crate::common::owner())
        .unwrap()
        .expect("a position");
    let batch = syncrepl_relay::Batch {
        events,
        before: &before,
        attempts: 0,
    };
    assert_eq!(sink.send(&batch).unwrap().accepted, events.len());
}

fn names(server: &Postgres) -> String {
    server.psql("SELECT string_agg(dn, ' ' ORDER BY uuid) FROM entries")
}

#[test]
fn two_passes_in_a_row_leave_what_the_last_one_told() {
    let server = Postgres::start();
    let mut sink = sink(&server);
    send(&mut *sink, &pass(&[1, 2, 3, 4, 5], 10, 9));
    sink.end_generation(Seq::new(9), &[]).unwrap();
    assert_eq!(names(&server), "cn=1 cn=2 cn=3 cn=4 cn=5");
    for (generation, entries, wanted) in [
        (19, &[1, 2, 3, 4][..], "cn=1 cn=2 cn=3 cn=4"),
        (29, &[1, 2, 3, 4], "cn=1 cn=2 cn=3 cn=4"),
        (39, &[4, 5], "cn=4 cn=5"),
    ] {
        // The pass tells of the same moment each time: the sequence alone would say that nothing is new.
        send(&mut *sink, &pass(entries, 10, generation));
        let stale = sink.stale(Seq::new(generation), &[]).unwrap();
        assert_eq!(stale > 0, generation != 29);
        sink.end_generation(Seq::new(generation), &[]).unwrap();
        assert_eq!(sink.stale(Seq::new(generation), &[]).unwrap(), 0);
        assert_eq!(names(&server), wanted, "generation {generation}");
    }
}

#[test]
fn entries_to_keep_are_kept_with_their_values() {
    let server = Postgres::start();
    let mut sink = sink(&server);
    let members: Vec<Vec<u8>> = (0..3000)
        .map(|n| format!("uid=member{n:030}").into_bytes())
        .collect();
    let mut events = pass(&[1, 2, 3, 4], 10, 9);
    for event in &mut events[1..3] {
        *event = event.clone().attr("member", &members);
    }
    send(&mut *sink, &events);
    assert_eq!(server.psql("SELECT count(*) FROM entry_values"), "6000");
    send(&mut *sink, &pass(&[1], 11, 19));
    assert_eq!(sink.stale(Seq::new(19), &[]).unwrap(), 3);
    assert_eq!(sink.stale(Seq::new(19), &[uuid(2), uuid(77)]).unwrap(), 2);
    sink.end_generation(Seq::new(19), &[uuid(2), uuid(77)])
        .unwrap();
    assert_eq!(names(&server), "cn=1 cn=2");
    let left = server.psql("SELECT uuid, count(*) FROM entry_values GROUP BY uuid");
    assert_eq!(left, format!("{}|3000", uuid(2)));
}

#[test]
fn more_entries_than_one_transaction_removes_are_removed() {
    let server = Postgres::start();
    let mut sink = sink(&server);
    deliver(&mut *sink, &[added(1, 1, "Ann")], 1).unwrap();
    server.psql(
        "INSERT INTO entries SELECT gen_random_uuid(), 'cn=x', '{}', NULL, 1, 1 FROM generate_series(1, 25000)",
    );
    let keep: Vec<_> = server
        .psql("SELECT uuid FROM entries ORDER BY uuid LIMIT 10500")
        .lines()
        .map(|line| line.parse().expect("a UUID"))
        .collect();
    assert_eq!(sink.stale(Seq::new(2), &keep).unwrap(), 14_501);
    sink.end_generation(Seq::new(2), &keep).unwrap();
    assert_eq!(server.psql("SELECT count(*) FROM entries"), "10500");
}

#[test]
fn end_of_a_pass_is_for_the_owner_only() {
    let server = Postgres::start();
    let (mut one, mut other) = (sink(&server), sink(&server));
    send(&mut *one, &pass(&[1], 10, 9));
    send(&mut *other, &pass(&[2], 20, 9));
    let error = one.end_generation(Seq::new(19), &[]).unwrap_err();
    assert_eq!(error.reason(), "position");
    assert_eq!(names(&server), "cn=1 cn=2");
}
