//! CloudEvents as lines: `stdout:` and `file:/path`.
//!
//! A batch is safe when it was written, in a file when it is on the disk. Half a line that a crash left in the file
//! is cut off before more is written. When a log rotation has moved the file away, the next batch begins a new one.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Component, Path, PathBuf};

use serde::Deserialize;
use syncrepl_relay::{Batch, Owner, Position, Sent, Sink, SinkError, SinkResult};
use uuid::Uuid;

use crate::kind::{Kind, Target, Unfit};

pub(crate) const KIND: Kind = Kind {
    name: "CloudEvents lines",
    schemes: &["stdout:", "file:"],
    keys: &[],
    place,
    make,
};

/// The most bytes that wait to be written.
const CHUNK: usize = 1 << 20;
/// Half a line is never longer than this: an event has 8 MiB at most.
const LONGEST_LINE: u64 = 64 << 20;

/// There are none; this refuses every key.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Options {}

fn make(target: &Target) -> Result<Box<dyn Sink>, Unfit> {
    let Options {} = target.options()?;
    let out = match path(target)? {
        None => Out::Stdout {
            to: None,
            torn: false,
        },
        Some(path) => Out::File { path, open: None },
    };
    Ok(Box::new(Lines {
        out,
        source: Uuid::nil(),
    }))
}

fn place(target: &Target) -> Result<String, Unfit> {
    Ok(match path(target)? {
        None => "stdout:".to_owned(),
        Some(path) => format!("file:{}", path.display()),
    })
}

/// The path of a file; `None` for stdout.
fn path(target: &Target) -> Result<Option<PathBuf>, Unfit> {
    let Some(path) = target.to.strip_prefix("file:") else {
        return match target.to.as_str() {
            "stdout:" => Ok(None),
            _ => Err(Unfit::new("nothing may follow stdout:").with_hint("write to = \"stdout:\"")),
        };
    };
    let path = Path::new(path);
    if !path.is_absolute() || path.file_name().is_none() {
        return Err(Unfit::new(format!("{} names no file", target.to))
            .with_hint("write the whole path, as in file:/var/log/events.jsonl"));
    }
    let same = path
        .components()
        .filter(|part| *part != Component::CurDir)
        .collect();
    Ok(Some(same))
}

struct Lines {
    out: Out,
    source: Uuid,
}

enum Out {
    /// `torn`: a write ended within a line.
    Stdout {
        to: Option<File>,
        torn: bool,
    },
    File {
        path: PathBuf,
        open: Option<File>,
    },
}

impl Sink for Lines {
    fn open(&mut self, who: &Owner) -> SinkResult<Option<Position>> {
        self.source = who.source;
        match &mut self.out {
            Out::Stdout { to, .. } => {
                // Without the buffer of `std::io::stdout`: what it could not write would stay in it.
                let stdout = std::io::stdout().as_fd().try_clone_to_owned();
                *to = Some(File::from(stdout.map_err(|error| closed(&error))?));
            }
            Out::File { path, open } => {
                // The lock on the old one, if it is still open, would keep us out.
                drop(open.take());
                *open = Some(open_file(path)?);
            }
        }
        Ok(None)
    }

    fn send(&mut self, batch: &Batch<'_>) -> SinkResult<Sent> {
        self.rotate()?;
        let mut buffer = Vec::new();
        for event in batch.events {
            buffer.extend_from_slice(event.to_json(self.source).as_bytes());
            buffer.push(b'\n');
            if buffer.len() >= CHUNK {
                self.write(&buffer)?;
                buffer.clear();
            }
        }
        self.write(&buffer)?;
        self.sync()?;
        Ok(Sent::all(batch))
    }

    fn close(&mut self) {
        match &mut self.out {
            Out::Stdout { to, .. } => *to = None,
            Out::File { open, .. } => *open = None,
        }
    }
}

