//! Makes the copy of one search the beginning of the copy of another, in a file of its own.
//!
//! The new file is another store: it has an id of its own, and its first commit begins a history. What the old
//! one knew of its provider's state, such as the cookie, holds for the old search alone and stays behind.

use std::fs;
use std::io::ErrorKind as IoErrorKind;
use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;

use super::history::Run;
use super::{backup, failure, file, journal, settings};
use crate::error::{Error, ErrorKind, Result};
use crate::{remembered, status};

/// The tables that belong to the old search.
const FORGET: &str = "
    DELETE FROM syncrepl_ancestors;
    DELETE FROM syncrepl_placed;
    DELETE FROM syncrepl_runs;
    DELETE FROM syncrepl_folded;
";

/// Makes the store at `path` from that of `from`, for the search `url`. After an error no file is left.
pub(super) fn write(from: &Connection, path: &Path, busy: Duration, url: &str) -> Result<()> {
    let path = file::resolve_new(path)?;
    for end in ["", "-wal", "-shm"] {
        let there = file::beside(&path, end);
        if fs::symlink_metadata(&there).is_ok() {
            return Err(exists(&there));
        }
    }
    // A program that opens `path` finds the whole new store, or nothing.
    let draft = file::beside(&path, &format!(".adopting-{:08x}", fastrand::u32(..)));
    let made = backup::write(from, &draft, busy)
        .and_then(|()| adapt(&draft, busy, url))
        .and_then(|()| publish(&draft, &path));
    if made.is_err() {
        // The caller gets the error from before, not an error of this cleaning up.
        for end in ["", "-journal", "-wal", "-shm"] {
            fs::remove_file(file::beside(&draft, end)).ok();
        }
    }
    made
}

/// Turns the draft, which is a copy of the old store, into the new store.
fn adapt(draft: &Path, busy: Duration, url: &str) -> Result<()> {
    let conn = file::connect(draft, busy)?;
    journal_mode(&conn, "DELETE")?;
    conn.execute_batch("BEGIN IMMEDIATE")
        .and_then(|()| conn.execute_batch(FORGET))
        .map_err(failure::of_store)?;
    for name in status::OF_THE_SEARCH {
        settings::set(&conn, name, None)?;
    }
    if !same_server(&conn, url)? {
        settings::set(&conn, remembered::SERVERS, None)?;
    }
    settings::set(&conn, status::URL, Some(url.as_bytes()))?;
    settings::draw_source(&conn)?;
    let number = settings::commit(&conn)?.number.saturating_add(1);
    settings::set_commit(&conn, number, 0)?;
    Run::begin().store(&conn, number)?;
    journal::adopt(&conn, number)?;
    conn.execute_batch("COMMIT").map_err(failure::of_store)?;
    journal_mode(&conn, "WAL")?;
    conn.close().map_err(|(_, err)| failure::of_store(err))
}

/// Whether the new search was given without a server, or with the first one of the old search.
fn same_server(conn: &Connection, url: &str) -> Result<bool> {
    let server = |url: &[u8]| {
        let url = status::parse_url(url).ok()?;
        Some((url.scheme, url.host, url.port))
    };
    let old = settings::get(conn, status::URL)?;
    Ok(old.is_some_and(|old| server(&old) == server(url.as_bytes())))
}

/// Sets the mode of SQLite's own journal. `DELETE` puts everything into the one file that gets another name.
fn journal_mode(conn: &Connection, mode: &str) -> Result<()> {
    conn.query_row(&format!("PRAGMA journal_mode = {mode}"), [], |_| Ok(()))
        .map_err(failure::of_store)
}

/// Gives the draft its name, unless a file has it by now.
fn publish(draft: &Path, path: &Path) -> Result<()> {
    let failed = |err: std::io::Error| match err.kind() {
        IoErrorKind::AlreadyExists => exists(path),
        _ => failure::of_file(path, "created", err),
    };
    match fs::hard_link(draft, path) {
        Ok(()) => fs::remove_file(draft).map_err(failed),
        Err(err) if err.kind() == IoErrorKind::AlreadyExists => Err(failed(err)),
        // A file system without hard links.
        Err(_) if fs::symlink_metadata(path).is_ok() => Err(exists(path)),
        Err(_) => fs::rename(draft, path).map_err(failed),
    }
}

fn exists(path: &Path) -> Error {
    let message = format!("{} exists already", path.display());
    Error::new(ErrorKind::InvalidInput, message).with_hint("name a file that does not exist yet")
}
