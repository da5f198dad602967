//! The heartbeat: while a persist stage is silent, the provider is asked at intervals who we are
//! (RFC 4532), on the same connection. Any answer is one. None at all means that this connection is
//! dead, although nothing says so: the server hangs, or something on the way drops what is sent.

use std::time::{Duration, Instant};

use syncrepl_proto::message::{Message, Operation, WHO_AM_I};

use super::{Link, Syncrepl};
use crate::callback::Callback;
use crate::error::{Error, ErrorKind, Result};
use crate::stop::LONGEST_WAIT;

/// A server that never answered, on so many connections, answers nothing while it serves a search. To
/// lose those connections, too, would help nobody.
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

    fn is_worth_asking(self) -> bool {
        self.answered || self.unanswered < MOST_UNANSWERED
    }
}

/// Whether the message answers the heartbeat, which is then over. An error result is an answer too.
pub(super) fn answers(asked: &mut Option<(u32, Instant)>, message: &Message<'_>) -> bool {
    let answered = asked.is_some_and(|(id, _)| id == message.id)
        && matches!(message.op, Operation::ExtendedResponse { .. });
    if answered {
        *asked = None;
    }
    answered
}

impl<C: Callback> Syncrepl<C> {
    /// When the next heartbeat has to be sent, or the last one answered.
    pub(super) fn beat_due(&self) -> Option<Instant> {
        let link = self.link.as_ref()?;
        let every = self.settings.heartbeat;
        let persists = link.session.in_persist_stage() && link.cancelled_at.is_none();
        if !persists || every.is_zero() || !self.habits[link.server].is_worth_asking() {
            return None;
        }
        Some(match link.asked {
            None => link.heard + every.min(LONGEST_WAIT),
            Some((_, asked)) => link.heard.max(asked) + self.answer_time(),
        })
    }

    /// Nothing was heard until the heartbeat was due: it is sent, or, if that was done, this is the end.
    pub(super) fn beat(&mut self) -> Result<()> {
        let (now, answer_time) = (self.now(), self.answer_time());
        let Some(link) = self.link.as_mut() else {
            return Ok(());
        };
        if link.asked.is_some() {
            let server = &self.settings.servers[link.server];
            return Err(Error::new(
                ErrorKind::Unreachable,
                format!("{server} gives no sign of life: no answer within {answer_time:?}"),
            )
            .with_hint("it hangs, or something between here and there drops what is sent"));
        }
        let id = link.connection.next_message_id();
        let request = Operation::ExtendedRequest {
            name: WHO_AM_I,
            value: None,
        };
        link.asked = Some((id, now));
        link.connection.send(&Message::encode(id, &request, &[]))
    }

    /// Learns from a connection that has come to its end.
    pub(super) fn note_heartbeat(&mut self, error: &Error) {
        let Some(link) = self.link.as_ref() else {
            return;
        };
        let Link { server, asked, .. } = link;
        let habit = &mut self.habits[*server];
        if asked.is_none() || habit.answered || error.kind() != ErrorKind::Unreachable {
            return;
        }
        habit.unanswered = habit.unanswered.saturating_add(1);
        if habit.unanswered == MOST_UNANSWERED {
            tracing::warn!(
                "{} answers nothing while it serves a search: no more heartbeats are sent to it",
                self.settings.servers[*server]
            );
        }
    }

    fn answer_time(&self) -> Duration {
        self.settings.options.response_timeout.min(LONGEST_WAIT)
    }
}
