//! The state of the run, for others to see: written to a file at once when it changes, and now and then
//! while it stays the same.

use std::thread;
use std::time::{Duration, Instant, SystemTime};

use super::settings::Settings;
use crate::connection::Server;
use crate::error::{Error, ErrorKind};
use crate::run::{Lag, LastError, Place, Progress, RunState, RunStatus, StateFile, Written};
use crate::stop::StopHandle;
use crate::store::Writer;

/// A state that changes a little is written no more often than this.
const SELDOM: Duration = Duration::from_secs(1);

/// What the run tells of itself.
pub(super) struct Report {
    file: StateFile,
    written: Written,
    stop: StopHandle,
    /// Something is to be written then.
    due: Option<Instant>,
    /// Whether the engine wakes up for that. A network that was given may have a clock of its own, which a
    /// wait moves; then the state is written at the next change or heartbeat.
    wakes: bool,
    /// A dry run confirms nothing, and says nothing of the copy.
    silent: bool,
}

impl Report {
    /// The report of a run that begins. When the copy was last current, it takes from the last run.
    pub(super) fn begin(writer: &Writer, stop: StopHandle, settings: &Settings) -> Self {
        let file = StateFile::beside(writer.path());
        let last = file.last().unwrap_or_default();
        let mut report = Report {
            written: Written {
                place: last.place,
                ..Written::default()
            },
            file,
            stop,
            due: None,
            wakes: settings.options.network.0.is_none(),
            silent: settings.dry_run,
        };
        let run = &mut report.written.run;
        run.confirmed = last.run.confirmed;
        run.last_contact = last.run.last_contact;
        run.last_error = last.run.last_error;
        run.pid = Some(std::process::id());
        run.started = Some(SystemTime::now());
        report.enter(RunState::Connecting);
        report
    }

    pub(super) fn status(&self) -> &RunStatus {
        &self.written.run
    }

    /// The run connects to this server.
    pub(super) fn connecting(&mut self, server: &Server) {
        self.written.run.server = Some(server.to_string());
        self.enter(RunState::Connecting);
    }

    /// The sync search has begun, or begins anew on the same connection.
    pub(super) fn refreshing(&mut self, on_new_connection: bool) {
        let run = &mut self.written.run;
        run.connections += u64::from(on_new_connection);
        run.last_contact = Some(SystemTime::now());
        self.enter(RunState::Refreshing);
    }

    /// The refresh stage is over, and the persist stage begins.
    pub(super) fn following(&mut self) {
        self.enter(RunState::Following);
    }

    /// The provider sent something. `progress` is that of an open refresh stage.
    pub(super) fn heard(&mut self, progress: Option<Progress>, now: Instant) {
        let run = &mut self.written.run;
        run.last_contact = Some(SystemTime::now());
        run.progress = progress;
        self.due.get_or_insert(now + SELDOM);
    }

    /// When the state has to be written again, if it has changed a little.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due.filter(|_| self.wakes)
    }

    /// Writes the state, if that is due.
    pub(super) fn write_again(&mut self, now: Instant) {
        if self.due.is_some_and(|due| due <= now) {
            self.write();
        }
    }

    /// The copy was current at `time`. `writer` says where it stands.
    pub(super) fn confirmed(&mut self, time: SystemTime, writer: &Writer) {
        match writer.position() {
            Ok(at) => {
                self.written.place = Place {
                    store: at.store.to_string(),
                    commit: at.commit,
                    tag: at.tag.map(|tag| tag.to_string()).unwrap_or_default(),
                };
                self.written.run.confirmed = Some(time);
                self.write();
            }
            Err(error) => tracing::debug!("the state of the run is not noted: {error}"),
        }
    }

    /// How far the copy is behind.
    pub(super) fn lags(&mut self, lag: Option<Lag>) {
        self.written.run.lag = lag;
        self.write();
    }

    /// So many changes are committed.
    pub(super) fn committed(&mut self, changes: u64) {
        let run = &mut self.written.run;
        run.changes = run.changes.saturating_add(changes);
    }

    /// A connection was lost, or could not be made.
    pub(super) fn failed(&mut self, error: &Error) {
        if error.kind() == ErrorKind::Stopped {
            return;
        }
        self.note_failure(&error.to_string());
        self.enter(match error.is_retryable() {
            true => RunState::Waiting,
            false => RunState::Failed,
        });
    }

    /// The run will try again after this wait.
    pub(super) fn will_retry(&mut self, after: Duration) {
        self.enter(RunState::Waiting);
        self.written.run.next_retry = SystemTime::now().checked_add(after);
        self.write();
    }

    /// The run ends with this error, which is not one of the engine.
    pub(super) fn ended(&mut self, message: &str) {
        self.note_failure(message);
        self.enter(RunState::Failed);
    }

    fn note_failure(&mut self, message: &str) {
        let run = &mut self.written.run;
        run.failures += 1;
        run.last_error = Some(LastError {
            message: message.to_owned(),
            time: SystemTime::now(),
        });
    }

    fn enter(&mut self, state: RunState) {
        let run = &mut self.written.run;
        (run.progress, run.next_retry) = (None, None);
        let before = std::mem::replace(&mut run.state, state);
        // While nothing answers, the run waits and connects by turns.
        let is_away = |state| matches!(state, RunState::Connecting | RunState::Waiting);
        if before != state && !(is_away(before) && is_away(state)) {
            run.since = Some(SystemTime::now());
        }
        if state != RunState::Following {
            run.lag = None;
        }
        self.write();
    }

    fn write(&mut self) {
        self.written.seen = Some(SystemTime::now());
        if !self.silent {
            self.file.write(&self.written);
        }
        self.due = None;
    }
}

impl Drop for Report {
    fn drop(&mut self) {
        if thread::panicking() {
            return self.ended("the run panicked");
        }
        match self.written.run.state {
            RunState::Failed => {}
            // Nobody tries again.
            RunState::Waiting if !self.stop.is_requested() => self.enter(RunState::Failed),
            _ => self.enter(RunState::Stopped),
        }
    }
}
