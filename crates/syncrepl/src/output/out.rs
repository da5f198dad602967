//! Where a format prints to: stdout, or the file of `--output`. Both are buffered here. A file can be opened anew
//! between two commits, so that somebody may rename it and go on with a new one.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::exit::{Failure, complain, stdout_has_colour};
use crate::progress::{ProgressLine, Screen};

/// The most bytes that wait for a flush.
const MOST: usize = 64 << 10;

/// What a format writes to. It buffers until it is flushed.
pub(crate) struct Out {
    buffer: Vec<u8>,
    sink: Sink,
}

/// The place behind an [`Out`]. All clones mean the same.
#[derive(Clone)]
pub(crate) struct Sink(Arc<Mutex<Inner>>);

struct Inner {
    to: To,
    /// Whether the last line that was written has no end: the disk was full, or an earlier run was killed.
    torn: bool,
    /// Whether the file is to be opened anew once a commit is whole in it.
    renew: bool,
}

enum To {
    Screen(Screen),
    File(PathBuf, File),
}

impl Sink {
    /// Standard output, which may share a terminal with the progress line.
    pub(super) fn stdout(progress: &ProgressLine) -> Sink {
        Sink::to(To::Screen(Screen::new(progress)), false)
    }

    /// A file, which is appended to. `data` is the copy, which is no place for output.
    ///
    /// # Errors
    /// When the file cannot be opened, or belongs to the copy.
    pub(super) fn file(path: &Path, data: &Path) -> Result<Sink, Failure> {
        if belongs_to_copy(path, data) {
            return Err(Failure::Usage(format!(
                "--output {} is a file of the copy itself: name another",
                path.display()
            )));
        }
        let (file, torn) = open(path).map_err(|error| {
            Failure::Usage(format!(
                "--output {} cannot be opened: {error}",
                path.display()
            ))
        })?;
        Ok(Sink::to(To::File(path.to_owned(), file), torn))
    }

    fn to(to: To, torn: bool) -> Sink {
        Sink(Arc::new(Mutex::new(Inner {
            to,
            torn,
            renew: false,
        })))
    }

    /// A writer into this place.
    pub(super) fn out(&self) -> Out {
        Out {
            buffer: Vec::with_capacity(MOST),
            sink: self.clone(),
        }
    }

    /// Asks to open the file anew after the next commit.
    pub(crate) fn renew_later(&self) {
        self.lock().renew = true;
    }

    /// Opens the file anew if somebody asked for it. No commit is half written.
    pub(crate) fn renew_if_asked(&self) {
        let mut inner = self.lock();
        if std::mem::take(&mut inner.renew) {
            inner.renew();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn renew(&mut self) {
        let To::File(path, before) = &mut self.to else {
            return;
        };
        match open(path) {
            Ok((file, torn)) => {
                // The readers of the old file can read the new one.
                if let (Ok(old), Ok(new)) = (before.metadata(), file.metadata())
                    && new.len() == 0
                    && old.ino() != new.ino()
                    && let Err(error) = file.set_permissions(old.permissions())
                {
                    tracing::debug!("the new output file keeps its mode: {error}");
                }
                (*before, self.torn) = (file, torn);
            }
            Err(error) => complain(&format!(
                "warning: --output {} cannot be opened anew, and the old file goes on: {error}",
                path.display()
            )),
        }
    }

    fn write(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        if self.torn {
            self.to.write_all(b"\n")?;
            self.torn = false;
        }
        while !bytes.is_empty() {
            match self.to.write(bytes) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => {
                    let (written, rest) = bytes.split_at(count);
                    self.torn = written.last() != Some(&b'\n');
                    bytes = rest;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        // A line may go on in the next buffer.
        self.torn = false;
        Ok(())
    }
}

impl Out {
    /// Whether it is a terminal that shows colours.
    pub(super) fn may_have_colour(&self) -> bool {
        let screen = matches!(self.sink.lock().to, To::Screen(_));
        screen && stdout_has_colour()
    }

    /// Empties the buffer. After an error what was in it is void: it is told again after the next start.
    fn pass_on(&mut self) -> io::Result<()> {
        let done = match self.buffer.is_empty() {
            true => Ok(()),
            false => self.sink.lock().write(&self.buffer),
        };
        self.buffer.clear();
        done
    }
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.buffer.len() + bytes.len() > MOST {
            self.pass_on()?;
        }
        if bytes.len() >= MOST {
            self.sink.lock().write(bytes)?;
        } else {
            self.buffer.extend_from_slice(bytes);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.pass_on()?;
        self.sink.lock().to.flush()
    }
}

/// What a run told before it failed is provisional, and shown all the same.
impl Drop for Out {
    fn drop(&mut self) {
        // A failure of the output has been told, or nothing is left to tell it.
        let _ = self.pass_on();
    }
}

impl Write for To {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            To::Screen(screen) => screen.write(bytes),
            To::File(_, file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            To::Screen(screen) => screen.flush(),
            To::File(..) => Ok(()),
        }
    }
}

/// Opens a file to append to, created for nobody else. Also says whether its last line has no end.
fn open(path: &Path) -> io::Result<(File, bool)> {
    let append = |read| {
        OpenOptions::new()
            .append(true)
            .create(true)
            .read(read)
            .mode(0o600)
            .open(path)
    };
    let plain = path.metadata().map_or(true, |metadata| metadata.is_file());
    let mut file = match append(plain) {
        // One that may only be written to.
        Err(error) if plain && error.kind() == io::ErrorKind::PermissionDenied => {
            return append(false).map(|file| (file, false));
        }
        file => file?,
    };
    let mut last = [b'\n'];
    if plain && file.seek(SeekFrom::End(0))? > 0 {
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
    }
    Ok((file, last != *b"\n"))
}

/// Whether the path is that of the data file, or of one beside it.
fn belongs_to_copy(path: &Path, data: &Path) -> bool {
    ["", "-wal", "-shm", ".lock", ".status"].iter().any(|end| {
        let mut part = data.as_os_str().to_owned();
        part.push(end);
        let part = Path::new(&part);
        let same = |one: std::fs::Metadata, other: std::fs::Metadata| {
            (one.dev(), one.ino()) == (other.dev(), other.ino())
        };
        match (path.metadata(), part.metadata()) {
            (Ok(one), Ok(other)) => same(one, other),
            _ => whole(path) == whole(part),
        }
    })
}

/// The path with its folder as the system knows it.
fn whole(path: &Path) -> Option<PathBuf> {
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    Some(folder.canonicalize().ok()?.join(path.file_name()?))
}
