//! The credentials of a bind. Secrets are wiped from memory when they are dropped, and never shown.

use std::fmt;

use zeroize::Zeroizing;

use crate::error::{Error, ErrorKind, Result};
use crate::record::text::printable;

/// The supported SASL mechanisms, for messages.
const MECHANISMS: &str = "EXTERNAL, SCRAM-SHA-256, SCRAM-SHA-512, SCRAM-SHA-1, GSSAPI";

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

/// A SASL bind in the words of `ldapsearch`, for [`Credentials::sasl`]. Leave out what the
/// mechanism does not need.
///
/// ```
/// use syncrepl_client::{Credentials, Sasl};
///
/// let mut sasl = Sasl::new("SCRAM-SHA-256");
/// sasl.authcid = Some("ann".to_owned());
/// sasl.password = Some("secret".into());
/// let credentials = Credentials::sasl(sasl)?;
/// # Ok::<(), syncrepl_client::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Sasl {
    /// `-Y`: the name of the mechanism, in any letter case.
    pub mechanism: String,
    /// `-U`: the name of the user (SCRAM), or the Kerberos principal (GSSAPI).
    pub authcid: Option<String>,
    /// `-R`: the realm of that user or principal, where the name has none (`name@realm`).
    pub realm: Option<String>,
    /// `-X`: the authorization identity to act as, `dn:…` or `u:…`.
    pub authzid: Option<String>,
    /// `-w`, `-W` or `-y`: the password (SCRAM).
    pub password: Option<Password>,
}

impl Sasl {
    /// This mechanism, and nothing else yet.
    pub fn new(mechanism: impl Into<String>) -> Self {
        Sasl {
            mechanism: mechanism.into(),
            ..Sasl::default()
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

    /// Whether they prove nothing, so that nobody can steal anything.
    pub(crate) fn is_anonymous(&self) -> bool {
        match self {
            Credentials::Anonymous => true,
            Credentials::Simple { dn, password } => dn.is_empty() && password.is_empty(),
            _ => false,
        }
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

    /// The credentials that `sasl` describes.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`]: the mechanism is not supported, lacks something, or is given
    /// something it does not use.
    pub fn sasl(sasl: Sasl) -> Result<Self> {
        let Sasl {
            mechanism,
            authcid,
            realm,
            authzid,
            password,
        } = sasl;
        let name = mechanism.to_ascii_uppercase();
        let wrong = |problem: &str, hint: &str| {
            Err(
                Error::new(ErrorKind::InvalidInput, format!("SASL {name} {problem}"))
                    .with_hint(hint),
            )
        };
        if let Some(authzid) = &authzid
            && !["dn:", "u:"].iter().any(|form| authzid.starts_with(form))
        {
            return wrong(
                "cannot act as that authorization identity",
                "it has to begin with dn: or u: (-X)",
            );
        }
        let with_realm = |name: String| match &realm {
            Some(realm) if !name.contains('@') => format!("{name}@{realm}"),
            _ => name,
        };
        let scram = match name.as_str() {
            "SCRAM-SHA-1" => ScramHash::Sha1,
            "SCRAM-SHA-256" => ScramHash::Sha256,
            "SCRAM-SHA-512" => ScramHash::Sha512,
            "EXTERNAL" | "GSSAPI" if password.is_some() => {
                return wrong("takes no password", "leave it out (-w, -W, -y)");
            }
            "EXTERNAL" if authcid.is_some() || realm.is_some() => {
                return wrong(
                    "takes the identity that the connection proves",
                    "leave out the name and the realm (-U, -R); -X acts as another identity",
                );
            }
            "EXTERNAL" => return Ok(Credentials::SaslExternal { authzid }),
            "GSSAPI" if authcid.is_none() && realm.is_some() => {
                return wrong("needs a name with that realm", "give the principal (-U)");
            }
            "GSSAPI" => {
                let credentials = Credentials::SaslGssapi {
                    principal: authcid.map(with_realm),
                    authzid,
                };
                return credentials.check().map(|()| credentials);
            }
            _ => return Err(not_supported(&mechanism)),
        };
        match (authcid.filter(|name| !name.is_empty()), password) {
            (Some(authcid), Some(password)) if !password.is_empty() => Ok(Credentials::SaslScram {
                mechanism: scram,
                authcid: with_realm(authcid),
                password,
                authzid,
            }),
            (None, _) => wrong("needs the name of a user", "give it with -U; it is no DN"),
            (Some(_), _) => wrong(
                "needs a password, which is not empty",
                "-W asks for it, -y FILE reads it from a file",
            ),
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
pub struct Password(Zeroizing<Vec<u8>>);

impl Password {
    /// Whether the password is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl From<String> for Password {
    fn from(password: String) -> Self {
        Password(Zeroizing::new(password.into_bytes()))
    }
}

impl From<&str> for Password {
    fn from(password: &str) -> Self {
        Password(Zeroizing::new(password.as_bytes().to_vec()))
    }
}

impl From<Vec<u8>> for Password {
    fn from(password: Vec<u8>) -> Self {
        Password(Zeroizing::new(password))
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

fn not_supported(mechanism: &str) -> Error {
    let error = Error::new(
        ErrorKind::InvalidInput,
        format!(
            "the SASL mechanism {} is not supported; supported are {MECHANISMS}",
            printable(mechanism)
        ),
    );
    let upper = mechanism.to_ascii_uppercase();
    match upper.as_str() {
        "PLAIN" | "LOGIN" => error.with_hint(
            "it would send the password as it is, like a simple bind: use that (-x -D DN) over TLS",
        ),
        "GSS-SPNEGO" => error.with_hint("GSSAPI takes the same ticket"),
        _ if upper.ends_with("-PLUS") => {
            error.with_hint("there is no channel binding; leave out -PLUS")
        }
        "DIGEST-MD5" | "CRAM-MD5" => error.with_hint("it is obsolete; SCRAM takes its place"),
        _ => error,
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
        let sasl = Sasl {
            password: Some("geheim".into()),
            ..Sasl::default()
        };
        assert!(!format!("{sasl:?}").contains("geheim"));
    }
}
