//! Events, a sink of a target, and what the sinks wrote into the log.

#![allow(dead_code)]

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use serde_json::Value;
use syncrepl_relay::{
    Attribute, Batch, Cause, Event, EventKind, Owner, Position, Sent, Seq, Sink, SinkResult,
};
use syncrepl_sinks::{Target, open};
use tracing_subscriber::fmt::MakeWriter;
use uuid::Uuid;

/// The store of the tests.
pub const SOURCE: Uuid = Uuid::from_bytes([9; 16]);

/// The owner of a sink of that name.
pub fn owner(sink: &str) -> Owner {
    Owner {
        source: SOURCE,
        previous: None,
        sink: sink.to_owned(),
        take_over: false,
    }
}

/// The event of that number: it adds an entry.
pub fn event(number: u64) -> Event {
    Event {
        id: format!("9f3c21aa9f3c21aa.{number}.1"),
        kind: EventKind::Added,
        uuid: Uuid::from_u128(u128::from(number)),
        sequence: Seq::new(number),
        generation: Seq::new(1),
        time: UNIX_EPOCH + Duration::from_secs(1_795_948_297),
        cause: Some(Cause::Persist),
        dn: Some(format!("cn=entry {number},dc=example,dc=com")),
        old_dn: None,
        changes: Vec::new(),
        attrs: Some(vec![Attribute {
            name: "cn".to_owned(),
            values: vec![format!("entry {number}").into_bytes()],
        }]),
        omitted: Vec::new(),
        masked: Vec::new(),
        part: None,
        position: Position::START,
    }
}

/// The events of these numbers.
pub fn events(numbers: std::ops::RangeInclusive<u64>) -> Vec<Event> {
    numbers.map(event).collect()
}

/// The end of a pass over everything, which is the pass of that number.
pub fn completed(number: u64) -> Event {
    Event {
        kind: EventKind::SnapshotCompleted,
        uuid: Uuid::nil(),
        generation: Seq::new(number),
        cause: None,
        dn: None,
        attrs: None,
        ..event(number)
    }
}

/// The state of the entry of that number, told by the pass of another number.
pub fn shown(number: u64, pass: u64) -> Event {
    Event {
        kind: EventKind::Snapshot,
        generation: Seq::new(pass),
        cause: None,
        ..event(number)
    }
}

/// An event as large as that.
pub fn large_event(number: u64, bytes: usize) -> Event {
    let mut event = event(number);
    event.attrs = Some(vec![Attribute {
        name: "description".to_owned(),
        values: vec![vec![b'x'; bytes]],
    }]);
    event
}

/// A target with these keys.
pub fn target(to: &str, keys: &[(&str, Value)]) -> Target {
    Target {
        sink: "hook".to_owned(),
        to: to.to_owned(),
        keys: keys
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect::<BTreeMap<_, _>>(),
    }
}

/// The sink of a target.
#[track_caller]
pub fn sink(to: &str, keys: &[(&str, Value)]) -> Box<dyn Sink> {
    open(&target(to, keys)).unwrap_or_else(|unfit| panic!("{unfit}"))
}

/// Sends events as the relay does.
pub fn send(sink: &mut dyn Sink, events: &[Event]) -> SinkResult<Sent> {
    sink.send(&Batch {
        events,
        before: &Position::START,
        attempts: 0,
    })
}

/// The program in Python that stands on a page of the documentation.
pub fn python_of(page: &str) -> String {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/delivery/");
    let text = std::fs::read_to_string(format!("{folder}{page}")).unwrap();
    let lines = text
        .lines()
        .skip_while(|line| line.trim() != "```python")
        .skip(1);
    // It stands in a list, three columns in.
    let lines = lines
        .take_while(|line| line.trim() != "```")
        .map(|line| line.get(3..).unwrap_or_default());
    let program = lines.collect::<Vec<_>>().join("\n") + "\n";
    assert!(
        program.starts_with("import ") || program.contains("\nimport "),
        "no program on {page}"
    );
    program
}

/// So many events are safe, and none is refused.
pub fn accepted(count: usize) -> Sent {
    Sent {
        accepted: count,
        refused: None,
    }
}

/// What all sinks of this process wrote into the log.
pub struct Log;

static WRITTEN: Mutex<Vec<u8>> = Mutex::new(Vec::new());
static STARTED: OnceLock<()> = OnceLock::new();

impl Log {
    /// Begins to keep the log, with everything that any part of the program says.
    pub fn keep() -> Log {
        STARTED.get_or_init(|| {
            tracing_subscriber::fmt()
                .with_max_level(tracing::Level::TRACE)
                .with_ansi(false)
                .with_writer(Log)
                .init();
        });
        Log
    }

    /// The log so far.
    pub fn text(&self) -> String {
        let written = WRITTEN.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&written).into_owned()
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Log;

    fn make_writer(&'a self) -> Log {
        Log
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let mut written = WRITTEN.lock().unwrap_or_else(PoisonError::into_inner);
        written.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
