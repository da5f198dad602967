//! A model of a sink: it accepts, loses answers, takes half a batch, refuses single events, and may go back to an
//! older state of itself. It notes what it was told, and whether that may be.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use syncrepl_client::Uuid;
use syncrepl_client::journal::Seq;
use syncrepl_relay::{
    Attribute, Batch, Event, EventKind, Owner, Position, Sent, Sink, SinkError, SinkResult,
};

use crate::chance::Purpose;
use crate::network::Model;

/// An entry as a sink holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) dn: String,
    pub(super) attrs: BTreeMap<String, BTreeSet<Vec<u8>>>,
    generation: Seq,
}

/// What a sink holds. It outlives the processes that deliver to it.
#[derive(Debug, Clone, Default)]
pub(super) struct Held {
    pub(super) entries: BTreeMap<Uuid, Entry>,
    /// Where it stands, if it can tell.
    position: Option<Position>,
    /// The newest sequence of each entry, and its generation.
    newest: BTreeMap<Uuid, (Seq, Seq)>,
    /// The content of each id.
    contents: BTreeMap<String, String>,
    /// The entries of which it has refused an event: it may not hold them.
    refused: BTreeSet<Uuid>,
    /// The parts of an event that is not whole yet.
    parts: BTreeMap<u32, Event>,
}

/// A sink, and how it behaves.
#[derive(Debug)]
pub(super) struct State {
    pub(super) held: Held,
    /// It can tell where it stands, in one transaction with the events.
    pub(super) knows_position: bool,
    pub(super) max_event: Option<usize>,
    /// It may fail.
    pub(super) trouble: bool,
    /// An older state, to which it may go back.
    pub(super) backup: Option<Held>,
}

/// The sink as the relay sees it.
pub(super) struct ModelSink {
    pub(super) state: Arc<Mutex<State>>,
    pub(super) model: Model,
    pub(super) source: Uuid,
}

impl ModelSink {
    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    fn draw(&self, of: u8) -> u8 {
        self.model.draw(Purpose::Sinks, |rng| rng.u8(0..of))
    }

    fn fails(&self) -> SinkResult<()> {
        let trouble = self.state().trouble;
        match self.draw(24) {
            0 if trouble => Err(SinkError::passing("network", "the sink is away")),
            1 if trouble => Err(SinkError::manual("owner", "the sink is another's")),
            _ => Ok(()),
        }
    }

    /// Takes events. With a sink that knows its position all of them are one transaction.
    fn take(&self, events: &[Event]) {
        let mut state = self.state();
        for event in events {
            self.model.world().log(format_args!(
                "    sink: {} {} {:?}",
                event.part_id(),
                event.kind.word(),
                event.dn
            ));
            if let Err(finding) = state.held.take(event, self.source) {
                self.model
                    .world()
                    .finding(format_args!("the sink was told {finding}"));
            }
        }
        if state.knows_position
            && let Some(last) = events.last()
        {
            state.held.position = Some(last.position.clone());
        }
    }

    /// Whether the sink refuses this event for good. It always says the same of the same event.
    fn refuses(&self, event: &Event) -> bool {
        let dn = event.dn.iter().flat_map(|dn| dn.bytes());
        let sum: u32 = event
            .uuid
            .as_bytes()
            .iter()
            .copied()
            .chain(dn)
            .map(u32::from)
            .sum();
        let sum = sum + event.changes.len() as u32 + event.kind as u32;
        let mut state = self.state();
        let refuses = state.trouble && event.is_of_entry() && sum.is_multiple_of(23);
        if refuses {
            state.held.refused.insert(event.uuid);
        }
        refuses
    }
}

impl Sink for ModelSink {
    fn open(&mut self, _: &Owner) -> SinkResult<Option<Position>> {
        self.fails()?;
        let state = self.state();
        let position = state.held.position.clone();
        self.model
            .world()
            .log(format_args!("    sink: opened at {position:?}"));
        Ok(state
            .knows_position
            .then(|| position.unwrap_or(Position::START)))
    }

    fn send(&mut self, batch: &Batch<'_>) -> SinkResult<Sent> {
        self.fails()?;
        if self.state().knows_position {
            let at = self
                .state()
                .held
                .position
                .clone()
                .unwrap_or(Position::START);
            if at != *batch.before {
                let what = format!("at {at}, and the relay thinks at {}", batch.before);
                self.model
                    .world()
                    .finding(format_args!("the sink stands {what}"));
            }
        }
        if batch.events.iter().any(|event| self.refuses(event)) {
            return Err(SinkError::refused(
                "refused",
                "the sink does not like an event",
            ));
        }
        let trouble = self.state().trouble;
        let some = self.draw(batch.events.len().min(200) as u8 + 1);
        match self.draw(12) {
            // The answer is lost: nobody knows what it took.
            0..=1 if trouble => {
                let whole = self.state().knows_position;
                let taken = if whole {
                    batch.events.len()
                } else {
                    usize::from(some)
                };
                self.take(&batch.events[..taken]);
                Err(SinkError::passing("network", "the answer is lost"))
            }
            2 if some > 0 => {
                let accepted = usize::from(some);
                self.take(&batch.events[..accepted]);
                Ok(Sent {
                    accepted,
                    refused: None,
                })
            }
            _ => {
                self.take(batch.events);
                Ok(Sent::all(batch))
            }
        }
    }

