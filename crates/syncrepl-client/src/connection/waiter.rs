//! Waits for a socket, a stop request or a deadline, whichever comes first. It moves no bytes.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::event::Source;
use mio::{Events, Interest, Poll, Token, Waker};

use crate::error::{Error, ErrorKind, Result};
use crate::stop::StopHandle;

const SOCKET: Token = Token(0);
const WAKE: Token = Token(1);

/// Waits for one socket. The system reports readiness once, when it changes, so the flags here keep
/// it until a read or write would block.
pub(super) struct Waiter {
    poll: Poll,
    events: Events,
    waker: Arc<Waker>,
    stop: StopHandle,
    /// The number of stop requests reported so far.
    reported: u32,
    /// The same of waits that were ended without a request.
    nudged: u32,
    /// Whether a read may succeed.
    pub(super) readable: bool,
    /// Whether a write may succeed.
    pub(super) writable: bool,
}

impl Waiter {
    pub(super) fn new(stop: &StopHandle) -> Result<Self> {
        Waiter::open(stop).map_err(system_error)
    }

    fn open(stop: &StopHandle) -> io::Result<Self> {
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), WAKE)?);
        stop.register(&waker);
        Ok(Waiter {
            poll,
            events: Events::with_capacity(4),
            waker,
            stop: stop.clone(),
            reported: stop.requests(),
            nudged: stop.nudges(),
            readable: false,
            writable: false,
        })
    }

    /// Registers the socket to wait for.
    pub(super) fn register(&mut self, socket: &mut impl Source) -> Result<()> {
        self.poll
            .registry()
            .register(socket, SOCKET, Interest::READABLE | Interest::WRITABLE)
            .map_err(system_error)
    }

    /// A waker that ends a wait from another thread.
    pub(super) fn waker(&self) -> Arc<Waker> {
        self.waker.clone()
    }

    /// Waits until an event (true) or the deadline (false). The event may be a wake-up without
    /// anything new.
    pub(super) fn wait(&mut self, deadline: Option<Instant>) -> Result<bool> {
        let timeout = match deadline {
            None => None,
            Some(deadline) => match deadline.checked_duration_since(Instant::now()) {
                None | Some(Duration::ZERO) => return Ok(false),
                left => left,
            },
        };
        if let Err(error) = self.poll.poll(&mut self.events, timeout)
            && error.kind() != io::ErrorKind::Interrupted
        {
            return Err(system_error(error));
        }
        for event in &self.events {
            if event.token() == SOCKET {
                self.readable |= event.is_readable() || event.is_read_closed() || event.is_error();
                self.writable |= event.is_writable() || event.is_write_closed() || event.is_error();
            }
        }
        Ok(true)
    }

    /// Takes a stop request that has not been reported; false when there is none.
    pub(super) fn take_stop(&mut self) -> bool {
        let requested = self.stop.requests() > self.reported;
        self.reported += u32::from(requested);
        requested
    }

    /// Whether somebody has ended this wait without a request since the last call.
    pub(super) fn take_nudge(&mut self) -> bool {
        let nudges = self.stop.nudges();
        std::mem::replace(&mut self.nudged, nudges) != nudges
    }

    /// Whether a stop has been requested.
    pub(super) fn is_stopping(&self) -> bool {
        self.stop.is_requested()
    }

    /// Fails once a stop has been requested `at` times.
    pub(super) fn abandon_at(&self, at: u32) -> Result<()> {
        if self.stop.requests() < at {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Stopped,
            "stopped while waiting for the provider",
        ))
    }
}

pub(super) fn system_error(error: io::Error) -> Error {
    Error::new(
        ErrorKind::Unreachable,
        "the system cannot wait for a connection",
    )
    .with_source(error)
    .with_hint("are too many files open?")
}
