//! One compact JSON object a line. The field names are fixed: others rely on them.

use std::collections::BTreeMap;
use std::io::{self, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use syncrepl_client::{Attributes, BoundLdap, CallbackResult, ErrorKind, Record};

pub(crate) fn start(out: &mut impl Write, commit: u64) -> io::Result<()> {
    writeln!(out, r#"{{"op":"start","commit":{commit}}}"#)
}

pub(crate) fn commit(out: &mut impl Write, commit: u64) -> io::Result<()> {
    writeln!(out, r#"{{"op":"commit","commit":{commit}}}"#)
}

pub(crate) fn refresh_done(out: &mut impl Write, entries: u64) -> io::Result<()> {
    writeln!(out, r#"{{"op":"refresh_done","entries":{entries}}}"#)
}

pub(crate) fn bind(out: &mut impl Write, ldap: &mut BoundLdap<'_>) -> CallbackResult {
    let authzid = match ldap.whoami() {
        Ok(authzid) => Value::from(authzid),
        // The provider does not tell (RFC 4532 is optional).
        Err(error) if error.kind() == ErrorKind::Refused => Value::Null,
        Err(error) => return Err(error.into()),
    };
    Ok(writeln!(out, r#"{{"op":"bind","authzid":{authzid}}}"#)?)
}

pub(crate) fn cookie(out: &mut impl Write, cookie: &[u8]) -> io::Result<()> {
    writeln!(out, r#"{{"op":"cookie","cookie":{}}}"#, base64(cookie))
}

/// A line of a dump.
pub(crate) fn record(out: &mut impl Write, record: &Record<'_>) -> io::Result<()> {
    write!(
        out,
        r#"{{"uuid":"{}","dn":{},"attrs":"#,
        record.uuid(),
        Value::from(record.dn())
    )?;
    attributes(out, record.attrs())?;
    writeln!(out, "}}")
}

pub(crate) fn add(out: &mut impl Write, record: &Record<'_>) -> io::Result<()> {
    head(out, "add", record)?;
    write!(out, r#","attrs":"#)?;
    attributes(out, record.attrs())?;
    writeln!(out, "}}")
}

pub(crate) fn delete(out: &mut impl Write, record: &Record<'_>) -> io::Result<()> {
    head(out, "delete", record)?;
    write!(out, r#","old":"#)?;
    attributes(out, record.attrs())?;
    writeln!(out, "}}")
}

pub(crate) fn rename(out: &mut impl Write, old_dn: &str, record: &Record<'_>) -> io::Result<()> {
    let (uuid, old_dn, dn) = (record.uuid(), Value::from(old_dn), Value::from(record.dn()));
    writeln!(
        out,
        r#"{{"op":"rename","uuid":"{uuid}","old_dn":{old_dn},"dn":{dn}}}"#
    )
}

pub(crate) fn change(out: &mut impl Write, old: &Record<'_>, new: &Record<'_>) -> io::Result<()> {
    head(out, "change", new)?;
    write!(out, r#","old":"#)?;
    attributes(out, old.attrs())?;
    write!(out, r#","attrs":"#)?;
    attributes(out, new.attrs())?;
    writeln!(out, "}}")
}

fn head(out: &mut impl Write, op: &str, record: &Record<'_>) -> io::Result<()> {
    let (uuid, dn) = (record.uuid(), Value::from(record.dn()));
    write!(out, r#"{{"op":"{op}","uuid":"{uuid}","dn":{dn}"#)
}

/// Each attribute with its values, under the description the provider uses.
fn attributes(out: &mut impl Write, attributes: &Attributes<'_>) -> io::Result<()> {
    // A description may come twice, and differ in case; a JSON object must name it once.
    let mut names: BTreeMap<String, &str> = BTreeMap::new();
    let mut object: Map<String, Value> = Map::new();
    for attribute in attributes.iter() {
        let name = names
            .entry(attribute.name.to_ascii_lowercase())
            .or_insert(attribute.name);
        let values = object
            .entry(*name)
            .or_insert_with(|| Value::Array(Vec::new()));
        if let Value::Array(values) = values {
            values.extend(attribute.values().map(value));
        }
    }
    serde_json::to_writer(out, &object).map_err(io::Error::from)
}

/// A value that is UTF-8 as a string, any other in base64.
fn value(value: &[u8]) -> Value {
    match std::str::from_utf8(value) {
        Ok(text) => Value::from(text),
        Err(_) => base64(value),
    }
}

pub(crate) fn base64(bytes: &[u8]) -> Value {
    json!({ "base64": STANDARD.encode(bytes) })
}
