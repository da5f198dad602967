//! Warnings of what is wrong with a provider although its refresh succeeds. Each topic is told once a run,
//! when the refresh has ended: a failed one has a message of its own.

/// What a warning is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Topic {
    /// The changelog leaves changes out.
    LeftOut,
    /// The sync search lags behind a plain search.
    Lags,
    /// The sync search hides entries.
    Hides,
    /// Deletes are left out.
    Deletes,
    /// The server ends at a cookie.
    Crash,
    /// The cookie lies in the future.
    Ahead,
}

/// The warnings of a run.
#[derive(Debug, Default)]
pub(super) struct Warnings {
    waiting: Vec<(Topic, String)>,
    told: Vec<Topic>,
}

impl Warnings {
    /// Notes a warning, to be told when the refresh has ended. The first one of a topic counts.
    pub(super) fn note(&mut self, topic: Topic, text: String) {
        let waits = self.waiting.iter().any(|(other, _)| *other == topic);
        if !waits && !self.told.contains(&topic) {
            self.waiting.push((topic, text));
        }
    }

    /// Forgets what was noted for a refresh that failed.
    pub(super) fn forget(&mut self) {
        self.waiting.clear();
    }

    /// Tells what was noted.
    pub(super) fn tell(&mut self) {
        for (topic, text) in self.waiting.drain(..) {
            tracing::warn!("{text}");
            self.told.push(topic);
        }
    }
}
