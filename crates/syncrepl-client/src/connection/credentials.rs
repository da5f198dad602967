//! The credentials of a bind. Secrets are wiped from memory when they are dropped, and never shown.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::error::{Error, ErrorKind, Result};

/// The credentials of a bind (RFC 4513 §5).
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub enum Credentials {
    /// An anonymous bind. The default.
    #[default]
    Anonymous,
    /// A simple bind. An empty name with an empty password is an anonymous bind. A name with an
    /// empty password is an error, and is not sent.
    Simple {
        /// The DN to bind as.
        dn: String,
        /// Its password.
        password: Password,
    },
    /// SASL EXTERNAL (RFC 4422 appendix A): the identity that the connection itself proves, such as
    /// the user at the other end of a local socket or a TLS client certificate.
    SaslExternal {
        /// The authorization identity to act as (`dn:…` or `u:…`), if not the one proven.
        authzid: Option<String>,
    },
    /// SASL SCRAM (RFC 5802, RFC 7677): a user name and a password that is not sent. The provider
    /// must prove that it knows the password too, or the bind fails with
    /// [`ErrorKind::Credentials`].
    SaslScram {
        /// The hash, which determines the mechanism.
        mechanism: ScramHash,
        /// The user name: not a DN, usually a uid.
        authcid: String,
        /// Its password.
        password: Password,
        /// The authorization identity to act as (`dn:…` or `u:…`), if not the user's own.
        authzid: Option<String>,
    },
    /// SASL GSSAPI (RFC 4752): a Kerberos ticket. For every connection the client looks for one
    /// where Kerberos keeps it (`KRB5CCNAME`), or gets one with the keytab `KRB5_CLIENT_KTNAME`.
    /// Needs the feature `gssapi`.
    SaslGssapi {
        /// The Kerberos principal whose ticket to use, `name@REALM`. `None`: the default ticket.
        principal: Option<String>,
        /// The authorization identity to act as (`dn:…` or `u:…`), if not the ticket's own.
        authzid: Option<String>,
    },
}

/// The hash of a SCRAM mechanism.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum ScramHash {
    /// SCRAM-SHA-1 (RFC 5802), for providers that support nothing newer.
    Sha1,
    /// SCRAM-SHA-256 (RFC 7677). The default.
    #[default]
    Sha256,
    /// SCRAM-SHA-512, built like the others; no RFC defines it.
    Sha512,
}

impl ScramHash {
    /// The name of the mechanism.
    pub fn mechanism(self) -> &'static str {
        match self {
            ScramHash::Sha1 => "SCRAM-SHA-1",
            ScramHash::Sha256 => "SCRAM-SHA-256",
            ScramHash::Sha512 => "SCRAM-SHA-512",
        }
    }
}

impl Credentials {
    /// The authzId of these credentials. It stands in when a provider does not support Who am I?
    /// (RFC 4532).
    pub(crate) fn identity(&self) -> String {
        match self {
            Credentials::Anonymous => String::new(),
            Credentials::Simple { dn, .. } => format!("dn:{dn}"),
            Credentials::SaslExternal { authzid } => authzid.clone().unwrap_or_default(),
            Credentials::SaslScram {
                authzid, authcid, ..
            } => authzid.clone().unwrap_or_else(|| format!("u:{authcid}")),
            Credentials::SaslGssapi { authzid, principal } => authzid
                .clone()
                .unwrap_or_else(|| format!("u:{}", principal.as_deref().unwrap_or_default())),
        }
    }

    /// Whether they prove nothing, so that they hold nothing to steal.
    pub(crate) fn is_anonymous(&self) -> bool {
        match self {
            Credentials::Anonymous => true,
            Credentials::Simple { dn, password } => dn.is_empty() && password.is_empty(),
            _ => false,
        }
    }

    /// The same with a password that was read just now; `None` if theirs never changes.
    ///
    /// # Errors
    /// `InvalidInput` when it cannot be read.
    pub(crate) fn read_anew(&self) -> Result<Option<Credentials>> {
        let mut credentials = self.clone();
        let (Credentials::Simple { password, .. } | Credentials::SaslScram { password, .. }) =
            &mut credentials
        else {
            return Ok(None);
        };
        let Held::Elsewhere(read) = &password.0 else {
            return Ok(None);
        };
        *password = read().map_err(|error| {
            Error::new(ErrorKind::InvalidInput, "the password cannot be read").with_source(error)
        })?;
        Ok(Some(credentials))
    }

