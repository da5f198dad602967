//! Sends a batch, and heeds what the sink says of it.

use std::time::{Duration, Instant, SystemTime};

use super::{MaxRemoved, Relay, State};
use crate::delivery::Attempts;
use crate::error::{SinkError, Trouble};
use crate::event::{Event, EventKind};
use crate::position::Phase;
use crate::reading::ReadError;
use crate::sink::{Batch, Sent};
use crate::status::{Recent, RelayState};

/// So often a program may die over one event, sent alone.
const DEATHS: u32 = 5;
/// So long a server may answer one event with an error of its own before a person has to look.
const TOO_LONG: Duration = Duration::from_secs(3600);
/// The number of last events that the status shows.
const RECENT: usize = 50;

impl Relay {
    pub(super) fn send(&mut self, now: Instant, time: SystemTime) -> Result<(), ReadError> {
        let most = match self.alone {
            0 => self.sink.max_batch().max(1),
            _ => 1,
        };
        let delivering = match self.read.phase {
            Phase::Stream => RelayState::Delivering,
            _ => RelayState::Snapshot,
        };
        self.status.enter(delivering, time);
        self.announce(most)?;
        let events = self.queue.first(most);
        let count = events.len();
        let batch = Batch {
            events,
            before: &self.sent,
            attempts: self.attempts,
        };
        let began = Instant::now();
        let outcome = self.sink.send(&batch);
        self.status.change(|status| {
            status.sending = (status.sending.0 + 1, status.sending.1 + began.elapsed());
        });
        match outcome {
            Ok(Sent { accepted, refused }) => {
                let accepted = accepted.min(count);
                self.accepted(accepted, now, time)?;
                match refused {
                    Some(why) if accepted < count => self.refused(&why, now, time),
                    _ if accepted == 0 => {
                        let error = SinkError::passing(
                            "nothing",
                            "the sink took no event, and did not say why",
                        );
                        self.not_sent(&error, now, time)
                    }
                    _ => Ok(()),
                }
            }
            Err(error) if error.trouble() == Trouble::Refused && count == 1 => {
                self.refused(error.message(), now, time)?;
                if self.state == State::Open {
                    self.close();
                }
                Ok(())
            }
            Err(error) if error.trouble() == Trouble::Refused => {
                // One of them is at fault: it is found when each goes alone.
                self.alone = count;
                self.close();
                Ok(())
            }
            Err(error) => self.not_sent(&error, now, time),
        }
    }

    /// Notes how far a sink that cannot tell is about to be told: its position is written later. If the store then
    /// loses those commits, the next process knows that the sink has heard of them.
    fn announce(&mut self, most: usize) -> Result<(), ReadError> {
        let Some(last) = self
            .queue
            .first(most)
            .last()
            .filter(|_| !self.tells && self.known)
        else {
            // Before a pass over everything has begun, what the sink was told of stays noted.
            return Ok(());
        };
        let commit = (last.position.commit, last.position.tag, last.position.phase);
        if self.announced != Some(commit) {
            self.delivery
                .put_sending(&self.owner.sink, &last.position)?;
            self.announced = Some(commit);
        }
        Ok(())
    }

    /// The first events of the queue are safe.
    fn accepted(&mut self, count: usize, now: Instant, time: SystemTime) -> Result<(), ReadError> {
        if count == 0 {
            return Ok(());
        }
        self.backoff.reset();
        self.alone = self.alone.saturating_sub(count);
        if self.attempts > 0 {
            self.attempts = 0;
            self.delivery.put_attempts(&self.owner.sink, None)?;
        }
        for _ in 0..count {
            let Some(event) = self.queue.pop() else { break };
            let begun = event.kind == EventKind::SnapshotStarted;
            if begun && self.resync {
                self.delivery.put_resync(&self.owner.sink, false)?;
                self.resync = false;
            }
            self.known |= begun;
            let is_whole = event.part.is_none_or(|part| part.number == part.of);
            let is_state = matches!(event.kind, EventKind::Snapshot | EventKind::Deleted);
            let revived = is_whole && is_state && self.dead.remove(&event.uuid);
            self.note_sent(&event, time);
            self.sent = event.position.clone();
            self.read = event.position;
            if begun || revived {
                // A pass that has begun, and a state that makes up for a dead letter, are known from here on.
                self.write_position(now)?;
            }
            if revived {
                self.delivery.drop_dead_of(&self.owner.sink, event.uuid)?;
            }
        }
        match self.queue.is_empty() {
            true => self.advance(now),
            false => self.position_changed(now),
        }
    }

