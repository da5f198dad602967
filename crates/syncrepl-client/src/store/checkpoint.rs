//! The write-ahead log, and copying it into the file. SQLite would copy inside about every five hundredth
//! commit, which then waits for the disk. This file copies between commits.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rusqlite::Connection;

use super::failure;
use super::writer::Writer;
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
    /// The number of pages when readers last had to wait so that it could be emptied, in vain.
    kept: u32,
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
        Ok(Log {
            pages,
            copied: 0,
            kept: 0,
        })
    }

    /// Notes a commit.
    pub(super) fn committed(&mut self) {
        if self.pages() < self.copied {
            self.copied = 0;
        }
        self.kept = self.kept.min(self.pages());
    }

    pub(super) fn is_long(&self) -> bool {
        self.pages().saturating_sub(self.copied) >= LONG
    }

    pub(super) fn is_too_long(&self) -> bool {
        self.pages().saturating_sub(self.copied) >= TOO_LONG
    }

    /// Whether it has grown so long that it is worth it to let readers wait, who keep it from being emptied.
    pub(super) fn is_overgrown(&self) -> bool {
        self.pages() >= TOO_LONG && self.pages().saturating_sub(self.kept) >= LONG
    }

    /// It could not be emptied, although no reader of this process was there.
    pub(super) fn stays(&mut self) {
        self.kept = self.pages();
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
            (self.copied, self.kept) = (0, 0);
        }
        emptied
    }

    fn pages(&self) -> u32 {
        self.pages.load(Ordering::Relaxed)
    }
}

/// How long the readers of this process may go on with what they read.
const PATIENCE: Duration = Duration::from_secs(2);

impl Writer {
    /// Whether the log is long enough to copy it when there is nothing else to do.
    pub(crate) fn log_is_long(&self) -> bool {
        self.log.is_long()
    }

    /// Whether the log is so long that copying can wait no longer.
    pub(crate) fn log_is_too_long(&self) -> bool {
        self.log.is_too_long() || self.readers_keep_the_log()
    }

    /// Copies the log into the file. No transaction may be open. Where the readers of this process would keep it
    /// from being begun anew, they wait meanwhile.
    pub(crate) fn copy_log(&mut self) {
        if self.readers_keep_the_log() {
            let link = Arc::clone(&self.journal_link);
            let closed = link.gate().close(PATIENCE);
            if closed.is_some() && self.checkpoint() {
                return;
            }
            self.log.stays();
        }
        self.log.copy(&self.conn);
    }

    fn readers_keep_the_log(&self) -> bool {
        Arc::strong_count(&self.journal_link) > self.own_links() && self.log.is_overgrown()
    }

    /// How often the writer itself holds the link.
    fn own_links(&self) -> usize {
        1 + usize::from(self.journal.is_some())
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
