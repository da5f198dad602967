//! The schedule of full comparisons. It uses the system's clock, because the interval outlives this
//! process.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::error::Result;
use crate::status;
use crate::store::Writer;

/// When the next full comparison is due.
#[derive(Debug)]
pub(super) struct Schedule {
    every: Option<Duration>,
    /// The end of the last refresh without a cookie, from the store.
    last: Option<SystemTime>,
}

impl Schedule {
    pub(super) fn open(every: Option<Duration>, writer: &Writer) -> Result<Self> {
        let mut schedule = Schedule { every, last: None };
        schedule.read(writer)?;
        Ok(schedule)
    }

    /// Reads the last time from the store, because the commit may have failed.
    pub(super) fn read(&mut self, writer: &Writer) -> Result<()> {
        let stored = writer.setting(status::LAST_RECONCILE)?;
        // A time that cannot be read counts as none.
        self.last = stored
            .and_then(|digits| std::str::from_utf8(&digits).ok()?.parse().ok())
            .and_then(|millis| UNIX_EPOCH.checked_add(Duration::from_millis(millis)));
        Ok(())
    }

    /// Stores the time of a full comparison, in the open transaction.
    pub(super) fn write(now: SystemTime, writer: &Writer) -> Result<()> {
        let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        let millis = since.as_millis().to_string();
        writer.set_setting(status::LAST_RECONCILE, Some(millis.as_bytes()))
    }

    /// The time until the next one; `None` when the user wants none. If the last one lies in the
    /// future, the clock was wrong then or is wrong now, and it counts for nothing. So a comparison
    /// may come too early, but never far too late.
    pub(super) fn due_in(&self, now: SystemTime) -> Option<Duration> {
        let every = self.every?;
        let passed = self.last.and_then(|last| now.duration_since(last).ok());
        Some(passed.map_or(Duration::ZERO, |passed| every.saturating_sub(passed)))
    }

    pub(super) fn is_due(&self) -> bool {
        self.due_in(SystemTime::now()) == Some(Duration::ZERO)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);

    fn due_in(last: Option<SystemTime>, now: SystemTime) -> Option<Duration> {
        let every = Some(DAY);
        Schedule { every, last }.due_in(now)
    }

    #[test]
    fn due_when_the_interval_has_passed() {
        let now = UNIX_EPOCH + 20_000 * DAY;
        let hour = DAY / 24;
        assert_eq!(due_in(Some(now), now), Some(DAY));
        assert_eq!(due_in(Some(now - hour), now), Some(23 * hour));
        assert_eq!(due_in(Some(now - DAY), now), Some(Duration::ZERO));
        assert_eq!(due_in(Some(now - 9 * DAY), now), Some(Duration::ZERO));
        assert_eq!(due_in(None, now), Some(Duration::ZERO));
        let never = Schedule {
            every: None,
            last: None,
        };
        assert_eq!(never.due_in(now), None);
    }

    #[test]
    fn a_clock_set_back_puts_nothing_off() {
        let now = UNIX_EPOCH + 20_000 * DAY;
        assert_eq!(due_in(Some(now + 400 * DAY), now), Some(Duration::ZERO));
        assert_eq!(due_in(Some(now), now - DAY), Some(Duration::ZERO));
        // A clock that jumps forward makes one comparison early.
        assert_eq!(due_in(Some(now), now + DAY), Some(Duration::ZERO));
    }
}
