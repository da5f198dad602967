//! Copying the write-ahead log into the file. SQLite would do it inside every five hundredth commit or so,
//! which then waits for the disk. This file does it between commits.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use rusqlite::Connection;

/// With so many pages in the log, 4 MiB, copying is worth while when there is nothing else to do;
const LONG: u32 = 500;
/// with so many, 16 MiB, it is due: a log costs disk, and SQLite looks there for each page that it writes again.
const TOO_LONG: u32 = 2000;

/// The log of one connection.
#[derive(Debug)]
pub(super) struct Log {
    /// How many pages the last commit left in it.
    pages: Arc<AtomicU32>,
    /// How many there were when they were last copied. A reader that is still inside the log keeps
    /// it from beginning anew, so these may be there still.
    copied: u32,
}

impl Log {
    /// Takes the copying over from SQLite.
    pub(super) fn watch(conn: &mut Connection) -> rusqlite::Result<Log> {
        let pages = Arc::new(AtomicU32::new(0));
        let noted = Arc::clone(&pages);
        // In the place of the hook by which SQLite does it.
        conn.wal_hook(Some(move |_: &mut _, pages: i32| {
            noted.store(pages.unsigned_abs(), Ordering::Relaxed);
            Ok(())
        }))?;
        Ok(Log { pages, copied: 0 })
    }

    /// A commit was made.
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

    /// Copies the pages that no reader holds back, without waiting. If it fails, the pages stay in the log
    /// until there are as many more.
    pub(super) fn copy(&mut self, conn: &Connection) {
        let tried = conn.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
        if let Err(error) = tried {
            tracing::debug!(%error, "the log could not be copied");
        }
        self.copied = self.pages();
    }

    /// Empties the log, if no reader is inside of it; gives whether it is empty.
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
