//! Whether the files of a store are still the ones that were opened. SQLite does not notice that a
//! file was deleted, moved away or replaced: it goes on writing to what nobody can open any more.
//! Looking at the path costs a system call. Opening the file to compare would drop SQLite's locks.

use std::cell::Cell;
use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

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

/// A file as it was found when it was opened; `None` if it did not exist yet.
type Noted = (PathBuf, Option<Id>);

fn is_gone((path, id): &Noted) -> bool {
    id.is_some() && at(path) != *id
}

/// The files that a connection uses.
#[derive(Debug)]
pub(super) struct Presence {
    data: Noted,
    /// The path that the user named, if it leads to the data file by links.
    link: Option<Noted>,
    log: Noted,
    index: Noted,
    /// The lock of a writer.
    lock: Option<Noted>,
    folder: PathBuf,
    /// The folder when all files were there. While it is the same, no file came or went.
    unchanged: Cell<Option<Folder>>,
}

/// A folder, and when a name in it last changed.
type Folder = (Id, SystemTime);

/// Two changes of a folder may bear the same time. They are no further apart than this.
const TICK: Duration = Duration::from_secs(1);

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
        let given = file::absolute(given)?;
        let presence = Presence {
            data: (path.to_owned(), before),
            // A link that leads elsewhere by now takes the copy away from everybody who uses it.
            link: Some((given, before)).filter(|(given, _)| given != path),
            log: noted("-wal"),
            index: noted("-shm"),
            lock: lock.map(|lock| (beside(path, ".lock"), lock.metadata().as_ref().map(id))),
            folder: path.parent().unwrap_or(path).to_owned(),
            unchanged: Cell::default(),
        };
        presence.check()?;
        Ok(presence)
    }

    /// Fails with [`ErrorKind::StoreGone`] unless every file is where it was.
    pub(super) fn check(&self) -> Result<()> {
        if let Some(link) = self.link.as_ref().filter(|link| is_gone(link)) {
            return Err(self.gone(&link.0));
        }
        let folder = self.folder();
        if folder.is_some() && folder == self.unchanged.get() {
            return Ok(());
        }
        let mut files = [&self.data, &self.log, &self.index]
            .into_iter()
            .chain(&self.lock);
        if let Some((path, _)) = files.find(|noted| is_gone(noted)) {
            return Err(self.gone(path));
        }
        // A file that goes in the same tick would leave the folder as it is.
        let settled = |(_, changed): &Folder| changed.elapsed().is_ok_and(|ago| ago > TICK);
        self.unchanged.set(folder.filter(settled));
        Ok(())
    }

    fn folder(&self) -> Option<Folder> {
        let metadata = std::fs::metadata(&self.folder).ok()?;
        Some((id(&metadata), metadata.modified().ok()?))
    }

    fn gone(&self, path: &Path) -> Error {
        let file = path.display();
        let message = match path.exists() {
            true => format!("another file took the place of {file} while it was in use"),
            false => format!("{file} was deleted or moved while it was in use"),
        };
        let is = |noted: &Noted| noted.0 == *path;
        let hint = if is(&self.log) || is(&self.index) {
            "it is part of the copy, whose newest commits may be lost with it; start again, and leave \
             this file there"
        } else if self.lock.as_ref().is_some_and(is) {
            "another syncrepl may be using the copy meanwhile; start again, and leave this file there"
        } else {
            "nothing is written any more; put the file back and start again, or start anew without it"
        };
        Error::new(ErrorKind::StoreGone, message).with_hint(hint)
    }
}
