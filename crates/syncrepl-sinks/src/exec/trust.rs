//! Whether a program has ever answered an event. Until then its death is no event's fault: a program with a typing
//! mistake would else turn every event into a dead letter.
//!
//! It is noted beside the position of the sink, together with what tells this program file from a newer one.

use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

pub(super) struct Trust {
    path: PathBuf,
    /// What tells the file that is there now from others.
    now: Option<String>,
    /// The same of the file that answered last.
    earned_by: Option<String>,
}

impl Trust {
    pub(super) fn of(path: PathBuf) -> Trust {
        Trust {
            path,
            now: None,
            earned_by: None,
        }
    }

    /// Looks at the file that is there now.
    pub(super) fn look(&mut self) {
        self.now = self.path.metadata().ok().map(|file| {
            let (seconds, nanoseconds) = (file.mtime(), file.mtime_nsec());
            format!(
                "answered {}.{}.{seconds}.{nanoseconds}",
                file.ino(),
                file.len()
            )
        });
    }

    /// It has answered.
    pub(super) fn earned(&mut self) {
        if !self.is_earned() {
            self.earned_by.clone_from(&self.now);
        }
    }

    pub(super) fn is_earned(&self) -> bool {
        self.now.is_some() && self.now == self.earned_by
    }

    pub(super) fn note(&self) -> Option<String> {
        self.earned_by.clone()
    }

    pub(super) fn set_note(&mut self, note: Option<&str>) {
        if let Some(note) = note {
            self.earned_by = Some(note.to_owned());
        }
    }
}
