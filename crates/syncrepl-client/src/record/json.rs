//! Records in and out of serde's formats, in the form of the command's JSON. The field names are fixed.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use syncrepl_proto::Uuid;
use syncrepl_proto::attributes::AttributeList as Attributes;

use super::borrowed::Record;
use super::owned::OwnedRecord;

/// The form of a record. `S` is a string, borrowed on the way out and owned on the way in.
#[derive(Serialize, Deserialize)]
struct Form<S: Ord> {
    uuid: String,
    dn: S,
    attrs: BTreeMap<S, Vec<Value<S>>>,
}

/// A value that is UTF-8 as a string, any other in base64.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Value<S> {
    Text(S),
    Bytes { base64: String },
}

impl<'a> Value<&'a str> {
    fn of(value: &'a [u8]) -> Self {
        match std::str::from_utf8(value) {
            Ok(text) => Value::Text(text),
            Err(_) => Value::Bytes {
                base64: STANDARD.encode(value),
            },
        }
    }
}

impl Value<String> {
    fn into_bytes(self) -> Result<Vec<u8>, base64::DecodeError> {
        match self {
            Value::Text(text) => Ok(text.into_bytes()),
            Value::Bytes { base64 } => STANDARD.decode(base64),
        }
    }
}

/// The attributes by name. A provider may name one twice, in another letter case too; an object names
/// it once.
fn by_name<'a>(attributes: &Attributes<'a>) -> BTreeMap<&'a str, Vec<Value<&'a str>>> {
    let mut names: BTreeMap<String, &str> = BTreeMap::new();
    let mut all: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for attribute in attributes.iter() {
        let lower = attribute.name.to_ascii_lowercase();
        let name = names.entry(lower).or_insert(attribute.name);
        let values = attribute.values().map(Value::of);
        all.entry(*name).or_default().extend(values);
    }
    all
}

impl Serialize for Record<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let form = Form {
            uuid: self.uuid().to_string(),
            dn: self.dn(),
            attrs: by_name(self.attrs()),
        };
        form.serialize(serializer)
    }
}

impl Serialize for OwnedRecord {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.as_record().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for OwnedRecord {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let form = Form::<String>::deserialize(deserializer)?;
        let uuid = Uuid::parse_str(&form.uuid).map_err(D::Error::custom)?;
        let mut attrs = Vec::with_capacity(form.attrs.len());
        for (name, values) in form.attrs {
            let values: Result<Vec<_>, _> = values.into_iter().map(Value::into_bytes).collect();
            attrs.push((name, values.map_err(D::Error::custom)?));
        }
        OwnedRecord::new(uuid, form.dn, attrs).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r#"{"uuid":"07070707-0707-0707-0707-070707070707","dn":"cn=Änn\\,e","attrs":{"cn":["Ann \"A\"","Änne"],"jpegPhoto":[{"base64":"/9j/"}]}}"#;

    fn record() -> OwnedRecord {
        let cn = [&b"Ann \"A\""[..], "Änne".as_bytes()];
        let attrs = [("jpegPhoto", &[&b"\xff\xd8\xff"[..]][..]), ("cn", &cn)];
        OwnedRecord::new(Uuid::from_bytes([7; 16]), "cn=Änn\\,e", attrs).unwrap()
    }

    #[test]
    fn json_has_the_form_of_the_command() {
        assert_eq!(serde_json::to_string(&record()).unwrap(), LINE);
        assert_eq!(serde_json::to_string(&record().as_record()).unwrap(), LINE);
        let read: OwnedRecord = serde_json::from_str(LINE).unwrap();
        assert_eq!(read, record());
        // Further members, as the command's "op", do not matter.
        let line = LINE.replacen('{', r#"{"op":"add","#, 1);
        let read: OwnedRecord = serde_json::from_reader(line.as_bytes()).unwrap();
        assert_eq!(read, record());
    }

    #[test]
    fn attribute_named_twice_becomes_one_member() {
        let attrs = [("cn", [b"a"]), ("sn", [b"s"]), ("CN", [b"b"])];
        let record = OwnedRecord::new(Uuid::nil(), "", attrs).unwrap();
        let json = serde_json::to_value(&record).unwrap();
        assert_eq!(
            json["attrs"],
            serde_json::json!({"cn": ["a", "b"], "sn": ["s"]})
        );
        assert_eq!(serde_json::from_value::<OwnedRecord>(json).unwrap(), record);
    }

    #[test]
    fn what_is_no_record_is_refused() {
        for (from, to) in [
            ("07070707-", ""),
            ("/9j/", "/9j"),
            ("base64", "base32"),
            ("\"cn\"", "\"\""),
            ("\"dn\"", "\"de\""),
        ] {
            let line = LINE.replacen(from, to, 1);
            assert_ne!(line, LINE);
            assert!(
                serde_json::from_str::<OwnedRecord>(&line).is_err(),
                "{line}"
            );
        }
    }
}
