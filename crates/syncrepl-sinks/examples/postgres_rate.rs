//! How fast the PostgreSQL sink is: it drives the sink alone, with made-up events, against a server of its own that
//! syncs its log. Times are of the sink, not of making the events up.
//!
//!     cargo run --release -p syncrepl-sinks --example postgres_rate -- 1000000

use std::time::{Duration, Instant, UNIX_EPOCH};

use serde_json::json;
use syncrepl_relay::{Attribute, Batch, Event, EventKind, Owner, Position, Seq, Sink, ValueChange};
use syncrepl_sinks::Target;
use syncrepl_testing::Postgres;
use uuid::Uuid;

/// The relay's batch.
const BATCH: u64 = 1000;

fn main() {
    let entries: u64 = std::env::args()
        .nth(1)
        .map_or(100_000, |number| number.parse().expect("a number"));
    let server = Postgres::builder()
        .settings(
            "fsync = on\nshared_buffers = 256MB\nmax_wal_size = 4GB\ncheckpoint_timeout = 15min",
        )
        .start();
    let mut run = Run::begin(&server);
    let pass = |generation| move |n| entry(EventKind::Snapshot, n, n, generation);
    let change = |n| entry(EventKind::Changed, scattered(n, entries), n, 2);
    let differ = |n| difference(scattered(n, entries), n);
    run.measure("first pass", entries, BATCH, pass(1));
    run.measure("second pass", entries, BATCH, pass(2));
    let stream = entries.min(100_000);
    run.measure("changes with attributes", stream, BATCH, change);
    run.measure("changes with attributes", stream, 100, change);
    run.measure("changes with attributes", stream / 50, 1, change);
    run.measure("changes as differences", stream, BATCH, differ);
    run.measure("changes as differences", stream / 50, 1, differ);
    run.measure("renames", stream, BATCH, |n| Event {
        kind: EventKind::Renamed,
        dn: Some(format!("uid=moved{n},ou=people,dc=example,dc=com")),
        changes: Vec::new(),
        ..difference(scattered(n, entries), n)
    });
    run.measure("half a pass", entries / 2, BATCH, pass(3));
    let began = Instant::now();
    run.sink.end_generation(Seq::new(3), &[]).expect("the end");
    report(
        "its end removes the rest",
        entries / 2,
        BATCH,
        began.elapsed(),
    );
    let left = server.psql("SELECT count(*) FROM entries");
    println!("{left} entries left");
}

struct Run {
    sink: Box<dyn Sink>,
    before: Position,
    seq: u64,
}

impl Run {
    fn begin(server: &Postgres) -> Run {
        let keys = json!({"create": true, "columns": {"login": "uid", "mails": "mail[]"}});
        let keys = keys.as_object().expect("an object").clone();
        let mut sink = syncrepl_sinks::open(&Target {
            sink: "rate".to_owned(),
            to: server.socket_url(),
            keys: keys.into_iter().collect(),
        })
        .expect("a sink");
        let before = sink.open(&Owner {
            source: Uuid::from_u128(1),
            previous: None,
            sink: "rate".to_owned(),
            take_over: false,
        });
        Run {
            sink,
            before: before.expect("it opens").expect("a position"),
            seq: 0,
        }
    }

    fn measure(&mut self, what: &str, count: u64, size: u64, make: impl Fn(u64) -> Event) {
        let mut time = Duration::ZERO;
        for from in (0..count).step_by(usize::try_from(size).expect("a small number")) {
            let events: Vec<Event> = (from..count.min(from + size))
                .map(|n| {
                    let mut event = make(n);
                    self.seq += 1;
                    event.sequence = Seq::new(self.seq);
                    event.position.seq = event.sequence;
                    event
                })
                .collect();
            let batch = Batch {
                events: &events,
                before: &self.before,
                attempts: 0,
            };
            let began = Instant::now();
            let sent = self.sink.send(&batch).expect("a batch");
            time += began.elapsed();
            assert_eq!(sent.accepted, events.len());
            self.before = events[events.len() - 1].position.clone();
        }
        report(what, count, size, time);
    }
}

#[expect(clippy::cast_precision_loss, reason = "a rate for people")]
fn report(what: &str, events: u64, batch: u64, time: Duration) {
    let rate = events as f64 / time.as_secs_f64();
    println!("{what}: {events} events in batches of {batch}: {time:.1?}, {rate:.0} a second");
}

/// Entries in no order.
fn scattered(n: u64, entries: u64) -> u64 {
    n.wrapping_mul(0x9e37_79b9_7f4a_7c15) % entries
}

/// UUIDs without an order, as many providers make them.
fn uuid(entry: u64) -> Uuid {
    let mixed = u128::from(entry).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    Uuid::from_u128(mixed)
}

fn entry(kind: EventKind, number: u64, version: u64, generation: u64) -> Event {
    let uid = format!("user{number}");
    let classes = ["top", "person", "organizationalPerson", "inetOrgPerson"];
    let values = [
        ("objectClass", classes.map(str::to_owned).to_vec()),
        ("cn", vec![format!("Given{number} Family{number}")]),
        ("sn", vec![format!("Family{number}")]),
        ("givenName", vec![format!("Given{number}")]),
        (
            "mail",
            vec![format!("{uid}@example.com"), format!("{uid}@example.org")],
        ),
        ("telephoneNumber", vec![format!("+49 30 {number:07}")]),
        (
            "description",
            vec![format!("version {version} of the entry of {uid}")],
        ),
        ("employeeNumber", vec![number.to_string()]),
        ("uid", vec![uid.clone()]),
    ];
    let attrs = values.map(|(name, values)| Attribute {
        name: name.to_owned(),
        values: values.into_iter().map(String::into_bytes).collect(),
    });
    Event {
        id: format!("run.{version}.{number}"),
        kind,
        uuid: uuid(number),
        sequence: Seq::ZERO,
        generation: Seq::new(generation),
        time: UNIX_EPOCH,
        cause: None,
        dn: Some(format!("uid={uid},ou=people,dc=example,dc=com")),
        old_dn: None,
        changes: Vec::new(),
        attrs: Some(attrs.to_vec()),
        omitted: Vec::new(),
        masked: Vec::new(),
        part: None,
        position: Position::START,
    }
}

fn difference(number: u64, version: u64) -> Event {
    Event {
        attrs: None,
        dn: None,
        changes: vec![ValueChange {
            name: "title".to_owned(),
            masked: false,
            added: vec![format!("title {version}").into_bytes()],
            removed: Vec::new(),
        }],
        ..entry(EventKind::Changed, number, version, 2)
    }
}
