//! What real servers and a consumer said to each other: whole connections, in the order in which one
//! store met them.
//!
//! The files are named `PROVIDER/STEP-MODE-WHAT.CONNECTION`. Each holds the LDAP messages of both ends in the
//! order in which they passed, so that a reader knows which answers followed which request.
//! `examples/record.rs` writes them anew. That is due when the consumer asks other questions than it
//! did, because message IDs and connections have to fit.

use std::collections::BTreeMap;
use std::time::Duration;

use syncrepl_proto::frame::Frames;
use syncrepl_proto::message::{CANCEL, Message, Operation};
use syncrepl_proto::sync::SYNC_REQUEST;

use crate::replay::{Part, Play};

/// How long a server waits for each request of a conversation that is as it was recorded. They come.
const PATIENCE: Duration = Duration::from_secs(5);

/// One run of a consumer, as it was heard.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// Which server: a folder.
    pub provider: String,
    /// Its name, which begins with its place in the order.
    pub name: String,
    /// Whether the consumer asked for refreshAndPersist.
    pub persist: bool,
    /// The connections, in the order in which they were opened.
    pub connections: Vec<Conversation>,
}

/// What was said on one connection.
#[derive(Debug, Clone, Default)]
pub struct Conversation {
    /// Each request, with the bytes that the server sent between it and the next one. At least one.
    pub parts: Vec<Part>,
    /// The part of the sync search, if there was one.
    pub sync: Option<usize>,
    /// The part of the request by which the consumer began to leave: Cancel, Abandon or Unbind.
    pub end: Option<usize>,
}

impl Conversation {
    /// Reads a recording.
    ///
    /// # Panics
    /// When it is none.
    pub fn read(recording: &[u8]) -> Conversation {
        let mut all = Conversation::default();
        let mut length = 0;
        for bytes in messages(recording) {
            length += bytes.len();
            let message = Message::decode(bytes).expect("what was recorded");
            let here = Some(all.parts.len());
            match message.op {
                Operation::SearchRequest(_) => {
                    if message.controls.iter().any(|one| one.oid == SYNC_REQUEST) {
                        all.sync = here;
                    }
                }
                Operation::ExtendedRequest { name, .. } if name != CANCEL => {}
                Operation::ExtendedRequest { .. }
                | Operation::AbandonRequest(_)
                | Operation::UnbindRequest => all.end = all.end.or(here),
                Operation::BindRequest(_) => {}
                _ => {
                    let part = all.parts.last_mut().expect("a request before its answer");
                    part.bytes.extend(bytes);
                    continue;
                }
            }
            all.parts.push(Part {
                request: message.id,
                patience: PATIENCE,
                bytes: Vec::new(),
            });
        }
        assert_eq!(length, recording.len(), "messages and nothing else");
        assert!(!all.parts.is_empty(), "a request at least");
        all
    }

    /// The bytes of the server.
    pub fn stream(&self) -> Vec<u8> {
        let parts = self.parts.iter().map(|part| part.bytes.as_slice());
        parts.collect::<Vec<_>>().concat()
    }

    /// The conversation as it was.
    pub fn play(&self) -> Play {
        Play {
            parts: self.parts.clone(),
        }
    }
}

/// The bytes of all servers, one stream a connection.
pub fn streams(recorded: &[Recorded]) -> Vec<Vec<u8>> {
    let connections = recorded.iter().flat_map(|one| &one.connections);
    connections.map(Conversation::stream).collect()
}

/// All of them, by provider and order.
///
/// # Panics
/// When they cannot be read.
pub fn all() -> Vec<Recorded> {
    let mut found: BTreeMap<(String, String), BTreeMap<u32, Conversation>> = BTreeMap::new();
    let root = crate::folder().join("recorded");
    let list = |folder: &std::path::Path| -> Vec<std::path::PathBuf> {
        let files = std::fs::read_dir(folder).expect("a folder of recordings");
        files.map(|file| file.expect("a file").path()).collect()
    };
    let last = |path: &std::path::Path| {
        let name = path.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    };
    for folder in list(&root) {
        for file in list(&folder) {
            let name = last(&file);
            let (name, number) = name.rsplit_once('.').expect("STEP-MODE-WHAT.CONNECTION");
            let connection = number.parse().expect("the number of a connection");
            let recording = std::fs::read(&file).expect("a recording");
            found
                .entry((last(&folder), name.to_owned()))
                .or_default()
                .insert(connection, Conversation::read(&recording));
        }
    }
    found
        .into_iter()
        .map(|((provider, name), connections)| Recorded {
            provider,
            persist: name.contains("-persist-"),
            name,
            connections: connections.into_values().collect(),
        })
        .collect()
}

/// The whole messages of a stream.
pub fn messages(stream: &[u8]) -> Vec<&[u8]> {
    let mut frames = Frames::default();
    frames.push(stream);
    let (mut at, mut messages) = (0, Vec::new());
    while let Ok(Some(message)) = frames.poll_message() {
        let end = at + message.len();
        messages.push(&stream[at..end]);
        at = end;
    }
    messages
}