    fn stale(&mut self, generation: Seq, keep: &[Uuid]) -> SinkResult<u64> {
        self.fails()?;
        let state = self.state();
        let stale =
            |(uuid, entry): &(&Uuid, &Entry)| entry.generation < generation && !keep.contains(uuid);
        Ok(state.held.entries.iter().filter(stale).count() as u64)
    }

    fn end_generation(&mut self, generation: Seq, keep: &[Uuid]) -> SinkResult<()> {
        self.fails()?;
        let mut state = self.state();
        state.held.end_generation(generation, keep);
        Ok(())
    }

    fn max_event(&self) -> Option<usize> {
        self.state().max_event
    }
}

impl Held {
    fn take(&mut self, event: &Event, source: Uuid) -> Result<(), String> {
        let (id, content) = (event.part_id(), event.to_json(source));
        let new = match self.contents.insert(id.clone(), content.clone()) {
            None => true,
            Some(before) if before == content => false,
            Some(before) => return Err(format!("two contents of one id:\n{before}\n{content}")),
        };
        let at = (event.sequence, event.generation);
        if event.is_of_entry() {
            let newest = self.newest.entry(event.uuid).or_insert(at);
            if at.0 < newest.0 {
                // After an older file of deliveries was put back, rows may come that a pass had left out.
                return match new && at.1 >= newest.1 {
                    true => Err(format!("{id} after a newer event of its entry")),
                    false => Ok(()),
                };
            }
            *newest = at;
        }
        let Some(part) = event.part else {
            return self.apply(event);
        };
        if self.parts.values().any(|other| other.id != event.id) {
            self.parts.clear();
        }
        self.parts.insert(part.number, event.clone());
        if self.parts.len() as u32 != part.of {
            return Ok(());
        }
        let whole = joined(std::mem::take(&mut self.parts));
        self.apply(&whole)
    }

    fn apply(&mut self, event: &Event) -> Result<(), String> {
        match event.kind {
            EventKind::Deleted => {
                self.entries.remove(&event.uuid);
            }
            EventKind::SnapshotStarted | EventKind::SnapshotCompleted => {}
            _ => return self.restate(event),
        }
        Ok(())
    }

    fn restate(&mut self, event: &Event) -> Result<(), String> {
        let known = self.entries.remove(&event.uuid);
        let before = known.as_ref().map_or(Seq::ZERO, |known| known.generation);
        let unknown = || format!("{} of an entry that it does not hold", event.id);
        let attrs = match (&event.attrs, &known) {
            (Some(attrs), _) => by_name(attrs),
            (None, Some(known)) => {
                let mut attrs = known.attrs.clone();
                for change in event.changes.iter().filter(|change| !change.masked) {
                    let values = attrs.entry(change.name.to_ascii_lowercase()).or_default();
                    for value in &change.removed {
                        values.remove(value);
                    }
                    values.extend(change.added.iter().cloned());
                }
                attrs.retain(|_, values| !values.is_empty());
                attrs
            }
            (None, None) if self.refused.contains(&event.uuid) => return Ok(()),
            (None, None) => return Err(unknown()),
        };
        let dn = match (&event.dn, known) {
            (Some(dn), _) => dn.clone(),
            (None, Some(known)) => known.dn,
            (None, None) => return Err(unknown()),
        };
        let generation = before.max(event.generation);
        self.entries.insert(
            event.uuid,
            Entry {
                dn,
                attrs,
                generation,
            },
        );
        Ok(())
    }

    fn end_generation(&mut self, generation: Seq, keep: &[Uuid]) {
        self.entries
            .retain(|uuid, entry| entry.generation >= generation || keep.contains(uuid));
    }
}

fn joined(parts: BTreeMap<u32, Event>) -> Event {
    let mut parts = parts.into_values();
    let Some(mut whole) = parts.next() else {
        unreachable!("an event has a part");
    };
    for part in parts {
        if let (Some(all), Some(more)) = (&mut whole.attrs, part.attrs) {
            all.extend(more);
        }
        whole.changes.extend(part.changes);
    }
    whole
}

pub(super) fn by_name(attrs: &[Attribute]) -> BTreeMap<String, BTreeSet<Vec<u8>>> {
    let mut all: BTreeMap<String, BTreeSet<Vec<u8>>> = BTreeMap::new();
    for attribute in attrs {
        let values = all.entry(attribute.name.to_ascii_lowercase()).or_default();
        values.extend(attribute.values.iter().cloned());
    }
    all
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