    fn note_sent(&self, event: &Event, time: SystemTime) {
        let recent = Recent {
            time: event.time,
            kind: event.kind,
            uuid: event.uuid,
            dn: event.dn.clone(),
            changed: event
                .changes
                .iter()
                .map(|change| change.name.clone())
                .collect(),
        };
        let age = event
            .cause
            .and_then(|_| time.duration_since(event.time).ok());
        self.status.change(|status| {
            *status.sent.entry(event.kind.word()).or_default() += 1;
            status.age = age.or(status.age);
            status.recent.insert(0, recent);
            status.recent.truncate(RECENT);
        });
    }

    /// The sink did not answer, or cannot take the first event now.
    fn not_sent(
        &mut self,
        error: &SinkError,
        now: Instant,
        time: SystemTime,
    ) -> Result<(), ReadError> {
        let Some(first) = self.queue.first(1).first().cloned() else {
            return self.failed(error, now, time);
        };
        let name = self.owner.sink.clone();
        let id = first.part_id();
        let known = self
            .delivery
            .attempts(&name)?
            .filter(|attempts| attempts.id == id);
        let was_alone = self.alone > 0 || self.queue.len() == 1;
        let attempts = known.map_or_else(
            || Attempts {
                id,
                count: 1,
                first: time,
            },
            |known| Attempts {
                count: known.count.saturating_add(1),
                ..known
            },
        );
        if error.blames_event() && was_alone && attempts.count >= DEATHS {
            return self.refused(error.message(), now, time);
        }
        self.delivery.put_attempts(&name, Some(&attempts))?;
        self.attempts = attempts.count;
        self.alone = self.alone.max(1);
        let long = time.duration_since(attempts.first).unwrap_or_default() >= TOO_LONG;
        if long && error.reason() == "server" {
            let message = format!("{} (for an hour, with the same event)", error.message());
            let hint = "look into the log of the receiver, then `syncrepl sink resume`";
            let manual = SinkError::manual(error.reason(), message).with_hint(hint);
            return self.failed(&manual, now, time);
        }
        self.failed(error, now, time)
    }

    /// A pass over everything has told of all entries: the sink removes the others.
    pub(super) fn end_generation(&mut self, event: &Event) -> Result<(), SinkError> {
        let keep: Vec<_> = self.dead.iter().copied().collect();
        let generation = event.generation;
        if let Some(max) = self.settings.max_removed
            && !self.allow_removal
        {
            let stale = self.sink.stale(generation, &keep)?;
            let entries = self.store.count().map_err(|error| {
                SinkError::passing("store", format!("the copy cannot be counted: {error}"))
            })?;
            let limit = match max {
                MaxRemoved::Count(count) => count,
                MaxRemoved::Percent(percent) => {
                    (entries + stale).saturating_mul(u64::from(percent)) / 100
                }
            };
            if stale > limit {
                let message = format!(
                    "the sink holds {stale} entries that are not in the copy, and {limit} may be removed"
                );
                let hint =
                    "look at them, then allow it once: `syncrepl sink resume NAME --allow-removal`";
                return Err(SinkError::manual("removal", message).with_hint(hint));
            }
        }
        self.sink.end_generation(generation, &keep)?;
        self.allow_removal = false;
        Ok(())
    }
}
