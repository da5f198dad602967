//! One window: events are published one after the other without waiting, then all answers are awaited.

use async_nats::header::{
    HeaderName, NATS_EXPECTED_LAST_SEQUENCE, NATS_EXPECTED_STREAM, NATS_MESSAGE_ID,
};
use async_nats::{Client, HeaderMap, HeaderValue, PublishErrorKind, StatusCode, Subscriber};
use futures_util::StreamExt;
use serde::Deserialize;
use syncrepl_relay::{Event, Owner, SinkError, SinkResult};
use tokio::time::timeout;

use super::link::PATIENCE;
use super::mark::{self, Batch};
use super::settings::Settings;
use super::trouble::{self, ApiError, MESSAGE_TOO_LARGE, WRONG_SEQUENCE};

const CONTENT_TYPE: HeaderName = HeaderName::from_static("Content-Type");
const OWNER: HeaderName = HeaderName::from_static(mark::OWNER);
const POSITION: HeaderName = HeaderName::from_static(mark::POSITION);
const BATCH: HeaderName = HeaderName::from_static(mark::BATCH);

/// What became of an event.
#[derive(Debug)]
pub(super) enum Answer {
    /// It is in the stream, with the sequence that it was to have.
    Stored,
    /// The stream does not end where we think.
    Elsewhere,
    /// The servers remember its id, but the stream does not have it there.
    Double,
    /// It is larger than this stream, or this server, takes.
    TooLarge,
    /// Something else.
    Failed(SinkError),
}

/// What the messages of a window have in common.
pub(super) struct Window<'a> {
    pub(super) settings: &'a Settings,
    pub(super) who: &'a Owner,
    /// What the subjects of answers begin with.
    pub(super) inbox: &'a str,
    /// The number of the first answer. No later window on the same connection has one of its numbers.
    pub(super) number: u64,
    /// The sequence that the stream ends with.
    pub(super) base: u64,
    /// The sequence of our newest message before which nothing is missing; 0: there is none.
    pub(super) own: u64,
    /// Messages get no `Nats-Msg-Id`: the servers would take some for doubles.
    pub(super) plain: bool,
}

