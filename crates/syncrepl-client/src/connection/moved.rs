//! The outcomes of a read and of a write, in every layer.

use std::io;

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
