//! The bytes of one connection: a TCP or Unix socket, with or without TLS and a SASL security layer
//! around it.
//!
//! Nothing here waits. A call moves the bytes that can be moved now.

use std::io::Write;
use std::net::Shutdown;

#[cfg(test)]
use socket2::SockRef;

use super::layer::{Layer, SecurityLayer};
use super::moved::{Failure, Moved, progress};
use super::network::Stream;
use super::socket::Socket;
use super::tls::Tls;

/// The socket, TLS once it has begun, and inside TLS the security layer that a SASL bind agreed on.
pub(super) struct Transport {
    below: Below,
    layer: Option<Box<Layer>>,
}

struct Below {
    socket: Socket,
    tls: Option<Box<Tls>>,
}

impl Transport {
    pub(super) fn new(socket: Socket) -> Self {
        Transport {
            below: Below { socket, tls: None },
            layer: None,
        }
    }

    /// The stream that was given in place of a socket.
    pub(super) fn stream(&mut self) -> Option<&mut dyn Stream> {
        match &mut self.below.socket {
            Socket::Given(stream) => Some(stream.as_mut()),
            Socket::Tcp(_) | Socket::Unix(_) => None,
        }
    }

    /// The options of the TCP socket, if it is one.
    #[cfg(test)]
    pub(super) fn tcp(&self) -> Option<SockRef<'_>> {
        match &self.below.socket {
            Socket::Tcp(stream) => Some(SockRef::from(stream)),
            Socket::Unix(_) | Socket::Given(_) => None,
        }
    }

    pub(super) fn is_encrypted(&self) -> bool {
        self.below.tls.is_some()
    }

    pub(super) fn tls(&self) -> Option<&Tls> {
        self.below.tls.as_deref()
    }

    /// From now on every byte goes through `tls`, the handshake first.
    pub(super) fn encrypt(&mut self, tls: Tls) {
        self.below.tls = Some(Box::new(tls));
    }

    /// From now on every byte goes through `layer`, inside TLS.
    pub(super) fn protect(&mut self, layer: Box<dyn SecurityLayer>) {
        self.layer = Some(Box::new(Layer::new(layer)));
    }

    pub(super) fn has_layer(&self) -> bool {
        self.layer.is_some()
    }

    /// Continues the handshake. Returns `Bytes` once it is complete.
    pub(super) fn handshake(&mut self) -> Result<Moved, Failure> {
        match &mut self.below.tls {
            Some(tls) => tls.handshake(&mut self.below.socket),
            None => Ok(Moved::Bytes(0)),
        }
    }

    /// Whether TLS has bytes to send.
    pub(super) fn wants_write(&self) -> bool {
        self.below.tls.as_ref().is_some_and(|tls| tls.wants_write())
    }

    /// Reads the bytes that have arrived, as many as fit. After `Blocked` no bytes are held back
    /// here.
    pub(super) fn read(&mut self, space: &mut [u8]) -> Result<Moved, Failure> {
        let Transport { below, layer } = self;
        match layer {
            Some(layer) => layer.read(space, |space| below.read(space)),
            None => below.read(space),
        }
    }

    /// Writes from the front of `rest` and shortens it. Returns true when every byte has gone to
    /// the system, false when the socket must become writable first.
    pub(super) fn write(&mut self, rest: &mut &[u8]) -> Result<bool, Failure> {
        let Transport { below, layer } = self;
        match layer {
            Some(layer) => layer.write(rest, |rest| below.write(rest)),
            None => below.write(rest),
        }
    }

    /// Sends close_notify if the socket takes it, and closes the sending side.
    pub(super) fn close(&mut self) {
        let Below { socket, tls } = &mut self.below;
        if let Some(tls) = tls {
            tls.close(socket);
        }
        // An error only means that the connection is gone already.
        let _ = match socket {
            Socket::Tcp(stream) => stream.shutdown(Shutdown::Write),
            Socket::Unix(stream) => stream.shutdown(Shutdown::Write),
            // Dropping it closes it.
            Socket::Given(_) => Ok(()),
        };
    }
}

impl Below {
    fn read(&mut self, space: &mut [u8]) -> Result<Moved, Failure> {
        match &mut self.tls {
            Some(tls) => tls.read(&mut self.socket, space),
            None => Ok(self.socket.read(space)?),
        }
    }

    fn write(&mut self, rest: &mut &[u8]) -> Result<bool, Failure> {
        if let Some(tls) = &mut self.tls {
            return tls.write(&mut self.socket, rest);
        }
        while !rest.is_empty() {
            match progress(self.socket.write(rest))? {
                Some(count) => *rest = rest.get(count..).unwrap_or_default(),
                None => return Ok(false),
            }
        }
        Ok(true)
    }
}
