//! The file of a run's state, `FILE.status`. The run holds a lock on it for as long as it lives, so that a
//! state that a killed process left is known for what it is. This lock decides nothing else: who may write to
//! the store is decided by that on `FILE.lock`, which a reader never touches.

use std::fs::{self, File, Metadata, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use super::text::{self, SIZE};
use super::{LastError, RunState, Written};

/// The end of the file's name.
const END: &str = ".status";

/// A reader looks at the lock for a moment, and a torn text is whole a moment later.
const MOMENT: Duration = Duration::from_millis(2);
const TRIES: u32 = 50;

/// The file, open for as long as the run lives.
pub(crate) struct StateFile {
    path: PathBuf,
    data: PathBuf,
    open: Option<Opened>,
}

struct Opened {
    file: File,
    locked: bool,
}

impl StateFile {
    /// The file beside the store at `data`. It is opened at the first write.
    pub(crate) fn beside(data: &Path) -> StateFile {
        StateFile {
            path: path(data),
            data: data.to_owned(),
            open: None,
        }
    }

    /// The state that the last run left.
    pub(crate) fn last(&self) -> Option<Written> {
        let mut file = File::open(&self.path).ok()?;
        read_whole(&mut file)
    }

    /// Writes the state. A failure is nobody's loss but of those who look.
    pub(crate) fn write(&mut self, written: &Written) {
        if let Err(error) = self.try_write(written) {
            tracing::debug!("{} cannot be written: {error}", self.path.display());
        }
    }

    fn try_write(&mut self, written: &Written) -> std::io::Result<()> {
        if let Some(opened) = &self.open
            && !is_at(&self.path, &opened.file)
        {
            // Somebody removed it, or put another file there.
            self.open = None;
        }
        let opened = match &mut self.open {
            Some(opened) => opened,
            None => {
                let mut options = OpenOptions::new();
                options.read(true).write(true).create(true).truncate(false);
                #[cfg(unix)]
                std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
                let file = options.open(&self.path)?;
                self.open.insert(Opened {
                    file,
                    locked: false,
                })
            }
        };
        if !opened.locked {
            opened.locked = lock(&opened.file)?;
        }
        if let Ok(data) = fs::metadata(&self.data) {
            share(&opened.file, &data)?;
        }
        opened.file.seek(SeekFrom::Start(0))?;
        opened.file.write_all(&text::encode(written))
    }
}

impl Drop for StateFile {
    /// A child that another thread is just starting has a copy of the descriptor, and would hold the lock.
    fn drop(&mut self) {
        if let Some(opened) = &self.open {
            opened.file.unlock().ok();
        }
    }
}

/// The state of the run for the store at `data`; `None` if there is no such file, or it cannot be read. The
/// state of a process that is gone is [`RunState::Failed`].
pub(crate) fn read(data: &Path) -> Option<Written> {
    let mut file = File::open(path(data)).ok()?;
    let mut written = read_whole(&mut file)?;
    if written.run.state.is_running() && !is_locked(&file) {
        // It may have ended in the right way since it was read.
        written = read_whole(&mut file)?;
        if written.run.state.is_running() {
            killed(&mut written);
        }
    }
    Some(written)
}

fn killed(written: &mut Written) {
    let run = &mut written.run;
    let process = run
        .pid
        .map_or("the process".to_owned(), |pid| format!("process {pid}"));
    let message = format!("{process} ended without a word: it was killed, or crashed");
    run.state = RunState::Failed;
    run.since = None;
    run.progress = None;
    run.next_retry = None;
    run.last_error = written.seen.map(|time| LastError { message, time });
}

fn path(data: &Path) -> PathBuf {
    let mut name = data.as_os_str().to_owned();
    name.push(END);
    PathBuf::from(name)
}

fn read_whole(file: &mut File) -> Option<Written> {
    for _ in 0..TRIES {
        let mut bytes = Vec::with_capacity(SIZE);
        file.seek(SeekFrom::Start(0)).ok()?;
        // An honest file is no longer than this.
        let most = u64::try_from(SIZE).ok()?;
        Read::by_ref(file).take(most).read_to_end(&mut bytes).ok()?;
        if let Some(written) = text::decode(&bytes) {
            return Some(written);
        }
        thread::sleep(MOMENT);
    }
    None
}

/// Whether a run holds the lock. A shared lock is enough to tell, so that readers do not see each other.
fn is_locked(file: &File) -> bool {
    match file.try_lock_shared() {
        Ok(()) => {
            file.unlock().ok();
            false
        }
        Err(TryLockError::WouldBlock) => true,
        // A file system without locks: the text has to be believed.
        Err(TryLockError::Error(_)) => true,
    }
}

/// Takes the lock. Returns false if others keep it, which may be readers.
fn lock(file: &File) -> std::io::Result<bool> {
    for _ in 0..TRIES {
        match file.try_lock() {
            Ok(()) => return Ok(true),
            Err(TryLockError::WouldBlock) => thread::sleep(MOMENT),
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
    Ok(false)
}

/// Gives the state the readers of the data file, and no others.
#[cfg(unix)]
fn share(file: &File, data: &Metadata) -> std::io::Result<()> {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
    let own = file.metadata()?;
    let mut mode = data.mode() & 0o666;
    if own.gid() != data.gid() && fchown(file, None, Some(data.gid())).is_err() {
        mode &= !0o060;
    }
    if own.mode() & 0o777 != mode {
        file.set_permissions(fs::Permissions::from_mode(mode))?;
    }
    Ok(())
}

#[cfg(not(unix))]
fn share(_: &File, _: &Metadata) -> std::io::Result<()> {
    Ok(())
}

#[cfg(unix)]
fn is_at(path: &Path, file: &File) -> bool {
    use std::os::unix::fs::MetadataExt;
    let id = |metadata: Metadata| (metadata.dev(), metadata.ino());
    match (fs::metadata(path), file.metadata()) {
        (Ok(there), Ok(ours)) => id(there) == id(ours),
        _ => false,
    }
}

#[cfg(not(unix))]
fn is_at(path: &Path, _: &File) -> bool {
    path.exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn following() -> Written {
        let mut written = Written::default();
        written.run.state = RunState::Following;
        written.run.pid = Some(7);
        written.seen = Some(std::time::SystemTime::UNIX_EPOCH);
        written
    }

    #[test]
    fn state_without_its_process_is_failed() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("copy.db");
        assert_eq!(read(&data), None);
        let mut file = StateFile::beside(&data);
        file.write(&following());
        let seen = || read(&data).unwrap().run;
        assert_eq!(seen().state, RunState::Following);
        drop(file);
        assert_eq!(seen().state, RunState::Failed);
        let error = seen().last_error.unwrap().message;
        assert!(error.starts_with("process 7 ended"), "{error}");
    }

    #[test]
    fn file_that_was_removed_comes_back() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("copy.db");
        let mut file = StateFile::beside(&data);
        file.write(&following());
        fs::remove_file(path(&data)).unwrap();
        file.write(&following());
        assert_eq!(read(&data).unwrap().run.state, RunState::Following);
    }

    /// Readers that look without a pause do not keep the run from taking its lock.
    #[test]
    fn readers_do_not_take_the_lock_away() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("copy.db");
        let mut file = StateFile::beside(&data);
        file.write(&following());
        drop(file);
        let done = std::sync::atomic::AtomicBool::new(false);
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    while !done.load(std::sync::atomic::Ordering::Relaxed) {
                        assert!(read(&data).is_some());
                    }
                });
            }
            let mut file = StateFile::beside(&data);
            for _ in 0..100 {
                file.write(&following());
            }
            assert_eq!(read(&data).unwrap().run.state, RunState::Following);
            done.store(true, std::sync::atomic::Ordering::Relaxed);
        });
    }

    #[cfg(unix)]
    #[test]
    fn mode_is_that_of_the_data_file() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("copy.db");
        fs::write(&data, "").unwrap();
        let mut file = StateFile::beside(&data);
        for mode in [0o600, 0o640, 0o644, 0o600] {
            fs::set_permissions(&data, fs::Permissions::from_mode(mode)).unwrap();
            file.write(&following());
            let ours = fs::metadata(path(&data)).unwrap().permissions().mode();
            assert_eq!(ours & 0o777, mode);
        }
    }
}