    /// Checks that this build can use them; `InvalidInput` if not.
    pub(crate) fn check(&self) -> Result<()> {
        match self {
            Credentials::SaslGssapi { .. } if cfg!(not(feature = "gssapi")) => {
                Err(without_gssapi())
            }
            _ => Ok(()),
        }
    }

    /// SCRAM-SHA-256 with a user name and a password.
    pub fn scram(authcid: impl Into<String>, password: impl Into<Password>) -> Self {
        Credentials::SaslScram {
            mechanism: ScramHash::default(),
            authcid: authcid.into(),
            password: password.into(),
            authzid: None,
        }
    }

    /// GSSAPI with the default Kerberos ticket. Needs the feature `gssapi`.
    pub fn gssapi() -> Self {
        Credentials::SaslGssapi {
            principal: None,
            authzid: None,
        }
    }

    /// A simple bind with a DN and a password.
    pub fn simple(dn: impl Into<String>, password: impl Into<Password>) -> Self {
        Credentials::Simple {
            dn: dn.into(),
            password: password.into(),
        }
    }

    /// SASL EXTERNAL with the identity that the connection proves.
    pub fn external() -> Self {
        Credentials::SaslExternal { authzid: None }
    }
}

/// A password. Its memory is wiped on drop, and `Debug` does not show it.
#[derive(Clone, Default)]
pub struct Password(Held);

/// Where a password is.
#[derive(Clone)]
enum Held {
    Here(Zeroizing<Vec<u8>>),
    /// In a place that may hold another one tomorrow.
    Elsewhere(Arc<Read>),
}

type Read = dyn Fn() -> Result<Password, Box<dyn StdError + Send + Sync>> + Send + Sync;

impl Default for Held {
    fn default() -> Self {
        Held::Here(Zeroizing::default())
    }
}

impl Password {
    /// A password that `read` gives anew for each bind, because it may change while the consumer runs. An
    /// error of it fails the bind with [`ErrorKind::InvalidInput`].
    pub fn read_at_each_bind<F>(read: F) -> Self
    where
        F: Fn() -> Result<Password, Box<dyn StdError + Send + Sync>> + Send + Sync + 'static,
    {
        Password(Held::Elsewhere(Arc::new(read)))
    }

    /// Whether the password is empty. One that is read at each bind counts as not empty.
    pub fn is_empty(&self) -> bool {
        match &self.0 {
            Held::Here(bytes) => bytes.is_empty(),
            Held::Elsewhere(_) => false,
        }
    }

    /// The bytes. Of one that is read at each bind there are none, until
    /// [`read_anew`](Credentials::read_anew) has read it.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Held::Here(bytes) => bytes,
            Held::Elsewhere(_) => &[],
        }
    }
}

impl From<String> for Password {
    fn from(password: String) -> Self {
        Password(Held::Here(Zeroizing::new(password.into_bytes())))
    }
}

impl From<&str> for Password {
    fn from(password: &str) -> Self {
        Password(Held::Here(Zeroizing::new(password.as_bytes().to_vec())))
    }
}

impl From<Vec<u8>> for Password {
    fn from(password: Vec<u8>) -> Self {
        Password(Held::Here(Zeroizing::new(password)))
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// The error for GSSAPI in a build without it.
pub(super) fn without_gssapi() -> Error {
    Error::new(
        ErrorKind::InvalidInput,
        "this build has no Kerberos: SASL GSSAPI is left out",
    )
    .with_hint(
        "build it with --features gssapi, which needs the packages libkrb5-dev and libclang-dev",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_hides_secrets() {
        let shown = format!("{:?}", Credentials::simple("cn=a", "geheim"));
        assert_eq!(shown, r#"Simple { dn: "cn=a", password: … }"#);
        let shown = format!("{:?}", Credentials::scram("ann", "geheim"));
        assert!(
            shown.contains("ann") && !shown.contains("geheim"),
            "{shown}"
        );
    }
}
