//! A server that ends as soon as a consumer comes back with a cookie. Twice in a row may be chance; after
//! that the cookie is not sent any more, lest each start end the server again.

use std::net::TcpStream;
use std::time::Duration;

use syncrepl_proto::profile::{Provider, Trouble};

use super::state::{Consumer, Link};
use super::warnings::Topic;
use crate::error::{Error, ErrorKind, Result};
use crate::status;

/// So many connections in a row that ended right after the cookie was sent are no chance.
const TOO_MANY: u8 = 2;

/// How long to wait for an answer to the question whether somebody listens.
const ASK: Duration = Duration::from_secs(1);

const ENDS: &str = "the server ended each time that it was sent the cookie";

impl Consumer {
    /// The reason not to send the cookie, if the server ended at it before. A comparison that the user
    /// asks for begins the count anew. Notes a warning.
    pub(super) fn ends_at_cookie(
        &mut self,
        server: usize,
        provider: Provider,
    ) -> Result<Option<&'static str>> {
        if self.reconcile || self.ends()? < TOO_MANY {
            return Ok(None);
        }
        let hints = provider.hints(Trouble::EndsAtCookie);
        let hints = match hints.is_empty() {
            true => String::new(),
            false => format!(": {hints}"),
        };
        let text = format!(
            "{}: it closed the connection twice when it was sent the cookie, so now everything is compared at \
             each start{hints}. Run refresh --reconcile once when that is mended",
            self.settings.servers[server],
        );
        self.warnings.note(Topic::Crash, text);
        Ok(Some(ENDS))
    }

    fn ends(&self) -> Result<u8> {
        let stored = self.writer.setting(status::CRASHES)?;
        let count = stored.and_then(|stored| stored.first().copied());
        Ok(count.unwrap_or(0))
    }

    /// Notes a connection that ended with this error. The server ended at the cookie if it answered the sync
    /// search with nothing, took no leave, and nobody listens there now. Any answer begins the count anew.
    pub(super) fn note_end(&mut self, link: &Link, error: &Error) {
        let closed = error.kind() == ErrorKind::Unreachable && error.result_code().is_none();
        // Only where the answer matters: the question is a connection of its own.
        let may_have_ended = || closed && !link.gave_up && is_gone(link);
        if self.settings.dry_run || !link.cookie_sent || !link.answered && !may_have_ended() {
            return;
        }
        self.writer.rollback();
        let noted = self.ends().and_then(|count| match (link.answered, count) {
            (true, 0) => Ok(()),
            (true, _) => self.writer.remember(status::CRASHES, &[0]),
            (false, _) => {
                let count = count.saturating_add(1);
                self.writer.remember(status::CRASHES, &[count])
            }
        });
        if let Err(error) = noted {
            tracing::debug!("the end of the connection could not be noted: {error}");
        }
    }

    /// Notes, in the transaction of a refresh, that the server answered its cookie, or that the user had
    /// everything compared.
    pub(super) fn forget_ends(&self, cookie_sent: bool) -> Result<()> {
        if (cookie_sent || self.reconcile) && self.ends()? > 0 {
            self.writer.set_setting(status::CRASHES, None)?;
        }
        Ok(())
    }
}

/// Whether nobody listens at the other end any more. A connection that was cut on its way says nothing of
/// the server.
fn is_gone(link: &Link) -> bool {
    let refused = |error: std::io::Error| error.kind() == std::io::ErrorKind::ConnectionRefused;
    link.connection
        .address()
        .is_some_and(|address| TcpStream::connect_timeout(&address, ASK).is_err_and(refused))
}
