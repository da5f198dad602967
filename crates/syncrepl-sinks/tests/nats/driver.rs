//! What stands for the relay: a loop that opens a sink, and sends from where the sink stands.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, UNIX_EPOCH};

use syncrepl_relay::{
    Attribute, Batch, Cause, Event, EventKind, Owner, Position, Sent, Seq, Sink, SinkError,
    SinkResult, Trouble,
};
use syncrepl_sinks::Target;
use syncrepl_testing::nats::Message;
use uuid::Uuid;

/// How long a delivery may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// Whose events these are.
pub fn owner() -> Owner {
    Owner {
        source: Uuid::from_bytes([9; 16]),
        previous: None,
        sink: "bus".to_owned(),
        take_over: false,
    }
}

/// The event of that number, from 1 on. It is always the same.
pub fn event(number: u64) -> Event {
    let entry = u8::try_from(number % 50).expect("a small number");
    Event {
        id: format!("9f3c21aa9f3c21aa.{number}.1"),
        kind: EventKind::Changed,
        uuid: Uuid::from_bytes([entry; 16]),
        sequence: Seq::new(number),
        generation: Seq::new(1),
        time: UNIX_EPOCH + Duration::from_millis(1_795_948_297_042 + number),
        cause: Some(Cause::Persist),
        dn: Some(format!("cn=Person {entry},ou=people,dc=example,dc=com")),
        old_dn: None,
        changes: Vec::new(),
        attrs: Some(vec![Attribute {
            name: "description".to_owned(),
            values: vec![format!("state {number} of an entry like those in directories").into()],
        }]),
        omitted: Vec::new(),
        masked: Vec::new(),
        part: None,
        position: Position {
            seq: Seq::new(number),
            commit: number,
            ..Position::START
        },
    }
}

/// What the relay has stored: its position, and the note of the sink.
pub type Memory = (Option<Position>, Option<String>);

/// A sink, and what sends to it.
pub struct Driver {
    sink: Box<dyn Sink>,
    pub who: Owner,
    memory: Memory,
    /// The most events at once.
    pub batch: u64,
}

impl Driver {
    /// With a target and its keys, as JSON.
    pub fn new(to: &str, keys: &str) -> Driver {
        let target = Target {
            sink: "bus".to_owned(),
            to: to.to_owned(),
            keys: serde_json::from_str(keys).expect("keys"),
        };
        Driver {
            sink: syncrepl_sinks::open(&target).expect("a sink"),
            who: owner(),
            memory: (None, None),
            batch: 250,
        }
    }

    /// What it has stored.
    pub fn memory(&self) -> Memory {
        self.memory.clone()
    }

    /// With what another one had stored.
    pub fn remembering(mut self, memory: Memory) -> Driver {
        self.memory = memory;
        self
    }

    /// Opens the sink.
    pub fn open(&mut self) -> SinkResult<Option<Position>> {
        self.sink.set_note(self.memory.1.as_deref());
        self.sink.open(&self.who)
    }

    /// Sends events, on an open sink.
    pub fn send(&mut self, events: &[Event]) -> SinkResult<Sent> {
        let sent = self.sink.send(&Batch {
            events,
            before: &Position::START,
            attempts: 0,
        })?;
        if sent.accepted > 0 {
            let position = events[sent.accepted - 1].position.clone();
            self.memory = (Some(position), self.sink.note());
        }
        Ok(sent)
    }

    /// The most bytes of an event.
    pub fn max_event(&self) -> usize {
        self.sink.max_event().expect("a limit")
    }

    /// Delivers all events up to this number.
    #[track_caller]
    pub fn deliver(&mut self, goal: u64) {
        let done = self.try_deliver(&AtomicU64::new(goal));
        done.unwrap_or_else(|error| panic!("{error}"));
    }

    /// Delivers up to a number that may grow, or until a person has to act.
    pub fn try_deliver(&mut self, goal: &AtomicU64) -> SinkResult<u64> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.deliver_once(goal) {
                Err(error) if error.trouble() == Trouble::Passing => {
                    assert!(Instant::now() < deadline, "it does not pass: {error}");
                    std::thread::sleep(Duration::from_millis(20));
                }
                done => return done,
            }
        }
    }

    /// Delivers until the first error.
    pub fn deliver_once(&mut self, goal: &AtomicU64) -> SinkResult<u64> {
        let stands = self.open()?.or_else(|| self.memory.0.clone());
        let mut done = stands.map_or(0, |position| position.seq.value());
        loop {
            let goal = goal.load(Ordering::SeqCst);
            if done >= goal {
                return Ok(done);
            }
            let last = goal.min(done + self.batch);
            let events: Vec<Event> = (done + 1..=last).map(event).collect();
            let sent = self.send(&events)?;
            assert_eq!(
                sent,
                Sent {
                    accepted: events.len(),
                    refused: None
                }
            );
            done = last;
        }
    }

    /// Opens the sink, which a person has to mend first.
    #[track_caller]
    pub fn needs_a_person(&mut self, reason: &str) -> SinkError {
        let error = self.open().expect_err("an error");
        assert_eq!(
            (error.trouble(), error.reason()),
            (Trouble::Manual, reason),
            "{error}"
        );
        assert!(error.hint().is_some(), "{error} has no hint");
        error
    }
}

/// The events of ours, by number, in the order of the stream.
pub fn numbers(messages: &[Message]) -> Vec<u64> {
    let ours = messages.iter().filter(|message| !message.id().is_empty());
    let number = |message: &Message| message.id().split('.').nth(1)?.parse().ok();
    ours.map(|message| number(message).expect("a number"))
        .collect()
}

/// The stream holds each event up to that number once, in order.
#[track_caller]
pub fn assert_once(messages: &[Message], goal: u64) {
    let numbers = numbers(messages);
    let wrong = numbers
        .iter()
        .zip(1..)
        .find(|(got, wanted)| **got != *wanted);
    assert_eq!((wrong, numbers.len() as u64), (None, goal));
}
