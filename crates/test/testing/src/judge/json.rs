//! The JSON of the command, as far as a copy of the directory can be read from it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::directory::{Attributes, Directory, Entry};

/// Reads the output of `dump --format json`.
///
/// # Panics
/// When it is not what the documentation says.
pub fn from_dump_json(text: &str) -> Directory {
    let mut directory = Directory::default();
    for line in text.lines().skip(1) {
        let (uuid, entry) = entry(line).unwrap_or_else(|e| panic!("dump: {e}: {}", head(line)));
        directory.insert(Some(uuid), entry);
    }
    dump_commit(text);
    directory
}

/// The number of the commit that a dump shows.
///
/// # Panics
/// When the dump does not begin with it, or is not as long as it says.
pub fn dump_commit(text: &str) -> u64 {
    let start = dump_start(text);
    let entries = start["entries"].as_u64();
    let lines = text.lines().count() as u64 - 1;
    assert_eq!(entries, Some(lines), "a dump says how long it is");
    let number = start["commit"].as_u64();
    number.unwrap_or_else(|| panic!("no commit number: {start}"))
}

/// The first line of a dump.
///
/// # Panics
/// When it is something else.
pub fn dump_start(text: &str) -> Value {
    let first = text.lines().next().unwrap_or_default();
    let value: Value = serde_json::from_str(first)
        .unwrap_or_else(|e| panic!("a dump begins with its start line ({e}): {}", head(first)));
    assert_eq!(
        value["op"],
        "start",
        "a dump begins with its start line: {}",
        head(first)
    );
    value
}

fn entry(line: &str) -> Result<(String, Entry), String> {
    let value: Value = serde_json::from_str(line).map_err(|e| e.to_string())?;
    let text = |name: &str| value[name].as_str().ok_or_else(|| format!("no {name}"));
    let attrs = attributes(value.get("attrs").ok_or("no attrs")?)?;
    Ok((
        text("uuid")?.to_lowercase(),
        Entry {
            dn: text("dn")?.to_owned(),
            attrs,
        },
    ))
}

/// An object of attributes. Values are strings or `{"base64": …}`.
pub(crate) fn attributes(object: &Value) -> Result<Attributes, String> {
    let mut attributes = Attributes::new();
    for (name, values) in object.as_object().ok_or("attributes are no object")? {
        let values = values
            .as_array()
            .ok_or_else(|| format!("{name} is no array"))?;
        for value in values {
            let value = bytes(value).ok_or_else(|| format!("{name} has an odd value"))?;
            attributes
                .entry(name.to_lowercase())
                .or_default()
                .insert(value);
        }
    }
    Ok(attributes)
}

/// A value that is UTF-8 must not be encoded, so there is one way to write each.
fn bytes(value: &Value) -> Option<Vec<u8>> {
    match value {
        Value::String(text) => Some(text.clone().into_bytes()),
        Value::Object(object) if object.len() == 1 => {
            let decoded = STANDARD.decode(object.get("base64")?.as_str()?).ok()?;
            std::str::from_utf8(&decoded).is_err().then_some(decoded)
        }
        _ => None,
    }
}

fn head(line: &str) -> String {
    line.chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: &str = "{\"op\":\"start\",\"commit\":7,\"entries\":1}\n";

    #[test]
    fn reads_a_dump() {
        let line =
            r#"{"uuid":"7F","dn":"o=x","attrs":{"O":["x"],"empty":[],"bin":[{"base64":"/w=="}]}}"#;
        let dump = format!("{START}{line}\n");
        assert_eq!(dump_commit(&dump), 7);
        let attrs = &from_dump_json(&dump).entries["7f"].attrs;
        assert_eq!(attrs["o"], [b"x".to_vec()].into());
        assert_eq!(attrs["bin"], [vec![0xff]].into());
        assert_eq!(attrs.len(), 2);
    }

    #[test]
    #[should_panic(expected = "begins with its start line")]
    fn a_dump_without_start() {
        from_dump_json(r#"{"uuid":"1","dn":"o=x","attrs":{}}"#);
    }

    #[test]
    #[should_panic(expected = "odd value")]
    fn text_in_base64() {
        from_dump_json(&format!(
            r#"{START}{{"uuid":"1","dn":"o=x","attrs":{{"o":[{{"base64":"eA=="}}]}}}}"#
        ));
    }
}
