//! [`Connection`]: it sends bytes, receives bytes into [`Frames`], and waits for them, for a stop
//! request or for a deadline. `operations` and the session know what the messages mean.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use syncrepl_proto::frame::{FrameError, Frames};

use super::moved::{Failure, Moved};
use super::network::GivenNetwork;
use super::policy::PasswordWarning;
use super::server::Server;
use super::tls::Tls;
use super::transport::Transport;
use super::waiter::{Waiter, system_error};
use super::{tls_errors, trace};
use crate::error::{Error, ErrorKind, Result};
use crate::record::text::printable;

/// The bytes to read ahead of the caller that takes the messages. Only the rest of one large
/// message is read beyond that.
pub(super) const READ_AHEAD: usize = 4 << 20;

/// The time limit for sending an UnbindRequest.
pub(super) const FAREWELL: Duration = Duration::from_secs(1);

/// The number of stop requests that abandon even a write in progress.
const ABANDON_WRITES_AT: u32 = 2;

/// The reason why [`Connection::wait`] returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Woken {
    /// New bytes are in the frames.
    Readable,
    /// A stop was requested. Each request is reported once.
    Stop,
    /// Somebody ended the wait without a request.
    Nudge,
    /// The deadline has passed.
    Deadline,
}

/// A connection to one server.
pub(crate) struct Connection {
    pub(super) server: Server,
    pub(super) transport: Transport,
    pub(super) waiter: Waiter,
    pub(super) network: GivenNetwork,
    pub(super) frames: Frames,
    pub(super) last_id: u32,
    pub(super) response_timeout: Duration,
    pub(super) abandon_at: u32,
    pub(super) loopback: bool,
    /// The address of the server, one of those that its name has.
    pub(super) address: Option<SocketAddr>,
    /// Whether anything was received.
    pub(super) heard: bool,
    /// Whether anything was received through TLS.
    pub(super) heard_in_tls: bool,
    /// Whether an operation was left unfinished. The next message could be its response, so no
    /// other operation may follow.
    pub(super) broken: bool,
    /// What a password policy says of the password of the bind, for people.
    pub(super) password_warning: Option<PasswordWarning>,
}

