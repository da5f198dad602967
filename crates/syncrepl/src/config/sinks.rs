//! The sinks of a configuration: what the relay takes from `[sink.NAME]`, and what the sink itself does.

use std::collections::BTreeMap;

use serde::Deserialize;
use syncrepl_relay::{DataForm, MaxRemoved, Poison, Shape, ShapeSettings};
use syncrepl_sinks::Target;
use toml::{Table, Value};

use super::strings::{check_key, refuse_secrets};

/// A sink that can be made.
#[derive(Debug, Clone)]
pub(crate) struct SinkConfig {
    /// Its name.
    pub(crate) name: String,
    /// Where to, with the keys of its kind.
    pub(crate) target: Target,
    /// The shape of its events.
    pub(crate) shape: Shape,
    /// The secret attributes whose values it is told.
    pub(crate) unmask: Vec<String>,
    /// The fate of an event that it refuses.
    pub(crate) poison: Poison,
    /// How many entries the end of a pass may remove there.
    pub(crate) max_removed: Option<MaxRemoved>,
    /// It gets no pass over everything by itself after the first.
    pub(crate) snapshot_never: bool,
    /// It takes its target over from another owner.
    pub(crate) take_over: bool,
}

/// The keys that decide the shape of a sink's events.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Told {
    when: Option<String>,
    only: Option<Vec<String>>,
    rename: BTreeMap<String, String>,
    mask: Vec<String>,
    data: Option<String>,
}

impl Told {
    fn shape(self, unmask: &[String]) -> Result<Shape, String> {
        let data = self.data.as_deref().map(str::parse::<DataForm>).transpose();
        let settings = ShapeSettings {
            when: self.when,
            only: self.only,
            rename: self.rename,
            mask: self.mask,
            unmask: unmask.to_vec(),
            data: data.map_err(|error| error.to_string())?.unwrap_or_default(),
        };
        Shape::new(&settings).map_err(|error| error.to_string())
    }
}

/// The keys that the relay takes.
#[derive(Debug, Deserialize)]
struct Written {
    to: String,
    #[serde(default)]
    unmask: Vec<String>,
    poison: Option<String>,
    max_delete: Option<Value>,
    snapshot: Option<String>,
    #[serde(default)]
    take_over: bool,
    #[serde(flatten)]
    told: Told,
}

/// The keys of every sink.
const KEYS: &[&str] = &[
    "to",
    "when",
    "only",
    "rename",
    "mask",
    "unmask",
    "data",
    "poison",
    "max_delete",
    "snapshot",
    "take_over",
];

impl SinkConfig {
    /// A sink with no key but its target, named `to`.
    ///
    /// # Errors
    /// The target is of no kind, or holds a password.
    pub(crate) fn of_target(to: &str) -> Result<SinkConfig, String> {
        let table = Table::from_iter([("to".to_owned(), Value::from(to))]);
        refuse_secrets("", &table)?;
        SinkConfig::read("to".to_owned(), table)
    }

    /// Reads `[sink.NAME]`.
    ///
    /// # Errors
    /// A key is unknown, or its value cannot be used.
    pub(super) fn read(name: String, table: Table) -> Result<SinkConfig, String> {
        let place = format!("sink.{name}");
        let wrong = |problem: String| format!("[{place}] {problem}");
        let legal = |letter: char| letter.is_ascii_alphanumeric() || "-_".contains(letter);
        if name.is_empty() || name.len() > 64 || !name.chars().all(legal) {
            return Err(wrong("a name has letters, digits, - and _".to_owned()));
        }
        let (ours, theirs): (Table, Table) = table
            .into_iter()
            .partition(|(key, _)| KEYS.contains(&key.as_str()));
        let written: Written = ours
            .try_into()
            .map_err(|error: toml::de::Error| wrong(error.message().to_owned()))?;
        let kind = syncrepl_sinks::of(&written.to).map_err(|unfit| wrong(unfit.to_string()))?;
        let known: Vec<&str> = KEYS.iter().chain(kind.keys).copied().collect();
        for key in theirs.keys() {
            check_key(&place, key, &known)?;
        }
        let keys = serde_json::to_value(theirs).map_err(|error| wrong(error.to_string()))?;
        let serde_json::Value::Object(keys) = keys else {
            return Err(wrong("it has no keys".to_owned()));
        };
        Ok(SinkConfig {
            target: Target {
                sink: name.clone(),
                to: written.to,
                keys: keys.into_iter().collect(),
            },
            name,
            shape: written.told.shape(&written.unmask).map_err(wrong)?,
            unmask: written.unmask,
            poison: match written.poison.as_deref() {
                None | Some("dead") => Poison::Dead,
                Some("stop") => Poison::Stop,
                Some(_) => return Err(wrong("poison is \"dead\" or \"stop\"".to_owned())),
            },
            max_removed: written
                .max_delete
                .as_ref()
                .map(max_removed)
                .transpose()
                .map_err(wrong)?,
            snapshot_never: match written.snapshot.as_deref() {
                None | Some("auto") => false,
                Some("never") => true,
                Some(_) => return Err(wrong("snapshot is \"auto\" or \"never\"".to_owned())),
            },
            take_over: written.take_over,
        })
    }
}

fn max_removed(value: &Value) -> Result<MaxRemoved, String> {
    let wrong = || "max_delete is a number, or a part of the copy such as \"5%\"".to_owned();
    match value {
        Value::Integer(count) => u64::try_from(*count)
            .map(MaxRemoved::Count)
            .map_err(|_| wrong()),
        Value::String(text) => match text.strip_suffix('%').map(str::parse) {
            Some(Ok(percent)) if percent <= 100 => Ok(MaxRemoved::Percent(percent)),
            Some(_) => Err(wrong()),
            None => text.parse().map(MaxRemoved::Count).map_err(|_| wrong()),
        },
        _ => Err(wrong()),
    }
}

/// Fails if two sinks would write to one place.
///
/// # Errors
/// Names both.
pub(super) fn refuse_shared_places(sinks: &[SinkConfig]) -> Result<(), String> {
    let mut places: BTreeMap<String, &str> = BTreeMap::new();
    for sink in sinks {
        let wrong = |unfit: syncrepl_sinks::Unfit| format!("[sink.{}] {unfit}", sink.name);
        let kind = syncrepl_sinks::of(&sink.target.to).map_err(wrong)?;
        let place = (kind.place)(&sink.target).map_err(wrong)?;
        if let Some(other) = places.insert(place, &sink.name) {
            return Err(format!(
                "sink.{other} and sink.{} have one target: give each its own",
                sink.name
            ));
        }
    }
    Ok(())
}
