//! The lock that a program inherits: as long as it runs, and whatever it started, the lock is held. So a program that
//! outlived an earlier syncrepl is noticed, and waited for.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::OFlags;
use syncrepl_relay::{Owner, SinkError, SinkResult};

/// A lock on a file. Whoever inherits its descriptor holds it too.
pub(super) struct Lock {
    file: File,
}

impl Lock {
    /// Takes the lock, for which it waits a little.
    pub(super) fn take(path: &Path, wait: Duration) -> SinkResult<Lock> {
        let mut file = open(path)?;
        let deadline = Instant::now() + wait;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Lock { file }),
                Err(TryLockError::Error(error)) => return Err(unusable(path, &error)),
                Err(TryLockError::WouldBlock) if Instant::now() >= deadline => {
                    return Err(still_runs(path, &mut file));
                }
                Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(20)),
            }
        }
    }

    /// The descriptor for a program.
    pub(super) fn to_inherit(&self) -> std::io::Result<OwnedFd> {
        self.file.try_clone().map(OwnedFd::from)
    }

    /// Notes which process holds it, for the message of another one that waits.
    pub(super) fn held_by(&mut self, process: u32) {
        // Only a message lacks it.
        let _ = self
            .file
            .set_len(0)
            .and_then(|()| self.file.seek(SeekFrom::Start(0)))
            .and_then(|_| writeln!(self.file, "{process}"));
    }
}

fn open(path: &Path) -> SinkResult<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    options.mode(0o600);
    // A link that somebody else laid there would make us write elsewhere.
    options.custom_flags(OFlags::NOFOLLOW.bits() as i32);
    let file = options.open(path).map_err(|error| unusable(path, &error))?;
    let owner = file
        .metadata()
        .map_err(|error| unusable(path, &error))?
        .uid();
    if owner != rustix::process::geteuid().as_raw() {
        let shown = path.display();
        return Err(
            SinkError::manual("lock", format!("the lock {shown} is somebody else's"))
                .with_hint("name another file: lock_file = \"…\""),
        );
    }
    Ok(file)
}

fn still_runs(path: &Path, file: &mut File) -> SinkError {
    let mut text = String::new();
    let read = file.take(32).read_to_string(&mut text);
    let process = match (read, text.trim().parse::<u32>()) {
        (Ok(_), Ok(process)) => format!(" (process {process}, or what it started)"),
        _ => String::new(),
    };
    let message = format!(
        "a program of an earlier run still runs{process}, and is waited for: it holds {}",
        path.display()
    );
    SinkError::passing("earlier", message)
}

fn unusable(path: &Path, error: &std::io::Error) -> SinkError {
    let message = format!("the lock {} cannot be used: {error}", path.display());
    SinkError::manual("lock", message)
        .with_hint("name a file that the user who runs syncrepl may write: lock_file = \"…\"")
}

/// Where the lock is unless the configuration says it.
pub(super) fn default_path(who: &Owner) -> PathBuf {
    let folder = ["RUNTIME_DIRECTORY", "XDG_RUNTIME_DIR"]
        .into_iter()
        .filter_map(std::env::var_os)
        // systemd lists several folders with colons between them.
        .filter_map(|folders| std::env::split_paths(&folders).next())
        .find(|folder| folder.is_dir())
        .unwrap_or_else(std::env::temp_dir);
    let sink: String = who
        .sink
        .chars()
        .map(|c| match c.is_ascii_alphanumeric() || c == '-' {
            true => c,
            false => '_',
        })
        .take(64)
        .collect();
    folder.join(format!("syncrepl-exec-{}-{sink}.lock", who.source))
}
