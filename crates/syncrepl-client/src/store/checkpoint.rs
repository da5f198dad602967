//! The write-ahead log, and copying it into the file. SQLite would copy inside about every five hundredth
//! commit, which then waits for the disk. This file copies between commits.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use rusqlite::Connection;

use super::failure;
use crate::error::{Error, ErrorKind, Result};

/// From this many pages on (4 MiB), the log is copied when there is nothing else to do.
const LONG: u32 = 500;
/// From this many pages on (16 MiB), copying waits no longer: a long log takes space, and SQLite
/// searches it for each page that it writes again.
const TOO_LONG: u32 = 2000;

/// The log of one connection.
#[derive(Debug)]
pub(super) struct Log {
    /// The number of pages in the log after the last commit.
    pages: Arc<AtomicU32>,
    /// The number of pages at the last copy. A reader that still uses the log keeps SQLite from
    /// overwriting it, so these pages may still be there.
    copied: u32,
}

impl Log {
    /// Takes the copying over from SQLite.
    pub(super) fn watch(conn: &mut Connection) -> rusqlite::Result<Log> {
        let pages = Arc::new(AtomicU32::new(0));
        let noted = Arc::clone(&pages);
        // This replaces the hook by which SQLite copies.
        conn.wal_hook(Some(move |_: &mut _, pages: i32| {
            noted.store(pages.unsigned_abs(), Ordering::Relaxed);
            Ok(())
        }))?;
        Ok(Log { pages, copied: 0 })
    }

    /// Notes a commit.
    pub(super) fn committed(&mut self) {
        if self.pages() < self.copied {
            self.copied = 0;
        }
    }

    pub(super) fn is_long(&self) -> bool {
        self.pages().saturating_sub(self.copied) >= LONG
    }

    pub(super) fn is_too_long(&self) -> bool {
        self.pages().saturating_sub(self.copied) >= TOO_LONG
    }

    /// Copies the pages that no reader needs, without waiting. After a failure it is due again once
    /// the log has grown by as many pages.
    pub(super) fn copy(&mut self, conn: &Connection) {
        let tried = conn.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
        if let Err(error) = tried {
            tracing::debug!(%error, "the log could not be copied");
        }
        self.copied = self.pages();
    }

    /// Empties the log, unless a reader uses it. Returns whether it is empty.
    pub(super) fn empty(&mut self, conn: &Connection) -> bool {
        let emptied = conn
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| {
                row.get::<_, i64>(0)
            })
            .is_ok_and(|busy| busy == 0);
        if emptied {
            self.pages.store(0, Ordering::Relaxed);
            self.copied = 0;
        }
        emptied
    }

    fn pages(&self) -> u32 {
        self.pages.load(Ordering::Relaxed)
    }
}

/// Gives the file a write-ahead log.
pub(super) fn use_wal(conn: &Connection, path: &Path) -> Result<()> {
    let mode: String = conn
        .query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))
        .map_err(|err| failure::of_open(path, err))?;
    if !mode.eq_ignore_ascii_case("wal") {
        return Err(Error::new(
            ErrorKind::Store,
            format!("{} cannot have a write-ahead log here", path.display()),
        )
        .with_hint("put the store on a local file system"));
    }
    conn.execute_batch("PRAGMA journal_size_limit = 16777216;")
        .map_err(failure::of_store)
}