impl Window<'_> {
    /// Publishes the events. There is an answer for each, or for each up to one that is too large.
    ///
    /// # Errors
    /// An answer is missing: the connection has to be given up.
    pub(super) async fn send(
        &self,
        client: &Client,
        answers: &mut Subscriber,
        events: &[Event],
    ) -> SinkResult<Vec<Answer>> {
        let sent = self.publish(client, events).await?;
        let mut got: Vec<Option<Answer>> = Vec::new();
        got.resize_with(sent, || None);
        let mut open = sent;
        while open > 0 {
            let message = match timeout(PATIENCE, answers.next()).await {
                Ok(Some(message)) => message,
                Ok(None) => return Err(SinkError::passing("network", "the connection was lost")),
                Err(_) => {
                    let text = format!("{open} of {sent} messages were not confirmed in time");
                    return Err(SinkError::passing("timeout", text));
                }
            };
            let Some(index) = self.index(&message.subject) else {
                continue;
            };
            if let Some(place @ None) = got.get_mut(index) {
                let wanted = self.base + 1 + index as u64;
                *place = Some(answer(message.status, &message.payload, wanted));
                open -= 1;
            }
        }
        let mut got: Vec<Answer> = got.into_iter().flatten().collect();
        if sent < events.len() {
            got.push(Answer::TooLarge);
        }
        Ok(got)
    }

    /// How many were published: all, unless one is too large for the server.
    async fn publish(&self, client: &Client, events: &[Event]) -> SinkResult<usize> {
        let unfit =
            |_| SinkError::manual("headers", "the name of the sink or stream fits no header");
        let owner: HeaderValue = mark::owner(self.who).parse().map_err(unfit)?;
        let stream: HeaderValue = self.settings.stream.parse().map_err(unfit)?;
        let mut batch = Batch {
            first: self.base + 1,
            own: self.own,
            before: 0,
        };
        for (index, event) in events.iter().enumerate() {
            let mut headers = HeaderMap::new();
            let mut put = |name, value: String| {
                let value: HeaderValue = value.parse().map_err(unfit)?;
                headers.insert(name, value);
                SinkResult::Ok(())
            };
            if !self.plain {
                put(NATS_MESSAGE_ID, event.part_id())?;
            }
            let position = event.position.to_string();
            put(BATCH, batch.to_string())?;
            batch.before = mark::trace(&position);
            put(POSITION, position)?;
            headers.insert(
                NATS_EXPECTED_LAST_SEQUENCE,
                HeaderValue::from(self.base + index as u64),
            );
            headers.insert(NATS_EXPECTED_STREAM, stream.clone());
            headers.insert(OWNER, owner.clone());
            headers.insert(CONTENT_TYPE, "application/cloudevents+json");
            let subject = self.subject(event);
            let reply = format!("{}.{}", self.inbox, self.number + index as u64);
            let body = event.to_json(self.who.source).into();
            match client
                .publish_with_reply_and_headers(subject, reply, headers, body)
                .await
            {
                Ok(()) => {}
                Err(error) if error.kind() == PublishErrorKind::MaxPayloadExceeded => {
                    return Ok(index);
                }
                Err(error) => {
                    let text = trouble::short(&error.to_string());
                    return Err(SinkError::passing("network", text));
                }
            }
        }
        Ok(events.len())
    }

    fn subject(&self, event: &Event) -> String {
        let prefix = &self.settings.prefix;
        match event.is_of_entry() {
            true => format!("{prefix}.{}", event.uuid),
            false => format!("{prefix}.snapshot"),
        }
    }

    /// Which event of this window an answer is for.
    fn index(&self, subject: &str) -> Option<usize> {
        let number = subject.strip_prefix(self.inbox)?.strip_prefix('.')?;
        let index = number.parse::<u64>().ok()?.checked_sub(self.number)?;
        usize::try_from(index).ok()
    }
}

#[derive(Deserialize)]
struct Ack {
    #[serde(default)]
    seq: u64,
    #[serde(default)]
    duplicate: bool,
    error: Option<ApiError>,
}

fn answer(status: Option<StatusCode>, payload: &[u8], wanted: u64) -> Answer {
    if status == Some(StatusCode::NO_RESPONDERS) {
        return Answer::Failed(SinkError::passing("server", "no stream takes the messages"));
    }
    let Ok(ack) = serde_json::from_slice::<Ack>(payload) else {
        let text = "JetStream gave an answer that cannot be understood";
        return Answer::Failed(SinkError::passing("protocol", text));
    };
    match ack.error {
        Some(error) => match error.err_code {
            WRONG_SEQUENCE => Answer::Elsewhere,
            MESSAGE_TOO_LARGE => Answer::TooLarge,
            _ => Answer::Failed(trouble::of_api(&error, "publishing")),
        },
        // A double at its very place was sent on a connection that we had given up.
        None if ack.seq == wanted => Answer::Stored,
        None if ack.duplicate => Answer::Double,
        None => Answer::Failed(SinkError::passing("elsewhere", "the stream ends elsewhere")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn event_is_stored_only_at_its_very_place() {
        let answer = |payload: &str| answer(None, payload.as_bytes(), 7);
        assert!(matches!(
            answer(r#"{"stream":"S","seq":7}"#),
            Answer::Stored
        ));
        let double = r#"{"stream":"S","seq":7,"duplicate":true}"#;
        assert!(matches!(answer(double), Answer::Stored));
        let double = r#"{"stream":"S","seq":3,"duplicate":true}"#;
        assert!(matches!(answer(double), Answer::Double));
        let wrong = r#"{"error":{"code":400,"err_code":10071,"description":"wrong"},"seq":0}"#;
        assert!(matches!(answer(wrong), Answer::Elsewhere));
        for strange in [r#"{"seq":8}"#, "{}", "", "[]", r#"{"seq":-1}"#] {
            assert!(matches!(answer(strange), Answer::Failed(_)), "{strange}");
        }
    }
}
