//! Copies the whole file while other connections read and write it.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};

use super::{failure, file};
use crate::error::{Error, ErrorKind, Result};

/// Copies the database of `from` into a new file. After an error it leaves no file.
pub(super) fn write(from: &Connection, path: &Path, busy: Duration) -> Result<()> {
    let path = file::resolve_new(path)?;
    file::create_new(&path).map_err(|err| match err.kind() {
        std::io::ErrorKind::AlreadyExists => Error::new(
            ErrorKind::InvalidInput,
            format!("{} exists already", path.display()),
        )
        .with_hint("name a file that does not exist yet"),
        _ => failure::of_file(&path, "created", err),
    })?;
    copy(from, &path, busy).inspect_err(|_| {
        // The caller gets the error of the copy, not an error of this cleaning up.
        std::fs::remove_file(&path).ok();
    })
}

fn copy(from: &Connection, path: &Path, busy: Duration) -> Result<()> {
    let mut target = file::connect(path, busy)?;
    let backup = Backup::new(from, &mut target).map_err(failure::of_store)?;
    let deadline = Instant::now() + busy;
    loop {
        // All pages in one step: one snapshot, and no writer can make it start again.
        match backup.step(-1).map_err(failure::of_store)? {
            StepResult::Done => return Ok(()),
            StepResult::Busy | StepResult::Locked if Instant::now() >= deadline => {
                return Err(failure::refresh_running());
            }
            _ => thread::sleep(Duration::from_millis(10)),
        }
    }
}
