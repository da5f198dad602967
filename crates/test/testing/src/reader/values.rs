//! A change by its values, as `--changes` tells it: how it is read, and what it leaves of an entry.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::judge::{self, Attributes};

/// The values that went, and those that came. Each attribute is named once, and has one of the two.
pub(super) fn read(line: &Value) -> Result<(Attributes, Attributes), String> {
    if line.get("old").is_some() || line.get("attrs").is_some() {
        return Err("changes beside old or attrs".to_owned());
    }
    let changes = line["changes"].as_object().ok_or("changes are no object")?;
    let mut names = BTreeSet::new();
    let [mut removed, mut added] = [Attributes::new(), Attributes::new()];
    for (name, parts) in changes {
        let parts = parts.as_object().filter(|parts| !parts.is_empty());
        let parts = parts.ok_or_else(|| format!("nothing of {name}"))?;
        if !names.insert(name.to_lowercase()) {
            return Err(format!("{name} twice"));
        }
        for (part, values) in parts {
            let told = values.as_array().map_or(0, Vec::len);
            let read = judge::attributes(&json!({ name: values }))?;
            if told == 0 || read.values().next().map_or(0, BTreeSet::len) != told {
                return Err(format!("{part} of {name} has no values, or one twice"));
            }
            match part.as_str() {
                "removed" => removed.extend(read),
                "added" => added.extend(read),
                _ => return Err(format!("{name} has {part}")),
            }
        }
    }
    match names.is_empty() {
        true => Err("a change of nothing".to_owned()),
        false => Ok((removed, added)),
    }
}

/// Takes values away, then puts values in. An error says what was not there, or was there already.
pub(super) fn apply(
    attrs: &mut Attributes,
    removed: &Attributes,
    added: &Attributes,
) -> Result<(), String> {
    let mut fits = Ok(());
    for (name, values) in removed {
        let held = attrs.entry(name.clone()).or_default();
        if !values.iter().all(|value| held.remove(value)) {
            fits = Err(format!("{name} lacks a value that went"));
        }
    }
    for (name, values) in added {
        let held = attrs.entry(name.clone()).or_default();
        if !values.iter().all(|value| held.insert(value.clone())) {
            fits = Err(format!("{name} has a value that came"));
        }
    }
    attrs.retain(|_, values| !values.is_empty());
    fits
}
