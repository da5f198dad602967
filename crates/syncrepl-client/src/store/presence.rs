//! Whether the files of a store are still the ones that were opened. SQLite does not notice that a
//! file was deleted, moved away or replaced: it goes on writing to what nobody can open any more.
//! Comparing by path costs some system calls. Opening the file to compare would drop SQLite's locks.

use std::fs::Metadata;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use rusqlite::config::DbConfig;

use super::file::{self, Lock, beside};
use crate::error::{Error, ErrorKind, Result};

/// The file system and the number of a file in it.
type Id = (u64, u64);

#[cfg(unix)]
fn id(metadata: &Metadata) -> Id {
    use std::os::unix::fs::MetadataExt;
    (metadata.dev(), metadata.ino())
}

/// Elsewhere a file can hardly be removed while it is open. Only its absence is noticed.
#[cfg(not(unix))]
fn id(_: &Metadata) -> Id {
    (0, 0)
}

/// The file at `path`, if there is one.
pub(super) fn at(path: &Path) -> Option<Id> {
    std::fs::metadata(path).ok().as_ref().map(id)
}

/// The files that a connection uses.
#[derive(Debug)]
pub(super) struct Presence {
    data: Noted,
    log: Noted,
    index: Noted,
    /// The lock of a writer.
    lock: Option<Noted>,
}

/// A file as it was found when it was opened.
type Noted = (PathBuf, Option<Id>);

impl Presence {
    /// Takes note of the files once SQLite has opened all of them. `given` is the path that the user
    /// named, which may lead to `path` by links. `before` is the data file as it was before that.
    pub(super) fn note(
        given: &Path,
        path: &Path,
        before: Option<Id>,
        lock: Option<&Lock>,
    ) -> Result<Presence> {
        let noted = |end| {
            let path = beside(path, end);
            let id = at(&path);
            (path, id)
        };
        let presence = Presence {
            // A link that leads elsewhere by now takes the copy away from everybody who uses it.
            data: (file::absolute(given)?, before),
            log: noted("-wal"),
            index: noted("-shm"),
            lock: lock.map(|lock| (beside(path, ".lock"), lock.metadata().as_ref().map(id))),
        };
        presence.check()?;
        Ok(presence)
    }

    /// Fails with [`ErrorKind::StoreGone`] unless every file is where it was.
    pub(super) fn check(&self) -> Result<()> {
        let mut files = [&self.data, &self.log, &self.index]
            .into_iter()
            .chain(&self.lock);
        match files.find(|(path, id)| at(path) != *id) {
            None => Ok(()),
            Some((path, _)) => Err(self.gone(path)),
        }
    }

    fn gone(&self, path: &Path) -> Error {
        let file = path.display();
        let message = match path.exists() {
            true => format!("another file took the place of {file} while it was in use"),
            false => format!("{file} was deleted or moved while it was in use"),
        };
        let hint = if *path == self.data.0 {
            "nothing is written any more; put the file back and start again, or start anew without it"
        } else if self.lock.as_ref().is_some_and(|(lock, _)| lock == path) {
            "another syncrepl may be using the copy meanwhile; start again, and leave this file there"
        } else {
            "it is part of the copy, whose newest commits may be lost with it; start again, and leave \
             this file there"
        };
        Error::new(ErrorKind::StoreGone, message).with_hint(hint)
    }

    /// Prepares for closing the connection. SQLite then deletes the log by its path, and must not do so
    /// if the log there belongs to another file by now.
    pub(super) fn before_close(&self, conn: &Connection) {
        let (path, id) = &self.log;
        let other = at(path).is_some_and(|now| Some(now) != *id);
        if other
            && let Err(error) = conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)
        {
            tracing::warn!(%error, "the log of another file may be deleted");
        }
    }
}