impl Connection {
    /// Writes all of `bytes`. Waits while the provider takes nothing, for `response_timeout` at a
    /// time.
    ///
    /// Meanwhile it reads, up to a bound. Two ends that both write and do not read would block each
    /// other.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> Result<()> {
        if self.broken {
            return Err(Error::new(
                ErrorKind::Unreachable,
                format!(
                    "the connection to {} was given up after an earlier error",
                    self.server
                ),
            ));
        }
        let sent = self.send_within(bytes, self.response_timeout);
        self.broken |= sent.is_err();
        sent
    }

    pub(super) fn send_within(&mut self, mut rest: &[u8], timeout: Duration) -> Result<()> {
        trace::sent(rest);
        let mut deadline = self.network.after(timeout);
        loop {
            let before = rest.len();
            if self
                .transport
                .write(&mut rest)
                .map_err(|failure| self.lost(failure))?
            {
                return Ok(());
            }
            self.waiter.writable = false;
            if rest.len() < before {
                deadline = self.network.after(timeout);
            }
            while self.frames.buffered() < READ_AHEAD && self.fill_now()? {}
            self.waiter.abandon_at(ABANDON_WRITES_AT)?;
            if !self.wait_for_socket(deadline)? {
                return Err(self.silent("does not take what is sent to it", timeout));
            }
        }
    }

    /// Waits until new bytes are in the frames, a stop is requested, or `deadline` has passed.
    ///
    /// The caller must have taken every message from the frames: while much is unread there, this
    /// returns `Readable` without reading.
    ///
    /// # Errors
    /// The connection has ended or failed.
    pub(crate) fn wait(&mut self, deadline: Option<Instant>) -> Result<Woken> {
        loop {
            if self.waiter.take_stop() {
                return Ok(Woken::Stop);
            }
            if self.waiter.take_nudge() {
                return Ok(Woken::Nudge);
            }
            if self.is_full() || self.fill_now()? {
                return Ok(Woken::Readable);
            }
            if !self.wait_for_socket(deadline)? {
                // The caller may have been busy beyond the deadline. Bytes that have arrived by now
                // are in time. A given stream looks for them itself.
                self.waiter.readable |= self.transport.stream().is_none();
                return Ok(match self.fill_now()? {
                    true => Woken::Readable,
                    false => Woken::Deadline,
                });
            }
        }
    }

    /// Waits until a read or a write may succeed (true), or the deadline has passed (false).
    pub(super) fn wait_for_socket(&mut self, deadline: Option<Instant>) -> Result<bool> {
        let Some(stream) = self.transport.stream() else {
            return self.waiter.wait(deadline);
        };
        let woken = stream.wait(deadline).map_err(system_error)?;
        self.waiter.readable |= woken;
        self.waiter.writable |= woken;
        Ok(woken)
    }

    /// Reads the bytes that have arrived, without waiting. Returns whether there were any. While
    /// much is unread in the frames, it reads nothing.
    pub(crate) fn fill_now(&mut self) -> Result<bool> {
        if self.is_full() || !self.waiter.readable {
            return Ok(false);
        }
        let moved = self.transport.read(self.frames.space());
        match moved.map_err(|failure| self.lost(failure))? {
            Moved::Bytes(count) => {
                self.frames.filled(count);
                self.heard = true;
                self.heard_in_tls |= self.transport.is_encrypted();
                self.answer_key_updates()?;
                Ok(true)
            }
            Moved::Blocked => {
                self.waiter.readable = false;
                self.answer_key_updates()?;
                Ok(false)
            }
            Moved::Closed => Err(self.closed()),
        }
    }

    /// A read can make TLS write something, such as the answer to a key update. If the socket is
    /// full, that goes out before the next bytes sent.
    fn answer_key_updates(&mut self) -> Result<()> {
        if self.transport.wants_write() {
            self.transport
                .write(&mut &[][..])
                .map_err(|failure| self.lost(failure))?;
        }
        Ok(())
    }

    /// Whether the frames hold much, and at least one whole message.
    fn is_full(&self) -> bool {
        self.frames.buffered() >= READ_AHEAD && self.frames.has_message() != Ok(false)
    }

    /// The received bytes.
    #[cfg(test)]
    pub(crate) fn frames(&mut self) -> &mut Frames {
        &mut self.frames
    }

    /// Takes the next whole message from the frames.
    pub(crate) fn next_message(&mut self) -> Result<Option<&[u8]>> {
        let Connection {
            frames,
            server,
            transport,
            ..
        } = self;
        let encrypted = transport.is_encrypted();
        let message = frames
            .poll_message()
            .map_err(|error| unreadable(error, server, encrypted))?;
        if let Some(bytes) = message {
            trace::received(bytes);
        }
        Ok(message)
    }

    /// A message ID for the next request, from 1 up.
    pub(crate) fn next_message_id(&mut self) -> u32 {
        self.last_id = match self.last_id {
            id if id >= i32::MAX as u32 => 1,
            id => id + 1,
        };
        self.last_id
    }

    /// The server at the other end.
    pub(crate) fn server(&self) -> &Server {
        &self.server
    }

    /// The TCP address of the server; `None` for a socket of another kind.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// Whether TLS protects the connection. A local socket has none and needs none.
    pub(crate) fn is_encrypted(&self) -> bool {
        self.transport.is_encrypted()
    }

    /// Whether TLS, or a layer that a SASL bind agreed on, protects what goes over the connection.
    pub(crate) fn is_protected(&self) -> bool {
        self.is_encrypted() || self.transport.has_layer()
    }

    /// Whether the connection stays on this machine.
    pub(crate) fn is_loopback(&self) -> bool {
        self.loopback
    }

    /// The error for a server that asked for a client certificate and closed the connection before
    /// it sent anything in TLS. Many servers give no other reason.
    pub(super) fn certificate_unwanted(&self) -> Option<Error> {
        let seen = self.transport.tls()?.seen();
        (!self.heard_in_tls && seen.was_asked())
            .then(|| tls_errors::certificate_unwanted(&self.server, seen))
    }

    fn closed(&self) -> Error {
        if let Some(error) = self.certificate_unwanted() {
            return error;
        }
        let error = Error::new(
            ErrorKind::Unreachable,
            format!("{} closed the connection", self.server),
        );
        if self.heard || self.is_encrypted() {
            error.with_hint("the provider's log may say why")
        } else {
            error.with_hint("it said nothing at all: if the port expects TLS, use ldaps://")
        }
    }

    pub(super) fn lost(&self, failure: Failure) -> Error {
        match failure {
            Failure::Io(error) => self.certificate_unwanted().unwrap_or_else(|| {
                Error::new(
                    ErrorKind::Unreachable,
                    format!("the connection to {} was lost", self.server),
                )
                .with_source(error)
            }),
            Failure::Tls(error) => {
                let seen = self.transport.tls().map(Tls::seen);
                tls_errors::explain(&error, &self.server, seen)
            }
            Failure::Layer(problem) => Error::new(
                ErrorKind::Unreachable,
                format!(
                    "the connection to {} was given up: the protection that the SASL bind agreed \
                     on failed: {problem}",
                    self.server
                ),
            )
            .with_hint("something between here and the provider may have changed the bytes"),
        }
    }

    /// The error for a provider that did not do something in time.
    pub(super) fn silent(&self, what: &str, timeout: Duration) -> Error {
        Error::new(
            ErrorKind::Unreachable,
            format!("{} {what} (waited {timeout:?})", self.server),
        )
    }
}

/// The error for a stream that cannot be cut into messages.
fn unreadable(error: FrameError, server: &Server, encrypted: bool) -> Error {
    use syncrepl_proto::ber::Problem;
    // The first byte of a TLS alert and of a TLS handshake message.
    const TLS: [u8; 2] = [0x15, 0x16];
    let hint = match error {
        FrameError::NotLdap(Problem::Tag { found, .. }) if !encrypted && TLS.contains(&found) => {
            return Error::new(
                ErrorKind::Protocol,
                format!("{server} answered with TLS where plain LDAP was expected"),
            )
            .with_hint("use ldaps:// for this port");
        }
        FrameError::TooLarge { .. } => "raise the largest message size if the provider is right",
        _ => "is there an LDAP server on this port?",
    };
    Error::new(
        ErrorKind::Protocol,
        format!("what {server} sends cannot be read"),
    )
    .with_source(error)
    .with_hint(hint)
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection")
            .field("server", &printable(&self.server.to_string()))
            .field("encrypted", &self.is_encrypted())
            .finish_non_exhaustive()
    }
}
