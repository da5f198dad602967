//! The bytes that real servers sent: whole connections, in the order in which one store met them.
//!
//! The files are named `PROVIDER/STEP-MODE-WHAT.CONNECTION`. `examples/record.rs` writes them anew.
//! That is due when the consumer asks other questions than it did, because message IDs and
//! connections have to fit.

use std::collections::BTreeMap;

use syncrepl_proto::frame::Frames;

/// One run of a consumer, as it was heard.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// Which server: a folder.
    pub provider: String,
    /// Its name, which begins with its place in the order.
    pub name: String,
    /// Whether the consumer asked for refreshAndPersist.
    pub persist: bool,
    /// The bytes that were sent on each connection, in the order in which they were opened.
    pub connections: Vec<Vec<u8>>,
}

/// All of them, by provider and order.
///
/// # Panics
/// When they cannot be read.
pub fn all() -> Vec<Recorded> {
    let mut found: BTreeMap<(String, String), BTreeMap<u32, Vec<u8>>> = BTreeMap::new();
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
            found
                .entry((last(&folder), name.to_owned()))
                .or_default()
                .insert(connection, std::fs::read(&file).expect("a recording"));
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
