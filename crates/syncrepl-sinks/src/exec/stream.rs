//! One program for all events: lines go to its stdin, answers come from its stdout.

use std::io::{ErrorKind, Write};
use std::process::{ChildStdin, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use syncrepl_relay::{Event, Sent, SinkError, SinkResult};
use uuid::Uuid;

use super::Unanswered;
use super::answers::{Answers, Ended, Why};
use super::lock::Lock;
use super::process::Process;
use super::program::Program;
use super::says;

/// How long a program may take to end when its stdin does.
const GRACE: Duration = Duration::from_secs(3);
/// How long the status of a program is waited for that closed its stdout.
const LAST_WORDS: Duration = Duration::from_millis(200);
/// How often a blocked pipe is looked at beside its waking.
const GLANCE: Duration = Duration::from_millis(50);

/// A running program.
pub(super) struct Stream {
    process: Process,
    /// It does not block; `None` when the program closed it.
    stdin: Option<ChildStdin>,
    answers: Arc<Answers>,
}

impl Stream {
    /// Starts the program. From then on it alone holds the lock.
    pub(super) fn start(program: &Program, mut lock: Lock) -> SinkResult<Stream> {
        let failed = |error: std::io::Error| {
            SinkError::passing("start", format!("no pipes for the program: {error}"))
        };
        let (log, stderr) = std::io::pipe().map_err(failed)?;
        let started = program.start(&mut lock, Stdio::piped(), stderr, None)?;
        if let Some(stdin) = &started.stdin {
            let flags = fcntl_getfl(stdin).map_err(|error| failed(error.into()))?;
            let set = fcntl_setfl(stdin, flags | OFlags::NONBLOCK);
            set.map_err(|error| failed(error.into()))?;
        }
        let answers = Arc::<Answers>::default();
        let sink = program.sink.clone();
        thread::Builder::new()
            .name(format!("log of {sink}"))
            .spawn(move || says::follow(log, sink))
            .map_err(failed)?;
        if let Some(stdout) = started.stdout {
            let answers = Arc::clone(&answers);
            thread::Builder::new()
                .name(format!("answers of {}", program.sink))
                .spawn(move || answers.read(stdout))
                .map_err(failed)?;
        }
        Ok(Stream {
            process: started.process,
            stdin: started.stdin,
            answers,
        })
    }

    /// Whether the program still runs, and was given nothing else than the first of these events.
    pub(super) fn goes_on_with(&self, events: &[Event]) -> bool {
        !self.answers.has_ended()
            && !self.process.has_ended()
            && self.answers.given(events).is_some()
    }

    /// Gives the program those of the events that it was not given yet, and waits for the answers. `limit` is how
    /// long the first unanswered event may take.
    pub(super) fn send(
        &mut self,
        events: &[Event],
        source: Uuid,
        limit: Duration,
    ) -> Result<Sent, Unanswered> {
        let given = self.answers.given(events).unwrap_or(0);
        let new = events.get(given..).unwrap_or_default();
        let mut lines = Vec::new();
        for event in new {
            lines.extend_from_slice(event.to_json(source).as_bytes());
            lines.push(b'\n');
        }
        // Before they are written: the answers may come at once.
        self.answers.give(new);
        let written = self.write_all(&lines, limit);
        let sent = written.and_then(|()| self.answers.wait(events.len(), limit));
        sent.map_err(|why| match why {
            Why::Ended(ended) => self.ended(ended),
            Why::TimeIsUp => Unanswered {
                reason: "timeout",
                what: format!(
                    "did not answer within {}",
                    humantime::format_duration(limit)
                ),
                code: None,
            },
        })
    }

    /// Writes all of it, also when an event is refused meanwhile: half an event must not be left in the pipe.
    fn write_all(&mut self, lines: &[u8], limit: Duration) -> Result<(), Why> {
        let mut unwritten = lines;
        while !self.write(&mut unwritten) {
            self.answers.may_come(limit)?;
            self.wait_for_room();
        }
        Ok(())
    }

    /// Writes what there is room for. Returns whether nothing more is to be written.
    fn write(&mut self, unwritten: &mut &[u8]) -> bool {
        while !unwritten.is_empty() {
            let Some(stdin) = &mut self.stdin else {
                return true;
            };
            match stdin.write(unwritten) {
                Ok(written) => *unwritten = unwritten.get(written..).unwrap_or_default(),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return false,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // The program closed its stdin. It may still answer, or end, and say how.
                Err(_) => self.stdin = None,
            }
        }
        true
    }

    fn wait_for_room(&self) {
        if let Some(stdin) = &self.stdin {
            let mut wanted = [PollFd::new(stdin, PollFlags::OUT)];
            // Woken in vain, it looks once more.
            let _ = poll(&mut wanted, Timespec::try_from(GLANCE).ok().as_ref());
        }
    }

    /// The program ended, or broke the rules.
    fn ended(&mut self, ended: Ended) -> Unanswered {
        let (reason, what) = match ended {
            Ended::Closed => {
                return match self.process.wait(LAST_WORDS) {
                    true => self.died(),
                    false => Unanswered {
                        reason: "died",
                        what: "closed its stdout".to_owned(),
                        code: None,
                    },
                };
            }
            Ended::NoAnswer => ("protocol", "wrote a line to stdout that is no answer"),
            Ended::TooLong => ("protocol", "wrote a line to stdout that is too long"),
            Ended::Unknown => ("protocol", "answered for an event that waits for no answer"),
            Ended::OutOfTurn => (
                "protocol",
                "refused an event before it answered those before it",
            ),
        };
        Unanswered {
            reason,
            what: what.to_owned(),
            code: None,
        }
    }

    fn died(&mut self) -> Unanswered {
        let status = self.process.end();
        let shown = match &status {
            Ok(status) => status.to_string(),
            Err(error) => error.to_string(),
        };
        Unanswered {
            reason: "died",
            what: format!("ended before it answered ({shown})"),
            code: status.ok().and_then(|status| status.code()),
        }
    }

    /// Ends the program: its stdin ends, and it may finish.
    pub(super) fn close(mut self) {
        self.stdin = None;
        self.process.wait(GRACE);
    }
}
