//! Why a sink did not take a batch, and what the relay does next: one table.

use std::fmt;
use std::time::Duration;

/// What the relay does after an error of a sink.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Trouble {
    /// It passes by itself: the relay tries again after 0.2 s to 60 s, longer each time.
    Passing,
    /// A person has to act: the relay tries once a minute, and says what to do.
    Manual,
    /// The sink refuses the batch for good. The relay sends its events one by one; what the sink refuses alone
    /// becomes a dead letter.
    Refused,
}

/// An error of a sink. Its text is short, and holds no values of entries and no secrets.
#[derive(Debug)]
pub struct SinkError {
    trouble: Trouble,
    reason: &'static str,
    message: String,
    hint: Option<String>,
    retry_after: Option<Duration>,
    blames_event: bool,
}

impl SinkError {
    /// An error that passes by itself. `reason` is one word for metrics: `network`, `timeout`, `server`.
    pub fn passing(reason: &'static str, message: impl Into<String>) -> Self {
        SinkError::new(Trouble::Passing, reason, message)
    }

    /// An error that a person has to mend. Give a [hint](Self::with_hint) that says how.
    pub fn manual(reason: &'static str, message: impl Into<String>) -> Self {
        SinkError::new(Trouble::Manual, reason, message)
    }

    /// The sink refuses the batch for good.
    pub fn refused(reason: &'static str, message: impl Into<String>) -> Self {
        SinkError::new(Trouble::Refused, reason, message)
    }

    fn new(trouble: Trouble, reason: &'static str, message: impl Into<String>) -> Self {
        SinkError {
            trouble,
            reason,
            message: message.into(),
            hint: None,
            retry_after: None,
            blames_event: false,
        }
    }

    /// Says what to do next.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The sink names the wait before the next try. The relay waits an hour at most.
    #[must_use]
    pub fn with_retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// The event may be the cause: the program that took it died, or did not answer in time. When that happened
    /// five times with the same event, sent alone, the event becomes a dead letter.
    #[must_use]
    pub fn blaming_event(mut self) -> Self {
        self.blames_event = true;
        self
    }

    /// Whether the event may be the cause.
    pub fn blames_event(&self) -> bool {
        self.blames_event
    }

    /// What the relay does next.
    pub fn trouble(&self) -> Trouble {
        self.trouble
    }

    /// One word for metrics.
    pub fn reason(&self) -> &'static str {
        self.reason
    }

    /// What went wrong, without the hint.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What to do next.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// The wait that the sink names.
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }
}

impl fmt::Display for SinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.message)?;
        match &self.hint {
            Some(hint) => write!(f, ": {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for SinkError {}
