//! The bytes of one connection: a TCP or Unix socket, with or without TLS and a SASL security layer
//! around it. Nothing waits here; a call moves what can be moved now.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use mio::net::{TcpStream, UnixStream};
use socket2::{SockRef, TcpKeepalive};

use super::layer::{Layer, SecurityLayer};
use super::network::{Network, Stream};
use super::server::Server;
use super::tls::Tls;

/// A quiet connection is probed by the system after this long,
const KEEPALIVE_AFTER: Duration = Duration::from_secs(15);
/// and again at this interval.
const KEEPALIVE_EVERY: Duration = Duration::from_secs(5);
/// After so long without a sign of the other system, probes and data unacknowledged, it is lost: RFC 5482.
/// Without this, the system would go on sending the same data again for a quarter of an hour.
#[cfg(target_os = "linux")]
const UNACKNOWLEDGED: Duration = Duration::from_secs(30);

/// Where to connect to.
#[derive(Clone)]
pub(super) enum Endpoint {
    Tcp(SocketAddr),
    Unix(PathBuf),
    /// Not by a socket, but by what the builder was given.
    Given(Arc<dyn Network>),
}

/// What an attempt to read brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moved {
    /// So many bytes.
    Bytes(usize),
    /// Nothing: the socket has to become ready first.
    Blocked,
    /// Nothing, ever again: the other end has closed.
    Closed,
}

/// Why the connection is of no more use.
#[derive(Debug)]
pub(super) enum Failure {
    Io(io::Error),
    Tls(rustls::Error),
    /// The SASL security layer, in words.
    Layer(String),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Failure::Io(error)
    }
}

impl From<rustls::Error> for Failure {
    fn from(error: rustls::Error) -> Self {
        Failure::Tls(error)
    }
}

/// A non-blocking socket.
pub(super) enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
    Given(Box<dyn Stream>),
}

impl Socket {
    /// Begins to connect.
    pub(super) fn connect(server: &Server, endpoint: &Endpoint) -> io::Result<Self> {
        match endpoint {
            Endpoint::Tcp(address) => {
                let stream = TcpStream::connect(*address)?;
                let options = SockRef::from(&stream);
                options.set_tcp_nodelay(true)?;
                options.set_tcp_keepalive(
                    &TcpKeepalive::new()
                        .with_time(KEEPALIVE_AFTER)
                        .with_interval(KEEPALIVE_EVERY),
                )?;
                #[cfg(target_os = "linux")]
                options.set_tcp_user_timeout(Some(UNACKNOWLEDGED))?;
                Ok(Socket::Tcp(stream))
            }
            Endpoint::Unix(path) => UnixStream::connect(path).map(Socket::Unix),
            Endpoint::Given(network) => network.connect(server).map(Socket::Given),
        }
    }

    /// Whether the connection stands by now, or why it will not.
    pub(super) fn is_connected(&self) -> io::Result<bool> {
        let (error, peer) = match self {
            Socket::Tcp(stream) => (stream.take_error()?, stream.peer_addr().err()),
            Socket::Unix(stream) => (stream.take_error()?, stream.peer_addr().err()),
            Socket::Given(_) => (None, None),
        };
        match (error, peer) {
            (Some(error), _) => Err(error),
            (None, None) => Ok(true),
            (None, Some(error)) if error.kind() == io::ErrorKind::NotConnected => Ok(false),
            (None, Some(error)) => Err(error),
        }
    }

