//! The full comparison that is made at intervals: when it is due, and how it begins while a persist
//! stage runs. The interval is measured by the system's clock, since it outlives this process.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::{Syncrepl, not_connected};
use crate::callback::Callback;
use crate::error::Result;
use crate::status;
use crate::store::Writer;

/// When everything is to be compared again.
#[derive(Debug)]
pub(super) struct Schedule {
    every: Option<Duration>,
    /// When a refresh without a cookie last ended, as the store remembers it.
    last: Option<SystemTime>,
}

impl Schedule {
    pub(super) fn open(every: Option<Duration>, writer: &Writer) -> Result<Self> {
        let mut schedule = Schedule { every, last: None };
        schedule.read(writer)?;
        Ok(schedule)
    }

    /// What the store remembers, decides: a commit may have failed.
    pub(super) fn read(&mut self, writer: &Writer) -> Result<()> {
        let stored = writer.setting(status::LAST_RECONCILE)?;
        // A time that cannot be read is none.
        self.last = stored
            .and_then(|digits| std::str::from_utf8(&digits).ok()?.parse().ok())
            .and_then(|millis| UNIX_EPOCH.checked_add(Duration::from_millis(millis)));
        Ok(())
    }

    /// Remembers, in the open transaction, that everything was compared.
    pub(super) fn write(now: SystemTime, writer: &Writer) -> Result<()> {
        let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        let millis = since.as_millis().to_string();
        writer.set_setting(status::LAST_RECONCILE, Some(millis.as_bytes()))
    }

    /// How long it is until the next one; `None` when none is asked for. A last one that lies in
    /// the future was noted by a clock that was wrong, then or now, and counts for nothing: the
    /// comparison may come too early, but never far too late.
    pub(super) fn due_in(&self, now: SystemTime) -> Option<Duration> {
        let every = self.every?;
        let passed = self.last.and_then(|last| now.duration_since(last).ok());
        Some(passed.map_or(Duration::ZERO, |passed| every.saturating_sub(passed)))
    }
}

impl<C: Callback> Syncrepl<C> {
    /// Whether the next refresh has to be made without the cookie. Says so, if that is news.
    pub(super) fn comparison_is_due(&mut self) -> bool {
        let due = self.schedule.due_in(SystemTime::now()) == Some(Duration::ZERO);
        if due {
            self.callback.debug("a full comparison is due");
        }
        due
    }

    /// In a persist stage in which nobody has asked to stop: begins the search anew without a
    /// cookie, if that is due.
    pub(super) fn compare_if_due(&mut self) -> Result<()> {
        let persists = self
            .link
            .as_ref()
            .is_some_and(|link| link.session.in_persist_stage() && link.cancelled_at.is_none());
        if !persists || !self.comparison_is_due() {
            return Ok(());
        }
        self.end_group_at_once()?;
        let Some(link) = self.link.as_mut() else {
            return Err(not_connected());
        };
        if !link.provider.heeds_abandon {
            // What it would go on sending is cut off with the connection.
            let server = link.server;
            self.abandon();
            self.link = Some(self.establish(server)?);
            return Ok(());
        }
        link.cookie_sent = false;
        link.heard = self.settings.options.network.now();
        let id = link.connection.next_message_id();
        link.session
            .start(id, &self.settings.search.request(), None);
        Ok(())
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
        // And forward, it comes early once.
        assert_eq!(due_in(Some(now), now + DAY), Some(Duration::ZERO));
    }
}
