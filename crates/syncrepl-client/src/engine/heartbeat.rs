//! The heartbeat: while a persist stage is silent, the engine sends Who am I? (RFC 4532) at
//! intervals on the same connection. Any answer will do. Without one the connection is dead,
//! although TCP reports no error: the server hangs, or something on the way drops packets.

use std::time::{Duration, Instant};

use syncrepl_proto::message::{Message, Operation, WHO_AM_I};

use super::state::{Consumer, Link, Run};
use crate::error::{Error, ErrorKind, Result};
use crate::stop::LONGEST_WAIT;

/// Whether the message answers the heartbeat; if so, clears it, and returns when it was sent. An error result
/// is an answer too.
pub(super) fn answers(
    asked: &mut Option<(u32, Instant)>,
    message: &Message<'_>,
) -> Option<Instant> {
    let answers = matches!(message.op, Operation::ExtendedResponse { .. });
    let (_, sent) = asked.take_if(|(id, _)| *id == message.id && answers)?;
    Some(sent)
}

impl Run<'_> {
    /// When to send the next heartbeat, or to give up on the last one.
    pub(super) fn beat_due(&self) -> Option<Instant> {
        let link = &self.on.link;
        let every = self.consumer.settings.heartbeat;
        if every.is_zero() || !self.consumer.habits[link.server].is_worth_asking() {
            return None;
        }
        Some(match link.asked {
            None => link.heard + every.min(LONGEST_WAIT),
            Some((_, asked)) => link.heard.max(asked) + self.answer_time(),
        })
    }

    /// Sends a heartbeat. If the last one is still unanswered, or the store's file is gone, fails
    /// instead.
    pub(super) fn beat(&mut self) -> Result<()> {
        // While nothing is to be committed, nothing else would notice.
        self.consumer.writer.check_files()?;
        let (now, answer_time) = (self.now(), self.answer_time());
        self.consumer.writer.prune_journal(now, true);
        let link = &mut self.on.link;
        if link.asked.is_some() {
            let server = &self.consumer.settings.servers[link.server];
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
        link.connection.send(&Message::encode(id, &request, &[]))?;
        self.ask_for_newest()
    }

    fn answer_time(&self) -> Duration {
        let options = &self.consumer.settings.options;
        options.response_timeout.min(LONGEST_WAIT)
    }
}

impl Consumer {
    /// Notes, at the end of a connection, whether its server answers heartbeats.
    pub(super) fn note_heartbeat(&mut self, link: &Link, error: &Error) {
        if link.asked.is_none() || error.kind() != ErrorKind::Unreachable {
            return;
        }
        if self.habits[link.server].unanswered() {
            tracing::warn!(
                "{} answers nothing while it serves a search: no more heartbeats are sent to it",
                self.settings.servers[link.server]
            );
        }
    }
}
