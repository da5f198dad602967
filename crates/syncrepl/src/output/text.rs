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
        Box::new(Text {
            log: LoggingCallback::new(out),
            dry: false,
        })
    },
};

/// Bytes as text that cannot steer a terminal. Of bytes that are not UTF-8 it tells the number.
pub(crate) fn printable_bytes(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => printable(text),
        Err(_) => format!("({} bytes)", bytes.len()),
    }
}

/// Passes every event to the library's callback except `debug`, which belongs in the log.
struct Text {
    log: LoggingCallback<Out>,
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
