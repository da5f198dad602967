//! What an error means for `follow`: the one place that decides what passes and is waited for, and what ends
//! the run. docs/operating.md has the same table.

use std::error::Error as _;
use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use syncrepl_client::{Error, ErrorKind};

use crate::exit::Failure;

/// How long a refused password, or a certificate that does not do, may take to be replaced.
const REFUSED_FOR: Duration = Duration::from_secs(600);
/// When a refused password is sent again, in parts of that time. Servers count wrong passwords, and lock the
/// account at the fifth or so.
const TRIES: [f64; 3] = [1.0 / 30.0, 1.0 / 3.0, 1.0];
/// result code invalidCredentials (RFC 4511 appendix A)
const INVALID_CREDENTIALS: u32 = 49;

/// What an error means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// It passes by itself, or somebody makes space: try again as long as it takes.
    Passes,
    /// A password or certificate may be about to change: try again after this time.
    MayChange(Duration),
    /// A password was refused as above, and is sent again after this time unless it changes before.
    Refused(Duration),
    /// Only a person can mend it.
    Ends,
}

/// What the errors of a run mean, by what went well before them.
pub(crate) struct Troubles {
    /// The password and the files of TLS, which somebody may replace.
    watched: Vec<(PathBuf, Option<Seen>)>,
    refused_for: Duration,
    /// Whether a bind of this run has succeeded.
    bound: bool,
    /// Since when there were only refusals, and how many.
    refused: Option<(Instant, usize)>,
}

/// What tells one content of a file from another, without a look at it.
type Seen = (u64, u64, Option<SystemTime>);

impl Troubles {
    /// `watched` are the files that a bind reads; `refused_for` says how long they may take to be replaced, by
    /// default ten minutes.
    pub(crate) fn new(watched: Vec<PathBuf>, refused_for: Option<Duration>) -> Self {
        let watched = watched.into_iter().map(|path| {
            let seen = seen(&path);
            (path, seen)
        });
        Troubles {
            watched: watched.collect(),
            refused_for: refused_for.unwrap_or(REFUSED_FOR),
            bound: false,
            refused: None,
        }
    }

    /// A connection was made, and the bind succeeded.
    pub(crate) fn bound(&mut self) {
        self.bound = true;
        self.refused = None;
    }

    /// What the failure means. `now` is when it came.
    pub(crate) fn meaning(&mut self, failure: &Failure, now: Instant) -> Meaning {
        let error = match failure {
            Failure::Client(error) => error,
            Failure::Output(error) if io_lacks_space(error) => return Meaning::Passes,
            _ => return Meaning::Ends,
        };
        if error.is_retryable() || lacks_space(error) {
            return Meaning::Passes;
        }
        if !self.bound || !may_change(error) {
            return Meaning::Ends;
        }
        let (since, count) = *self.refused.get_or_insert((now, 0));
        self.refused = Some((since, count + 1));
        let left = (since + self.refused_for).saturating_duration_since(now);
        if left.is_zero() {
            return Meaning::Ends;
        }
        if error.result_code() != Some(INVALID_CREDENTIALS) {
            return Meaning::MayChange(left);
        }
        let part = TRIES.get(count).copied().unwrap_or(1.0);
        let next = since + self.refused_for.mul_f64(part);
        Meaning::Refused(next.saturating_duration_since(now).min(left))
    }

    /// Whether somebody has replaced a password or certificate since the last call.
    pub(crate) fn has_changed(&mut self) -> bool {
        let mut changed = false;
        for (path, before) in &mut self.watched {
            let now = seen(path);
            changed |= now.is_some() && now != *before;
            *before = now.or(*before);
        }
        changed
    }
}

fn seen(path: &PathBuf) -> Option<Seen> {
    use std::os::unix::fs::MetadataExt;
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.ino(), metadata.len(), metadata.modified().ok()))
}

/// Whether a bind failed by what somebody may replace while the run goes on: a password, a ticket, a
/// certificate, here or on the server.
fn may_change(error: &Error) -> bool {
    match error.kind() {
        ErrorKind::Refused => error.result_code() == Some(INVALID_CREDENTIALS),
        ErrorKind::InvalidInput | ErrorKind::Credentials | ErrorKind::Tls => true,
        _ => false,
    }
}

/// Whether there is no space for the copy, or for the output.
fn lacks_space(error: &Error) -> bool {
    match error.kind() {
        ErrorKind::NoSpace => true,
        ErrorKind::Callback => of_output(error).is_some_and(io_lacks_space),
        _ => false,
    }
}

/// Whether output cannot be written because the disk is full.
fn io_lacks_space(error: &io::Error) -> bool {
    use io::ErrorKind as Kind;
    matches!(
        error.kind(),
        Kind::StorageFull | Kind::QuotaExceeded | Kind::FileTooLarge
    )
}

/// The error of the output that made a callback fail.
fn of_output(error: &Error) -> Option<&io::Error> {
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(error) = cause.downcast_ref() {
            return Some(error);
        }
        source = cause.source();
    }
    None
}
