//! The files of a store: their paths, modes and the lock. The lock is on `FILE.lock` and not on
//! FILE, because closing any descriptor of FILE would drop the locks that SQLite holds on it.

use std::fs::{File, Metadata, OpenOptions, TryLockError};
use std::io::ErrorKind as IoErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::failure;
use crate::error::{Error, ErrorKind, Result};
use crate::run;

/// A consumer's lock on a store. Dropping it or the end of the process releases it.
#[derive(Debug)]
pub(super) struct Lock(File);

impl Drop for Lock {
    /// Closing the file is not enough: a child that another thread is just starting has a copy of the
    /// descriptor until it executes its program, and would hold the lock meanwhile.
    fn drop(&mut self) {
        if let Err(error) = self.0.unlock() {
            tracing::debug!("the lock of the store could not be released: {error}");
        }
    }
}

impl Lock {
    /// Takes the lock of the store at `path`, or fails at once with [`ErrorKind::StoreLocked`].
    pub(super) fn take(path: &Path) -> Result<Lock> {
        let name = beside(path, ".lock");
        let file = private()
            .create(true)
            .truncate(false)
            .open(&name)
            .map_err(|err| failure::of_file(&name, "opened", err))?;
        match file.try_lock() {
            Ok(()) => Ok(Lock(file)),
            Err(TryLockError::WouldBlock) => {
                let state = run::read(path).map(|written| written.run);
                let pid = state.filter(|run| run.state.is_running());
                let process = pid.and_then(|run| run.pid);
                let process = process.map_or(String::new(), |pid| format!(": process {pid}"));
                let message = format!("another syncrepl uses {}{process}", path.display());
                Err(Error::new(ErrorKind::StoreLocked, message)
                    .with_hint("stop it first, or give this one a file of its own"))
            }
            Err(TryLockError::Error(err)) => Err(failure::of_file(&name, "locked", err)),
        }
    }

    /// The locked file, whatever its path names by now.
    pub(super) fn metadata(&self) -> Option<Metadata> {
        self.0.metadata().ok()
    }
}

/// The path of a file beside the store at `path`.
pub(super) fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    PathBuf::from(name)
}

/// The absolute path without links, so that every program uses the same lock. The directory must
/// exist, the file need not.
pub(super) fn resolve(path: &Path) -> Result<PathBuf> {
    match path.canonicalize() {
        Ok(path) if path.is_file() => return Ok(path),
        Ok(path) => return Err(failure::not_a_store(&path, "is not a file")),
        Err(err) if err.kind() != IoErrorKind::NotFound => {
            return Err(failure::of_file(path, "found", err));
        }
        Err(_) => {}
    }
    resolve_new(path)
}

/// The path from the root, whatever becomes of the working directory.
pub(super) fn absolute(path: &Path) -> Result<PathBuf> {
    std::path::absolute(path).map_err(|err| failure::of_file(path, "found", err))
}

/// As [`resolve`], for a file that does not exist.
pub(super) fn resolve_new(path: &Path) -> Result<PathBuf> {
    let Some(name) = path.file_name() else {
        return Err(Error::new(
            ErrorKind::InvalidInput,
            format!("{:?} does not name a file", path.display().to_string()),
        ));
    };
    let absolute = absolute(path)?;
    match absolute.parent().map(Path::canonicalize) {
        Some(Ok(directory)) => Ok(directory.join(name)),
        Some(Err(err)) => Err(failure::of_file(&absolute, "found", err)),
        None => Ok(absolute),
    }
}

/// Creates the file, for its owner alone, unless it exists. SQLite gives `-wal` and `-shm` its mode.
pub(super) fn create(path: &Path) -> Result<()> {
    match create_new(path) {
        Err(err) if err.kind() == IoErrorKind::AlreadyExists => Ok(()),
        other => other.map_err(|err| failure::of_file(path, "created", err)),
    }
}

/// As [`create`], but fails if the file exists.
pub(super) fn create_new(path: &Path) -> std::io::Result<()> {
    private().create_new(true).open(path).map(drop)
}

/// Opens a connection to a file that exists. `path` must be absolute, or SQLite might take it for a
/// URI or a database in memory.
pub(super) fn connect(path: &Path, busy: Duration) -> Result<Connection> {
    let open = || {
        let conn = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        prepare(&conn, busy)?;
        Ok(conn)
    };
    open().map_err(|err| failure::of_open(path, err))
}

/// Opens a connection, and reads nothing yet.
pub(super) fn open(path: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)
}

/// Sets a new connection up.
pub(super) fn prepare(conn: &Connection, busy: Duration) -> rusqlite::Result<()> {
    conn.busy_timeout(busy)?;
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    // NORMAL: a power cut may lose the newest commits, whole and in order, and the provider sends
    // them again.
    conn.execute_batch("PRAGMA mmap_size = 0; PRAGMA synchronous = NORMAL;")
        .and_then(|()| conn.execute_batch(CACHE))
}

/// 8 MiB whatever the size of the file. SQLite counts pages of the size that it knows just then.
const CACHE: &str = "PRAGMA cache_size = -8192;";

/// Chooses the page size of an empty file. Large pages need fewer reads and writes and waste less
/// space. The cost is that a small change writes whole pages.
pub(super) fn choose_page_size(conn: &Connection) -> rusqlite::Result<()> {
    conn.execute_batch("PRAGMA page_size = 8192;")?;
    conn.execute_batch(CACHE)
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lock_is_free_although_a_child_has_a_copy_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("copy.db");
        let lock = Lock::take(&path).unwrap();
        let copy = lock.0.try_clone().unwrap();
        let error = Lock::take(&path).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StoreLocked);
        drop(lock);
        Lock::take(&path).unwrap();
        drop(copy);
    }
}
