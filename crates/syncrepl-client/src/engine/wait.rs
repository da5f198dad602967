//! The loop behind [`Syncrepl::poll`]: what is sent and delivered, how long it waits and for what,
//! and how it ends when asked to stop.

use std::time::{Duration, Instant, SystemTime};

use super::{Syncrepl, not_connected};
use crate::callback::Callback;
use crate::changes::apply::stopped;
use crate::connection::Woken;
use crate::error::{Error, ErrorKind, Result};
use crate::stop::LONGEST_WAIT;

/// How long the answer to a Cancel is awaited.
const CANCEL_TIME: Duration = Duration::from_secs(5);

/// After so long without news the log is copied, which takes about as long.
const LULL: Duration = Duration::from_millis(50);

impl<C: Callback> Syncrepl<C> {
    pub(super) fn poll_until(&mut self, deadline: Instant) -> Result<bool> {
        loop {
            self.heed_stop()?;
            if self.finished {
                return Ok(false);
            }
            self.compare_if_due()?;
            let link = self.link.as_mut().ok_or_else(not_connected)?;
            while let Some(request) = link.session.poll_request() {
                link.connection.send(&request)?;
            }
            let mut delivered = false;
            while self.take_message()? {
                delivered = true;
                if self.finished {
                    return Ok(false);
                }
            }
            self.close_gap()?;
            self.end_group()?;
            self.watch_parents()?;
            self.ask_for_suspects()?;
            if self.writer.log_is_too_long() && self.stage.is_none() {
                self.writer.copy_log();
            }
            let beat_due = self.beat_due();
            let gap_due = self.gap_due();
            let ask_why = self.may_be_refused_in_silence();
            let patience = self.patience();
            let Some(link) = self.link.as_mut() else {
                return Err(not_connected());
            };
            if delivered && link.session.in_persist_stage() && link.cancelled_at.is_none() {
                return Ok(true);
            }
            let silent_until = link.heard + patience.min(LONGEST_WAIT);
            let mut until = deadline;
            if let Some(due) = self.watch.due()
                && link.session.in_persist_stage()
            {
                until = until.min(due);
            }
            let suspects_due = self
                .suspects_due
                .filter(|_| link.session.in_persist_stage());
            until = suspects_due.map_or(until, |due| until.min(due));
            until = gap_due.map_or(until, |due| until.min(due));
            until = beat_due.map_or(until, |due| until.min(due));
            let lull = (self.writer.log_is_long() && self.stage.is_none())
                .then(|| self.settings.options.network.now() + LULL);
            until = lull.map_or(until, |due| until.min(due));
            if link.session.in_refresh_stage() {
                until = until.min(silent_until);
            } else if let Some(left) = self.schedule.due_in(SystemTime::now()) {
                until = until.min(self.settings.options.network.now() + left.min(LONGEST_WAIT));
            }
            if let Some(cancelled_at) = link.cancelled_at {
                until = cancelled_at + CANCEL_TIME;
            }
            let woken = match link.connection.wait(Some(until)) {
                Ok(woken) => woken,
                // The provider may close instead of answering a Cancel.
                Err(_) if link.cancelled_at.is_some() => return self.finish(),
                Err(error) => return Err(error),
            };
            match woken {
                Woken::Readable => link.heard = self.settings.options.network.now(),
                Woken::Stop => {}
                Woken::Deadline if link.cancelled_at.is_some() => return self.finish(),
                Woken::Deadline
                    if ask_why && link.session.in_refresh_stage() && until == silent_until =>
                {
                    self.ask_why()?;
                    continue;
                }
                Woken::Deadline if link.session.in_refresh_stage() && until == silent_until => {
                    let server = &self.settings.servers[link.server];
                    let time = self.settings.refresh_timeout;
                    let message = format!("{server} was silent for {time:?} in a refresh");
                    return Err(Error::new(ErrorKind::Unreachable, message).with_hint(
                        "it hangs, or needs longer: then allow it a longer refresh timeout",
                    ));
                }
                Woken::Deadline if beat_due == Some(until) => {
                    self.beat()?;
                    continue;
                }
                Woken::Deadline if lull == Some(until) => {
                    self.writer.copy_log();
                    continue;
                }
                // A question is due; after it, there is time left to wait.
                Woken::Deadline if self.watch.due() == Some(until) => {}
                Woken::Deadline if suspects_due == Some(until) || gap_due == Some(until) => {}
                Woken::Deadline => return Ok(true),
            }
            if self.settings.options.network.now() >= deadline && link.cancelled_at.is_none() {
                return Ok(true);
            }
        }
    }

    pub(super) fn finish(&mut self) -> Result<bool> {
        self.end_group_at_once()?;
        self.finished = true;
        Ok(false)
    }

    /// A first request lets a refresh stage end and cancels a persist stage; a second one
    /// abandons what is under way.
    fn heed_stop(&mut self) -> Result<()> {
        let requests = self.stop.requests();
        if requests == 0 || self.finished {
            return Ok(());
        }
        let Some(link) = self.link.as_mut() else {
            return Err(stopped());
        };
        if link.session.in_refresh_stage() {
            return if requests > 1 { Err(stopped()) } else { Ok(()) };
        }
        if requests > 1 || !link.can_cancel {
            self.finish()?;
            return Ok(());
        }
        if link.cancelled_at.is_none() {
            let id = link.connection.next_message_id();
            link.session.cancel(id);
            link.cancelled_at = Some(self.settings.options.network.now());
        }
        Ok(())
    }
}
