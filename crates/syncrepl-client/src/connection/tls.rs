//! TLS over a socket: the session. Whom it believes is in `trust`.

use std::io::{self, Read, Write};
use std::sync::Arc;

use rustls::ClientConnection;
use rustls::pki_types::ServerName;

use super::server::Server;
use super::transport::{Failure, Moved, Socket, progress};
use super::trust::{Seen, Setup};
use crate::error::{Error, ErrorKind, Result};

/// How much is read from the socket at a time, in bytes.
const CHUNK: usize = 64 << 10;

/// A client session, and what has been read from the socket and not yet been decrypted.
pub(super) struct Tls {
    session: ClientConnection,
    received: Vec<u8>,
    pending: std::ops::Range<usize>,
    /// What ended the session; told once everything decrypted before it has been read.
    failed: Option<rustls::Error>,
    seen: Arc<Seen>,
}

impl Tls {
    /// A session with `server`, whose certificate has to carry its name.
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

    /// What was seen of the other end.
    pub(super) fn seen(&self) -> &Seen {
        &self.seen
    }

    /// Version and cipher suite, for the log.
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

    /// Goes on with the handshake: `Bytes` once it is complete and everything is sent.
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

    /// Decrypts what is there into `space`, reading from the socket only when nothing is left over.
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
                // What was decrypted comes first; the other end comes up again at the next call.
                Ok(_) | Err(_) if total > 0 => return Ok(Moved::Bytes(total)),
                other => return other,
            }
        }
    }

    /// Writes from the front of `rest`, and everything that is due, or says false when blocked.
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
        // The connection may be gone already, which is as good.
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

    /// Takes the next records, from what is left over or from the socket.
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
            // Tell the other end why, as far as it still listens.
            let _ = self.flush(socket);
            self.failed = Some(error.clone());
            return Err(error.into());
        }
        Ok(Moved::Bytes(count))
    }
}
