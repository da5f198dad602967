//! A callback that writes each callback as text a person reads.

use std::io::{self, Write};

use crate::callback::Callback;
use crate::connection::BoundLdap;
use crate::error::{CallbackResult, ErrorKind};
use crate::record::text::printable;
use crate::record::{Attributes, Record};
use crate::store::{Cursor, Items};

/// Writes every callback, one event a paragraph. Values that are not printable are shown escaped,
/// so that what a provider sends cannot steer a terminal. The form is for people and may change.
pub struct LoggingCallback<W = io::Stdout> {
    writer: W,
    contents: bool,
}

impl LoggingCallback {
    /// Writes to standard output.
    pub fn stdout() -> Self {
        LoggingCallback::new(io::stdout())
    }
}

impl Default for LoggingCallback {
    fn default() -> Self {
        LoggingCallback::stdout()
    }
}

impl<W: Write> LoggingCallback<W> {
    /// Writes to `writer`.
    pub fn new(writer: W) -> Self {
        LoggingCallback {
            writer,
            contents: false,
        }
    }

    /// Whether the whole copy is written when a refresh is done; by default it is not.
    pub fn contents(mut self, contents: bool) -> Self {
        self.contents = contents;
        self
    }

    /// The writer, for lines of your own.
    pub fn writer(&mut self) -> &mut W {
        &mut self.writer
    }

    fn attributes(&mut self, mark: &str, attributes: &Attributes<'_>) -> io::Result<()> {
        for attribute in attributes.iter() {
            for value in attribute.values() {
                writeln!(
                    self.writer,
                    "  {mark}{}: {}",
                    printable(attribute.name),
                    shown(value)
                )?;
            }
        }
        Ok(())
    }

    /// Writes what went and what came, attribute by attribute.
    fn difference(&mut self, old: &Record<'_>, new: &Record<'_>) -> io::Result<()> {
        for diff in old.attrs().diff(new.attrs()) {
            let name = printable(diff.name);
            for (mark, values) in [("-", diff.removed), ("+", diff.added)] {
                for value in values {
                    writeln!(self.writer, "  {mark}{name}: {}", shown(value))?;
                }
            }
        }
        Ok(())
    }
}

/// A value for people: text escaped, anything else by its size.
fn shown(value: &[u8]) -> String {
    match std::str::from_utf8(value) {
        Ok(text) => printable(text),
        Err(_) => format!("({} bytes)", value.len()),
    }
}

impl<W: Write> Callback for LoggingCallback<W> {
    fn bind_complete(&mut self, ldap: &mut BoundLdap<'_>, _: &Cursor<'_>) -> CallbackResult {
        let identity = match ldap.whoami() {
            Ok(identity) if identity.is_empty() => "anonymous".to_owned(),
            Ok(identity) => printable(&identity),
            // Not every provider tells, and it is no reason to stop.
            Err(error) if error.kind() == ErrorKind::Refused => "(not told as whom)".to_owned(),
            Err(error) => return Err(error.into()),
        };
        writeln!(self.writer, "BOUND: {identity}")?;
        Ok(())
    }

    fn refresh_done(&mut self, items: &Items<'_>, _: &Cursor<'_>) -> CallbackResult {
        writeln!(self.writer, "REFRESH DONE: {} entries", items.len())?;
        if self.contents {
            items.for_each(|record| {
                writeln!(self.writer, "RECORD: {}", printable(record.dn()))?;
                Ok(self.attributes("", record.attrs())?)
            })?;
        }
        Ok(())
    }

    fn record_add(&mut self, record: &Record<'_>, _: &Cursor<'_>) -> CallbackResult {
        writeln!(self.writer, "NEW RECORD: {}", printable(record.dn()))?;
        Ok(self.attributes("", record.attrs())?)
    }

    fn record_delete(&mut self, record: &Record<'_>, _: &Cursor<'_>) -> CallbackResult {
        writeln!(self.writer, "DELETED RECORD: {}", printable(record.dn()))?;
        Ok(())
    }

    fn record_rename(
        &mut self,
        old_dn: &str,
        record: &Record<'_>,
        _: &Cursor<'_>,
    ) -> CallbackResult {
        let (old, new) = (printable(old_dn), printable(record.dn()));
        writeln!(self.writer, "RENAMED RECORD: {old}\n  -> {new}")?;
        Ok(())
    }

    fn record_change(
        &mut self,
        old: &Record<'_>,
        new: &Record<'_>,
        _: &Cursor<'_>,
    ) -> CallbackResult {
        writeln!(self.writer, "CHANGED RECORD: {}", printable(new.dn()))?;
        Ok(self.difference(old, new)?)
    }

    fn cookie_change(&mut self, cookie: &[u8]) -> CallbackResult {
        writeln!(self.writer, "NEW COOKIE: {}", shown(cookie))?;
        Ok(())
    }

    fn commit_pending(&mut self, _: u64) -> CallbackResult {
        Ok(self.writer.flush()?)
    }

    fn debug(&mut self, message: &str) {
        // A debug line that cannot be written is no reason to stop.
        let _ = writeln!(self.writer, "DEBUG: {}", printable(message));
    }
}
