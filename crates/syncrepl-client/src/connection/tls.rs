//! A TLS session over a socket. `trust` decides which certificates it accepts.

use std::io::{self, Read, Write};
use std::sync::Arc;

use rustls::ClientConnection;
use rustls::pki_types::ServerName;

use super::moved::{Failure, Moved, progress};
use super::seen::Seen;
use super::server::Server;
use super::socket::Socket;
use super::trust::Setup;
use crate::error::{Error, ErrorKind, Result};

/// The bytes read from the socket at a time.
const CHUNK: usize = 64 << 10;

/// A client session, and the bytes read from the socket but not yet decrypted.
pub(super) struct Tls {
    session: ClientConnection,
    received: Vec<u8>,
    pending: std::ops::Range<usize>,
    /// The error that ended the session. A read reports it after every byte decrypted before it.
    failed: Option<rustls::Error>,
    seen: Arc<Seen>,
}

impl Tls {
    /// A session with `server`. The certificate must carry the server's name.
    pub(super) fn new(setup: &Setup, server: &Server) -> Result<Self> {
        let host = server.host().unwrap_or_default();
        let unfit = |error: Box<dyn std::error::Error + Send + Sync>| {
            Error::new(
                ErrorKind::InvalidInput,
                format!("TLS cannot check the host name of {server}"),
            )
            .with_source(error)
            .with_hint("give a DNS name or an IP address")
        };
        let name = ServerName::try_from(host.to_owned()).map_err(|error| unfit(error.into()))?;
        Ok(Tls {
            session: ClientConnection::new(setup.config.clone(), name)
                .map_err(|error| unfit(error.into()))?,
            received: vec![0; CHUNK],
            pending: 0..0,
            failed: None,
            seen: setup.seen.clone(),
        })
    }

    /// The facts seen of the other end.
    pub(super) fn seen(&self) -> &Seen {
        &self.seen
    }

    /// The version and the cipher suite, for people.
    pub(super) fn agreed(&self) -> String {
        let version = match self.session.protocol_version() {
            Some(rustls::ProtocolVersion::TLSv1_2) => "TLS 1.2",
            Some(rustls::ProtocolVersion::TLSv1_3) => "TLS 1.3",
            _ => "TLS",
        };
        match self.session.negotiated_cipher_suite() {
            Some(suite) => format!("{version}, {:?}", suite.suite()),
            None => version.to_owned(),
        }
    }

    pub(super) fn wants_write(&self) -> bool {
        self.session.wants_write()
    }

    /// Continues the handshake. Returns `Bytes` once it is complete and every byte of it has been
    /// sent.
    pub(super) fn handshake(&mut self, socket: &mut Socket) -> Result<Moved, Failure> {
        loop {
            if !self.flush(socket)? {
                return Ok(Moved::Blocked);
            }
            if !self.session.is_handshaking() {
                return Ok(Moved::Bytes(0));
            }
            match self.receive(socket)? {
                Moved::Bytes(_) => {}
                other => return Ok(other),
            }
        }
    }

    /// Decrypts into `space`. It reads from the socket only when no received bytes are left.
    pub(super) fn read(&mut self, socket: &mut Socket, space: &mut [u8]) -> Result<Moved, Failure> {
        let mut total = 0;
        loop {
            let rest = space.get_mut(total..).unwrap_or_default();
            match self.session.reader().read(rest) {
                Ok(0) if total == 0 => return Ok(Moved::Closed),
                Ok(count) => total += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error.into()),
            }
            if total == space.len() || total > 0 && self.pending.is_empty() {
                return Ok(Moved::Bytes(total));
            }
            match self.receive(socket) {
                Ok(Moved::Bytes(_)) => {}
                // The decrypted bytes come first. The next call meets the error or the end again.
                Ok(_) | Err(_) if total > 0 => return Ok(Moved::Bytes(total)),
                other => return other,
            }
        }
    }

    /// Writes pending TLS records, then from the front of `rest`. Returns false when blocked.
    pub(super) fn write(&mut self, socket: &mut Socket, rest: &mut &[u8]) -> Result<bool, Failure> {
        loop {
            if !self.flush(socket)? {
                return Ok(false);
            }
            if rest.is_empty() {
                return Ok(true);
            }
            match self.session.writer().write(rest)? {
                0 => return Err(io::Error::from(io::ErrorKind::WriteZero).into()),
                count => *rest = rest.get(count..).unwrap_or_default(),
            }
        }
    }

    /// Sends close_notify, if the socket takes it.
    pub(super) fn close(&mut self, socket: &mut Socket) {
        self.session.send_close_notify();
        // An error only means that the connection is gone already.
        let _ = self.flush(socket);
    }

    fn flush(&mut self, socket: &mut Socket) -> Result<bool, Failure> {
        while self.session.wants_write() {
            if progress(self.session.write_tls(socket))?.is_none() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Processes the next records, from the bytes left over or from the socket.
    fn receive(&mut self, socket: &mut Socket) -> Result<Moved, Failure> {
        if let Some(error) = &self.failed {
            return Err(error.clone().into());
        }
        if self.pending.is_empty() {
            match socket.read(&mut self.received)? {
                Moved::Bytes(count) => self.pending = 0..count,
                other => return Ok(other),
            }
        }
        let mut records = self.received.get(self.pending.clone()).unwrap_or_default();
        let count = self.session.read_tls(&mut records)?;
        self.pending.start += count;
        if count == 0 {
            return Ok(Moved::Closed);
        }
        if let Err(error) = self.session.process_new_packets() {
            // An alert tells the other end why, if it still listens.
            let _ = self.flush(socket);
            self.failed = Some(error.clone());
            return Err(error.into());
        }
        Ok(Moved::Bytes(count))
    }
}
