//! The effect of Modify and ModifyDN on the attributes of one entry (RFC 4511 §4.6, §4.9).

use syncrepl_proto::attributes::same_description;
use syncrepl_proto::dn;
use syncrepl_proto::message::ModifyOperation;

use crate::entry::{Entry, Stored, is_operational};
use crate::refusal::{Refusal, code};

/// One change of one attribute (RFC 4511 §4.6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Modification {
    pub(crate) operation: ModifyOperation,
    pub(crate) name: String,
    pub(crate) values: Vec<Vec<u8>>,
}

impl Modification {
    pub(crate) fn new<V: AsRef<[u8]>>(
        operation: ModifyOperation,
        name: &str,
        values: impl IntoIterator<Item = V>,
    ) -> Self {
        Modification {
            operation,
            name: name.to_owned(),
            values: values
                .into_iter()
                .map(|value| value.as_ref().to_vec())
                .collect(),
        }
    }

    /// Adds these values to the attribute. An existing value is refused.
    pub fn add<V: AsRef<[u8]>>(name: &str, values: impl IntoIterator<Item = V>) -> Self {
        Self::new(ModifyOperation::Add, name, values)
    }

    /// Deletes these values of the attribute, or the whole attribute when `values` is empty. A
    /// missing value is refused.
    pub fn delete<V: AsRef<[u8]>>(name: &str, values: impl IntoIterator<Item = V>) -> Self {
        Self::new(ModifyOperation::Delete, name, values)
    }

    /// Replaces all values of the attribute by these.
    pub fn replace<V: AsRef<[u8]>>(name: &str, values: impl IntoIterator<Item = V>) -> Self {
        Self::new(ModifyOperation::Replace, name, values)
    }

    /// Deletes the attribute with all of its values, if the entry has it.
    pub fn remove(name: &str) -> Self {
        Self::new(ModifyOperation::Replace, name, [[0u8; 0]; 0])
    }
}

pub(super) fn apply(entry: &mut Entry, modifications: &[Modification]) -> Result<(), Refusal> {
    for modification in modifications {
        let Modification {
            operation,
            name,
            values,
        } = modification;
        if is_operational(name) {
            let why = format!("{name}: no user modification allowed");
            return Err(Refusal::new(code::CONSTRAINT_VIOLATION, why));
        }
        let attributes = &mut entry.attributes;
        match operation {
            ModifyOperation::Add => {
                if values.is_empty() {
                    let why = format!("modify/add: {name}: no values given");
                    return Err(Refusal::new(code::PROTOCOL_ERROR, why));
                }
                add_values(attributes, name, values.clone())?;
            }
            ModifyOperation::Delete => delete_values(attributes, name, values)?,
            ModifyOperation::Replace => {
                attributes.retain(|stored| !same_description(&stored.name, name));
                if !values.is_empty() {
                    add_values(attributes, name, values.clone())?;
                }
            }
            ModifyOperation::Increment => increment(attributes, name, values)?,
        }
    }
    check_naming_values(entry)?;
    check_classes(&entry.attributes)
}

fn position(attributes: &[Stored], name: &str) -> Option<usize> {
    attributes
        .iter()
        .position(|stored| same_description(&stored.name, name))
}

fn absent(name: &str, what: &str) -> Refusal {
    Refusal::new(code::NO_SUCH_ATTRIBUTE, format!("{name}: {what}"))
}

/// Whether a name can be that of an attribute. The provider is not strict.
fn is_well_formed(name: &str) -> bool {
    let part = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
    };
    name.split(';').all(part)
}

pub(super) fn add_values(
    attributes: &mut Vec<Stored>,
    name: &str,
    values: Vec<Vec<u8>>,
) -> Result<(), Refusal> {
    if !is_well_formed(name) {
        let why = format!("{name}: not an attribute description");
        return Err(Refusal::new(code::INVALID_ATTRIBUTE_SYNTAX, why));
    }
    let at = position(attributes, name).unwrap_or_else(|| {
        attributes.push(Stored {
            name: name.to_owned(),
            values: Vec::new(),
        });
        attributes.len() - 1
    });
    let Some(stored) = attributes.get_mut(at) else {
        return Ok(());
    };
    let rule = stored.rule();
    // Comparing each value with each would be quadratic; a set of normal forms is not.
    let normal = |value: &[u8]| {
        rule.normal(value)
            .map_or_else(|| value.to_vec(), |v| v.into_owned())
    };
    let mut known: std::collections::HashSet<_> =
        stored.values.iter().map(|value| normal(value)).collect();
    for value in values {
        if !known.insert(normal(&value)) {
            let why = format!("{name}: value exists already or is given twice");
            return Err(Refusal::new(code::ATTRIBUTE_OR_VALUE_EXISTS, why));
        }
        stored.values.push(value);
    }
    Ok(())
}

