//! How fast a sink is by itself: many events in batches, then some one by one.
//!
//! ```sh
//! cargo run --release -p syncrepl-sinks --example speed -- nats://127.0.0.1:4222/SPEED?subject=speed '{"create":true}'
//! ```

use std::error::Error;
use std::time::{Duration, Instant, SystemTime};

use syncrepl_relay::{
    Attribute, Batch, Cause, Event, EventKind, Owner, Position, Sent, Seq, ValueChange,
};
use syncrepl_sinks::Target;
use uuid::Uuid;

const EVENTS: u64 = 200_000;
const ALONE: u64 = 2000;
const BATCH: u64 = 1000;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let to = arguments.next().ok_or("speed TARGET [KEYS]")?;
    let keys = arguments.next().unwrap_or_else(|| "{}".to_owned());
    let mut sink = syncrepl_sinks::open(&Target {
        sink: "speed".to_owned(),
        to,
        keys: serde_json::from_str(&keys)?,
    })?;
    let owner = Owner {
        source: Uuid::from_bytes([9; 16]),
        previous: None,
        sink: "speed".to_owned(),
        take_over: true,
    };
    let began = Instant::now();
    let stands = sink.open(&owner)?;
    println!("open: {:?}", began.elapsed());
    let first = stands.map_or(0, |position| position.seq.value()) + 1;

    let began = Instant::now();
    for start in (first..first + EVENTS).step_by(BATCH as usize) {
        let events: Vec<Event> = (start..start + BATCH).map(event).collect();
        send(sink.as_mut(), &events)?;
    }
    let rate = EVENTS as f64 / began.elapsed().as_secs_f64();
    println!("{EVENTS} events in batches of {BATCH}: {rate:.0} a second");

    let mut times: Vec<Duration> = Vec::new();
    for number in first + EVENTS..first + EVENTS + ALONE {
        let events = [event(number)];
        let began = Instant::now();
        send(sink.as_mut(), &events)?;
        times.push(began.elapsed());
    }
    times.sort();
    let at = |share: f64| times[(times.len() as f64 * share) as usize];
    println!("one by one: p50 {:?}, p99 {:?}", at(0.5), at(0.99));
    Ok(())
}

fn send(sink: &mut dyn syncrepl_relay::Sink, events: &[Event]) -> Result<(), Box<dyn Error>> {
    let batch = Batch {
        events,
        before: &Position::START,
        attempts: 0,
    };
    let sent = sink.send(&batch)?;
    if sent == Sent::all(&batch) {
        return Ok(());
    }
    Err(format!("{sent:?}").into())
}

/// A change of a person's telephone number, some 600 bytes as JSON.
fn event(number: u64) -> Event {
    let entry = u128::from(number % 10_000);
    let values = |text: &str| vec![text.as_bytes().to_vec()];
    let attribute = |name: &str, text: &str| Attribute {
        name: name.to_owned(),
        values: values(text),
    };
    let dn = format!("cn=Person {entry},ou=people,dc=example,dc=com");
    let phone = format!("+49 30 {number}");
    Event {
        id: format!("9f3c21aa9f3c21aa.{number}.1"),
        kind: EventKind::Changed,
        uuid: Uuid::from_u128(entry),
        sequence: Seq::new(number),
        generation: Seq::new(1),
        time: SystemTime::now(),
        cause: Some(Cause::Persist),
        changes: vec![ValueChange {
            name: "telephoneNumber".to_owned(),
            masked: false,
            added: values(&phone),
            removed: values("+49 30 1234"),
        }],
        attrs: Some(vec![
            attribute("cn", &dn[3..]),
            attribute("objectClass", "inetOrgPerson"),
            attribute("mail", "person@example.com"),
            attribute("telephoneNumber", &phone),
        ]),
        dn: Some(dn),
        old_dn: None,
        omitted: Vec::new(),
        masked: Vec::new(),
        part: None,
        position: Position {
            seq: Seq::new(number),
            commit: number,
            tag: "9f3c21aa9f3c21aa".parse().ok(),
            ..Position::START
        },
    }
}
