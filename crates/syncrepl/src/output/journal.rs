//! Rows of the journal, as `syncrepl journal` prints them.

use std::io::{self, Write};

use serde_json::{Value, json};
use syncrepl_client::journal::{JournalOp, JournalRow, JournalSize, JournalState, Seq};

use super::json;
use super::text::printable_bytes;
use crate::state::written;

pub(crate) use super::ldif::journal_row as ldif;

/// The kind of a row, in the words of the other formats.
fn word(op: JournalOp) -> &'static str {
    match op {
        JournalOp::Add => "add",
        JournalOp::Change => "change",
        JournalOp::Rename => "rename",
        JournalOp::Delete => "delete",
        JournalOp::Refreshed => "refreshed",
        JournalOp::Marker => "marker",
    }
}

/// Prints a row as one line for people: when, what, of which entry, and which attributes changed.
pub(crate) fn text(out: &mut impl Write, row: &JournalRow) -> io::Result<()> {
    let shown = |text: &str| printable_bytes(text.as_bytes());
    write!(out, "{}  {:<9}", written(row.time), word(row.op))?;
    let Some(dn) = &row.dn else {
        let what = match row.op {
            JournalOp::Marker => "up to here changes may stand in no row: see the whole copy",
            _ => "a run began, and nothing had changed",
        };
        return writeln!(out, "  ({what})");
    };
    match &row.old_dn {
        Some(old_dn) => write!(out, "  {} -> {}", shown(old_dn), shown(dn))?,
        None => write!(out, "  {}", shown(dn))?,
    }
    for change in row.diff.iter().flat_map(|diff| diff.iter()) {
        let (come, gone) = (change.added().count(), change.removed().count());
        write!(out, "  {}", shown(change.name))?;
        match (come, gone) {
            (0, 0) => write!(out, " (hidden)")?,
            (come, 0) => write!(out, " +{come}")?,
            (0, gone) => write!(out, " -{gone}")?,
            (come, gone) => write!(out, " +{come} -{gone}")?,
        }
    }
    writeln!(out)
}

/// Prints a row as one JSON object.
pub(crate) fn json(out: &mut impl Write, row: &JournalRow) -> io::Result<()> {
    let id = row.id().map_or(Value::Null, Value::from);
    let (op, seq, time, cause) = (word(row.op), row.seq, written(row.time), row.cause);
    write!(
        out,
        r#"{{"op":"{op}","id":{id},"sequence":"{seq}","time":"{time}","cause":"{cause}""#
    )?;
    let Some(dn) = &row.dn else {
        return out.write_all(b"}\n");
    };
    write!(out, r#","uuid":"{}""#, row.uuid)?;
    for (name, dn) in [("old_dn", row.old_dn.as_ref()), ("dn", Some(dn))] {
        if let Some(dn) = dn {
            write!(out, r#","{name}":"#)?;
            json::value(out, dn.as_bytes())?;
        }
    }
    if let Some(diff) = &row.diff {
        out.write_all(br#","changes":{"#)?;
        for (at, change) in diff.iter().enumerate() {
            out.write_all(if at > 0 { b"," } else { b"" })?;
            json::value(out, change.name.as_bytes())?;
            if change.masked {
                out.write_all(br#":{"masked":true}"#)?;
                continue;
            }
            let mut between: &[u8] = b":{";
            let sides = [
                ("added", Vec::from_iter(change.added())),
                ("removed", Vec::from_iter(change.removed())),
            ];
            for (name, values) in sides.into_iter().filter(|(_, values)| !values.is_empty()) {
                out.write_all(between)?;
                write!(out, r#""{name}":"#)?;
                json::values(out, values.into_iter())?;
                between = b",";
            }
            out.write_all(b"}")?;
        }
        out.write_all(b"}")?;
    }
    if let Some(after) = &row.after {
        let after = after.as_list();
        let name = if row.op == JournalOp::Delete {
            "old"
        } else {
            "attrs"
        };
        write!(out, r#","{name}":"#)?;
        json::attributes(out, &after)?;
        out.write_all(br#","masked":"#)?;
        json::values(out, after.valueless().map(str::as_bytes))?;
    }
    out.write_all(b"}\n")
}

/// Prints the state of a journal as one JSON object.
pub(crate) fn json_state(
    out: &mut impl Write,
    state: &JournalState,
    size: &JournalSize,
) -> io::Result<()> {
    let place = |seq: Seq| (seq > Seq::ZERO).then(|| seq.to_string());
    let line = json!({
        "on": state.on,
        "since": state.since.map(written),
        "rows": size.rows,
        "bytes": size.bytes,
        "oldest": state.oldest.map(written),
        "head": place(state.head),
        "marker": place(state.marker),
        "floor": place(state.floor),
        "needed": state.needed.map(|seq| seq.to_string()),
        "folded": size.folded,
    });
    writeln!(out, "{line}")
}
