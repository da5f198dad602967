//! Named values in `syncrepl_settings`. Names that begin with `syncrepl` are ours, all others are
//! users'.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rusqlite::{Connection, OptionalExtension, params};

use super::failure::{self, DAMAGED};
use crate::error::{Error, ErrorKind, Result};

/// The number of commits so far, the number of changes told in the last one, and its time in milliseconds
/// since 1970, in decimal. One row, because each commit writes all three.
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

/// The last commit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Commit {
    /// Its number; 0 if there was none.
    pub(super) number: u64,
    /// The number of its changes. Earlier versions did not count them,
    pub(super) changes: Option<u64>,
    /// nor note its time.
    pub(super) time: Option<SystemTime>,
}

/// The last commit, in the snapshot that `conn` reads.
pub(super) fn commit(conn: &Connection) -> Result<Commit> {
    let Some(value) = get(conn, COMMIT)? else {
        return Ok(Commit {
            changes: Some(0),
            ..Commit::default()
        });
    };
    let numbers = value.split(|byte| *byte == b' ').map(decimal);
    let (number, changes, millis) = match numbers.collect::<Option<Vec<_>>>().as_deref() {
        Some(&[number]) => (number, None, None),
        Some(&[number, changes]) => (number, Some(changes), None),
        Some(&[number, changes, millis]) => (number, Some(changes), Some(millis)),
        _ => return Err(unreadable("the store's commit number is damaged")),
    };
    Ok(Commit {
        number,
        changes,
        time: millis.and_then(|millis| UNIX_EPOCH.checked_add(Duration::from_millis(millis))),
    })
}

/// Sets the number and the changes that [`commit`] returns, and the time of now.
pub(super) fn set_commit(conn: &Connection, number: u64, changes: u64) -> Result<()> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.unwrap_or_default().as_millis();
    let value = format!("{number} {changes} {now}");
    set(conn, COMMIT, Some(value.as_bytes()))
}

/// Gives the store another id.
pub(super) fn draw_source(conn: &Connection) -> Result<()> {
    let sql = "UPDATE syncrepl_settings SET value = randomblob(16) WHERE name = ?1";
    let drawn = conn.execute(sql, [SOURCE]).map_err(failure::of_store)?;
    match drawn {
        1 => Ok(()),
        _ => Err(unreadable("the store's id is damaged")),
    }
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
