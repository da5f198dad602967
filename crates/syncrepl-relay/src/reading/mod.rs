//! Reads the next events of a sink from the store, in one short transaction, from where the sink stands.
//!
//! Three ways lead a sink to the state of the copy (see `Phase`). In the *stream* it gets the rows of the journal.
//! In a *pass over everything* it gets every record as it is now, beside the rows of the records that it was told
//! of already. In a *pass over the folded* it gets those entries as they are now whose rows were pruned before it
//! had them, beside the rows of all others. Each pass ends in the stream.

mod everything;
mod folded;
mod stream;

use std::time::SystemTime;

use syncrepl_client::journal::JournalState;
use syncrepl_client::{Store, Tag};
use uuid::Uuid;

use crate::delivery::{Delivery, DeliveryError, Skip};
use crate::event::Event;
use crate::make;
use crate::position::{Phase, Position, Step};
use crate::shape::{Shape, Shaped};
use syncrepl_client::journal::Seq;

/// The most rows or records that one transaction reads. None is longer, since a reader keeps the store's log from
/// being emptied.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Rows, records or entries.
    pub rows: usize,
    /// Their bytes, by and large.
    pub bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            rows: 1000,
            bytes: 1 << 20,
        }
    }
}

/// The next events of a sink.
#[derive(Debug)]
pub(crate) enum Next {
    /// Nothing yet.
    Nothing(Idle),
    /// These events, which may be none; then the sink stands at `then`.
    Events {
        /// In order.
        events: Vec<Event>,
        /// The position after all of them.
        then: Position,
    },
    /// All entries have been told of: what the sink holds of an older generation goes. Then this event.
    EndOfGeneration(Box<Event>),
}

/// Why there is nothing to tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Idle {
    /// The sink has everything.
    UpToDate,
    /// The journal is off.
    JournalOff,
    /// A pass over everything waits for a refresh that this process has completed.
    WaitsForRefresh,
}

/// Why the next events could not be read.
#[derive(Debug)]
pub enum ReadError {
    /// The store.
    Store(syncrepl_client::Error),
    /// The file of deliveries.
    Delivery(DeliveryError),
}

impl std::fmt::Display for ReadError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ReadError::Store(error) => write!(f, "{error}"),
            ReadError::Delivery(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for ReadError {}

impl From<syncrepl_client::Error> for ReadError {
    fn from(error: syncrepl_client::Error) -> Self {
        ReadError::Store(error)
    }
}

impl From<DeliveryError> for ReadError {
    fn from(error: DeliveryError) -> Self {
        ReadError::Delivery(error)
    }
}

type Result<T> = std::result::Result<T, ReadError>;

/// The sink for which is read, and the store.
pub(crate) struct Reading<'a> {
    pub(crate) store: &'a Store,
    pub(crate) delivery: &'a Delivery,
    pub(crate) shape: &'a Shape,
    pub(crate) sink: &'a str,
    pub(crate) limits: Limits,
    /// The sink may have been told of the records up to this rowid in the pass that goes on; 0: of none.
    pub(crate) may_hold: i64,
    /// This process has completed a refresh, so what is not in the copy is not in the directory.
    pub(crate) refreshed: bool,
    pub(crate) now: SystemTime,
}

/// One transaction of a [`Reading`].
struct Snapshot<'a> {
    of: &'a Reading<'a>,
    state: JournalState,
    /// The last commit.
    commit: u64,
    tag: Option<Tag>,
}

impl Reading<'_> {
    /// Reads the next events. `known`: its position is of this store's history. `resync`: a person asked for
    /// a pass over everything.
    pub(crate) fn next(&self, position: &Position, known: bool, resync: bool) -> Result<Next> {
        self.in_snapshot(|snapshot| snapshot.first(position, known, resync))
    }

    /// The state of the entries of which a person wants dead letters to be tried again. For a sink that has all
    /// rows.
    pub(crate) fn again(&self, position: &Position) -> Result<Next> {
        let entries = self.delivery.retried_entries(self.sink, self.limits.rows)?;
        if entries.is_empty() {
            return Ok(Next::Nothing(Idle::UpToDate));
        }
        self.in_snapshot(|snapshot| {
            if snapshot.head() != position.seq {
                return Ok(Next::Nothing(Idle::UpToDate));
            }
            let mut events = Vec::new();
            for uuid in entries {
                events.extend(snapshot.state_of(uuid, position.clone())?);
            }
            let then = position.clone();
            Ok(Next::Events { events, then })
        })
    }

    fn in_snapshot(&self, f: impl FnOnce(&Snapshot<'_>) -> Result<Next>) -> Result<Next> {
        let mut outcome = Ok(Next::Nothing(Idle::UpToDate));
        self.store.read(|_| {
            outcome = self.snapshot().and_then(|snapshot| f(&snapshot));
            Ok(())
        })?;
        outcome
    }

    fn snapshot(&self) -> Result<Snapshot<'_>> {
        let state = self.store.journal()?;
        let at = self.store.position()?;
        Ok(Snapshot {
            of: self,
            state,
            commit: at.commit,
            tag: at.tag,
        })
    }
    /// Whether the position is of this store's history.
    pub(crate) fn knows(&self, position: &Position) -> Result<bool> {
        Ok(match position.tag {
            None => position.commit == 0,
            Some(tag) => self.store.knows(position.commit, tag)?,
        })
    }
}

