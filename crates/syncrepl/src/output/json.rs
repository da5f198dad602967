//! One compact JSON object a line. The field names are fixed: others rely on them.

use std::collections::BTreeMap;
use std::io::{self, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use syncrepl_client::{Attribute, Attributes, BoundLdap, CallbackResult, ErrorKind, Record};

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
    out.write_all(b"{\"uuid\":\"")?;
    who(out, record)?;
    out.write_all(b",\"attrs\":")?;
    attributes(out, record.attrs())?;
    out.write_all(b"}\n")
}

pub(crate) fn add(out: &mut impl Write, record: &Record<'_>) -> io::Result<()> {
    head(out, "add", record)?;
    out.write_all(b",\"attrs\":")?;
    attributes(out, record.attrs())?;
    out.write_all(b"}\n")
}

pub(crate) fn delete(out: &mut impl Write, record: &Record<'_>) -> io::Result<()> {
    head(out, "delete", record)?;
    out.write_all(b",\"old\":")?;
    attributes(out, record.attrs())?;
    out.write_all(b"}\n")
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
    out.write_all(b",\"old\":")?;
    attributes(out, old.attrs())?;
    out.write_all(b",\"attrs\":")?;
    attributes(out, new.attrs())?;
    out.write_all(b"}\n")
}

fn head(out: &mut impl Write, op: &str, record: &Record<'_>) -> io::Result<()> {
    out.write_all(b"{\"op\":\"")?;
    out.write_all(op.as_bytes())?;
    out.write_all(b"\",\"uuid\":\"")?;
    who(out, record)
}

/// The rest of the entryUUID, and the DN.
fn who(out: &mut impl Write, record: &Record<'_>) -> io::Result<()> {
    let mut digits = [0; 36];
    let uuid = record.uuid().hyphenated().encode_lower(&mut digits);
    out.write_all(uuid.as_bytes())?;
    out.write_all(b"\",\"dn\":")?;
    value(out, record.dn().as_bytes())
}

/// How many attributes are compared with each other; with more, names are looked up in a tree.
const FEW: usize = 32;

/// Each attribute with its values, under the description the provider uses, in the order of these.
fn attributes(out: &mut impl Write, attributes: &Attributes<'_>) -> io::Result<()> {
    // A description may come twice, and differ in case; a JSON object must name it once.
    let mut few: [Option<Attribute<'_>>; FEW] = [None; FEW];
    let mut count = 0;
    for attribute in attributes.iter() {
        let same = |other: &Attribute<'_>| other.name.eq_ignore_ascii_case(attribute.name);
        match few.split_at_mut_checked(count) {
            Some((before, [free, ..])) if !before.iter().flatten().any(same) => {
                *free = Some(attribute);
                count += 1;
            }
            _ => return gathered(out, attributes),
        }
    }
    let (few, _) = few.split_at_mut(count);
    few.sort_unstable_by_key(|attribute| attribute.map(|attribute| attribute.name));
    let few = few.iter().flatten();
    object(
        out,
        few.map(|attribute| (attribute.name, attribute.values())),
    )
}

/// The same, where descriptions come twice, or there are many.
fn gathered(out: &mut impl Write, attributes: &Attributes<'_>) -> io::Result<()> {
    let mut names: BTreeMap<String, &str> = BTreeMap::new();
    let mut all: BTreeMap<&str, Vec<&[u8]>> = BTreeMap::new();
    for attribute in attributes.iter() {
        let lower = attribute.name.to_ascii_lowercase();
        let name = names.entry(lower).or_insert(attribute.name);
        all.entry(name).or_default().extend(attribute.values());
    }
    object(
        out,
        all.into_iter()
            .map(|(name, values)| (name, values.into_iter())),
    )
}

fn object<'a>(
    out: &mut impl Write,
    members: impl Iterator<Item = (&'a str, impl Iterator<Item = &'a [u8]>)>,
) -> io::Result<()> {
    out.write_all(b"{")?;
    let mut between: &[u8] = b"";
    for (name, all) in members {
        out.write_all(between)?;
        value(out, name.as_bytes())?;
        out.write_all(b":")?;
        values(out, all)?;
        between = b",";
    }
    out.write_all(b"}")
}

fn values<'a>(out: &mut impl Write, all: impl Iterator<Item = &'a [u8]>) -> io::Result<()> {
    out.write_all(b"[")?;
    let mut between: &[u8] = b"";
    for one in all {
        out.write_all(between)?;
        value(out, one)?;
        between = b",";
    }
    out.write_all(b"]")
}

/// A value that is UTF-8 as a string, any other in base64.
fn value(out: &mut impl Write, value: &[u8]) -> io::Result<()> {
    // Nearly all of them stand for themselves. Looked at whole, so that many bytes go at a time.
    let plain = value.iter().fold(true, |plain, byte| {
        plain & matches!(byte, b' '..=b'~') & (*byte != b'"') & (*byte != b'\\')
    });
    if plain {
        out.write_all(b"\"")?;
        out.write_all(value)?;
        return out.write_all(b"\"");
    }
    match std::str::from_utf8(value) {
        Ok(text) => serde_json::to_writer(out, text).map_err(io::Error::from),
        Err(_) => write!(out, "{}", base64(value)),
    }
}

pub(crate) fn base64(bytes: &[u8]) -> Value {
    json!({ "base64": STANDARD.encode(bytes) })
}
