//! What is asked of JetStream: about the stream, about a message in it, and to make the stream.

use async_nats::Client;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use syncrepl_relay::{SinkError, SinkResult};

use super::link;
use super::mark::Mark;
use super::settings::Settings;
use super::trouble::{self, ApiError, MESSAGE_NOT_FOUND, NAME_IN_USE, STREAM_NOT_FOUND};

/// A stream.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Stream {
    /// When it was made, as the server writes it. A stream that was deleted and made anew has another time.
    pub(super) created: String,
    pub(super) config: Config,
    pub(super) state: State,
}

/// How a stream is set up.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Config {
    #[serde(default)]
    pub(super) subjects: Vec<String>,
    #[serde(default)]
    pub(super) retention: String,
    /// In bytes; not above 0: no limit.
    #[serde(default)]
    pub(super) max_msg_size: i64,
    /// For so many nanoseconds the servers know the ids of messages.
    #[serde(default)]
    pub(super) duplicate_window: u64,
    #[serde(default)]
    pub(super) sealed: bool,
}

/// What a stream holds.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct State {
    /// The sequence of the newest message, also if it is not there any more.
    pub(super) last_seq: u64,
    /// The sequence of the oldest message that is there.
    #[serde(default)]
    pub(super) first_seq: u64,
}

/// A message in a stream, without its content.
#[derive(Debug, Clone)]
pub(super) struct Message {
    pub(super) seq: u64,
    /// What a sink with our prefix wrote beside the content.
    pub(super) mark: Option<Mark>,
}

/// The stream; `None`: there is none.
pub(super) async fn stream(client: &Client, name: &str) -> SinkResult<Option<Stream>> {
    let subject = format!("$JS.API.STREAM.INFO.{name}");
    let doing = format!("asking for the stream {name}");
    match call(client, subject, String::new()).await? {
        Ok(stream) => Ok(Some(stream)),
        Err(error) if error.err_code == STREAM_NOT_FOUND => Ok(None),
        Err(error) => Err(trouble::of_api(&error, &doing)),
    }
}

/// Makes the stream. It keeps everything: limits are for a person to set.
pub(super) async fn create(client: &Client, settings: &Settings, replicas: u8) -> SinkResult<()> {
    let name = &settings.stream;
    let subject = format!("$JS.API.STREAM.CREATE.{name}");
    let config = json!({
        "name": name,
        "subjects": [format!("{}.>", settings.prefix)],
        "retention": "limits", "storage": "file", "discard": "old",
        "num_replicas": replicas,
        "max_consumers": -1, "max_msgs": -1, "max_bytes": -1, "max_age": 0,
        "max_msgs_per_subject": -1, "max_msg_size": -1,
        "duplicate_window": 120_000_000_000_u64,
    });
    match call::<serde_json::Value>(client, subject, config.to_string()).await? {
        Err(error) if error.err_code != NAME_IN_USE => {
            let doing = format!("making the stream {name}");
            Err(trouble::of_api(&error, &doing))
        }
        _ => Ok(()),
    }
}

/// The newest message whose subject is below that prefix.
pub(super) async fn last(client: &Client, settings: &Settings) -> SinkResult<Option<Message>> {
    let question = json!({ "last_by_subj": format!("{}.>", settings.prefix) });
    message(client, settings, question.to_string()).await
}

/// The message of that sequence.
pub(super) async fn get(
    client: &Client,
    settings: &Settings,
    seq: u64,
) -> SinkResult<Option<Message>> {
    message(client, settings, json!({ "seq": seq }).to_string()).await
}

async fn message(
    client: &Client,
    settings: &Settings,
    question: String,
) -> SinkResult<Option<Message>> {
    #[derive(Deserialize)]
    struct Answer {
        message: Stored,
    }
    #[derive(Deserialize)]
    struct Stored {
        seq: u64,
        subject: String,
        hdrs: Option<String>,
    }
    let below = format!("{}.", settings.prefix);
    let subject = format!("$JS.API.STREAM.MSG.GET.{}", settings.stream);
    match call::<Answer>(client, subject, question).await? {
        Ok(Answer { message }) => Ok(Some(Message {
            seq: message.seq,
            mark: match message.subject.starts_with(&below) {
                true => message.hdrs.as_deref().and_then(Mark::of_headers),
                false => None,
            },
        })),
        Err(error) if error.err_code == MESSAGE_NOT_FOUND => Ok(None),
        Err(error) => Err(trouble::of_api(&error, "asking for a message")),
    }
}

/// The outer error: no answer, or none that can be understood; the inner one is JetStream's.
async fn call<T: DeserializeOwned>(
    client: &Client,
    subject: String,
    question: String,
) -> SinkResult<Result<T, ApiError>> {
    #[derive(Deserialize)]
    struct Failure {
        error: Option<ApiError>,
    }
    let answer = link::ask(client, subject, question).await?;
    let strange = |_| {
        SinkError::passing(
            "protocol",
            "JetStream gave an answer that cannot be understood",
        )
    };
    let failure: Failure = serde_json::from_slice(&answer).map_err(strange)?;
    match failure.error {
        Some(error) => Ok(Err(error)),
        None => serde_json::from_slice(&answer).map(Ok).map_err(strange),
    }
}

/// Whether one of these subjects of a stream takes everything below a prefix.
pub(super) fn takes(subjects: &[String], prefix: &str) -> bool {
    subjects.iter().any(|subject| {
        let mut wanted = prefix.split('.');
        let mut tokens = subject.split('.');
        loop {
            match (tokens.next(), wanted.next()) {
                (Some(">"), _) => return true,
                (Some("*"), Some(_)) => {}
                (Some(token), Some(name)) if token == name => {}
                _ => return false,
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_take_all_below_a_prefix_or_not() {
        let takes = |subject: &str| takes(&[subject.to_owned()], "ldap.people");
        for subject in [">", "ldap.>", "ldap.people.>", "*.people.>", "*.*.>"] {
            assert!(takes(subject), "{subject}");
        }
        for subject in [
            "ldap.people",
            "ldap.people.*",
            "ldap.*",
            "ldap.people.a.>",
            "x.>",
        ] {
            assert!(!takes(subject), "{subject}");
        }
    }
}
