//! Byte streams and a clock in place of sockets and the system's time: for a provider in the same
//! process, for a tunnel of your own, or for a deterministic simulation.

use std::fmt;
use std::io::{self, Read, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::server::Server;

/// Opens streams, and tells the time.
pub trait Network: Send + Sync {
    /// Opens a connection to `server`. The client asks for one for the sync search, and for more
    /// for the searches beside it.
    ///
    /// # Errors
    /// The server cannot be reached. The client treats this like a refused TCP connection: it tries
    /// another server, or this one later.
    fn connect(&self, server: &Server) -> io::Result<Box<dyn Stream>>;

    /// The time by which deadlines are measured. Default: the system's.
    fn now(&self) -> Instant {
        Instant::now()
    }
}

/// One connection. Reads and writes never wait: when nothing can be moved, they fail with
/// [`io::ErrorKind::WouldBlock`]. A read of 0 bytes means that the other end has closed. Dropping
/// the stream closes this end.
pub trait Stream: Read + Write + Send {
    /// Waits until a read or a write may succeed or fail (true), or `deadline` has passed by the
    /// clock of the [`Network`] (false).
    ///
    /// The client sees a requested stop only when this returns. To be stoppable, return from time
    /// to time.
    ///
    /// # Errors
    /// It cannot wait. The client then gives the connection up.
    fn wait(&mut self, deadline: Option<Instant>) -> io::Result<bool>;
}

/// The network that the builder was given. `None` means sockets and the system's clock.
#[derive(Clone, Default)]
pub(crate) struct GivenNetwork(pub(crate) Option<Arc<dyn Network>>);

impl GivenNetwork {
    pub(crate) fn now(&self) -> Instant {
        match &self.0 {
            Some(network) => network.now(),
            None => Instant::now(),
        }
    }

    /// The moment `timeout` from now; `None` if the clock cannot represent it.
    pub(crate) fn after(&self, timeout: Duration) -> Option<Instant> {
        self.now().checked_add(timeout)
    }
}

impl fmt::Debug for GivenNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "given" } else { "sockets" })
    }
}
