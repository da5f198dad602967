//! Opens a sink, and finds out where it stands: it is asked first, then our own file. What either says is compared
//! with the history of the store.

use std::time::{Instant, SystemTime};

use super::{Relay, State};
use crate::delivery::Stored;
use crate::error::SinkError;
use crate::position::Position;
use crate::reading::ReadError;

impl Relay {
    /// Opens the sink and finds out where it stands. Returns false if that failed.
    pub(super) fn open(&mut self, now: Instant, time: SystemTime) -> Result<bool, ReadError> {
        let known = self.delivery.sink(self.name())?;
        let is_new = known.is_none();
        let stored = known.unwrap_or_default();
        if let Err(error) = self.heed_shape(&stored)? {
            self.failed(&error, now, time)?;
            return Ok(false);
        }
        self.sink.set_note(stored.note.as_deref());
        let reported = match self.sink.open(&self.owner) {
            Ok(reported) => reported,
            Err(error) => {
                self.failed(&error, now, time)?;
                return Ok(false);
            }
        };
        let tells = reported.is_some();
        (self.read, self.sent) = match reported {
            None => (stored.read, stored.sent),
            // It has acknowledged nothing since: what it did not want need not be read again.
            Some(at) if at == stored.sent => (stored.read, at),
            Some(at) => {
                if at.seq < stored.sent.seq {
                    self.status.change(|status| status.rewound += 1);
                    let sink = self.name();
                    tracing::warn!(
                        sink,
                        "the sink stands before where it stood: what it lost is sent again"
                    );
                }
                (at.clone(), at)
            }
        };
        // Which rows a state has made up for was in the file of deliveries, which is lost.
        let forgot = is_new && self.sent != Position::START && self.settings.shape.may_need_now();
        self.known = !forgot && self.reading(time).knows(&self.read)?;
        self.tells = tells;
        if let (false, Some(told)) = (tells, &stored.sending) {
            // It may have been told of commits that the store has lost.
            self.known &= self.reading(time).knows(told)?;
        }
        self.announced = None;
        self.may_hold = match &stored.sending {
            Some(told) if !tells && told.generation == self.read.generation => told.records(),
            _ => 0,
        };
        self.queue.clear();
        self.state = State::Open;
        let attempts = self.delivery.attempts(self.name())?;
        self.attempts = attempts.as_ref().map_or(0, |attempts| attempts.count);
        if self.attempts > 0 {
            self.alone = self.alone.max(1);
        }
        self.status
            .change(|status| status.position = Some(self.read.clone()));
        Ok(true)
    }

    /// Notes what decides what the sink is told; an error if that has changed since its last pass over everything.
    fn heed_shape(&self, stored: &Stored) -> Result<Result<(), SinkError>, ReadError> {
        let (Some(now), before) = (&self.settings.fingerprint, &stored.shape) else {
            return Ok(Ok(()));
        };
        let new = stored.sent == Position::START && stored.read == Position::START;
        if before.as_ref() == Some(now) {
            return Ok(Ok(()));
        }
        if before.is_none() || new || self.resync {
            self.delivery.put_shape(self.name(), now)?;
            return Ok(Ok(()));
        }
        let message = "what this sink is told has changed in the configuration";
        let hint = format!(
            "bring it up to date: `syncrepl sink resync {}`",
            self.name()
        );
        Ok(Err(SinkError::manual("shape", message).with_hint(hint)))
    }
}
