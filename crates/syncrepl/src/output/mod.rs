//! What `refresh` and `follow` print: one file a format, behind one callback.

pub(crate) mod json;
pub(crate) mod ldif;
pub(crate) mod text;

use std::io::{self, BufWriter, IsTerminal, Write};

use syncrepl_client::{
    BoundLdap, Callback, CallbackResult, Cursor, Items, LoggingCallback, Record,
};

use crate::args::SyncFormat;
use crate::progress::{ProgressLine, Screen};

type Out = BufWriter<Screen>;

/// Prints every change in the chosen format. Lines are flushed before their transaction commits.
pub(crate) enum Output {
    Json {
        out: Out,
        pending: u64,
        /// Why the line that says what is committed could not be written.
        lost: Option<io::Error>,
    },
    Text(Box<LoggingCallback<Out>>),
    Ldif(Box<ldif::Changes<Out>>),
    None,
}

impl Output {
    /// Without a format: text on a terminal, JSON in a pipe.
    pub(crate) fn new(format: Option<SyncFormat>, progress: &ProgressLine) -> Self {
        let default = if io::stdout().is_terminal() {
            SyncFormat::Text
        } else {
            SyncFormat::Json
        };
        let out = BufWriter::with_capacity(64 << 10, Screen::new(progress));
        match format.unwrap_or(default) {
            SyncFormat::Json => Output::Json {
                out,
                pending: 0,
                lost: None,
            },
            SyncFormat::Text => Output::Text(Box::new(LoggingCallback::new(out))),
            SyncFormat::Ldif => Output::Ldif(Box::new(ldif::Changes::new(out))),
            SyncFormat::None => Output::None,
        }
    }

    /// A run, or a further connection, begins: what was printed after the last commit is void.
    pub(crate) fn start(&mut self, commit: u64) -> io::Result<()> {
        match self {
            Output::Json { out, .. } => {
                json::start(out, commit)?;
                out.flush()?;
            }
            Output::Ldif(ldif) => ldif.start(),
            Output::Text(_) | Output::None => {}
        }
        Ok(())
    }

    /// Whether it could not say what is committed: whoever reads it is gone, or the disk is full.
    pub(crate) fn is_lost(&self) -> bool {
        matches!(self, Output::Json { lost: Some(_), .. })
    }

    /// Nothing more will come.
    ///
    /// # Errors
    /// When not all of it could be written.
    pub(crate) fn finish(&mut self) -> io::Result<()> {
        if let Output::Json { out, lost, .. } = self {
            lost.take().map_or(Ok(()), Err)?;
            out.flush()?;
        }
        Ok(())
    }
}

/// Hands a call on: to the logging callback, to a function that writes JSON, to the LDIF.
macro_rules! print {
    ($self:ident, $text:ident => $as_text:expr, $out:ident => $as_json:expr, $ldif:ident => $as_ldif:expr) => {
        match $self {
            Output::Text($text) => $as_text,
            Output::Json { out: $out, .. } => Ok($as_json?),
            Output::Ldif($ldif) => $as_ldif,
            Output::None => Ok(()),
        }
    };
}

impl Callback for Output {
    fn bind_complete(&mut self, ldap: &mut BoundLdap<'_>, cursor: &Cursor<'_>) -> CallbackResult {
        print!(self, text => text.bind_complete(ldap, cursor), out => json::bind(out, ldap), ldif => ldif.bound(cursor))
    }

    fn refresh_done(&mut self, items: &Items<'_>, cursor: &Cursor<'_>) -> CallbackResult {
        print!(self, text => text.refresh_done(items, cursor), out => json::refresh_done(out, items.len()), ldif => ldif.refresh_done(items))
    }

    fn record_add(&mut self, record: &Record<'_>, cursor: &Cursor<'_>) -> CallbackResult {
        print!(self, text => text.record_add(record, cursor), out => json::add(out, record), ldif => ldif.add(record))
    }

    fn record_delete(&mut self, record: &Record<'_>, cursor: &Cursor<'_>) -> CallbackResult {
        print!(self, text => text.record_delete(record, cursor), out => json::delete(out, record), ldif => ldif.delete(record, cursor))
    }

    fn record_rename(
        &mut self,
        old_dn: &str,
        record: &Record<'_>,
        cursor: &Cursor<'_>,
    ) -> CallbackResult {
        print!(self, text => text.record_rename(old_dn, record, cursor), out => json::rename(out, old_dn, record), ldif => ldif.rename(old_dn, record, cursor))
    }

    fn record_change(
        &mut self,
        old: &Record<'_>,
        new: &Record<'_>,
        cursor: &Cursor<'_>,
    ) -> CallbackResult {
        print!(self, text => text.record_change(old, new, cursor), out => json::change(out, old, new), ldif => ldif.change(old, new))
    }

    fn cookie_change(&mut self, cookie: &[u8]) -> CallbackResult {
        print!(self, text => text.cookie_change(cookie), out => json::cookie(out, cookie), _ldif => Ok(()))
    }

    fn commit_pending(&mut self, commit: u64) -> CallbackResult {
        if let Output::Json { out, pending, .. } = self {
            *pending = commit;
            return Ok(out.flush()?);
        }
        print!(self, text => text.commit_pending(commit), out => out.flush(), ldif => ldif.commit_pending())
    }

    fn committed(&mut self) {
        if let Output::Json { out, pending, lost } = self {
            *lost = json::commit(out, *pending).and_then(|()| out.flush()).err();
        }
    }

    fn debug(&mut self, message: &str) {
        tracing::info!("{message}");
    }
}
