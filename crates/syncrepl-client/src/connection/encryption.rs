//! A description of the TLS of a connection, for `doctor`.

use super::certificate::Facts;
use super::wire::Connection;

/// The TLS of a connection.
#[derive(Debug, Clone)]
pub(crate) struct Encryption {
    /// The version and the cipher suite.
    pub(crate) agreed: String,
    /// The names in the server's certificate.
    pub(crate) names: Vec<String>,
    /// The last second in which that certificate is valid, since 1970; `None` if it cannot be read.
    pub(crate) valid_until: Option<i64>,
}

impl Connection {
    /// The TLS of this connection; `None` without TLS.
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
