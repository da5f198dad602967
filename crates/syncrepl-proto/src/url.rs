//! LDAP URLs (RFC 4516): read strictly, with errors that say what to change, and written in one
//! canonical form.
//!
//! A part that a URL omits stays `None`. This module connects to nothing.

mod read;

use std::fmt::{self, Write};

use crate::dn::DnError;
use crate::filter::{Filter, FilterError};
pub use crate::message::Scope;

/// The reason why a text is not an LDAP URL (RFC 4516 §2). The message says what to change. It
/// quotes no part of the URL, which may hold a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UrlError {
    /// The URL is malformed.
    #[error("{problem} (at byte {position} of the LDAP URL)")]
    Syntax {
        /// The problem, in words.
        problem: &'static str,
        /// The byte where it was found, or where the part begins; the first byte is 1.
        position: usize,
    },
    /// The DN is malformed.
    #[error("the LDAP URL's DN, percent-decoded, is not valid: {0}")]
    Dn(DnError),
    /// The filter is malformed.
    #[error("the LDAP URL's filter, percent-decoded, is not valid: {0}")]
    Filter(FilterError),
}

/// The transport to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Scheme {
    /// `ldap`: TCP (RFC 4516 §2).
    #[default]
    Ldap,
    /// `ldaps`: TLS from the first byte. No RFC defines it; every server has it.
    Ldaps,
    /// `ldapi`: a Unix domain socket. No RFC defines it; OpenLDAP and others have it.
    Ldapi,
}

impl Scheme {
    const ALL: [Self; 3] = [Self::Ldap, Self::Ldaps, Self::Ldapi];

    /// The scheme as a URL writes it before `://`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ldap => "ldap",
            Self::Ldaps => "ldaps",
            Self::Ldapi => "ldapi",
        }
    }
}

/// Whether the connection may continue without TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StartTls {
    /// `StartTLS`: continue without TLS when the server refuses.
    IfPossible,
    /// `!StartTLS`: fail when the server refuses.
    Required,
}

/// One extension (RFC 4516 §2). `Debug` hides the value of `X-BINDPW`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Extension {
    /// Marked with `!`: a client that does not know the extension must not use the URL.
    pub critical: bool,
    /// A name or an OID; its letter case does not count.
    pub name: String,
    /// The text after `=`, decoded.
    pub value: Option<String>,
}

impl Extension {
    fn is(&self, names: &[&str]) -> bool {
        names
            .iter()
            .any(|name| self.name.eq_ignore_ascii_case(name))
    }
}

impl fmt::Debug for Extension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hidden = Some("(hidden)".to_owned());
        let secret = self.is(BIND_PASSWORD) && self.value.is_some();
        f.debug_struct("Extension")
            .field("critical", &self.critical)
            .field("name", &self.name)
            .field("value", if secret { &hidden } else { &self.value })
            .finish()
    }
}

const BIND_NAME: &[&str] = &["bindname"];
const BIND_PASSWORD: &[&str] = &["X-BINDPW"];
const MECHANISM: &[&str] = &["x-mech"];
const ATTRIBUTES_EXCEPT: &[&str] = &["x-attrs-except"];
const START_TLS: &[&str] = &["StartTLS", "X-StartTLS", "1.3.6.1.4.1.1466.20037"];

/// An LDAP URL (RFC 4516), every part decoded.
///
/// `Display` writes the whole URL, **with** the password of an `X-BINDPW` extension. For logs and
/// stores, see [`without_secrets`](Self::without_secrets). `Debug` hides the password.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct LdapUrl {
    /// The transport to the server.
    pub scheme: Scheme,
    /// A name or an address, IPv6 without its brackets. For `ldapi` the path of the socket.
    pub host: Option<String>,
    /// The port, never 0. Meaningless for `ldapi`.
    pub port: Option<u16>,
    /// The base of the search. An empty DN reads as `None`.
    pub dn: Option<String>,
    /// The attributes to return. Empty means all user attributes.
    pub attributes: Vec<String>,
    /// The scope; see [`scope_or_default`](Self::scope_or_default).
    pub scope: Option<Scope>,
    /// The filter. `None` means `(objectClass=*)`.
    pub filter: Option<Filter>,
    /// The extensions, in the order of the URL.
    pub extensions: Vec<Extension>,
}

impl LdapUrl {
    /// The scope; `base` when the URL names none (RFC 4516 §2).
    pub fn scope_or_default(&self) -> Scope {
        self.scope.unwrap_or_default()
    }

    /// The path of the socket; `None` for another scheme or an empty path.
    pub fn path(&self) -> Option<&str> {
        self.host
            .as_deref()
            .filter(|_| self.scheme == Scheme::Ldapi)
    }

    /// The value of `bindname`: the DN to bind as (RFC 4516 §2.1).
    pub fn bind_name(&self) -> Option<&str> {
        self.value(BIND_NAME)
    }

    /// The value of `X-BINDPW`: the password to bind with. Keep it out of logs.
    pub fn bind_password(&self) -> Option<&str> {
        self.value(BIND_PASSWORD)
    }

