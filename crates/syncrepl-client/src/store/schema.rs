//! Recognises a SQLite file as a store of some version, and migrates an older one.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension};

use super::failure;
use crate::error::{Error, ErrorKind, Result};

/// The SQL that each version adds; a store of version n has had the first n. Never change one that
/// was released.
const MIGRATIONS: &[&str] = &[
    VERSION_1, VERSION_2, VERSION_3, VERSION_4, VERSION_5, VERSION_6,
];

const VERSION_1: &str = "
    CREATE TABLE syncrepl_schema (version INTEGER NOT NULL);
    INSERT INTO syncrepl_schema (version) VALUES (0);
    CREATE TABLE syncrepl_settings (name TEXT PRIMARY KEY, value BLOB);
    CREATE TABLE syncrepl_records (
        id INTEGER PRIMARY KEY,
        uuid BLOB NOT NULL UNIQUE CHECK (length(uuid) = 16),
        dn TEXT NOT NULL,
        dn_key BLOB NOT NULL,
        attributes BLOB NOT NULL
    );
    CREATE INDEX syncrepl_records_dn_key ON syncrepl_records (dn_key);
    CREATE TABLE syncrepl_references (
        id INTEGER PRIMARY KEY,
        uuid BLOB NOT NULL UNIQUE,
        urls BLOB NOT NULL
    );
";

/// The parents of records that are no records themselves (without an entryUUID: access control
/// hides the entry), and the records whose DN is from a search.
const VERSION_2: &str = "
    CREATE TABLE syncrepl_ancestors (
        id INTEGER PRIMARY KEY,
        uuid BLOB UNIQUE CHECK (length(uuid) = 16),
        dn TEXT NOT NULL,
        dn_key BLOB NOT NULL
    );
    CREATE INDEX syncrepl_ancestors_dn_key ON syncrepl_ancestors (dn_key);
    CREATE TABLE syncrepl_placed (id INTEGER PRIMARY KEY);
";

/// The entryCSN that the last search showed of an ancestor.
const VERSION_3: &str = "ALTER TABLE syncrepl_ancestors ADD COLUMN csn BLOB;";

/// The id of the store, and the first commit of each run with its tag (see `history`). The commits of
/// an earlier version get one tag.
const VERSION_4: &str = "
    CREATE TABLE syncrepl_runs (first_commit INTEGER PRIMARY KEY, tag INTEGER NOT NULL);
    INSERT INTO syncrepl_runs
        SELECT 0, random() FROM syncrepl_settings WHERE name = 'syncrepl_commit';
    INSERT INTO syncrepl_settings VALUES ('syncrepl_source', randomblob(16));
";

/// The names in which letter case tells two entries apart.
const VERSION_5: &str = "CREATE TABLE syncrepl_exact (dn_key BLOB PRIMARY KEY) WITHOUT ROWID;";

/// The journal, and the entries of which rows were dropped before every reader had them (see `journal`). There
/// is no index on the uuid: it would make a change several times as dear.
const VERSION_6: &str = "
    CREATE TABLE syncrepl_journal (
        seq INTEGER PRIMARY KEY,
        commit_ INTEGER NOT NULL,
        n INTEGER NOT NULL,
        op INTEGER NOT NULL,
        uuid BLOB NOT NULL,
        cause INTEGER NOT NULL,
        time INTEGER NOT NULL,
        dn TEXT,
        old_dn TEXT,
        diff BLOB,
        after BLOB
    );
    CREATE TABLE syncrepl_folded (uuid BLOB PRIMARY KEY, seq INTEGER NOT NULL) WITHOUT ROWID;
";

/// The `PRAGMA application_id` of a store: "SynR".
const APPLICATION_ID: i32 = 0x5379_6e52;

/// A SQLite file that is a store, or may become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// Nothing is in it yet.
    Empty,
    /// A store of this version, at most [`current`].
    Store(usize),
}

/// The version that this code writes.
pub(super) fn current() -> usize {
    MIGRATIONS.len()
}

/// Recognises the file behind `conn` without changing it. `path` is for messages.
pub(super) fn identify(conn: &Connection, path: &Path) -> Result<Found> {
    let (id, tables, has_schema) = conn
        .query_row(
            "SELECT (SELECT application_id FROM pragma_application_id), count(*), \
                    coalesce(max(name = 'syncrepl_schema'), 0) \
             FROM sqlite_schema",
            [],
            |row| {
                Ok((
                    row.get::<_, i32>(0)?,
                    row.get::<_, i64>(1)?,
                    row.get::<_, bool>(2)?,
                ))
            },
        )
        .map_err(|err| failure::of_open(path, err))?;
    match (id, tables, has_schema) {
        // A copy made from SQL text loses the application id.
        (_, _, true) => version(conn, path).map(Found::Store),
        (APPLICATION_ID, _, false) => Err(failure::damaged(path, "syncrepl_schema is missing")),
        (0, 0, false) => Ok(Found::Empty),
        _ => Err(failure::not_a_store(
            path,
            "is a SQLite database, but not a store of syncrepl",
        )),
    }
}

fn version(conn: &Connection, path: &Path) -> Result<usize> {
    let version = conn
        .query_row("SELECT version FROM syncrepl_schema", [], |row| {
            Ok(row.get::<_, i64>(0).ok())
        })
        .optional()
        .map_err(failure::of_store)?
        .flatten()
        .and_then(|version| usize::try_from(version).ok())
        .filter(|version| *version > 0)
        .ok_or_else(|| failure::damaged(path, "it does not tell its version"))?;
    if version > current() {
        return Err(Error::new(
            ErrorKind::NewerVersion,
            format!(
                "{} is a store of version {version}, and this program knows version {} at most",
                path.display(),
                current()
            ),
        )
        .with_hint("use a newer syncrepl, or another file"));
    }
    Ok(version)
}

/// Brings the file to the current version, in one transaction. A new file stays empty until it has
/// the whole current version.
pub(super) fn migrate(conn: &Connection, from: Found) -> Result<()> {
    let done = match from {
        Found::Empty => 0,
        Found::Store(version) => version,
    };
    let steps = MIGRATIONS.get(done..).unwrap_or_default();
    if steps.is_empty() {
        return Ok(());
    }
    let all = format!(
        "BEGIN IMMEDIATE; {} UPDATE syncrepl_schema SET version = {}; \
         PRAGMA application_id = {APPLICATION_ID}; COMMIT;",
        steps.concat(),
        current()
    );
    if let Err(err) = conn.execute_batch(&all) {
        if !conn.is_autocommit() {
            // The caller gets the error of the migration, not one of this rollback.
            conn.execute_batch("ROLLBACK").ok();
        }
        return Err(failure::of_store(err));
    }
    Ok(())
}
