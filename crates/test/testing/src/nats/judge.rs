//! The judge of NATS: `nats-py`, run as a process.

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::tools;

const SCRIPT: &str = include_str!("judge.py");

/// Who looks into a server.
#[derive(Debug, Clone)]
pub struct Judge {
    url: String,
    login: Option<[String; 2]>,
}

/// A message in a stream.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// Its sequence.
    pub seq: u64,
    /// Its subject.
    pub subject: String,
    /// Its headers, an object.
    pub headers: Value,
    /// What it says: JSON, or a string.
    pub data: Value,
}

impl Message {
    /// The id of the event in it; empty for the message of somebody else.
    pub fn id(&self) -> &str {
        self.data["id"].as_str().unwrap_or_default()
    }
}

impl Judge {
    pub(super) fn new(address: &str) -> Judge {
        Judge {
            url: format!("nats://{address}"),
            login: None,
        }
    }

    /// Logs in.
    #[must_use]
    pub fn login(mut self, user: &str, password: &str) -> Judge {
        self.login = Some([user.to_owned(), password.to_owned()]);
        self
    }

    /// Every message of a stream.
    ///
    /// # Panics
    /// When there is no answer.
    pub fn read(&self, stream: &str) -> Vec<Message> {
        let text = self
            .run(&["read", stream])
            .unwrap_or_else(|e| panic!("{e}"));
        let message = |line: &str| {
            let mut line: Value = serde_json::from_str(line).expect("a line of JSON");
            Message {
                seq: line["seq"].as_u64().expect("a sequence"),
                subject: line["subject"].as_str().expect("a subject").to_owned(),
                headers: line["headers"].take(),
                data: line["data"].take(),
            }
        };
        text.lines().map(message).collect()
    }

    /// Makes a stream for subjects below a prefix, with more of a configuration.
    pub fn make(&self, stream: &str, prefix: &str, more: Value) {
        let mut config = serde_json::json!({
            "name": stream, "subjects": [format!("{prefix}.>")], "storage": "file", "retention": "limits",
        });
        let more = more.as_object().expect("an object").clone();
        config.as_object_mut().expect("an object").extend(more);
        self.ask("CREATE", stream, &config.to_string());
    }

    /// Publishes messages of somebody else.
    pub fn publish(&self, stream: &str, subject: &str, count: usize) {
        let count = count.to_string();
        let done = self.run(&["publish", stream, subject, &count]);
        done.unwrap_or_else(|e| panic!("{e}"));
    }

    /// Publishes an empty message with these headers, an object.
    pub fn publish_with(&self, stream: &str, subject: &str, headers: &Value) {
        let done = self.run(&["publish_with", stream, subject, &headers.to_string()]);
        done.unwrap_or_else(|e| panic!("{e}"));
    }

    /// Deletes a message.
    pub fn delete(&self, stream: &str, seq: u64) {
        let done = self.run(&["delete", stream, &seq.to_string()]);
        done.unwrap_or_else(|e| panic!("{e}"));
    }

    /// What JetStream answers to `$JS.API.STREAM.VERB.NAME`.
    ///
    /// # Panics
    /// When it refuses.
    pub fn ask(&self, verb: &str, stream: &str, body: &str) -> Value {
        let answer = self.try_ask(verb, stream, body);
        answer.unwrap_or_else(|e| panic!("{verb} {stream}: {e}"))
    }

    /// As [`Judge::ask`].
    ///
    /// # Errors
    /// What it says instead.
    pub fn try_ask(&self, verb: &str, stream: &str, body: &str) -> Result<Value, String> {
        let text = self.run(&[verb, stream, body])?;
        serde_json::from_str(&text).map_err(|error| error.to_string())
    }

    fn run(&self, arguments: &[&str]) -> Result<String, String> {
        let mut python = Command::new(python());
        if let Some([user, password]) = &self.login {
            python
                .env("JUDGE_USER", user)
                .env("JUDGE_PASSWORD", password);
        }
        let output = python
            .args(["-c", SCRIPT, &self.url])
            .args(arguments)
            .output()
            .expect("python3 starts");
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let complaint = tools::complaint(&output);
        assert!(
            !complaint.contains("No module named 'nats'"),
            "nats-py not found: scripts/python.sh installs it"
        );
        Err(complaint)
    }
}

/// The Python that scripts/python.sh makes, or the one of this machine: it has the client of NATS.
pub fn python() -> PathBuf {
    let own = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../../target/python/bin/python3"
    );
    match PathBuf::from(own) {
        own if own.is_file() => own,
        _ => PathBuf::from("python3"),
    }
}
