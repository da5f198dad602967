//! Named values in `syncrepl_settings`. Names that begin with `syncrepl` are ours, all others are
//! users'.

use rusqlite::{Connection, OptionalExtension, params};

use super::failure::{self, DAMAGED};
use crate::error::{Error, ErrorKind, Result};

/// The number of commits so far, and the number of changes told in the last one, in decimal. One
/// row, because each commit writes both.
const COMMIT: &str = "syncrepl_commit";

/// The id of the store: 16 random bytes, made with the file.
pub(super) const SOURCE: &str = "syncrepl_source";

/// The number of records, in decimal.
pub(super) const ENTRIES: &str = "syncrepl_entries";

/// The value of a setting, ours or a user's.
pub(super) fn get(conn: &Connection, name: &str) -> Result<Option<Vec<u8>>> {
    let value = conn
        .prepare_cached("SELECT value FROM syncrepl_settings WHERE name = ?1")
        .and_then(|mut statement| {
            statement
                .query_row([name], |row| {
                    Ok(row.get_ref(0)?.as_bytes_or_null()?.map(<[u8]>::to_vec))
                })
                .optional()
        })
        .map_err(failure::of_store)?;
    Ok(value.flatten())
}

/// Sets a setting, ours or a user's, or removes it with `None`.
pub(super) fn set(conn: &Connection, name: &str, value: Option<&[u8]>) -> Result<()> {
    let done = match value {
        Some(value) => conn
            .prepare_cached(
                "INSERT INTO syncrepl_settings (name, value) VALUES (?1, ?2) \
                 ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            )
            .and_then(|mut statement| statement.execute(params![name, value])),
        None => conn
            .prepare_cached("DELETE FROM syncrepl_settings WHERE name = ?1")
            .and_then(|mut statement| statement.execute([name])),
    };
    done.map(drop).map_err(failure::of_store)
}

/// The number of the last commit, 0 if there was none, and the number of its changes, in the snapshot
/// that `conn` reads. Earlier versions did not count changes.
pub(super) fn commit(conn: &Connection) -> Result<(u64, Option<u64>)> {
    let Some(value) = get(conn, COMMIT)? else {
        return Ok((0, Some(0)));
    };
    let mut numbers = value.split(|byte| *byte == b' ').map(decimal);
    match (numbers.next(), numbers.next(), numbers.next()) {
        (Some(Some(commit)), None, None) => Ok((commit, None)),
        (Some(Some(commit)), Some(Some(changes)), None) => Ok((commit, Some(changes))),
        _ => Err(unreadable("the store's commit number is damaged")),
    }
}

/// Sets what [`commit`] returns.
pub(super) fn set_commit(conn: &Connection, number: u64, changes: u64) -> Result<()> {
    set(conn, COMMIT, Some(format!("{number} {changes}").as_bytes()))
}

/// The number of records after the last commit; `None` in stores of earlier versions.
pub(super) fn entries(conn: &Connection) -> Result<Option<u64>> {
    let Some(value) = get(conn, ENTRIES)? else {
        return Ok(None);
    };
    match decimal(&value) {
        Some(entries) => Ok(Some(entries)),
        None => Err(unreadable("what the store tells of its size is damaged")),
    }
}

fn decimal(digits: &[u8]) -> Option<u64> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// The error for a setting of ours that makes no sense.
pub(super) fn unreadable(damaged: &'static str) -> Error {
    Error::new(ErrorKind::Store, damaged).with_hint(DAMAGED)
}

/// Refuses the names that are ours.
pub(super) fn check_user_name(name: &str) -> Result<()> {
    const OURS: &str = "syncrepl";
    let reserved = name
        .get(..OURS.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(OURS));
    if reserved {
        return Err(Error::new(
            ErrorKind::InvalidInput,
            format!("the setting {name} is not yours"),
        )
        .with_hint("names that begin with syncrepl are reserved"));
    }
    Ok(())
}
