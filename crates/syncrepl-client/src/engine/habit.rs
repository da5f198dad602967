//! Whether a server answers heartbeats, and whether its last connection was lost, as far as its connections
//! have shown.

/// After this many connections without one answer, the server evidently answers nothing while it
/// serves a search. More heartbeats would only end good connections.
const MOST_UNANSWERED: u8 = 2;

/// A server's answers to heartbeats so far.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Habit {
    answered: bool,
    unanswered: u8,
    lost: bool,
}

impl Habit {
    /// Notes that the connection was lost: the server may have been restarted meanwhile.
    pub(super) fn lost(&mut self) {
        self.lost = true;
    }

    pub(super) fn was_lost(self) -> bool {
        self.lost
    }

    /// Notes the end of a refresh, after which nothing is missing that came before.
    pub(super) fn refreshed(&mut self) {
        self.lost = false;
    }

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
