//! One relay: from the journal to one sink. It has no thread and no clock: [`Relay::step`] does the next thing, and
//! says how long nothing is to be done. `runner` calls it in a thread, the simulation in virtual time.
//!
//! Its rules: events go in the order of the journal; what is acknowledged is a prefix; after any error or doubt it
//! drops what it has read, asks the sink where it stands, and begins there.

mod open;
mod outcome;
mod place;
mod poison;
mod queue;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use syncrepl_client::journal::Seq;
use syncrepl_client::{Backoff, Store, Tag};
use uuid::Uuid;

use crate::delivery::Delivery;
use crate::error::{SinkError, Trouble};
use crate::event::{Event, EventKind};
use crate::position::{Phase, Position};
use crate::reading::{Idle, Limits, Next, ReadError, Reading};
use crate::shape::Shape;
use crate::shared::Shared;
use crate::sink::{Owner, Sink};
use crate::status::{RelayState, SharedStatus};
use queue::Queue;

/// How long the position may go unwritten: it may lag, and costs a write.
const POSITION_EVERY: Duration = Duration::from_millis(200);
/// How long a sink that needs a person is left alone.
const MANUAL_WAIT: Duration = Duration::from_secs(60);
/// How long an idle relay sleeps if nobody wakes it.
const IDLE_WAIT: Duration = Duration::from_secs(10);
/// How long it is remembered which rows a state has made up for: ten minutes, in places of the journal, of which a
/// millisecond has 4096.
const KEPT_SKIPS: u64 = 600_000 << 12;
/// The longest wait that a sink may ask for.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(3600);

/// The fate of an event that a sink refuses for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Poison {
    /// It becomes a dead letter, and the relay goes on.
    #[default]
    Dead,
    /// The relay stops there until a person acts.
    Stop,
}

/// How many entries the end of a pass over everything may remove at a sink.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MaxRemoved {
    /// At most so many.
    Count(u64),
    /// At most so many hundredths of the copy.
    Percent(u8),
}

/// The settings of a relay.
#[derive(Debug, Clone, Default)]
pub struct RelaySettings {
    /// The shape of the sink's events.
    pub shape: Shape,
    /// How much one transaction reads.
    pub limits: Limits,
    /// The fate of an event that the sink refuses.
    pub poison: Poison,
    /// How many entries the end of a pass may remove; `None`: any number.
    pub max_removed: Option<MaxRemoved>,
    /// After its first pass over everything the sink gets no other one unless a person asks for it.
    pub snapshot_never: bool,
    /// The shape as text: if it changes, a person has to ask for a pass over
    /// everything.
    pub fingerprint: Option<String>,
    /// Whether events may be sent whose commit a power cut could still undo.
    pub unsynced: bool,
}

/// The outcome of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Something; there may be more.
    Worked,
    /// Nothing; there is nothing to do for so long, unless the store commits.
    Wait(Duration),
}

/// One relay.
pub struct Relay {
    owner: Owner,
    sink: Box<dyn Sink>,
    store: Store,
    delivery: Arc<Delivery>,
    shared: Arc<Shared>,
    status: SharedStatus,
    settings: RelaySettings,
    state: State,
    /// Where the journal was read to, of what the sink has acknowledged, or did not want.
    read: Position,
    /// The position that the sink acknowledged last.
    sent: Position,
    /// Whether `read` is of this store's history.
    known: bool,
    queue: Queue,
    /// So many events go one by one.
    alone: usize,
    /// The tries of the first unanswered event.
    attempts: u32,
    backoff: Backoff,
    dead: HashSet<Uuid>,
    resync: bool,
    /// When the position was written, and whether it has changed since.
    written: Option<Instant>,
    unwritten: bool,
    /// The sink tells where it stands.
    tells: bool,
    /// The commit up to which the file of deliveries says that the sink may have been told.
    announced: Option<(u64, Option<Tag>, Phase)>,
    /// The records up to this rowid may have been told in the pass that goes on.
    may_hold: i64,
    /// Everything up to here is on the disk.
    synced: Seq,
    /// The end of a generation that a person allowed to remove more than the limit.
    allow_removal: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The sink has to be opened.
    Closed,
    Open,
    /// After an error, until then.
    Failed(Instant),
}