impl Snapshot<'_> {
    fn first(&self, position: &Position, known: bool, resync: bool) -> Result<Next> {
        if !self.state.on {
            return Ok(Next::Nothing(Idle::JournalOff));
        }
        if !known {
            // Numbers of another history say nothing of this journal. They only keep the next generation larger
            // than any before.
            return self.begin_everything(&Position {
                generation: position.generation.max(position.seq),
                ..Position::START
            });
        }
        let made_up_for = match position.phase {
            Phase::Everything { marker, .. } => marker.max(position.seq),
            _ => position.seq,
        };
        if resync || made_up_for < self.state.marker {
            return self.begin_everything(position);
        }
        match position.phase {
            Phase::Stream => self.stream(position),
            Phase::Everything {
                step,
                marker,
                again,
            } => self.everything(position, step, marker, again),
            Phase::Folded { base, after, next } => self.folded(position, base, after, next),
        }
    }

    /// The newest row.
    fn head(&self) -> Seq {
        self.state.head
    }

    /// The position at this moment of the store, with everything up to `seq`.
    fn at(&self, seq: Seq, generation: Seq, phase: Phase) -> Position {
        Position {
            seq,
            commit: self.commit,
            tag: self.tag,
            generation,
            phase,
            part: None,
        }
    }

    /// The event about an entry as it is now. `None`: nothing, and it holds nothing of it either.
    fn state_of(&self, uuid: Uuid, position: Position) -> Result<Option<Event>> {
        let head = self.head();
        let Some((_, record)) = self.of.store.record_row(uuid)? else {
            return Ok(self.absent(uuid, None, position));
        };
        let event = make::of_record(&record, head, position.clone());
        let told = self.of.shape.of_state(event).map(sealed);
        // An entry that is there and none of the sink's may be held there from before.
        Ok(told.or_else(|| self.absent(uuid, Some(record.dn().to_owned()), position)))
    }

    /// An entry that the sink must not hold at this moment.
    fn absent(&self, uuid: Uuid, dn: Option<String>, position: Position) -> Option<Event> {
        let mut event = make::of_absent(uuid, self.head(), position);
        event.dn = dn;
        self.of.shape.of_state(event).map(sealed)
    }

    /// The event of a row, as the sink is told it. A row that does not hold enough is told as the state of now; then
    /// the later rows of that entry, which that state makes up for, are not told.
    fn told(&self, event: Event, skips: &mut Vec<(Uuid, Skip)>) -> Result<Option<Event>> {
        let (uuid, seq) = (event.uuid, event.sequence);
        let known = skips.iter().rev().find(|(of, _)| *of == uuid);
        let skip = match known {
            Some((_, skip)) => Some(*skip),
            None if self.of.shape.may_need_now() => self.of.delivery.skip(self.of.sink, uuid)?,
            None => None,
        };
        if skip.is_some_and(|skip| skip.after < seq && seq <= skip.until) {
            return Ok(None);
        }
        let position = event.position.clone();
        Ok(match self.of.shape.of_change(event) {
            Shaped::Nothing => None,
            Shaped::Tell(event) => Some(*event),
            Shaped::Now => {
                let until = self.head();
                skips.push((uuid, Skip { after: seq, until }));
                self.state_of(uuid, position)?
            }
        })
    }
}

fn sealed(mut event: Event) -> Event {
    make::seal(&mut event);
    event
}

/// The first step of a pass over everything.
const FIRST: Step = Step::Deletes(None);
