//! A receiver of events, as docs/events.md describes one. It shares no code with the relay.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

/// An entry as a receiver holds it.
#[derive(Debug, Clone)]
struct Held {
    dn: String,
    attrs: Map<String, Value>,
    generation: String,
}

/// A receiver: what it holds, and what it has seen.
#[derive(Debug, Default)]
pub struct Receiver {
    entries: BTreeMap<String, Held>,
    /// The last sequence of each entry.
    last: BTreeMap<String, String>,
    /// The content of each id.
    seen: BTreeMap<String, String>,
    /// How many events came more than once.
    pub doubles: usize,
    /// The types of the events, each once.
    pub types: BTreeSet<String>,
}

impl Receiver {
    /// Takes an event, a CloudEvent as JSON.
    pub fn take(&mut self, event: &Value) {
        let text = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
        let (id, content) = (text("id"), event.to_string());
        if let Some(before) = self.seen.insert(id.clone(), content.clone()) {
            assert_eq!(before, content, "two contents of one id");
            self.doubles += 1;
        }
        let data = &event["data"];
        let kind = text("type").replace("io.syncrepl.", "").replace(".v1", "");
        self.types.insert(kind.clone());
        let generation = data["generation"].as_str().unwrap_or_default().to_owned();
        let (uuid, sequence) = (text("subject"), text("sequence"));
        if !uuid.is_empty() {
            let last = self.last.entry(uuid.clone()).or_default();
            if sequence < *last {
                return;
            }
            *last = sequence;
        }
        match kind.as_str() {
            "snapshot.started" => {}
            "snapshot.completed" => {
                self.entries.retain(|_, held| held.generation >= generation);
            }
            "entry.deleted" => {
                self.entries.remove(&uuid);
            }
            _ => self.restate(uuid, data, generation),
        }
    }

    fn restate(&mut self, uuid: String, data: &Value, generation: String) {
        let before = self.entries.remove(&uuid);
        let dn = data["dn"].as_str().expect("a dn").to_owned();
        let attrs = match (data["attrs"].as_object(), &before) {
            (Some(attrs), _) => attrs.clone(),
            (None, Some(before)) => changed(before.attrs.clone(), &data["changes"]),
            (None, None) => panic!("{data} of an entry that the receiver does not hold"),
        };
        let known = before.map_or_else(String::new, |before| before.generation);
        let generation = generation.max(known);
        self.entries.insert(
            uuid,
            Held {
                dn,
                attrs,
                generation,
            },
        );
    }

    /// The entries that it holds, in the form of `syncrepl dump`.
    pub fn dump(&self) -> String {
        let entries = self.entries.len();
        let mut lines = vec![json!({ "op": "start", "commit": 0, "entries": entries }).to_string()];
        for (uuid, held) in &self.entries {
            lines.push(json!({ "uuid": uuid, "dn": held.dn, "attrs": held.attrs }).to_string());
        }
        lines.join("\n")
    }
}

fn changed(mut attrs: Map<String, Value>, changes: &Value) -> Map<String, Value> {
    for (name, change) in changes.as_object().into_iter().flatten() {
        let of = |list: &str| change[list].as_array().cloned().unwrap_or_default();
        let (added, removed) = (of("added"), of("removed"));
        let known = attrs
            .keys()
            .find(|known| known.eq_ignore_ascii_case(name))
            .cloned();
        let values = attrs
            .entry(known.unwrap_or_else(|| name.clone()))
            .or_insert_with(|| json!([]));
        if let Some(values) = values.as_array_mut() {
            values.retain(|value| !removed.contains(value));
            values.extend(added);
        }
    }
    attrs.retain(|_, values| values.as_array().is_some_and(|values| !values.is_empty()));
    attrs
}
