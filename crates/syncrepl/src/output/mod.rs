//! What `refresh` and `follow` print: one file a format, behind one callback.

pub(crate) mod json;
pub(crate) mod ldif;
pub(crate) mod text;

use std::io::{self, BufWriter, IsTerminal, Stdout, Write};

use syncrepl_client::{
    BoundLdap, Callback, CallbackResult, Cursor, Items, LoggingCallback, Record,
};

use crate::args::SyncFormat;

type Out = BufWriter<Stdout>;

/// Prints every change in the chosen format. Lines are flushed before their transaction commits.
pub(crate) enum Output {
    Json { out: Out, pending: u64 },
    Text(Box<LoggingCallback<Out>>),
    None,
}

impl Output {
    /// Without a format: text on a terminal, JSON in a pipe.
    pub(crate) fn new(format: Option<SyncFormat>) -> Self {
        let default = if io::stdout().is_terminal() {
            SyncFormat::Text
        } else {
            SyncFormat::Json
        };
        let out = BufWriter::with_capacity(64 << 10, io::stdout());
        match format.unwrap_or(default) {
            SyncFormat::Json => Output::Json { out, pending: 0 },
            SyncFormat::Text => Output::Text(Box::new(LoggingCallback::new(out))),
            SyncFormat::None => Output::None,
        }
    }

    /// Whether lines are printed to a terminal.
    pub(crate) fn is_on_terminal(&self) -> bool {
        !matches!(self, Output::None) && io::stdout().is_terminal()
    }

    /// A run, or a further connection, begins: what was printed after the last commit is void.
    pub(crate) fn start(&mut self, commit: u64) -> io::Result<()> {
        if let Output::Json { out, .. } = self {
            json::start(out, commit)?;
            out.flush()?;
        }
        Ok(())
    }

    /// Nothing more will come.
    pub(crate) fn finish(&mut self) -> io::Result<()> {
        if let Output::Json { out, .. } = self {
            out.flush()?;
        }
        Ok(())
    }
}

/// Hands a call on: to the logging callback, or to a function that writes JSON.
macro_rules! print {
    ($self:ident, $text:ident => $as_text:expr, $out:ident => $as_json:expr) => {
        match $self {
            Output::Text($text) => $as_text,
            Output::Json { out: $out, .. } => Ok($as_json?),
            Output::None => Ok(()),
        }
    };
}

impl Callback for Output {
    fn bind_complete(&mut self, ldap: &mut BoundLdap<'_>, cursor: &Cursor<'_>) -> CallbackResult {
        print!(self, text => text.bind_complete(ldap, cursor), out => json::bind(out, ldap))
    }

    fn refresh_done(&mut self, items: &Items<'_>, cursor: &Cursor<'_>) -> CallbackResult {
        print!(self, text => text.refresh_done(items, cursor), out => json::refresh_done(out, items.len()))
    }

    fn record_add(&mut self, record: &Record<'_>, cursor: &Cursor<'_>) -> CallbackResult {
        print!(self, text => text.record_add(record, cursor), out => json::add(out, record))
    }

    fn record_delete(&mut self, record: &Record<'_>, cursor: &Cursor<'_>) -> CallbackResult {
        print!(self, text => text.record_delete(record, cursor), out => json::delete(out, record))
    }

    fn record_rename(
        &mut self,
        old_dn: &str,
        record: &Record<'_>,
        cursor: &Cursor<'_>,
    ) -> CallbackResult {
        print!(self, text => text.record_rename(old_dn, record, cursor), out => json::rename(out, old_dn, record))
    }

    fn record_change(
        &mut self,
        old: &Record<'_>,
        new: &Record<'_>,
        cursor: &Cursor<'_>,
    ) -> CallbackResult {
        print!(self, text => text.record_change(old, new, cursor), out => json::change(out, old, new))
    }

    fn cookie_change(&mut self, cookie: &[u8]) -> CallbackResult {
        print!(self, text => text.cookie_change(cookie), out => json::cookie(out, cookie))
    }

    fn commit_pending(&mut self, commit: u64) -> CallbackResult {
        if let Output::Json { out, pending } = self {
            *pending = commit;
            return Ok(out.flush()?);
        }
        print!(self, text => text.commit_pending(commit), out => out.flush())
    }

    fn committed(&mut self) {
        if let Output::Json { out, pending } = self {
            // If it cannot be written, the next line cannot either, and that one can say so.
            let _ = json::commit(out, *pending).and_then(|()| out.flush());
        }
    }

    fn debug(&mut self, message: &str) {
        tracing::info!("{message}");
    }
}
