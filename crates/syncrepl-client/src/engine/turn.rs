//! The loop behind a poll: takes messages that have arrived, does what is due, and waits for the
//! next of both.

use std::time::{Duration, Instant, SystemTime};

use super::deadlines::{Due, Phase};
use super::message::Took;
use super::state::Run;
use crate::changes::apply::stopped;
use crate::connection::Woken;
use crate::error::Result;
use crate::run::Progress;
use crate::stop::LONGEST_WAIT;

/// The time limit for the answer to a Cancel.
const CANCEL_TIME: Duration = Duration::from_secs(5);

/// The silence after which the store copies its log, which takes about as long.
const LULL: Duration = Duration::from_millis(50);

/// How a poll ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum After {
    /// Messages were taken, or the time is over. More may come.
    More,
    /// Nothing more is to come.
    Finished,
    /// The search has to begin anew on another connection to the same server.
    Reconnect,
}

impl Run<'_> {
    pub(super) fn poll_until(&mut self, deadline: Instant) -> Result<After> {
        loop {
            if self.heed_stop()? {
                return Ok(After::Finished);
            }
            self.send_requests()?;
            let took = self.take_messages()?;
            if took == Took::Last {
                return Ok(After::Finished);
            }
            self.end_group()?;
            self.confirm();
            if let Some(after) = self.do_what_is_due()? {
                return Ok(after);
            }
            if took == Took::Message && matches!(self.on.phase(), Phase::Persist { .. }) {
                return Ok(After::More);
            }
            if let Some(after) = self.wait(deadline)? {
                return Ok(after);
            }
        }
    }

    /// Acts on stop requests. The first one lets a refresh stage end, for as long as the provider sends
    /// something, and cancels a persist stage. A second one abandons either. Returns true when nothing
    /// more is to come.
    fn heed_stop(&mut self) -> Result<bool> {
        let requests = self.consumer.stop.requests();
        if requests == 0 {
            return Ok(false);
        }
        let can_cancel = self.on.link.can_cancel;
        match self.on.phase() {
            Phase::Refresh { .. } if requests > 1 => Err(stopped()),
            Phase::Refresh { .. } => {
                let now = self.consumer.now();
                self.on.stopping.get_or_insert(now);
                Ok(false)
            }
            _ if requests > 1 || !can_cancel => self.end_group_at_once().map(|()| true),
            Phase::Cancelled => Ok(false),
            Phase::Persist { .. } => {
                let link = &mut self.on.link;
                let id = link.connection.next_message_id();
                link.session.cancel(id);
                let until = self.consumer.now() + CANCEL_TIME;
                self.on.deadlines.set(Due::Cancel, Some(until));
                Ok(false)
            }
        }
    }

    /// Takes all messages that have arrived.
    fn take_messages(&mut self) -> Result<Took> {
        let mut took = Took::Nothing;
        loop {
            match self.take_message()? {
                Took::Nothing => return Ok(took),
                Took::Message => took = Took::Message,
                Took::Last => return Ok(Took::Last),
            }
        }
    }

    /// Does what is due, whether the provider is silent or not.
    fn do_what_is_due(&mut self) -> Result<Option<After>> {
        if self.consumer.writer.log_is_too_long() && self.on.stage.is_none() {
            self.consumer.writer.copy_log();
        }
        self.consumer.writer.remember_readers();
        self.consumer.remind_of_password();
        loop {
            self.arm();
            let (phase, now) = (self.on.phase(), self.now());
            let Some(due) = self.on.deadlines.take(phase, now, false) else {
                return Ok(None);
            };
            if let Some(after) = self.act(due)? {
                return Ok(Some(after));
            }
        }
    }

    /// Sets the deadlines that follow from the present state. Events have set the others.
    fn arm(&mut self) {
        let now = || self.consumer.now();
        let heard = self.on.link.heard;
        // The silence before the stop request does not count.
        let heard = self.on.stopping.map_or(heard, |at| heard.max(at));
        let silence = heard + self.patience().min(LONGEST_WAIT);
        let beat = self.beat_due();
        let newest = self.newest_due();
        let report = self.consumer.report.due();
        let lull = self.consumer.writer.log_is_long().then(|| now() + LULL);
        let left = self.consumer.schedule.due_in(SystemTime::now());
        let reconcile = left.map(|left| now() + left.min(LONGEST_WAIT));
        let deadlines = &mut self.on.deadlines;
        deadlines.set(Due::Silence, Some(silence));
        deadlines.set(Due::Heartbeat, beat);
        deadlines.set(Due::Newest, newest);
        deadlines.set(Due::Report, report);
        deadlines.set(Due::LogCopy, lull);
        deadlines.set(Due::Reconcile, reconcile);
    }

    fn act(&mut self, due: Due) -> Result<Option<After>> {
        match due {
            Due::Cancel => {
                self.end_group_at_once()?;
                return Ok(Some(After::Finished));
            }
            Due::Reconcile => {
                if !self.compare_everything()? {
                    return Ok(Some(After::Reconnect));
                }
            }
            Due::Gap => {
                self.look_for_a_gap()?;
                self.end_group()?;
            }
            Due::Soon => self.ask_for_parents()?,
            Due::Quiet => self.ask_when_quiet()?,
            Due::Derived => self.look_at_derived()?,
            Due::LogCopy => self.consumer.writer.copy_log(),
            Due::Heartbeat => self.beat()?,
            Due::Newest => self.ask_for_newest()?,
            Due::Report => {
                let now = self.now();
                self.consumer.report.write_again(now);
            }
            Due::Silence => self.ask_why_silent()?,
        }
        Ok(None)
    }

    /// Waits until bytes arrive, a deadline has come or the time is over. Returns how the poll
    /// ends, if it does.
    fn wait(&mut self, deadline: Instant) -> Result<Option<After>> {
        let phase = self.on.phase();
        let cancelled = phase == Phase::Cancelled;
        let until = match self.on.deadlines.next(phase) {
            Some(next) if cancelled => next,
            Some(next) => next.min(deadline),
            None => deadline,
        };
        match self.on.link.connection.wait(Some(until)) {
            Ok(Woken::Readable) => {
                let now = self.now();
                self.on.link.heard = now;
                let consumer = &mut *self.consumer;
                let refresh = self.on.stage.as_ref().filter(|stage| stage.is_refresh());
                let progress =
                    refresh.map(|stage| Progress::of(stage.messages, consumer.guard.size()));
                consumer.report.heard(progress, now);
            }
            Ok(Woken::Stop) => {}
            // The caller wants to look at something else.
            Ok(Woken::Nudge) if !cancelled => return Ok(Some(After::More)),
            Ok(Woken::Nudge) => {}
            Ok(Woken::Deadline) => {
                let now = self.now().max(until);
                let Some(due) = self.on.deadlines.take(phase, now, true) else {
                    // Where no heartbeat is due, nothing else would notice that a file is gone.
                    self.consumer.writer.check_files()?;
                    return Ok(Some(After::More));
                };
                if let Some(after) = self.act(due)? {
                    return Ok(Some(after));
                }
            }
            // The provider may close instead of answering a Cancel.
            Err(_) if cancelled => {
                self.end_group_at_once()?;
                return Ok(Some(After::Finished));
            }
            Err(error) => return Err(error),
        }
        let over = self.now() >= deadline && !cancelled;
        Ok(over.then_some(After::More))
    }
}
