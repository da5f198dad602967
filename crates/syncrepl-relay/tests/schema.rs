//! `docs/events.schema.json` and the events agree: it names each type and each member that an event has. A validator
//! is no part of this test; `docs/events.md` says what each member means.

use std::time::UNIX_EPOCH;

use serde_json::Value;
use syncrepl_client::journal::Cause;
use syncrepl_relay::{Attribute, Event, EventKind, Part, Position, Seq, ValueChange};
use uuid::Uuid;

fn schema() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/events.schema.json");
    let text = std::fs::read_to_string(path).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// An event that has everything, whether its type has it or not.
fn event(kind: EventKind, cause: Option<Cause>) -> Event {
    let change = |name: &str, masked| ValueChange {
        name: name.to_owned(),
        masked,
        added: if masked {
            vec![]
        } else {
            vec![b"Head".to_vec()]
        },
        removed: if masked { vec![] } else { vec![vec![0xff]] },
    };
    Event {
        id: "9f3c21aa9f3c21aa.18342.1".to_owned(),
        kind,
        uuid: Uuid::from_bytes([7; 16]),
        sequence: Seq::ZERO,
        generation: Seq::ZERO,
        time: UNIX_EPOCH,
        cause,
        dn: Some("cn=Ann".to_owned()),
        old_dn: Some("cn=Anna".to_owned()),
        changes: vec![change("title", false), change("userPassword", true)],
        attrs: Some(vec![Attribute {
            name: "cn".to_owned(),
            values: vec![b"Ann".to_vec(), b"\0".to_vec()],
        }]),
        omitted: vec!["member".to_owned()],
        masked: vec!["userPassword".to_owned()],
        part: Some(Part { number: 1, of: 2 }),
        position: Position::START,
    }
}

/// The members that a definition names.
fn named<'a>(schema: &'a Value, definition: &str) -> Vec<&'a str> {
    let properties = schema["$defs"][definition]["properties"].as_object();
    properties.unwrap().keys().map(String::as_str).collect()
}

fn members(value: &Value) -> Vec<&str> {
    value
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect()
}

#[test]
fn schema_names_each_type_once() {
    let schema = schema();
    let types = schema["oneOf"].as_array().unwrap();
    let mut named: Vec<_> = types
        .iter()
        .map(|one| {
            let definition = one["$ref"].as_str().unwrap();
            let definition = definition.trim_start_matches("#/$defs/");
            let kind = &schema["$defs"][definition]["properties"]["type"]["const"];
            kind.as_str().unwrap()
        })
        .collect();
    named.sort_unstable();
    let mut all = EventKind::ALL.map(EventKind::name);
    all.sort_unstable();
    assert_eq!(named, all);
}

#[test]
fn schema_names_each_member() {
    let schema = schema();
    let envelope = [named(&schema, "event"), named(&schema, "ofEntry")].concat();
    let data = named(&schema, "data");
    for kind in EventKind::ALL {
        for cause in [
            None,
            Some(Cause::Persist),
            Some(Cause::Refresh),
            Some(Cause::Reconcile),
        ] {
            let json = event(kind, cause).to_json(Uuid::nil());
            let json: Value = serde_json::from_str(&json).unwrap();
            for member in members(&json) {
                assert!(envelope.contains(&member), "{member} of {}", kind.name());
            }
            for member in members(&json["data"]) {
                assert!(data.contains(&member), "data.{member} of {}", kind.name());
            }
            let causes = schema["$defs"]["data"]["properties"]["cause"]["enum"].as_array();
            let told = &json["data"]["cause"];
            assert!(told.is_null() || causes.unwrap().contains(told), "{told}");
            let changes = json["data"]["changes"].as_object().unwrap();
            for change in changes.values() {
                for member in members(change) {
                    assert!(named(&schema, "change").contains(&member), "{member}");
                }
            }
        }
    }
}

#[test]
fn events_have_what_the_schema_requires() {
    let schema = schema();
    let json = event(EventKind::Changed, Some(Cause::Persist)).to_json(Uuid::nil());
    let json: Value = serde_json::from_str(&json).unwrap();
    for definition in ["event", "ofEntry"] {
        for member in schema["$defs"][definition]["required"].as_array().unwrap() {
            let member = member.as_str().unwrap();
            assert!(json.get(member).is_some(), "{member}");
        }
    }
}