impl Relay {
    /// A relay to `sink`. `store` is a handle of its own.
    ///
    /// # Errors
    /// The file of deliveries cannot be used.
    pub fn new(
        owner: Owner,
        sink: Box<dyn Sink>,
        store: Store,
        delivery: Arc<Delivery>,
        shared: Arc<Shared>,
        settings: RelaySettings,
    ) -> Result<Relay, ReadError> {
        let stored = delivery.sink(&owner.sink)?.unwrap_or_default();
        let dead = delivery.dead_entries(&owner.sink)?.into_iter().collect();
        shared.stands_at(&owner.sink, stored.read.needs());
        shared.pause(&owner.sink, stored.paused);
        Ok(Relay {
            owner,
            sink,
            store,
            delivery,
            shared,
            status: SharedStatus::default(),
            settings,
            state: State::Closed,
            read: stored.read,
            sent: stored.sent,
            known: false,
            queue: Queue::default(),
            alone: 0,
            attempts: 0,
            backoff: Backoff::default(),
            dead,
            resync: stored.resync,
            written: None,
            unwritten: false,
            tells: false,
            announced: None,
            may_hold: 0,
            synced: Seq::ZERO,
            allow_removal: false,
        })
    }

    /// Its status, to be read by others.
    pub fn status(&self) -> SharedStatus {
        self.status.clone()
    }

    /// The name of its sink.
    pub fn name(&self) -> &str {
        &self.owner.sink
    }

    /// Does the next thing.
    ///
    /// # Errors
    /// The store or the file of deliveries cannot be read: the sink is closed, and the next step begins anew.
    pub fn step(&mut self, now: Instant, time: SystemTime) -> Result<Step, ReadError> {
        let done = self.try_step(now, time);
        if done.is_err() {
            self.close();
        }
        done
    }

    fn try_step(&mut self, now: Instant, time: SystemTime) -> Result<Step, ReadError> {
        if let Some(wait) = self.heed_person(now, time)? {
            return Ok(wait);
        }
        match self.state {
            State::Failed(until) if now < until => return Ok(Step::Wait(until - now)),
            State::Failed(_) => self.state = State::Closed,
            State::Closed | State::Open => {}
        }
        if self.state == State::Closed && !self.open(now, time)? {
            return Ok(Step::Worked);
        }
        if self.queue.is_empty() {
            return self.read_next(now, time);
        }
        self.send(now, time)?;
        Ok(Step::Worked)
    }

    /// Heeds a pause, and what else a person asked for.
    fn heed_person(&mut self, now: Instant, time: SystemTime) -> Result<Option<Step>, ReadError> {
        let wishes = self.shared.take_wishes(self.name());
        if wishes.changed {
            let stored = self.delivery.sink(self.name())?.unwrap_or_default();
            self.resync = stored.resync;
            self.dead = self
                .delivery
                .dead_entries(self.name())?
                .into_iter()
                .collect();
            if matches!(self.state, State::Failed(_)) {
                self.close();
            }
        }
        self.allow_removal |= wishes.allow_removal;
        if !wishes.paused {
            return Ok(None);
        }
        if self.state == State::Open {
            self.write_position(now)?;
        }
        self.close();
        self.status.enter(RelayState::Paused, time);
        Ok(Some(Step::Wait(IDLE_WAIT)))
    }

