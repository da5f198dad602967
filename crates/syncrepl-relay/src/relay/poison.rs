//! An event that the sink refuses for good: a dead letter, or a stop.

use std::time::{Duration, Instant, SystemTime};

use super::{Poison, Relay};
use crate::delivery::Dead;
use crate::error::SinkError;
use crate::reading::ReadError;

/// More events than these within [`SHORT`] are no accident.
const MANY: u64 = 20;
const SHORT: Duration = Duration::from_secs(600);
/// The most dead letters of a sink,
const MOST: u64 = 10_000;
/// and the most bytes of them.
const MOST_BYTES: u64 = 64 << 20;

impl Relay {
    /// The sink refuses the first event of the queue for good.
    pub(super) fn refused(
        &mut self,
        why: &str,
        now: Instant,
        time: SystemTime,
    ) -> Result<(), ReadError> {
        let Some(first) = self.queue.first(1).first().cloned() else {
            return Ok(());
        };
        let name = self.owner.sink.clone();
        if let Some(stop) = self.too_many(why, time)? {
            return self.failed(&stop, now, time);
        }
        let dead = Dead {
            id: first.part_id(),
            uuid: first.uuid,
            kind: first.kind.word().to_owned(),
            time,
            why: why.to_owned(),
            sequence: first.sequence,
            generation: first.generation,
            event: first.to_json(self.owner.source),
        };
        // Before the position passes it.
        self.delivery.put_dead(&name, &dead)?;
        self.delivery.put_attempts(&name, None)?;
        self.dead.insert(first.uuid);
        self.attempts = 0;
        self.alone = self.alone.saturating_sub(1);
        tracing::warn!(
            sink = name,
            id = dead.id,
            "the sink refused an event, which is a dead letter now: {why}"
        );
        if let Some(end) = self.queue.drop_event(&first.id) {
            self.read = end;
        }
        let count = self.delivery.dead_count(&name, time)?;
        self.status.change(|status| status.dead = count.events);
        if self.queue.is_empty() {
            self.advance(now)?;
        }
        self.write_position(now)
    }

    /// Why no further event may die.
    fn too_many(&self, why: &str, time: SystemTime) -> Result<Option<SinkError>, ReadError> {
        if self.settings.poison == Poison::Stop {
            let hint = "mend the receiver; or write poison = \"dead\", and the event is kept aside";
            return Ok(Some(SinkError::manual("refused", why).with_hint(hint)));
        }
        let since = time.checked_sub(SHORT).unwrap_or(time);
        let count = self.delivery.dead_count(&self.owner.sink, since)?;
        let message = if count.since >= MANY {
            format!(
                "the sink refused more than {MANY} events in ten minutes, the last one so: {why}"
            )
        } else if count.events >= MOST || count.bytes >= MOST_BYTES {
            format!("there are {} dead letters already", count.events)
        } else {
            return Ok(None);
        };
        let hint = "see `syncrepl dead`, mend the receiver, then `syncrepl dead retry` or `drop`";
        Ok(Some(SinkError::manual("refused", message).with_hint(hint)))
    }
}
