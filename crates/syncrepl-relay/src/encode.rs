//! Events as JSON: structured CloudEvents 1.0, one compact object each. The field names are fixed, and fields
//! are only ever added.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::event::{Attribute, Event, EventKind, ValueChange};

impl Event {
    /// The event as a structured CloudEvent, without a line end. The same event always gives the same bytes.
    /// `source` is the id of the store.
    pub fn to_json(&self, source: Uuid) -> String {
        let mut event = Map::new();
        let mut put = |name: &str, value: Value| event.insert(name.to_owned(), value);
        put("specversion", json!("1.0"));
        put("id", json!(self.part_id()));
        put("source", json!(format!("urn:uuid:{source}")));
        put("type", json!(self.kind.name()));
        if self.is_of_entry() {
            put("subject", json!(self.uuid.to_string()));
            put("partitionkey", json!(self.uuid.to_string()));
        }
        put("time", json!(rfc3339(self.time)));
        put("datacontenttype", json!("application/json"));
        put("sequence", json!(self.sequence.to_string()));
        put("data", self.data());
        Value::Object(event).to_string()
    }

    /// The id, with the number of the part if there are several.
    pub fn part_id(&self) -> String {
        match self.part {
            Some(part) => format!("{}.p{}", self.id, part.number),
            None => self.id.clone(),
        }
    }

    /// The member `data` of the CloudEvent.
    pub fn data(&self) -> Value {
        let mut data = Map::new();
        let mut put = |name: &str, value: Value| data.insert(name.to_owned(), value);
        if let Some(old_dn) = &self.old_dn {
            put("old_dn", json!(old_dn));
        }
        if let Some(dn) = &self.dn {
            put("dn", json!(dn));
        }
        if let Some(cause) = self.cause {
            put("cause", json!(cause.to_string()));
        }
        // A row is the same in each generation.
        if self.cause.is_none() {
            put("generation", json!(self.generation.to_string()));
        }
        if !self.changes.is_empty() {
            put("changes", changes(&self.changes));
        }
        if let Some(attrs) = &self.attrs {
            let name = match self.kind {
                EventKind::Deleted => "old",
                _ => "attrs",
            };
            put(name, attributes(attrs));
        }
        if !self.omitted.is_empty() {
            put("omitted", json!(self.omitted));
        }
        if !self.masked.is_empty() {
            put("masked", json!(self.masked));
        }
        if let Some(part) = self.part {
            put("part", json!(part.number));
            put("parts", json!(part.of));
        }
        Value::Object(data)
    }
}

/// Attributes as an object of arrays.
pub fn attributes(attrs: &[Attribute]) -> Value {
    let members = attrs
        .iter()
        .map(|attribute| (attribute.name.clone(), values(&attribute.values)));
    Value::Object(members.collect())
}

fn changes(changes: &[ValueChange]) -> Value {
    let members = changes.iter().map(|change| {
        let mut member = Map::new();
        if change.masked {
            member.insert("masked".to_owned(), json!(true));
        }
        for (name, list) in [("added", &change.added), ("removed", &change.removed)] {
            if !list.is_empty() {
                member.insert(name.to_owned(), values(list));
            }
        }
        (change.name.clone(), Value::Object(member))
    });
    Value::Object(members.collect())
}

fn values(values: &[Vec<u8>]) -> Value {
    values.iter().map(|bytes| value(bytes)).collect()
}

/// A value: a string if it is UTF-8 without U+0000, which databases refuse, and else `{"base64": …}`.
pub fn value(bytes: &[u8]) -> Value {
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.contains('\0') => Value::from(text),
        _ => json!({ "base64": STANDARD.encode(bytes) }),
    }
}

/// A time in UTC with milliseconds: `2026-11-29T10:31:37.042Z`. Times outside of 1970 to 9999 count as the nearest
/// one.
pub fn rfc3339(time: SystemTime) -> String {
    let most = UNIX_EPOCH + Duration::from_secs(253_402_300_799);
    humantime::format_rfc3339_millis(time.clamp(UNIX_EPOCH, most)).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use syncrepl_client::journal::{Cause, Seq};

    use crate::event::Part;
    use crate::position::Position;

    fn event() -> Event {
        Event {
            id: "9f3c21aa9f3c21aa.18342.1".to_owned(),
            kind: EventKind::Changed,
            uuid: Uuid::from_bytes([7; 16]),
            sequence: Seq::new(0x0000_f3a1_c200_4a7f),
            generation: Seq::new(1),
            time: UNIX_EPOCH + Duration::from_millis(1_795_948_297_042),
            cause: Some(Cause::Persist),
            dn: Some("cn=Ann".to_owned()),
            old_dn: None,
            changes: vec![
                ValueChange {
                    name: "title".to_owned(),
                    masked: false,
                    added: vec![b"Head".to_vec()],
                    removed: vec![b"Cl\0erk".to_vec()],
                },
                ValueChange {
                    name: "userPassword".to_owned(),
                    masked: true,
                    added: Vec::new(),
                    removed: Vec::new(),
                },
            ],
            attrs: Some(vec![Attribute {
                name: "cn".to_owned(),
                values: vec![b"Ann".to_vec(), b"\xff".to_vec()],
            }]),
            omitted: Vec::new(),
            masked: vec!["userPassword".to_owned()],
            part: None,
            position: Position::START,
        }
    }

    #[test]
    fn event_has_the_fixed_form() {
        let source = Uuid::from_bytes([9; 16]);
        let wanted = json!({
            "specversion": "1.0", "id": "9f3c21aa9f3c21aa.18342.1",
            "source": "urn:uuid:09090909-0909-0909-0909-090909090909",
            "type": "io.syncrepl.entry.changed.v1",
            "subject": "07070707-0707-0707-0707-070707070707",
            "partitionkey": "07070707-0707-0707-0707-070707070707",
            "time": "2026-11-29T10:31:37.042Z", "datacontenttype": "application/json",
            "sequence": "00f3a1c2004a7f",
            "data": {
                "dn": "cn=Ann", "cause": "persist",
                "changes": {
                    "title": {"added": ["Head"], "removed": [{"base64": "Q2wAZXJr"}]},
                    "userPassword": {"masked": true},
                },
                "attrs": {"cn": ["Ann", {"base64": "/w=="}]}, "masked": ["userPassword"],
            },
        });
        let json = event().to_json(source);
        assert_eq!(serde_json::from_str::<Value>(&json).unwrap(), wanted);
        assert_eq!(json, event().to_json(source));
    }

    #[test]
    fn part_has_an_id_of_its_own() {
        let mut event = event();
        event.part = Some(Part { number: 2, of: 3 });
        let json: Value = serde_json::from_str(&event.to_json(Uuid::nil())).unwrap();
        assert_eq!(json["id"], "9f3c21aa9f3c21aa.18342.1.p2");
        assert_eq!(
            (&json["data"]["part"], &json["data"]["parts"]),
            (&json!(2), &json!(3))
        );
    }

    #[test]
    fn attributes_of_a_deleted_entry_are_its_old_ones() {
        let mut event = event();
        event.kind = EventKind::Deleted;
        assert!(event.data().get("attrs").is_none() && event.data().get("old").is_some());
    }

    #[test]
    fn wild_times_are_no_panic() {
        assert_eq!(rfc3339(UNIX_EPOCH), "1970-01-01T00:00:00.000Z");
        let far = UNIX_EPOCH + Duration::from_secs(1 << 50);
        assert_eq!(rfc3339(far), "9999-12-31T23:59:59.000Z");
    }
}
