//! The trait of a sink. Its comments are the contract.

use uuid::Uuid;

use crate::error::SinkError;
use crate::event::Event;
use crate::position::Position;
use syncrepl_client::journal::Seq;

/// The result of a call to a sink.
pub type SinkResult<T> = Result<T, SinkError>;

/// The one store and name whose events a target holds. A sink writes it into its target at first use, and
/// refuses a target that another owner wrote to: that is [`Trouble::Manual`](crate::Trouble::Manual).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// The id of the store.
    pub source: Uuid,
    /// The id of the store from which this one was adopted: its targets are ours too.
    pub previous: Option<Uuid>,
    /// The name of the sink.
    pub sink: String,
    /// A person said that this owner takes a target over from another one.
    pub take_over: bool,
}

/// Events to deliver, in order.
#[derive(Debug, Clone, Copy)]
pub struct Batch<'a> {
    /// Never empty.
    pub events: &'a [Event],
    /// The position of the sink before the first of them.
    pub before: &'a Position,
    /// How often the first event was sent before without an answer, also by earlier processes.
    pub attempts: u32,
}

/// How far a sink has come with a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// So many events of the batch are safe, from its first one on.
    pub accepted: usize,
    /// Why the sink refuses the event after those for good. The sink says so of a single event only if it
    /// knows that this event is at fault; an error of kind `Refused` is about the whole batch.
    pub refused: Option<String>,
}

impl Sent {
    /// The whole batch is safe.
    pub fn all(batch: &Batch<'_>) -> Sent {
        Sent {
            accepted: batch.events.len(),
            refused: None,
        }
    }
}

/// Something that events are delivered to. It is used by one thread, and blocks.
///
/// After any error the relay calls [`open`](Sink::open) again before it sends. So a sink keeps no doubt: it
/// gives up a connection on which an answer is missing, and finds out anew where it stands.
pub trait Sink: Send {
    /// Connects, and checks that the target is ours. Returns where the target stands, if it can tell. `None`
    /// makes the relay use the position that it stored itself.
    ///
    /// # Errors
    /// `Passing` while the target cannot be reached; `Manual` when a person has to act: wrong credentials,
    /// a missing table or stream, another owner.
    fn open(&mut self, who: &Owner) -> SinkResult<Option<Position>>;

    /// Delivers events, in order, and blocks until they are safe. A sink that can tell its position stores
    /// that of the last event together with the events.
    ///
    /// An event may come again after an error, with the same id and the same content.
    ///
    /// # Errors
    /// `Passing`, `Manual`, or `Refused` for the whole batch. What was accepted in spite of an error is asked
    /// of the sink, or comes again.
    fn send(&mut self, batch: &Batch<'_>) -> SinkResult<Sent>;

    /// How many entries [`end_generation`](Sink::end_generation) would remove. A sink without state removes
    /// none.
    ///
    /// # Errors
    /// As for [`send`](Sink::send).
    fn stale(&mut self, generation: Seq, keep: &[Uuid]) -> SinkResult<u64> {
        let _ = (generation, keep);
        Ok(0)
    }

    /// A pass over everything has told of all entries: removes those of an older generation, but none of
    /// `keep`. It may be called again for the same generation.
    ///
    /// # Errors
    /// As for [`send`](Sink::send).
    fn end_generation(&mut self, generation: Seq, keep: &[Uuid]) -> SinkResult<()> {
        let _ = (generation, keep);
        Ok(())
    }

    /// A text that the relay stores beside the position of this sink: what the sink has to know of its target
    /// the next time, for instance when the target was created. Asked after each [`send`](Sink::send).
    fn note(&self) -> Option<String> {
        None
    }

    /// The text that the relay stored, before each [`open`](Sink::open). `None` at first use, and when the
    /// relay's file was deleted.
    fn set_note(&mut self, note: Option<&str>) {
        let _ = note;
    }

    /// The most events in one batch.
    fn max_batch(&self) -> usize {
        1000
    }

    /// The most bytes of one event as JSON; the relay cuts a larger one into parts. `None`: no limit. Asked
    /// after [`open`](Sink::open).
    fn max_event(&self) -> Option<usize> {
        Some(8 << 20)
    }

    /// Ends what the sink has started: a child, a connection. Nothing is sent after it without an
    /// [`open`](Sink::open).
    fn close(&mut self) {}
}
