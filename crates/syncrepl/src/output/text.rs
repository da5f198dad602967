//! Text that a person reads. The library's `LoggingCallback` knows how each event looks.

use syncrepl_client::{
    BoundLdap, Callback, CallbackResult, Cursor, Items, LoggingCallback, Record, printable,
};

use super::format::{Choice, Format, Out};

/// The line of this format in the list.
pub(super) const FORMAT: Choice = Choice {
    name: "text",
    help: "Text that a person reads",
    open: |out| Box::new(Text(LoggingCallback::new(out))),
};

/// Bytes as text that cannot steer a terminal. Of bytes that are not UTF-8 it tells the number.
pub(crate) fn printable_bytes(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => printable(text),
        Err(_) => format!("({} bytes)", bytes.len()),
    }
}

/// Passes every event to the library's callback except `debug`, which belongs in the log.
struct Text(LoggingCallback<Out>);

impl Format for Text {}

impl Callback for Text {
    fn bind_complete(&mut self, ldap: &mut BoundLdap<'_>, cursor: &Cursor<'_>) -> CallbackResult {
        self.0.bind_complete(ldap, cursor)
    }

    fn refresh_done(&mut self, items: &Items<'_>, cursor: &Cursor<'_>) -> CallbackResult {
        self.0.refresh_done(items, cursor)
    }

    fn record_add(&mut self, record: &Record<'_>, cursor: &Cursor<'_>) -> CallbackResult {
        self.0.record_add(record, cursor)
    }

    fn record_delete(&mut self, record: &Record<'_>, cursor: &Cursor<'_>) -> CallbackResult {
        self.0.record_delete(record, cursor)
    }

    fn record_rename(
        &mut self,
        old_dn: &str,
        record: &Record<'_>,
        cursor: &Cursor<'_>,
    ) -> CallbackResult {
        self.0.record_rename(old_dn, record, cursor)
    }

    fn record_change(
        &mut self,
        old: &Record<'_>,
        new: &Record<'_>,
        cursor: &Cursor<'_>,
    ) -> CallbackResult {
        self.0.record_change(old, new, cursor)
    }

    fn cookie_change(&mut self, cookie: &[u8]) -> CallbackResult {
        self.0.cookie_change(cookie)
    }

    fn commit_pending(&mut self, commit: u64) -> CallbackResult {
        self.0.commit_pending(commit)
    }

    fn committed(&mut self) {
        self.0.committed();
    }
}
