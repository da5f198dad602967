//! A row of the journal as an LDIF change record, as far as the row holds one. What it does not hold stands
//! in a comment.

use std::io::{self, Write};

use syncrepl_client::Attributes;
use syncrepl_client::journal::{JournalDiff, JournalOp, JournalRow};
use syncrepl_proto::attributes::AttributeDiff;

use super::modification::Change;
use super::records;
use super::values::Values;
use crate::state::written;

/// Prints one row.
pub(crate) fn journal_row(out: &mut impl Write, row: &JournalRow) -> io::Result<()> {
    let Some(dn) = row.dn.as_deref() else {
        let time = written(row.time);
        let what = match row.op {
            JournalOp::Marker => {
                "what changed up to here stands in no row; the whole copy tells it"
            }
            _ => "a run began, and nothing had changed",
        };
        return writeln!(out, "\n# {time}: {what}");
    };
    let after = row.after.as_ref().map(|after| after.as_list());
    match (row.op, &row.old_dn, after) {
        (JournalOp::Add, _, Some(after)) => records::added(out, row.uuid, dn, &after)?,
        (JournalOp::Delete, ..) => records::deleted(out, row.uuid, dn)?,
        (JournalOp::Rename, Some(from), after) => rename(out, row, from, dn, after)?,
        (JournalOp::Change, _, after) => {
            let diff = row.diff.as_ref();
            match after.zip(diff) {
                Some((after, diff)) => modify(out, row, dn, &before(&after, diff), &after)?,
                None => plain(out, row, dn)?,
            }
        }
        _ => records::unknown(out, row.uuid, dn)?,
    }
    let masked = row.diff.iter().flat_map(|diff| diff.iter());
    let masked = masked
        .filter(|change| change.masked)
        .map(|change| change.name);
    let hidden = match row.op {
        JournalOp::Add => after.iter().flat_map(|after| after.valueless()).collect(),
        _ => Vec::from_iter(masked),
    };
    hidden
        .into_iter()
        .try_for_each(|name| records::hidden(out, name))
}

/// The attributes before a change: those after it, with the difference undone.
fn before(after: &Attributes<'_>, diff: &JournalDiff) -> Vec<u8> {
    let undone = diff.iter().map(|change| AttributeDiff {
        name: change.name,
        added: change.removed().collect(),
        removed: change.added().collect(),
    });
    let before = after.with_diff(undone);
    before.map_or_else(
        |_| after.as_bytes().to_vec(),
        |before| before.as_list().as_bytes().to_vec(),
    )
}

fn modify(
    out: &mut impl Write,
    row: &JournalRow,
    dn: &str,
    before: &[u8],
    after: &Attributes<'_>,
) -> io::Result<()> {
    let (before, after) = (Values::of(before), Values::of(after.as_bytes()));
    records::modified(out, row.uuid, dn, &before, &after)
}

/// The rename, and then what changed besides.
fn rename(
    out: &mut impl Write,
    row: &JournalRow,
    from: &str,
    to: &str,
    after: Option<Attributes<'_>>,
) -> io::Result<()> {
    let Some((after, diff)) = after.zip(row.diff.as_ref()) else {
        records::renamed(out, row.uuid, from, to, false)?;
        return plain(out, row, to);
    };
    let before = before(&after, diff);
    let (mut values, after) = (Values::of(&before), Values::of(after.as_bytes()));
    let delete_old = after.lost_name(from, to) && !values.needs_old_name(from, to, &after);
    values.rename(from, to, delete_old, &after);
    records::renamed(out, row.uuid, from, to, delete_old)?;
    records::modified(out, row.uuid, to, &values, &after)
}

/// The difference as it stands in the row, for an entry that is too large for one.
fn plain(out: &mut impl Write, row: &JournalRow, dn: &str) -> io::Result<()> {
    let changes = row.diff.iter().flat_map(|diff| diff.iter());
    let changes = changes.flat_map(|change| {
        let (name, gone, come) = (change.name, change.removed(), change.added());
        [
            ("delete", Vec::from_iter(gone)),
            ("add", Vec::from_iter(come)),
        ]
        .map(|(what, values)| Change { what, name, values })
    });
    let changes = changes.filter(|change| !change.values.is_empty()).collect();
    records::modification(out, row.uuid, dn, changes)
}