fn delete_values(
    attributes: &mut Vec<Stored>,
    name: &str,
    values: &[Vec<u8>],
) -> Result<(), Refusal> {
    let at = position(attributes, name).ok_or_else(|| absent(name, "no such attribute"))?;
    if values.is_empty() {
        attributes.remove(at);
        return Ok(());
    }
    let Some(stored) = attributes.get_mut(at) else {
        return Ok(());
    };
    let rule = stored.rule();
    for value in values {
        let found = stored
            .values
            .iter()
            .position(|other| rule.same(other, value));
        stored
            .values
            .remove(found.ok_or_else(|| absent(name, "no such value"))?);
    }
    if stored.values.is_empty() {
        attributes.remove(at);
    }
    Ok(())
}

fn increment(attributes: &mut [Stored], name: &str, by: &[Vec<u8>]) -> Result<(), Refusal> {
    let number = |value: &[u8]| std::str::from_utf8(value).ok()?.parse::<i64>().ok();
    let no_number = || {
        let why = format!("{name}: not a number, or out of range");
        Refusal::new(code::CONSTRAINT_VIOLATION, why)
    };
    let [by] = by else {
        let why = format!("modify/increment: {name}: one value is due");
        return Err(Refusal::new(code::PROTOCOL_ERROR, why));
    };
    let by = number(by).ok_or_else(no_number)?;
    let at = position(attributes, name).ok_or_else(|| absent(name, "no such attribute"))?;
    for value in attributes
        .get_mut(at)
        .map(|stored| &mut stored.values)
        .into_iter()
        .flatten()
    {
        let sum = number(value).and_then(|value| value.checked_add(by));
        *value = sum.ok_or_else(no_number)?.to_string().into_bytes();
    }
    Ok(())
}

fn naming_values(dn: &str) -> Result<Vec<(String, Vec<u8>)>, Refusal> {
    let values = dn::naming_values(dn)
        .map_err(|error| Refusal::new(code::INVALID_DN_SYNTAX, error.to_string()))?;
    let owned = values.into_iter();
    Ok(owned
        .map(|(name, value)| (name.to_owned(), value.into_owned()))
        .collect())
}

fn has(attributes: &[Stored], name: &str, value: &[u8]) -> bool {
    attributes.iter().any(|stored| {
        let rule = stored.rule();
        same_description(&stored.name, name)
            && stored.values.iter().any(|other| rule.same(other, value))
    })
}

/// Adds the values of the RDN that the entry lacks.
pub(super) fn add_naming_values(attributes: &mut Vec<Stored>, dn: &str) -> Result<(), Refusal> {
    for (name, value) in naming_values(dn)? {
        if !has(attributes, &name, &value) {
            add_values(attributes, &name, vec![value])?;
        }
    }
    Ok(())
}

fn check_naming_values(entry: &Entry) -> Result<(), Refusal> {
    for (name, value) in naming_values(&entry.dn)? {
        if !has(&entry.attributes, &name, &value) {
            let why = format!("{name}: its value is part of the RDN");
            return Err(Refusal::new(code::NOT_ALLOWED_ON_RDN, why));
        }
    }
    Ok(())
}

pub(super) fn check_classes(attributes: &[Stored]) -> Result<(), Refusal> {
    match position(attributes, "objectClass") {
        Some(_) => Ok(()),
        None => Err(Refusal::new(
            code::OBJECT_CLASS_VIOLATION,
            "no objectClass attribute",
        )),
    }
}

/// Deletes the values of the old RDN if `delete_old_rdn` is set, and adds those of the new one.
pub(super) fn rename_values(
    entry: &mut Entry,
    new_dn: &str,
    delete_old_rdn: bool,
) -> Result<(), Refusal> {
    if delete_old_rdn {
        for (name, value) in naming_values(&entry.dn)? {
            if has(&entry.attributes, &name, &value) {
                delete_values(&mut entry.attributes, &name, &[value])?;
            }
        }
    }
    add_naming_values(&mut entry.attributes, new_dn)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_need_a_type_and_options_that_are_not_empty() {
        let ok = is_well_formed;
        assert!(ok("cn;lang-de") && !ok("cn;") && !ok("c n") && !ok(""));
    }
}
