//! A program of yours: `exec:/path`.
//!
//! In the mode `stream` one program runs as long as it can, reads events as lines and answers each (`stream`); in
//! the mode `each` every event starts one (`each`). Both run in a process group of their own (`process`), and
//! inherit a lock, so that what an earlier run left behind is waited for (`lock`). What they print for people goes
//! to the log (`says`).

mod answers;
mod each;
mod lock;
mod process;
mod program;
mod says;
mod stream;
mod trust;

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use syncrepl_relay::{Batch, Owner, Position, Sent, Sink, SinkError, SinkResult};
use uuid::Uuid;

use crate::kind::{Kind, Target, Unfit};
use crate::timeout::Timeout;
use each::Each;
use lock::Lock;
use program::Program;
use stream::Stream;
use trust::Trust;

pub(crate) const KIND: Kind = Kind {
    name: "a program",
    schemes: &["exec:"],
    keys: &["args", "lock_file", "mode", "timeout"],
    place,
    make,
};

/// How long an earlier program is waited for before an error says that it still runs.
const LOCK_WAIT: Duration = Duration::from_secs(1);

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Options {
    args: Vec<String>,
    mode: Mode,
    timeout: Timeout,
    lock_file: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Mode {
    #[default]
    Stream,
    Each,
}

fn make(target: &Target) -> Result<Box<dyn Sink>, Unfit> {
    let options: Options = target.options()?;
    let path = path(target)?;
    if options.args.iter().any(|word| word.contains('\0')) {
        return Err(Unfit::new("a word of args contains U+0000"));
    }
    Ok(Box::new(Exec {
        program: Program {
            sink: target.sink.clone(),
            path: path.clone(),
            args: options.args,
        },
        mode: options.mode,
        timeout: options.timeout.0,
        lock_file: options.lock_file,
        lock_path: PathBuf::new(),
        source: Uuid::nil(),
        trust: Trust::of(path),
        running: Running::Nothing,
    }))
}

fn place(target: &Target) -> Result<String, Unfit> {
    let options: Options = target.options()?;
    // The same program may well serve two sinks, with other words.
    Ok(format!(
        "exec:{} {:?}",
        path(target)?.display(),
        options.args
    ))
}

fn path(target: &Target) -> Result<PathBuf, Unfit> {
    let path = Path::new(target.to.strip_prefix("exec:").unwrap_or_default());
    if !path.is_absolute() || path.file_name().is_none() || target.to.contains('\0') {
        return Err(
            Unfit::new(format!("{} names no program", target.to)).with_hint(
                "write its whole path, as in exec:/usr/local/bin/hook; words go into args",
            ),
        );
    }
    Ok(path.to_owned())
}

struct Exec {
    program: Program,
    mode: Mode,
    timeout: Duration,
    lock_file: Option<PathBuf>,
    lock_path: PathBuf,
    source: Uuid,
    trust: Trust,
    running: Running,
}

enum Running {
    Nothing,
    Stream(Stream),
    Each(Each),
}

/// Why an event was not answered.
#[derive(Debug)]
pub(super) struct Unanswered {
    /// One word for metrics.
    reason: &'static str,
    /// What the program did, without its name: `ended (exit status: 1)`.
    what: String,
    /// The exit status, if it ended by itself.
    code: Option<i32>,
}

/// The exit statuses with a meaning of their own, from BSD's sysexits: of wrong data,
const REFUSED: i32 = 65;
/// of something that passes,
const PASSING: i32 = 75;
/// and of something that a person has to mend. A shell gives the last two when there is no such program.
const MANUAL: [i32; 3] = [78, 126, 127];

impl Sink for Exec {
    fn open(&mut self, who: &Owner) -> SinkResult<Option<Position>> {
        self.close();
        self.source = who.source;
        self.lock_path = match &self.lock_file {
            Some(path) => path.clone(),
            None => lock::default_path(who),
        };
        self.trust.look();
        self.start()?;
        Ok(None)
    }

    fn send(&mut self, batch: &Batch<'_>) -> SinkResult<Sent> {
        if let Running::Stream(stream) = &mut self.running
            && !stream.goes_on_with(batch.events)
        {
            // It ended while it had nothing to do, or was given other events than these.
            self.close();
            self.start()?;
        }
        let sent = match &mut self.running {
            Running::Nothing => return Err(SinkError::passing("start", "no program runs")),
            Running::Stream(stream) => stream.send(batch.events, self.source, self.timeout),
            Running::Each(each) => {
                let Some(event) = batch.events.first() else {
                    return Ok(Sent::all(batch));
                };
                each.send(&self.program, event, self.source, self.timeout)?
            }
        };
        match sent {
            Ok(sent) => {
                self.trust.earned();
                Ok(sent)
            }
            Err(unanswered) => {
                // It may still run: nothing of it may go on when the events come again.
                self.kill();
                Err(self.error(&unanswered))
            }
        }
    }

    fn note(&self) -> Option<String> {
        self.trust.note()
    }

    fn set_note(&mut self, note: Option<&str>) {
        self.trust.set_note(note);
    }

    fn max_batch(&self) -> usize {
        match self.mode {
            Mode::Stream => 1000,
            Mode::Each => 1,
        }
    }

    fn close(&mut self) {
        match std::mem::replace(&mut self.running, Running::Nothing) {
            Running::Stream(stream) => stream.close(),
            Running::Each(_) | Running::Nothing => {}
        }
    }
}

impl Exec {
    fn start(&mut self) -> SinkResult<()> {
        let lock = Lock::take(&self.lock_path, LOCK_WAIT)?;
        self.running = match self.mode {
            Mode::Stream => Running::Stream(Stream::start(&self.program, lock)?),
            Mode::Each => Running::Each(Each::new(&self.program, lock)?),
        };
        Ok(())
    }

    fn kill(&mut self) {
        // Dropping it kills its process group.
        self.running = Running::Nothing;
    }

    /// What an unanswered event means for the relay.
    fn error(&self, unanswered: &Unanswered) -> SinkError {
        let shown = self.program.path.display();
        let message = format!("{shown} {}", unanswered.what);
        match unanswered.code {
            Some(PASSING) => SinkError::passing("program", message),
            Some(code) if MANUAL.contains(&code) => SinkError::manual("program", message)
                .with_hint("the status says that its set-up is wrong: run it by hand"),
            _ if !self.trust.is_earned() => {
                let message = format!("{message}, and has never answered an event");
                SinkError::manual("program", message)
                    .with_hint("run it by hand with an event on its stdin: it has to answer it")
            }
            // Five of these for the same event, sent alone, make a dead letter of it.
            _ => SinkError::passing(unanswered.reason, message).blaming_event(),
        }
    }
}
