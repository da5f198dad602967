//! Whether a server answers heartbeats, as far as its connections have shown.

/// After this many connections without one answer, the server evidently answers nothing while it
/// serves a search. More heartbeats would only end good connections.
const MOST_UNANSWERED: u8 = 2;

/// A server's answers to heartbeats so far.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Habit {
    answered: bool,
    unanswered: u8,
}

impl Habit {
    pub(super) fn answered(&mut self) {
        self.answered = true;
    }

    /// Notes a connection that ended with its heartbeat unanswered. Returns true when the engine
    /// should stop sending them.
    pub(super) fn unanswered(&mut self) -> bool {
        if self.answered {
            return false;
        }
        self.unanswered = self.unanswered.saturating_add(1);
        self.unanswered == MOST_UNANSWERED
    }

    pub(super) fn is_worth_asking(self) -> bool {
        self.answered || self.unanswered < MOST_UNANSWERED
    }
}