    /// The value of `x-mech`: the SASL mechanism to bind with.
    pub fn mechanism(&self) -> Option<&str> {
        self.value(MECHANISM)
    }

    /// The attributes that are to be left out: the value of `x-attrs-except`, an extension of this project, which
    /// is a list separated by (encoded) commas.
    pub fn attributes_except(&self) -> impl Iterator<Item = &str> {
        let list = self.value(ATTRIBUTES_EXCEPT).unwrap_or_default();
        list.split(',').filter(|name| !name.is_empty())
    }

    /// The extension that leaves these attributes out.
    pub fn except(names: &[String]) -> Option<Extension> {
        (!names.is_empty()).then(|| Extension {
            critical: false,
            name: ATTRIBUTES_EXCEPT.concat(),
            value: Some(names.join(",")),
        })
    }

    /// Whether the URL asks for StartTLS, and whether it requires it. It may use the name
    /// `StartTLS`, `X-StartTLS` or the OID (RFC 4511 §4.14.1). A value is ignored.
    pub fn start_tls(&self) -> Option<StartTls> {
        let mut asked = self
            .extensions
            .iter()
            .filter(|extension| extension.is(START_TLS));
        let critical = asked.clone().any(|extension| extension.critical);
        let wish = if critical {
            StartTls::Required
        } else {
            StartTls::IfPossible
        };
        asked.next().map(|_| wish)
    }

    /// The name of the first critical extension other than those above. A URL that has one must not
    /// be used (RFC 4516 §2).
    pub fn unknown_critical(&self) -> Option<&str> {
        let known = [
            BIND_NAME,
            BIND_PASSWORD,
            MECHANISM,
            START_TLS,
            ATTRIBUTES_EXCEPT,
        ]
        .concat();
        let unknown = |extension: &&Extension| extension.critical && !extension.is(&known);
        self.extensions
            .iter()
            .find(unknown)
            .map(|extension| extension.name.as_str())
    }

    /// The same URL without `X-BINDPW`.
    pub fn without_secrets(&self) -> Self {
        let mut url = self.clone();
        url.extensions
            .retain(|extension| !extension.is(BIND_PASSWORD));
        url
    }

    fn value(&self, names: &[&str]) -> Option<&str> {
        self.extensions
            .iter()
            .find(|extension| extension.is(names))?
            .value
            .as_deref()
    }
}

/// Writes the canonical form: it percent-encodes only what it must, and leaves out empty parts.
impl fmt::Display for LdapUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://", self.scheme.as_str())?;
        match &self.host {
            Some(address) if self.scheme != Scheme::Ldapi && address.contains(':') => {
                f.write_char('[')?;
                encode(f, address, b":")?;
                f.write_char(']')?;
            }
            host => encode(f, host.as_deref().unwrap_or_default(), b"")?,
        }
        if let Some(port) = self.port.filter(|_| self.scheme != Scheme::Ldapi) {
            write!(f, ":{port}")?;
        }
        f.write_char('/')?;
        encode(f, self.dn.as_deref().unwrap_or_default(), IN_PATH)?;
        let filter = self
            .filter
            .as_ref()
            .map(Filter::to_string)
            .unwrap_or_default();
        let parts = [
            self.attributes.is_empty(),
            self.scope.is_none(),
            filter.is_empty(),
            self.extensions.is_empty(),
        ];
        for part in 0..parts
            .iter()
            .rposition(|empty| !empty)
            .map_or(0, |last| last + 1)
        {
            f.write_char('?')?;
            match part {
                0 => write_list(f, &self.attributes, |f, name| encode(f, name, IN_LIST))?,
                1 => f.write_str(self.scope.map_or("", Scope::as_str))?,
                2 => encode(f, &filter, IN_PATH)?,
                _ => write_list(f, &self.extensions, |f, extension| {
                    f.write_str(if extension.critical { "!" } else { "" })?;
                    encode(f, &extension.name, IN_LIST)?;
                    let Some(value) = &extension.value else {
                        return Ok(());
                    };
                    f.write_char('=')?;
                    encode(f, value, IN_LIST)
                })?,
            }
        }
        Ok(())
    }
}

/// The characters that RFC 3986 §3.3 allows in a path besides letters, digits and `-._~`.
const IN_PATH: &[u8] = b"!$&'()*+,;=:@/";
/// The same without the comma, which separates the items of a list.
const IN_LIST: &[u8] = b"!$&'()*+;=:@/";

fn encode(f: &mut fmt::Formatter<'_>, text: &str, allowed: &[u8]) -> fmt::Result {
    text.bytes().try_for_each(|byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || allowed.contains(&byte) {
            f.write_char(char::from(byte))
        } else {
            write!(f, "%{byte:02X}")
        }
    })
}

fn write_list<T>(
    f: &mut fmt::Formatter<'_>,
    items: &[T],
    write: impl Fn(&mut fmt::Formatter<'_>, &T) -> fmt::Result,
) -> fmt::Result {
    items.iter().enumerate().try_for_each(|(index, item)| {
        f.write_str(if index == 0 { "" } else { "," })?;
        write(f, item)
    })
}
