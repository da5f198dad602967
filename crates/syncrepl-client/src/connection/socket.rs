//! A TCP or Unix socket, or the stream given in place of one. Nothing waits here.

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use mio::net::{TcpStream, UnixStream};
use socket2::{SockRef, TcpKeepalive};

use super::moved::Moved;
use super::network::{Network, Stream};
use super::server::Server;

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
