//! A row of the table of entries, as it was before a batch.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

/// What a batch has to know of a row. Keys are the names in lower case.
#[derive(Debug, Default)]
pub(super) struct Row {
    /// (generation, seq)
    pub(super) at: (u64, u64),
    /// The attributes in the row, where they were asked for.
    pub(super) attrs: BTreeMap<String, (String, BTreeSet<Vec<u8>>)>,
    /// The attributes whose values are in the table of values, and about how many bytes they have.
    pub(super) large: BTreeMap<String, (String, usize)>,
}

impl Row {
    /// From its columns.
    pub(super) fn of(generation: i64, seq: i64, attrs: Option<&str>, large: Option<&str>) -> Row {
        let attrs = object(attrs).into_iter().map(|(name, values)| {
            let values = values.as_array().map(Vec::as_slice).unwrap_or_default();
            let values = values.iter().filter_map(bytes).collect();
            (name.to_ascii_lowercase(), (name, values))
        });
        let large = object(large).into_iter().map(|(name, size)| {
            let size = size.as_u64().and_then(|size| usize::try_from(size).ok());
            (name.to_ascii_lowercase(), (name, size.unwrap_or_default()))
        });
        Row {
            at: (generation.cast_unsigned(), seq.cast_unsigned()),
            attrs: attrs.collect(),
            large: large.collect(),
        }
    }
}

/// The object in a column. Whoever put something else there takes what comes.
fn object(json: Option<&str>) -> Map<String, Value> {
    let object = json.and_then(|json| serde_json::from_str(json).ok());
    object.unwrap_or_default()
}

/// A value out of the JSON that [`syncrepl_relay::value`] makes.
pub(super) fn bytes(value: &Value) -> Option<Vec<u8>> {
    match value {
        Value::String(text) => Some(text.clone().into_bytes()),
        Value::Object(object) => STANDARD.decode(object.get("base64")?.as_str()?).ok(),
        _ => None,
    }
}
