//! The options for a connection: plain values that open nothing.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use syncrepl_proto::frame::DEFAULT_MAX_MESSAGE_SIZE;

use super::network::GivenNetwork;
use super::server::StartTls;

/// The addresses of a server's name to try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Addresses {
    /// All, in the order the system prefers.
    All,
    /// This one last: it accepted the previous connection and did not serve it.
    Last(SocketAddr),
    /// This one only: the same machine must answer.
    Only(SocketAddr),
}

/// Where the files of TLS were named, for messages: `TLS_CACERT in /etc/ldap/ldap.conf, line 3`. `None`
/// for a file that the user named with an option.
#[doc(hidden)]
#[derive(Debug, Clone, Default)]
pub struct Named {
    /// Of the file of authorities.
    pub ca_file: Option<String>,
    /// Of the client certificate.
    pub certificate: Option<String>,
    /// Of its key.
    pub key: Option<String>,
    /// A setting about trust that is not honoured.
    pub passed_over: Option<String>,
}

/// The place where a file was named, in brackets behind its name.
pub(super) fn by(place: &Option<String>) -> String {
    place
        .as_ref()
        .map_or_else(String::new, |place| format!(" ({place})"))
}

/// The options for a connection. Start from [`ConnectOptions::default`].
#[derive(Debug, Clone)]
pub(crate) struct ConnectOptions {
    /// StartTLS for a server that is not `ldaps`. Default: [`StartTls::Never`].
    pub(crate) starttls: StartTls,
    /// StartTLS was not asked for anew: the last connection used it. A local socket goes without.
    pub(crate) starttls_remembered: bool,
    /// The copy was made over TLS: [`StartTls::IfPossible`] is [`StartTls::Required`].
    pub(crate) never_in_clear: bool,
    /// A PEM file with the only certificate authorities to trust. Default: those of the platform.
    pub(crate) ca_file: Option<PathBuf>,
    /// PEM files with the client certificate and with its key.
    pub(crate) client_certificate: Option<(PathBuf, PathBuf)>,
    /// Where these files were named.
    pub(crate) named: Named,
    /// Accepts any server certificate, so anybody can pose as the server.
    pub(crate) accept_any_certificate: bool,
    /// Sends nothing in clear, except to a local socket.
    pub(crate) require_tls: bool,
    /// Whether the bind will be anonymous. Default: true.
    pub(crate) anonymous: bool,
    /// The addresses of the server to try. Default: all.
    pub(crate) addresses: Addresses,
    /// The time limit for name resolution, and again for each address, its TLS handshake included.
    /// Default: 10 s.
    pub(crate) connect_timeout: Duration,
    /// The time limit for each response to a single operation, and for each write that makes no
    /// progress. Default: 30 s.
    pub(crate) response_timeout: Duration,
    /// The size limit of one message, in bytes. Default: 64 MiB.
    pub(crate) max_message_size: usize,
    /// The number of stop requests that abandon `open` and single operations. Default: 1; a
    /// connection that helps a refresh stage to its end has 2.
    pub(crate) abandon_at: u32,
    /// The name server to ask for SRV records. Default: those of the system.
    pub(crate) name_server: Option<SocketAddr>,
    /// Streams in place of sockets. Default: none.
    pub(crate) network: GivenNetwork,
}

impl ConnectOptions {
    /// The effective StartTLS option.
    pub(super) fn starttls(&self) -> StartTls {
        match self.starttls {
            StartTls::IfPossible if self.require_tls || self.never_in_clear => StartTls::Required,
            starttls => starttls,
        }
    }
}

impl Default for ConnectOptions {
    fn default() -> Self {
        ConnectOptions {
            starttls: StartTls::Never,
            starttls_remembered: false,
            never_in_clear: false,
            ca_file: None,
            client_certificate: None,
            named: Named::default(),
            accept_any_certificate: false,
            require_tls: false,
            anonymous: true,
            addresses: Addresses::All,
            connect_timeout: Duration::from_secs(10),
            response_timeout: Duration::from_secs(30),
            max_message_size: DEFAULT_MAX_MESSAGE_SIZE,
            abandon_at: 1,
            name_server: None,
            network: GivenNetwork::default(),
        }
    }
}
