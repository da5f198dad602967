//! Text that a person reads. The library's `LoggingCallback` knows how each event looks.

use std::io::{self, Write};

use syncrepl_client::{
    BoundLdap, Callback, CallbackResult, Cursor, Items, LoggingCallback, Record, printable,
};

use super::format::{Choice, Format, Out};

/// The line of this format in the list.
pub(super) const FORMAT: Choice = Choice {
    name: "text",
    help: "Text that a person reads",
    open: |out| {
        let colours = out.may_have_colour();
        let lines = Painted {
            out,
            colours,
            line: Vec::new(),
        };
        Box::new(Text {
            log: LoggingCallback::new(lines),
            dry: false,
        })
    },
};

/// The kinds of events, each with its colour.
const KINDS: [(&str, &str); 7] = [
    ("NEW RECORD:", GREEN),
    ("DELETED RECORD:", RED),
    ("RENAMED RECORD:", YELLOW),
    ("CHANGED RECORD:", YELLOW),
    ("BOUND:", BOLD),
    ("REFRESH DONE:", BOLD),
    ("NEW COOKIE:", BOLD),
];
const BOLD: &str = "\x1b[1m";
const RED: &str = "\x1b[1;31m";
const GREEN: &str = "\x1b[1;32m";
const YELLOW: &str = "\x1b[1;33m";
const PLAIN: &str = "\x1b[0m";

/// Paints the kinds of events, and the values that come and go, if the output is a terminal.
struct Painted {
    out: Out,
    colours: bool,
    /// The beginning of a line.
    line: Vec<u8>,
}

impl Painted {
    /// Writes the line, which is whole.
    fn paint(&mut self) -> io::Result<()> {
        let line = std::mem::take(&mut self.line);
        let text = String::from_utf8_lossy(&line);
        let kind = KINDS.iter().find(|(kind, _)| text.starts_with(kind));
        if let Some((kind, colour)) = kind {
            let rest = text.strip_prefix(kind).unwrap_or_default();
            return write!(self.out, "{colour}{kind}{PLAIN}{rest}");
        }
        let colour = match text.strip_prefix("  ") {
            Some(value) if value.starts_with("-> ") => YELLOW,
            Some(value) if value.starts_with('+') => GREEN,
            Some(value) if value.starts_with('-') => RED,
            _ => return self.out.write_all(&line),
        };
        let text = text.trim_end_matches('\n');
        writeln!(self.out, "{colour}{text}{PLAIN}")
    }
}

impl Write for Painted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !self.colours {
            return self.out.write(bytes);
        }
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(part);
            if part.ends_with(b"\n") {
                self.paint()?;
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if !self.line.is_empty() {
            self.paint()?;
        }
        self.out.flush()
    }
}

/// Bytes as text that cannot steer a terminal. Of bytes that are not UTF-8 it tells the number.
pub(crate) fn printable_bytes(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => printable(text),
        Err(_) => format!("({} bytes)", bytes.len()),
    }
}

/// Passes every event to the library's callback except `debug`, which belongs in the log.
struct Text {
    log: LoggingCallback<Painted>,
    dry: bool,
}

impl Format for Text {
    fn dry_run(&mut self) {
        self.dry = true;
    }

    fn finish(&mut self) -> io::Result<()> {
        let out = self.log.writer();
        if self.dry {
            writeln!(out, "DRY RUN: nothing was changed")?;
        }
        out.flush()
    }
}

impl Callback for Text {
    fn bind_complete(&mut self, ldap: &mut BoundLdap<'_>, cursor: &Cursor<'_>) -> CallbackResult {
        self.log.bind_complete(ldap, cursor)
    }

    fn refresh_done(&mut self, items: &Items<'_>, cursor: &Cursor<'_>) -> CallbackResult {
        self.log.refresh_done(items, cursor)
    }

    fn record_add(&mut self, record: &Record<'_>, cursor: &Cursor<'_>) -> CallbackResult {
        self.log.record_add(record, cursor)
    }

    fn record_delete(&mut self, record: &Record<'_>, cursor: &Cursor<'_>) -> CallbackResult {
        self.log.record_delete(record, cursor)
    }

    fn record_rename(
        &mut self,
        old_dn: &str,
        record: &Record<'_>,
        cursor: &Cursor<'_>,
    ) -> CallbackResult {
        self.log.record_rename(old_dn, record, cursor)
    }

    fn record_change(
        &mut self,
        old: &Record<'_>,
        new: &Record<'_>,
        cursor: &Cursor<'_>,
    ) -> CallbackResult {
        self.log.record_change(old, new, cursor)
    }

    fn cookie_change(&mut self, cookie: &[u8]) -> CallbackResult {
        match self.dry {
            true => Ok(()),
            false => self.log.cookie_change(cookie),
        }
    }

    fn commit_pending(&mut self, commit: u64) -> CallbackResult {
        self.log.commit_pending(commit)
    }

    fn committed(&mut self) {
        self.log.committed();
    }
}
