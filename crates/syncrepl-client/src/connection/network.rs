//! Byte streams in place of sockets, and the clock that goes with them: for a provider in the same
//! process, a tunnel of one's own, or a simulation in which nothing is left to chance.

use std::fmt;
use std::io::{self, Read, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Server;

/// Opens streams, and tells the time.
pub trait Network: Send + Sync {
    /// A connection to `server`, both for the sync search and for the searches beside it.
    ///
    /// # Errors
    /// Whatever keeps it from being reached. Like a refused TCP connection, that passes: another
    /// server is tried, or the same one later.
    fn connect(&self, server: &Server) -> io::Result<Box<dyn Stream>>;

    /// The time by which deadlines are counted; the system's by default.
    fn now(&self) -> Instant {
        Instant::now()
    }
}

/// One connection. Reads and writes never wait: with nothing to move they fail with
/// [`io::ErrorKind::WouldBlock`]. A read of 0 bytes means that the other end has closed, and
/// dropping the stream closes this end.
pub trait Stream: Read + Write + Send {
    /// Waits until a read or a write may succeed, or has something to fail with: true. False when
    /// `deadline` has passed, by the clock of the [`Network`]. A requested stop is seen when it
    /// returns, so who wants to be stopped from outside returns from time to time.
    ///
    /// # Errors
    /// When it cannot wait; the connection is then given up.
    fn wait(&mut self, deadline: Option<Instant>) -> io::Result<bool>;
}

/// The network that the builder was given, if any; else there are sockets and the system's clock.
#[derive(Clone, Default)]
pub(crate) struct GivenNetwork(pub(crate) Option<Arc<dyn Network>>);

impl GivenNetwork {
    pub(crate) fn now(&self) -> Instant {
        match &self.0 {
            Some(network) => network.now(),
            None => Instant::now(),
        }
    }

    /// The moment `timeout` from now; none if that is beyond what the clock can tell.
    pub(crate) fn after(&self, timeout: Duration) -> Option<Instant> {
        self.now().checked_add(timeout)
    }
}

impl fmt::Debug for GivenNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "given" } else { "sockets" })
    }
}
