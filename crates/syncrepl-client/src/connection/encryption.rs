//! What protects a connection, for who wants to look at it.

use super::Connection;
use super::certificate::Facts;

/// The TLS of a connection.
#[derive(Debug, Clone)]
pub(crate) struct Encryption {
    /// Version and cipher suite.
    pub(crate) agreed: String,
    /// Of the server's certificate: the names it is for,
    pub(crate) names: Vec<String>,
    /// and the last second it is valid in, since 1970, if it can be read.
    pub(crate) valid_until: Option<i64>,
}

impl Connection {
    /// What TLS has agreed on and seen; `None` without TLS.
    pub(crate) fn encryption(&self) -> Option<Encryption> {
        let tls = self.transport.tls()?;
        let facts: Option<Facts> = tls.seen().facts();
        Some(Encryption {
            agreed: tls.agreed(),
            valid_until: facts.as_ref().map(|facts| facts.not_after),
            names: facts.map(|facts| facts.names).unwrap_or_default(),
        })
    }
}
