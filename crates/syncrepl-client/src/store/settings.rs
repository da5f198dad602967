//! Named values in `syncrepl_settings`. Names that begin with `syncrepl` are ours, all others are
//! users'.

use rusqlite::{Connection, OptionalExtension, params};

use super::failure::{self, DAMAGED};
use crate::error::{Error, ErrorKind, Result};

/// The number of commits so far, in decimal.
pub(crate) const COMMIT: &str = "syncrepl_commit";

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

/// The number of the last commit, in the snapshot that `conn` reads.
pub(super) fn commit_number(conn: &Connection) -> Result<u64> {
    Ok(number(conn, COMMIT, "the store's commit number is damaged")?.unwrap_or(0))
}

/// The number of records after the last commit; `None` in stores of earlier versions.
pub(super) fn entries(conn: &Connection) -> Result<Option<u64>> {
    number(conn, ENTRIES, "what the store tells of its size is damaged")
}

fn number(conn: &Connection, name: &str, damaged: &'static str) -> Result<Option<u64>> {
    let Some(value) = get(conn, name)? else {
        return Ok(None);
    };
    std::str::from_utf8(&value)
        .ok()
        .and_then(|digits| digits.parse().ok())
        .map(Some)
        .ok_or_else(|| Error::new(ErrorKind::Store, damaged).with_hint(DAMAGED))
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
