//! The inputs that fuzzing and the ordinary tests begin with: the recordings, cut up for each
//! property, lists of texts, and earlier findings.

use syncrepl_proto::control::Control;
use syncrepl_proto::message::{Message, Operation};

use crate::holds::SEARCH;
use crate::recorded::Conversation;
use crate::{folder, recorded};

/// The inputs in which `property` was once found not to hold, by name.
///
/// # Panics
/// When they cannot be read.
pub fn findings(property: &str) -> Vec<(String, Vec<u8>)> {
    let findings = folder().join("findings").join(property);
    let Ok(files) = std::fs::read_dir(&findings) else {
        return Vec::new();
    };
    let mut found: Vec<_> = files
        .map(|file| {
            let path = file.expect("a folder that can be read").path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            (name.into_owned(), std::fs::read(&path).expect("a finding"))
        })
        .collect();
    found.sort();
    found
}

/// The names of the folders of findings.
///
/// # Panics
/// When the folder above them cannot be read.
pub fn folders_of_findings() -> Vec<String> {
    let folders = std::fs::read_dir(folder().join("findings")).expect("the folder findings");
    folders
        .map(|folder| {
            let name = folder.expect("a folder that can be read").file_name();
            name.to_string_lossy().into_owned()
        })
        .collect()
}

/// Inputs that are well formed, mostly.
///
/// # Panics
/// When they cannot be read.
pub fn seeds(property: &str) -> Vec<Vec<u8>> {
    let mut seeds = match property {
        "filter" => texts("filters.txt", b"0"),
        "url" => texts("urls.txt", b""),
        "dn" => texts("dns.txt", b""),
        _ => Vec::new(),
    };
    for recorded in recorded::all() {
        for connection in &recorded.connections {
            let stream = connection.stream();
            match property {
                "frame" => seeds.push([&[0], &stream[..]].concat()),
                "session" => {
                    let mode = u8::from(recorded.persist);
                    let Some(whole) = search_only(connection) else {
                        continue;
                    };
                    seeds.push([&[mode, 0], &whole[..]].concat());
                    seeds.push([&[mode | 14, 9], &whole[..]].concat());
                }
                _ => recorded::messages(&stream)
                    .into_iter()
                    .for_each(|message| from_message(property, message, &mut seeds)),
            }
        }
    }
    seeds.sort();
    seeds.dedup();
    seeds
}

/// A text a line, without the lines that begin with `#`. `first` is put before each.
fn texts(file: &str, first: &[u8]) -> Vec<Vec<u8>> {
    let path = folder().join("seeds").join(file);
    let text = std::fs::read_to_string(path).expect("a list of texts");
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| [first, line.as_bytes()].concat())
        .collect()
}

/// The answers to the sync search and what follows, as if the search had the ID that the property gives it.
fn search_only(connection: &Conversation) -> Option<Vec<u8>> {
    let parts = &connection.parts[connection.sync?..];
    let stream: Vec<u8> = parts.iter().flat_map(|part| part.bytes.clone()).collect();
    let messages = recorded::messages(&stream).into_iter();
    let renumbered = messages.flat_map(|bytes| {
        let message = Message::decode(bytes).expect("what was recorded");
        let controls: Vec<Control<'_>> = message.controls.iter().collect();
        // Notices have the ID 0.
        let later = message.id.checked_sub(parts[0].request);
        let id = later.map_or(message.id, |later| SEARCH + later);
        Message::encode(id, &message.op, &controls)
    });
    Some(renumbered.collect())
}

fn from_message(property: &str, bytes: &[u8], seeds: &mut Vec<Vec<u8>>) {
    let Ok(message) = Message::decode(bytes) else {
        return;
    };
    let controls: Vec<Control<'_>> = message.controls.iter().collect();
    match (property, &message.op) {
        ("message", _) => seeds.push(bytes.to_vec()),
        ("controls", _) => {
            let mut writer = syncrepl_proto::ber::Writer::new();
            controls
                .iter()
                .for_each(|control| control.encode(&mut writer));
            seeds.push(writer.finish());
            seeds.extend(
                controls
                    .iter()
                    .filter_map(|control| Some(control.value?.to_vec())),
            );
        }
        (
            "sync_info",
            Operation::IntermediateResponse {
                value: Some(value), ..
            },
        ) => {
            seeds.push(value.to_vec());
        }
        ("attributes", Operation::SearchResultEntry(entry)) => {
            seeds.push(entry.attributes.as_bytes().to_vec());
        }
        ("dn", Operation::SearchResultEntry(entry)) => seeds.push(entry.dn.as_bytes().to_vec()),
        ("stored", Operation::SearchResultEntry(entry)) => {
            seeds.push([entry.dn.as_bytes(), &[0], entry.attributes.as_bytes()].concat());
        }
        _ => {}
    }
}
