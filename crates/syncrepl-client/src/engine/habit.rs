//! Whether a server answers heartbeats, as far as its connections have shown.

/// A server that never answered, on so many connections, answers nothing while it serves a search.
/// To lose those connections, too, would help nobody.
const MOST_UNANSWERED: u8 = 2;

/// What is known of a server's answers in the persist stage.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Habit {
    answered: bool,
    unanswered: u8,
}

impl Habit {
    pub(super) fn answered(&mut self) {
        self.answered = true;
    }

    /// A connection ended with a heartbeat unanswered. Returns whether no more are sent from now on.
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
