//! The bytes of one connection: a TCP or Unix socket, with or without TLS and a SASL security layer
//! around it.
//!
//! Nothing here waits. A call moves the bytes that can be moved now.

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

/// The system probes a connection that has been quiet for this long,
const KEEPALIVE_AFTER: Duration = Duration::from_secs(15);
/// and again at this interval.
const KEEPALIVE_EVERY: Duration = Duration::from_secs(5);
/// The system gives a connection up when sent data or probes stay unacknowledged for this long (RFC
/// 5482). Its own default would resend for a quarter of an hour.
#[cfg(target_os = "linux")]
const UNACKNOWLEDGED: Duration = Duration::from_secs(30);

/// The place to connect to.
#[derive(Clone)]
pub(super) enum Endpoint {
    Tcp(SocketAddr),
    Unix(PathBuf),
    /// The network that the builder was given, in place of a socket.
    Given(Arc<dyn Network>),
}

/// The outcome of a read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moved {
    /// A number of bytes.
    Bytes(usize),
    /// Nothing: the socket must become ready first.
    Blocked,
    /// Nothing more: the other end has closed.
    Closed,
}

/// The reason why the connection is of no more use.
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

    /// Whether the connection is established.
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

    /// Reads once; repeats only after a signal.
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
            // A given stream waits by itself.
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

/// The outcome of a write: the number of bytes (0 after a signal), or `None` if it would block.
pub(super) fn progress(written: io::Result<usize>) -> io::Result<Option<usize>> {
    match written {
        Ok(0) => Err(io::ErrorKind::WriteZero.into()),
        Ok(count) => Ok(Some(count)),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(Some(0)),
        Err(error) => Err(error),
    }
}
