//! Opens a store for somebody who may only read: a user without the right to write, a folder or a whole file
//! system that is read-only. SQLite wants to create `-wal` and `-shm` beside a file that has none. Where it
//! cannot, the file is read as one that nobody changes, and afterwards it is made sure that nobody did.

use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::failure;
use super::file::{self, beside};
use crate::error::{Error, ErrorKind, Result};

/// A file that is read as if nobody could change it.
#[derive(Debug)]
pub(super) struct Frozen {
    path: PathBuf,
    found: Option<Version>,
}

/// What differs after somebody has written: size, and the times of the content and of the entry.
type Version = (u64, SystemTime, i64, i64);

/// Opens a connection for a handle. The second value is there if nothing keeps others from writing
/// meanwhile: the file was read in vain if [`Frozen::check`] fails afterwards.
pub(super) fn connect(path: &Path, busy: Duration) -> Result<(Connection, Option<Frozen>)> {
    let conn = file::open(path, OpenFlags::SQLITE_OPEN_READ_WRITE)
        .map_err(|err| failure::of_open(path, err))?;
    // Where the file cannot be written, SQLite opens it to read. It would then create files beside it that
    // belong to the reader, and that the writer may not open.
    let may_write = conn.is_readonly("main").is_ok_and(|readonly| !readonly);
    if may_write {
        match file::prepare(&conn, busy) {
            Ok(()) => return Ok((conn, None)),
            Err(err) if is_about_files(&err) => {}
            Err(err) => return Err(failure::of_open(path, err)),
        }
    }
    drop(conn);
    match read_only(path, "readonly_shm=1", busy) {
        Ok(conn) => return Ok((conn, None)),
        Err(err) if is_about_files(&err) => {}
        Err(err) => return Err(failure::of_open(path, err)),
    }
    let frozen = Frozen::of(path)?;
    let conn = read_only(path, "immutable=1", busy).map_err(|err| failure::of_open(path, err))?;
    Ok((conn, Some(frozen)))
}

/// Whether SQLite could not open, create or use one of its files.
fn is_about_files(err: &rusqlite::Error) -> bool {
    matches!(
        err.sqlite_error_code(),
        Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::SystemIoFailure)
    )
}

fn read_only(path: &Path, parameter: &str, busy: Duration) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    let conn = file::open(Path::new(&uri(path, parameter)), flags)?;
    file::prepare(&conn, busy)?;
    // The first read tells whether the log can be used.
    conn.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    Ok(conn)
}

/// The path as SQLite reads it in a URI, with this parameter.
fn uri(path: &Path, parameter: &str) -> String {
    let mut uri = "file:".to_owned();
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'/' | b'.' | b'-' | b'_' => uri.push(char::from(*byte)),
            byte if byte.is_ascii_alphanumeric() => uri.push(char::from(*byte)),
            byte => uri.push_str(&format!("%{byte:02x}")),
        }
    }
    uri + "?" + parameter
}

impl Frozen {
    /// Fails if the file alone does not hold the newest commits.
    fn of(path: &Path) -> Result<Frozen> {
        let log = beside(path, "-wal");
        if fs::metadata(&log).is_ok_and(|log| log.len() > 0) {
            return Err(unreadable_log(path, &log));
        }
        Ok(Frozen {
            path: path.to_owned(),
            found: fs::metadata(path).ok().and_then(|found| version(&found)),
        })
    }

    /// Fails if somebody has opened the file to write, or has written.
    pub(super) fn check(&self) -> Result<()> {
        let now = Frozen::of(&self.path).map(|now| now.found);
        if now.is_ok_and(|now| now.is_some() && now == self.found) {
            return Ok(());
        }
        let message = format!("{} changed while it was read", self.path.display());
        Err(Error::new(ErrorKind::Store, message).with_hint(
            "what was read of it is of no use; read it again, which works better while a run keeps it open",
        ))
    }
}

fn unreadable_log(path: &Path, log: &Path) -> Error {
    let (file, wal, shm) = (path.display(), log.display(), beside(path, "-shm"));
    let shm = shm.display();
    let message = format!("{file} cannot be read here: its newest commits are in {wal}");
    let hint = match fs::File::open(log) {
        Err(_) => format!("which you may not read: give {wal} and {shm} the mode of the data file"),
        Ok(_) => format!(
            "and they can be read only with {shm}, which is not there or which you may not read; read it as \
             its owner, or copy all of its files to a folder where you may write"
        ),
    };
    Error::new(ErrorKind::Store, message).with_hint(hint)
}

#[cfg(unix)]
fn version(found: &Metadata) -> Option<Version> {
    use std::os::unix::fs::MetadataExt;
    let changed = (found.ctime(), found.ctime_nsec());
    Some((found.len(), found.modified().ok()?, changed.0, changed.1))
}

#[cfg(not(unix))]
fn version(found: &Metadata) -> Option<Version> {
    Some((found.len(), found.modified().ok()?, 0, 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_is_taken_to_the_letter() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["a b", "a?mode=memory", "a#b", "a%20b", "é&=", "a;b"] {
            let path = dir.path().join(name);
            Connection::open(&path)
                .and_then(|conn| conn.execute_batch("CREATE TABLE mine (a)"))
                .unwrap();
            let conn = read_only(&path, "immutable=1", Duration::ZERO).unwrap();
            let tables: i64 = conn
                .query_row("SELECT count(*) FROM mine", [], |row| row.get(0))
                .unwrap();
            assert_eq!(tables, 0, "{name}");
        }
    }

    #[test]
    fn write_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.db");
        let writer = Connection::open(&path).unwrap();
        writer.execute_batch("CREATE TABLE mine (a)").unwrap();
        let frozen = Frozen::of(&path).unwrap();
        frozen.check().unwrap();
        writer
            .execute_batch("PRAGMA journal_mode = WAL; INSERT INTO mine VALUES (1)")
            .unwrap();
        assert!(frozen.check().is_err(), "there is a log");
        writer
            .execute_batch("PRAGMA journal_mode = DELETE")
            .unwrap();
        assert!(frozen.check().is_err(), "the file is another");
        fs::remove_file(&path).unwrap();
        assert!(frozen.check().is_err(), "the file is gone");
    }
}
