//! The server to connect to: plain values that open nothing.

use std::fmt;
use std::path::{Path, PathBuf};

use syncrepl_proto::url::{LdapUrl, Scheme};

use crate::record::text::printable;

/// One LDAP server: a scheme with a host and port, or the path of a local socket.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Server(Address);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Address {
    Tcp { host: String, port: u16, tls: bool },
    Unix(PathBuf),
}

impl Server {
    /// The default port of `ldap://`.
    pub const LDAP_PORT: u16 = 389;
    /// The default port of `ldaps://`.
    pub const LDAPS_PORT: u16 = 636;

    /// A server reached in clear, or with StartTLS. An empty host means `localhost`; an IPv6
    /// address may stand in brackets.
    pub fn ldap(host: impl Into<String>, port: u16) -> Self {
        Server::tcp(host.into(), port, false)
    }

    /// A server that speaks TLS from the first byte. The host is as for [`ldap`](Server::ldap).
    pub fn ldaps(host: impl Into<String>, port: u16) -> Self {
        Server::tcp(host.into(), port, true)
    }

    /// A server on this machine, by the path of its Unix domain socket.
    pub fn ldapi(path: impl Into<PathBuf>) -> Self {
        Server(Address::Unix(path.into()))
    }

    /// The server that an LDAP URL names. The defaults are those of `ldapsearch`: `localhost`, port
    /// 389 or 636, `/var/run/slapd/ldapi`.
    pub(crate) fn of_url(url: &LdapUrl) -> Self {
        let host = url.host.clone().unwrap_or_default();
        match url.scheme {
            Scheme::Ldap => Server::ldap(host, url.port.unwrap_or(Server::LDAP_PORT)),
            Scheme::Ldaps => Server::ldaps(host, url.port.unwrap_or(Server::LDAPS_PORT)),
            Scheme::Ldapi => Server::ldapi(url.path().unwrap_or("/var/run/slapd/ldapi")),
        }
    }

    fn tcp(host: String, port: u16, tls: bool) -> Self {
        let bare = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'))
            .unwrap_or(&host);
        let host = if bare.is_empty() { "localhost" } else { bare }.to_owned();
        Server(Address::Tcp { host, port, tls })
    }

    /// The name or address of the host, without brackets; `None` for a local socket.
    pub fn host(&self) -> Option<&str> {
        match &self.0 {
            Address::Tcp { host, .. } => Some(host),
            Address::Unix(_) => None,
        }
    }

    /// The TCP port; `None` for a local socket.
    pub fn port(&self) -> Option<u16> {
        match self.0 {
            Address::Tcp { port, .. } => Some(port),
            Address::Unix(_) => None,
        }
    }

    /// The path of a local socket; `None` for a TCP server.
    pub fn socket_path(&self) -> Option<&Path> {
        match &self.0 {
            Address::Tcp { .. } => None,
            Address::Unix(path) => Some(path),
        }
    }

    /// Whether TLS starts with the first byte (`ldaps`).
    pub fn is_ldaps(&self) -> bool {
        matches!(self.0, Address::Tcp { tls: true, .. })
    }
}

impl fmt::Display for Server {
    /// The server as an LDAP URL, for people: `ldap://host:389`, `ldapi://%2Frun%2Fslapd%2Fldapi`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Address::Tcp { host, port, tls } => {
                let scheme = if *tls { "ldaps" } else { "ldap" };
                let host = printable(host);
                if host.contains(':') {
                    write!(f, "{scheme}://[{host}]:{port}")
                } else {
                    write!(f, "{scheme}://{host}:{port}")
                }
            }
            Address::Unix(path) => {
                f.write_str("ldapi://")?;
                for &byte in path.as_os_str().as_encoded_bytes() {
                    match byte {
                        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                            write!(f, "{}", char::from(byte))?;
                        }
                        _ => write!(f, "%{byte:02X}")?,
                    }
                }
                Ok(())
            }
        }
    }
}

/// Whether StartTLS (RFC 4511 §4.14) encrypts a connection that begins in clear. It has no effect
/// on `ldaps` servers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StartTls {
    /// The connection stays in clear. The default.
    #[default]
    Never,
    /// The client asks for StartTLS. If the server refuses, an anonymous bind goes on in clear,
    /// with a warning. Any other credentials give [`ErrorKind::Tls`](crate::ErrorKind::Tls) before
    /// a byte of them is sent.
    ///
    /// Anybody between you and the server can forge a refusal: use [`Required`](StartTls::Required)
    /// wherever the server supports it. If the server agrees, a failed handshake or a bad
    /// certificate is an error. A local socket stays in clear.
    IfPossible,
    /// StartTLS must succeed before anything else is sent.
    Required,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn server_displays_as_url() {
        for (server, url) in [
            (Server::ldap("h.example", 389), "ldap://h.example:389"),
            (Server::ldaps("", 636), "ldaps://localhost:636"),
            (Server::ldap("[::1]", 1389), "ldap://[::1]:1389"),
            (Server::ldap("::1", 1389), "ldap://[::1]:1389"),
            (Server::ldap("a\nb", 1), "ldap://a\\nb:1"),
            (Server::ldapi("/run/a b"), "ldapi://%2Frun%2Fa%20b"),
        ] {
            assert_eq!(server.to_string(), url);
        }
        assert_eq!(Server::ldap("[::1]", 1).host(), Some("::1"));
    }

    #[test]
    fn url_names_server() {
        for (url, server) in [
            ("ldap:///dc=example", Server::ldap("localhost", 389)),
            ("ldaps://[::1]/dc=example", Server::ldaps("::1", 636)),
            ("ldap://h:1389/??sub", Server::ldap("h", 1389)),
            ("ldapi://%2Ftmp%2Fl", Server::ldapi("/tmp/l")),
            ("ldapi:///", Server::ldapi("/var/run/slapd/ldapi")),
        ] {
            assert_eq!(Server::of_url(&LdapUrl::parse(url).unwrap()), server);
        }
    }
}
