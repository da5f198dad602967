//! The one error of this crate: what happened, which party has to act, and what to do next.

pub(crate) mod backoff;
mod kind;
pub(crate) mod retry;

use std::error::Error as StdError;
use std::fmt;

pub use kind::{ErrorKind, Fault};
use retry::Asked;
use syncrepl_proto::secret::masked;

/// The result of a callback. Any error fits through `?`; it rolls the transaction back and ends the run.
pub type CallbackResult = std::result::Result<(), Box<dyn StdError + Send + Sync>>;

/// The result of the functions of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The error of this crate. `Display` gives one line: what happened and, when known, what to do next.
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    result_code: Option<u32>,
    asked: Asked,
    message: String,
    hint: Option<String>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Error(Box::new(Inner {
            kind,
            result_code: None,
            asked: Asked::Other,
            message: message.into(),
            hint: None,
            source: None,
        }))
    }

    /// The reader's next step, one sentence without a full stop.
    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    pub(crate) fn with_source(
        mut self,
        source: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// The message without the hint.
    pub(crate) fn without_hint(&self) -> String {
        let whole = self.to_string();
        let hint = self.hint().map(|hint| format!(" ({hint})"));
        match hint.and_then(|hint| whole.strip_suffix(&hint)) {
            Some(message) => message.to_owned(),
            None => whole,
        }
    }

    /// The same error in other words, which say all.
    pub(crate) fn saying(mut self, message: String) -> Self {
        (self.0.message, self.0.hint, self.0.source) = (message, None, None);
        self
    }

    /// The same error, seen as one of another kind.
    pub(crate) fn with_kind(mut self, kind: ErrorKind) -> Self {
        self.0.kind = kind;
        self
    }

    /// The LDAP result code that came with it (RFC 4511 appendix A, 4096 from RFC 4533).
    pub(crate) fn with_result_code(mut self, code: u32) -> Self {
        self.0.result_code = Some(code);
        self
    }

    /// The request that the result code answered, if it was no ordinary one.
    pub(crate) fn answering(mut self, asked: Asked) -> Self {
        // A Notice of Disconnection stays one, whatever it interrupted.
        if self.0.asked == Asked::Other {
            self.0.asked = asked;
        }
        self
    }

    /// What went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The party that has to act.
    pub fn fault(&self) -> Fault {
        self.0.kind.fault()
    }

    /// The LDAP result code, when the provider gave one.
    pub fn result_code(&self) -> Option<u32> {
        self.0.result_code
    }

    /// What to do next, when that is known.
    pub fn hint(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// Whether the same call may succeed later without anybody changing anything: the network, a busy
    /// or restarting provider, a replica that is still loading. `docs/connecting.md` has the table. Wait
    /// before the next try as [`Backoff`](crate::Backoff) says.
    pub fn is_retryable(&self) -> bool {
        retry::may_pass(self.0.kind, self.0.result_code, self.0.asked)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A library below may have quoted a word that a user typed in a wrong place.
        f.write_str(&masked(&self.0.message))?;
        let mut source = self.source();
        while let Some(cause) = source {
            write!(f, ": {}", masked(&cause.to_string()))?;
            // These print their own sources.
            let whole = cause.is::<Error>() || cause.is::<rusqlite::Error>();
            source = cause.source().filter(|_| !whole);
        }
        if let Some(hint) = &self.0.hint {
            write!(f, " ({})", masked(hint))?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let source = self.0.source.as_ref().map(|source| format!("{source:?}"));
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("result_code", &self.0.result_code)
            .field("message", &masked(&self.0.message))
            .field("hint", &self.0.hint.as_deref().map(masked))
            .field("source", &source.as_deref().map(masked))
            .finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0
            .source
            .as_deref()
            .map(|source| source as &(dyn StdError + 'static))
    }
}