    /// Reads once, again only if a signal came in between.
    pub(super) fn read(&mut self, space: &mut [u8]) -> io::Result<Moved> {
        loop {
            let read = match self {
                Socket::Tcp(stream) => stream.read(space),
                Socket::Unix(stream) => stream.read(space),
                Socket::Given(stream) => stream.read(space),
            };
            return match read {
                Ok(0) => Ok(Moved::Closed),
                Ok(count) => Ok(Moved::Bytes(count)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Moved::Blocked),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => Err(error),
            };
        }
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Socket::Tcp(stream) => stream.write(bytes),
            Socket::Unix(stream) => stream.write(bytes),
            Socket::Given(stream) => stream.write(bytes),
        }
    }

    fn write_vectored(&mut self, bytes: &[io::IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Socket::Tcp(stream) => stream.write_vectored(bytes),
            Socket::Unix(stream) => stream.write_vectored(bytes),
            Socket::Given(stream) => stream.write_vectored(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl mio::event::Source for Socket {
    fn register(
        &mut self,
        registry: &mio::Registry,
        token: mio::Token,
        interests: mio::Interest,
    ) -> io::Result<()> {
        match self {
            Socket::Tcp(stream) => stream.register(registry, token, interests),
            Socket::Unix(stream) => stream.register(registry, token, interests),
            // It waits by itself.
            Socket::Given(_) => Ok(()),
        }
    }

    fn reregister(
        &mut self,
        registry: &mio::Registry,
        token: mio::Token,
        interests: mio::Interest,
    ) -> io::Result<()> {
        match self {
            Socket::Tcp(stream) => stream.reregister(registry, token, interests),
            Socket::Unix(stream) => stream.reregister(registry, token, interests),
            Socket::Given(_) => Ok(()),
        }
    }

    fn deregister(&mut self, registry: &mio::Registry) -> io::Result<()> {
        match self {
            Socket::Tcp(stream) => stream.deregister(registry),
            Socket::Unix(stream) => stream.deregister(registry),
            Socket::Given(_) => Ok(()),
        }
    }
}

/// The socket, TLS once it has begun, and what a SASL bind agreed on inside of that.
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

    /// What waits for itself, in place of a socket.
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

    /// From here on everything goes through `tls`, the handshake first.
    pub(super) fn encrypt(&mut self, tls: Tls) {
        self.below.tls = Some(Box::new(tls));
    }

    /// From here on everything goes through `layer`, inside of TLS.
    pub(super) fn protect(&mut self, layer: Box<dyn SecurityLayer>) {
        self.layer = Some(Box::new(Layer::new(layer)));
    }

    /// Goes on with the handshake: `Bytes` once it is complete.
    pub(super) fn handshake(&mut self) -> Result<Moved, Failure> {
        match &mut self.below.tls {
            Some(tls) => tls.handshake(&mut self.below.socket),
            None => Ok(Moved::Bytes(0)),
        }
    }

    /// Whether the handshake waits for this end to write.
    pub(super) fn wants_write(&self) -> bool {
        self.below.tls.as_ref().is_some_and(|tls| tls.wants_write())
    }

    /// Reads what is there, as much as fits. After `Blocked` nothing is held back in here.
    pub(super) fn read(&mut self, space: &mut [u8]) -> Result<Moved, Failure> {
        let Transport { below, layer } = self;
        match layer {
            Some(layer) => layer.read(space, |space| below.read(space)),
            None => below.read(space),
        }
    }

    /// Writes from the front of `rest` and shortens it. True when everything is on its way, false
    /// when the socket has to become writable first.
    pub(super) fn write(&mut self, rest: &mut &[u8]) -> Result<bool, Failure> {
        let Transport { below, layer } = self;
        match layer {
            Some(layer) => layer.write(rest, |rest| below.write(rest)),
            None => below.write(rest),
        }
    }

    /// Says goodbye on the TLS layer if it can be said now, and closes the sending side.
    pub(super) fn close(&mut self) {
        let Below { socket, tls } = &mut self.below;
        if let Some(tls) = tls {
            tls.close(socket);
        }
        // The connection may be gone already, which is as good.
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

/// What a write came to: so many bytes (0 if a signal came in between), or `None` if it would block.
pub(super) fn progress(written: io::Result<usize>) -> io::Result<Option<usize>> {
    match written {
        Ok(0) => Err(io::ErrorKind::WriteZero.into()),
        Ok(count) => Ok(Some(count)),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(Some(0)),
        Err(error) => Err(error),
    }
}
