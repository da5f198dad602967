//! Where a relay stands, and when that is written: a position may lag, and never leads.

use std::time::Instant;

use syncrepl_client::journal::Seq;

use super::{KEPT_SKIPS, POSITION_EVERY, Relay};
use crate::position::Phase;
use crate::reading::ReadError;

impl Relay {
    /// The queue is empty: everything that was read is done.
    pub(super) fn advance(&mut self, now: Instant) -> Result<(), ReadError> {
        if let Some(then) = self.queue.take_then() {
            self.read = then;
            self.known = true;
            self.position_changed(now)?;
        }
        Ok(())
    }

    pub(super) fn position_changed(&mut self, now: Instant) -> Result<(), ReadError> {
        self.unwritten = true;
        let due = self
            .written
            .is_none_or(|at| now.saturating_duration_since(at) >= POSITION_EVERY);
        if due {
            self.write_position(now)?;
        }
        Ok(())
    }

    pub(super) fn write_position(&mut self, now: Instant) -> Result<(), ReadError> {
        let note = self.sink.note();
        let name = &self.owner.sink;
        self.delivery
            .put_position(name, &self.read, &self.sent, note.as_deref())?;
        if self.settings.shape.may_need_now() && self.read.phase == Phase::Stream {
            // A sink may go back a little, and then meets those rows again.
            let past = self.read.seq.value().saturating_sub(KEPT_SKIPS);
            self.delivery.drop_skips(name, Seq::new(past))?;
        }
        self.shared.stands_at(name, self.read.needs());
        self.status
            .change(|status| status.position = Some(self.read.clone()));
        (self.written, self.unwritten) = (Some(now), false);
        Ok(())
    }
}
