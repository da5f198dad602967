//! Prints LDIF records (RFC 2849), one function for each kind. A comment before each record has the
//! entryUUID.

use std::io::{self, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use syncrepl_client::{Attributes, Record, Uuid};
use syncrepl_proto::dn;

use super::modification::{Change, changes};
use super::values::Values;

/// Prints a content record, with the empty line before it.
pub(crate) fn record(out: &mut impl Write, record: &Record<'_>) -> io::Result<()> {
    head(out, record.uuid(), record.dn())?;
    attributes(out, record.attrs())
}

/// Prints `changetype: add`. LDIF has no such record without attributes, so then it prints a comment.
pub(super) fn added(
    out: &mut impl Write,
    uuid: Uuid,
    dn: &str,
    attrs: &Attributes<'_>,
) -> io::Result<()> {
    if attrs.iter().next().is_none() {
        writeln!(out, "\n# entryUUID: {uuid}\n# added, without attributes:")?;
        write!(out, "# ")?;
        return line(out, "dn", dn.as_bytes());
    }
    head(out, uuid, dn)?;
    writeln!(out, "changetype: add")?;
    attributes(out, attrs)
}

/// Prints `changetype: delete`.
pub(super) fn deleted(out: &mut impl Write, uuid: Uuid, dn: &str) -> io::Result<()> {
    head(out, uuid, dn)?;
    writeln!(out, "changetype: delete")
}

/// Prints `changetype: modrdn`.
pub(super) fn renamed(
    out: &mut impl Write,
    uuid: Uuid,
    from: &str,
    to: &str,
    delete_old: bool,
) -> io::Result<()> {
    head(out, uuid, from)?;
    writeln!(out, "changetype: modrdn")?;
    let (rdn, above) = dn::split_first(to).unwrap_or((to, ""));
    line(out, "newrdn", rdn.as_bytes())?;
    writeln!(out, "deleteoldrdn: {}", u8::from(delete_old))?;
    let was_above = dn::split_first(from).map_or("", |(_, above)| above);
    if !dn::same_spelling_aside(was_above, above) {
        line(out, "newsuperior", above.as_bytes())?;
    }
    Ok(())
}

/// Prints `changetype: modify`, if the values differ.
pub(super) fn modified(
    out: &mut impl Write,
    uuid: Uuid,
    dn: &str,
    old: &Values<'_>,
    new: &Values<'_>,
) -> io::Result<()> {
    modification(out, uuid, dn, changes(old, new))
}

/// Prints `changetype: modify` of these changes, if there are any.
pub(super) fn modification(
    out: &mut impl Write,
    uuid: Uuid,
    dn: &str,
    changes: Vec<Change<'_>>,
) -> io::Result<()> {
    if changes.is_empty() {
        return Ok(());
    }
    head(out, uuid, dn)?;
    writeln!(out, "changetype: modify")?;
    for Change { what, name, values } in changes {
        writeln!(out, "{what}: {}", description(name))?;
        for value in values {
            line(out, name, value)?;
        }
        writeln!(out, "-")?;
    }
    Ok(())
}

/// Prints a comment in the place of a record, because nothing holds the attributes.
pub(super) fn unknown(out: &mut impl Write, uuid: Uuid, dn: &str) -> io::Result<()> {
    writeln!(
        out,
        "\n# entryUUID: {uuid}\n# its attributes are too large for the journal:"
    )?;
    write!(out, "# ")?;
    line(out, "dn", dn.as_bytes())
}

/// Prints a comment about an attribute whose values are not shown.
pub(super) fn hidden(out: &mut impl Write, name: &str) -> io::Result<()> {
    writeln!(out, "# values not in the journal: {}", description(name))
}

/// Begins a record: the empty line, the entryUUID and the DN.
fn head(out: &mut impl Write, uuid: Uuid, dn: &str) -> io::Result<()> {
    writeln!(out, "\n# entryUUID: {uuid}")?;
    line(out, "dn", dn.as_bytes())
}

fn attributes(out: &mut impl Write, attributes: &Attributes<'_>) -> io::Result<()> {
    for attribute in attributes.iter() {
        for value in attribute.values() {
            line(out, attribute.name, value)?;
        }
    }
    Ok(())
}

/// Prints `name: value`, or `name:: base64` where the value is not a SAFE-STRING. It folds no lines.
fn line(out: &mut impl Write, name: &str, value: &[u8]) -> io::Result<()> {
    let name = description(name);
    if is_safe(value) {
        write!(out, "{name}: ")?;
        out.write_all(value)?;
        writeln!(out)
    } else {
        writeln!(out, "{name}:: {}", STANDARD.encode(value))
    }
}

/// A name without the characters that an attribute description cannot have (RFC 4512 §2.5): a hostile
/// provider must not begin a line of its own with it.
fn description(name: &str) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || "-.;_".contains(c);
    name.chars()
        .map(|c| if fits(c) { c } else { '_' })
        .collect()
}

/// Whether the value can stand as it is: a SAFE-STRING (RFC 2849) without control characters that does
/// not end in a space. A tab is a SAFE-CHAR too, but OpenLDAP and other readers drop a leading one.
fn is_safe(value: &[u8]) -> bool {
    value.iter().all(|byte| matches!(byte, b' '..=b'~'))
        && value
            .first()
            .is_none_or(|first| !matches!(first, b' ' | b':' | b'<' | b'#'))
        && value.last().is_none_or(|last| *last != b' ')
}