impl Lines {
    /// Opens the file anew if its name belongs to another file now, or to none.
    fn rotate(&mut self) -> SinkResult<()> {
        let Out::File { path, open } = &mut self.out else {
            return Ok(());
        };
        let is_there = open.as_ref().is_some_and(|open| {
            let identity = |metadata: std::fs::Metadata| (metadata.dev(), metadata.ino());
            let named = path.metadata().map(identity);
            let ours = open.metadata().map(identity);
            matches!((named, ours), (Ok(named), Ok(ours)) if named == ours)
        });
        if !is_there {
            *open = Some(open_file(path)?);
        }
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> SinkResult<()> {
        let (to, torn) = match &mut self.out {
            Out::Stdout { to, torn } => (to, Some(torn)),
            Out::File { open, .. } => (open, None),
        };
        let Some(to) = to else {
            return Err(SinkError::passing("file", "it is not open"));
        };
        let Some(torn) = torn else {
            let written = to.write_all(bytes);
            return written.map_err(|error| self.not_written(&error));
        };
        // A line that was cut off ends here; the whole line comes again.
        let written = match *torn {
            true => to.write_all(b"\n").and_then(|()| to.write_all(bytes)),
            false => to.write_all(bytes),
        };
        *torn = written.is_err();
        written.map_err(|error| self.not_written(&error))
    }

    /// Waits until a file is on the disk.
    fn sync(&mut self) -> SinkResult<()> {
        let Out::File {
            open: Some(open), ..
        } = &self.out
        else {
            return Ok(());
        };
        let synced = open.sync_data();
        synced.map_err(|error| self.not_written(&error))
    }

    fn not_written(&self, error: &std::io::Error) -> SinkError {
        let shown = match &self.out {
            Out::Stdout { .. } if error.kind() == ErrorKind::BrokenPipe => return closed(error),
            Out::Stdout { .. } => "stdout".to_owned(),
            Out::File { path, .. } => path.display().to_string(),
        };
        let message = format!("{shown} cannot be written: {error}");
        match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
                SinkError::passing("disk", message).with_hint("make room on its disk")
            }
            _ => SinkError::passing("file", message),
        }
    }
}

fn closed(error: &std::io::Error) -> SinkError {
    SinkError::manual(
        "closed",
        format!("the reader of stdout has gone ({})", error.kind()),
    )
    .with_hint("start syncrepl again, with a reader: the events go on where they ended")
}

/// Opens a file to append to it, alone, and cuts off half a line at its end.
fn open_file(path: &Path) -> SinkResult<File> {
    let shown = path.display();
    let unusable = |error: std::io::Error| {
        SinkError::manual("file", format!("{shown} cannot be opened: {error}"))
            .with_hint("make its folder, and give it to the user that runs syncrepl")
    };
    let plain = path.metadata().map_or(true, |metadata| metadata.is_file());
    if !plain {
        return Err(SinkError::manual("file", format!("{shown} is no file"))
            .with_hint("name a file; for a pipe write to = \"stdout:\""));
    }
    let new = !path.exists();
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(true).mode(0o600);
    let mut file = options.open(path).map_err(unusable)?;
    if let Err(TryLockError::WouldBlock) = file.try_lock() {
        return Err(
            SinkError::manual("locked", format!("another process writes to {shown}"))
                .with_hint("end it, or name another file"),
        );
    }
    heal(&mut file, path)?;
    if new && let Some(folder) = path.parent() {
        // So that the name of the new file is on the disk too.
        let folder = File::open(folder).and_then(|folder| folder.sync_all());
        folder.map_err(unusable)?;
    }
    Ok(file)
}

/// Cuts off what stands after the last line end: half a line, which a crash left. The event comes again.
fn heal(file: &mut File, path: &Path) -> SinkResult<()> {
    let shown = path.display();
    let unread = |error: std::io::Error| {
        SinkError::passing("file", format!("{shown} cannot be read: {error}"))
    };
    let length = file.metadata().map_err(unread)?.len();
    let end = whole_lines(file, length).map_err(unread)?;
    if end == Some(length) {
        return Ok(());
    }
    let mut first = [0];
    if let Some(end) = end {
        file.seek(SeekFrom::Start(end)).map_err(unread)?;
        file.read_exact(&mut first).map_err(unread)?;
    }
    // A file system that lost its newest blocks shows zeros instead.
    let (Some(end), [b'{' | 0]) = (end, first) else {
        let message = format!("the last line of {shown} has no end, and is no event");
        return Err(
            SinkError::manual("file", message).with_hint("end the line, or name another file")
        );
    };
    tracing::warn!(
        "{shown} ended in half a line, which is cut off: {} bytes",
        length - end
    );
    file.set_len(end)
        .and_then(|()| file.sync_data())
        .map_err(|error| SinkError::passing("file", format!("{shown} cannot be cut: {error}")))
}

/// Where the last whole line ends; `None` if the line after it is longer than any of ours.
fn whole_lines(file: &mut File, length: u64) -> std::io::Result<Option<u64>> {
    let mut block = vec![0; 64 << 10];
    let mut end = length;
    while end > 0 && length - end <= LONGEST_LINE {
        let start = end.saturating_sub(block.len() as u64);
        let Some(part) = block.get_mut(..(end - start) as usize) else {
            break;
        };
        file.seek(SeekFrom::Start(start))?;
        file.read_exact(part)?;
        if let Some(at) = part.iter().rposition(|byte| *byte == b'\n') {
            return Ok(Some(start + at as u64 + 1));
        }
        end = start;
    }
    Ok((end == 0).then_some(0))
}
