//! Who to bind as. Secrets are wiped from memory when they are dropped, and never shown.

use std::fmt;

use zeroize::Zeroizing;

/// Who to bind as (RFC 4513 §5).
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub enum Credentials {
    /// Nobody: an anonymous bind. The default.
    #[default]
    Anonymous,
    /// A name and a password. An empty name with an empty password is an anonymous bind; a name
    /// with an empty password is refused before it is sent.
    Simple {
        /// The DN to bind as.
        dn: String,
        /// Its password.
        password: Password,
    },
    /// SASL EXTERNAL (RFC 4422 appendix A): the identity that the connection itself proves, such as
    /// the user at the other end of a local socket.
    SaslExternal {
        /// The authorization identity to act as (`dn:…` or `u:…`), if not the one proven.
        authzid: Option<String>,
    },
}

impl Credentials {
    /// A name and a password.
    pub fn simple(dn: impl Into<String>, password: impl Into<Password>) -> Self {
        Credentials::Simple {
            dn: dn.into(),
            password: password.into(),
        }
    }

    /// SASL EXTERNAL as the identity that the connection proves.
    pub fn external() -> Self {
        Credentials::SaslExternal { authzid: None }
    }
}

/// A password. Its memory is wiped on drop, and `Debug` does not show it.
#[derive(Clone, Default)]
pub struct Password(Zeroizing<Vec<u8>>);

impl Password {
    /// Whether there is no password at all.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_shown() {
        let shown = format!("{:?}", Credentials::simple("cn=a", "geheim"));
        assert_eq!(shown, r#"Simple { dn: "cn=a", password: … }"#);
    }
}
