//! One program for each event: the event is on its stdin, and its exit status is the answer.

use std::io::{ErrorKind, PipeWriter, Write};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use syncrepl_relay::{Event, Sent, SinkError, SinkResult};
use uuid::Uuid;

use super::lock::Lock;
use super::program::{Program, Started};
use super::{REFUSED, Unanswered, says};

/// How often a program is looked at that does not read its stdin.
const GLANCE: Duration = Duration::from_millis(5);

/// What the programs of one run share.
pub(super) struct Each {
    lock: Lock,
    /// To the log.
    output: PipeWriter,
}

impl Each {
    pub(super) fn new(program: &Program, lock: Lock) -> SinkResult<Each> {
        let failed = |error: std::io::Error| {
            SinkError::passing("start", format!("no pipe for the program: {error}"))
        };
        let (log, output) = std::io::pipe().map_err(failed)?;
        let sink = program.sink.clone();
        thread::Builder::new()
            .name(format!("log of {sink}"))
            .spawn(move || says::follow(log, sink))
            .map_err(failed)?;
        Ok(Each { lock, output })
    }

    /// Runs the program for one event, for `limit` at most.
    ///
    /// # Errors
    /// It cannot be started.
    pub(super) fn send(
        &mut self,
        program: &Program,
        event: &Event,
        source: Uuid,
        limit: Duration,
    ) -> SinkResult<Result<Sent, Unanswered>> {
        let failed = |error: std::io::Error| {
            SinkError::passing("start", format!("no pipe for the program: {error}"))
        };
        let deadline = Instant::now() + limit;
        let (stdout, stderr) = (self.output.try_clone(), self.output.try_clone());
        let (stdout, stderr) = (stdout.map_err(failed)?, stderr.map_err(failed)?);
        let mut started = program.start(&mut self.lock, stdout, stderr, Some(event))?;
        let line = event.to_json(source) + "\n";
        write(&mut started, line.as_bytes(), deadline).map_err(failed)?;
        let left = deadline.saturating_duration_since(Instant::now());
        if !started.process.wait(left) {
            let limit = humantime::format_duration(limit);
            return Ok(Err(Unanswered {
                reason: "timeout",
                what: format!("did not end within {limit}"),
                code: None,
            }));
        }
        let status = started.process.reap().map_err(failed)?;
        if status.success() {
            return Ok(Ok(Sent {
                accepted: 1,
                refused: None,
            }));
        }
        if status.code() == Some(REFUSED) {
            return Ok(Ok(Sent {
                accepted: 0,
                refused: Some(format!("the program refused it ({status})")),
            }));
        }
        Ok(Err(Unanswered {
            reason: "died",
            what: format!("failed ({status})"),
            code: status.code(),
        }))
    }
}

/// Writes the event, and closes stdin. A program need not read it.
fn write(started: &mut Started, mut line: &[u8], deadline: Instant) -> std::io::Result<()> {
    let Some(mut stdin) = started.stdin.take() else {
        return Ok(());
    };
    fcntl_setfl(&stdin, fcntl_getfl(&stdin)? | OFlags::NONBLOCK)?;
    while !line.is_empty() && Instant::now() < deadline && !started.process.has_ended() {
        match stdin.write(line) {
            Ok(written) => line = line.get(written..).unwrap_or_default(),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                let mut wanted = [PollFd::new(&stdin, PollFlags::OUT)];
                // Woken in vain, it looks once more.
                let _ = poll(&mut wanted, Timespec::try_from(GLANCE).ok().as_ref());
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => break,
        }
    }
    Ok(())
}