    fn reading(&self, now: SystemTime) -> Reading<'_> {
        Reading {
            store: &self.store,
            delivery: &self.delivery,
            shape: &self.settings.shape,
            sink: &self.owner.sink,
            limits: self.settings.limits,
            may_hold: self.may_hold,
            refreshed: self.shared.is_refreshed(),
            now,
        }
    }

    /// Reads what comes next into the queue.
    fn read_next(&mut self, now: Instant, time: SystemTime) -> Result<Step, ReadError> {
        let next = {
            let gate = Arc::clone(&self.shared);
            let _open = gate.gate().read();
            self.reading(time)
                .next(&self.read, self.known, self.resync)?
        };
        match next {
            Next::Nothing(idle) => self.idle(idle, now, time),
            Next::Events { events, .. } if self.is_unasked_pass(&events) => {
                let message = "some changes are in no row of the journal, and snapshot = \"never\"";
                let hint = format!(
                    "have it told of everything: `syncrepl sink resync {}`",
                    self.name()
                );
                self.failed(
                    &SinkError::manual("gap", message).with_hint(hint),
                    now,
                    time,
                )?;
                Ok(Step::Worked)
            }
            Next::Events { events, then } => {
                self.fill(events, then, now)?;
                Ok(Step::Worked)
            }
            Next::EndOfGeneration(event) => {
                match self.end_generation(&event) {
                    Ok(()) => {
                        let then = event.position.clone();
                        self.fill(vec![*event], then, now)?;
                    }
                    Err(error) => self.failed(&error, now, time)?,
                }
                Ok(Step::Worked)
            }
        }
    }

    fn is_unasked_pass(&self, events: &[Event]) -> bool {
        let begins = |event: &Event| event.kind == EventKind::SnapshotStarted;
        self.settings.snapshot_never
            && !self.resync
            && self.read.generation != Seq::ZERO
            && events.first().is_some_and(begins)
    }

    fn fill(&mut self, events: Vec<Event>, then: Position, now: Instant) -> Result<(), ReadError> {
        if !events.is_empty() && !self.settings.unsynced && self.synced < then.seq {
            self.store.sync_log()?;
            self.synced = then.seq;
        }
        let (max, source) = (self.sink.max_event(), self.owner.source);
        self.queue.fill(events, then, &self.read, max, source);
        if self.queue.is_empty() {
            self.advance(now)?;
        }
        Ok(())
    }

    fn idle(&mut self, idle: Idle, now: Instant, time: SystemTime) -> Result<Step, ReadError> {
        if idle == Idle::UpToDate {
            let again = self.reading(time).again(&self.read)?;
            if let Next::Events { events, then } = again {
                self.fill(events, then, now)?;
                return Ok(Step::Worked);
            }
        }
        if self.unwritten {
            self.write_position(now)?;
        }
        self.status.enter(
            match idle {
                Idle::UpToDate => RelayState::UpToDate,
                Idle::JournalOff => RelayState::JournalOff,
                Idle::WaitsForRefresh => RelayState::WaitsForRefresh,
            },
            time,
        );
        Ok(Step::Wait(IDLE_WAIT))
    }

    fn close(&mut self) {
        self.sink.close();
        self.queue.clear();
        self.state = State::Closed;
    }

    /// Ends: writes the position, and closes the sink.
    ///
    /// # Errors
    /// The file of deliveries cannot be written.
    pub fn stop(&mut self, now: Instant, time: SystemTime) -> Result<(), ReadError> {
        let written = match self.unwritten {
            true => self.write_position(now),
            false => Ok(()),
        };
        self.close();
        self.status.enter(RelayState::Stopped, time);
        written
    }

    /// Notes an error of the sink, and when to try again.
    fn failed(
        &mut self,
        error: &SinkError,
        now: Instant,
        time: SystemTime,
    ) -> Result<(), ReadError> {
        if self.unwritten {
            self.write_position(now)?;
        }
        self.close();
        let manual = error.trouble() == Trouble::Manual;
        let wait = match (manual, error.retry_after()) {
            (true, _) => MANUAL_WAIT,
            (false, Some(wait)) => wait.min(LONGEST_RETRY_AFTER),
            (false, None) => self.backoff.next_wait(),
        };
        self.state = State::Failed(now + wait);
        let state = match manual {
            true => RelayState::Manual,
            false => RelayState::Retrying,
        };
        self.status.enter(state, time);
        self.status.change(|status| {
            *status.retries.entry(error.reason()).or_default() += 1;
            status.last_error = Some((error.to_string(), time));
        });
        let sink = self.name();
        tracing::warn!(sink, wait = ?wait, "{error}");
        Ok(())
    }
}
