//! LDIF content records (RFC 2849), with the entryUUID as a comment: what `dump` prints.

use std::io::{self, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use syncrepl_client::Record;

/// One record, with the empty line before it.
pub(crate) fn record(out: &mut impl Write, record: &Record<'_>) -> io::Result<()> {
    writeln!(out, "\n# entryUUID: {}", record.uuid())?;
    line(out, "dn", record.dn().as_bytes())?;
    for attribute in record.attrs().iter() {
        for value in attribute.values() {
            line(out, attribute.name, value)?;
        }
    }
    Ok(())
}

/// `name: value`, or `name:: base64` where the value is not a SAFE-STRING. Lines are not folded.
fn line(out: &mut impl Write, name: &str, value: &[u8]) -> io::Result<()> {
    // A description is letters, digits, hyphens, dots and options (RFC 4512 §2.5); whatever else a
    // provider sends must not begin a line of its own.
    let name: String = name
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || "-.;_".contains(c) {
                c
            } else {
                '_'
            }
        })
        .collect();
    if is_safe(value) {
        write!(out, "{name}: ")?;
        out.write_all(value)?;
        writeln!(out)
    } else {
        writeln!(out, "{name}:: {}", STANDARD.encode(value))
    }
}

/// SAFE-STRING (RFC 2849), and not ending in a space.
fn is_safe(value: &[u8]) -> bool {
    let safe = |byte: &u8| byte.is_ascii() && !matches!(byte, 0 | b'\n' | b'\r');
    value.iter().all(safe)
        && !value
            .iter()
            .any(|byte| byte.is_ascii_control() && *byte != b'\t')
        && value
            .first()
            .is_none_or(|first| !matches!(first, b' ' | b':' | b'<' | b'#'))
        && value.last().is_none_or(|last| *last != b' ')
}
