//! A SASL bind in the words of `ldapsearch`, and the credentials that it makes.

use super::credentials::{Credentials, Password, ScramHash};
use crate::error::{Error, ErrorKind, Result};

/// The supported SASL mechanisms, for messages.
const MECHANISMS: &str = "EXTERNAL, SCRAM-SHA-256, SCRAM-SHA-512, SCRAM-SHA-1, GSSAPI";

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
    /// The credentials that `sasl` describes.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`]: the mechanism is not supported, lacks something, or is given
    /// something it does not use.
    pub fn sasl(sasl: Sasl) -> Result<Self> {
        let known = ["dn:", "u:"];
        if let Some(authzid) = &sasl.authzid
            && !known.iter().any(|form| authzid.starts_with(form))
        {
            return sasl.wrong(
                "cannot act as that authorization identity",
                "it has to begin with dn: or u: (-X)",
            );
        }
        match sasl.mechanism.to_ascii_uppercase().as_str() {
            "EXTERNAL" => sasl.external(),
            "GSSAPI" => sasl.gssapi(),
            "SCRAM-SHA-1" => sasl.scram(ScramHash::Sha1),
            "SCRAM-SHA-256" => sasl.scram(ScramHash::Sha256),
            "SCRAM-SHA-512" => sasl.scram(ScramHash::Sha512),
            _ => Err(not_supported(&sasl.mechanism)),
        }
    }
}

impl Sasl {
    fn external(self) -> Result<Credentials> {
        self.no_password()?;
        if self.authcid.is_some() || self.realm.is_some() {
            return self.wrong(
                "takes the identity that the connection proves",
                "leave out the name and the realm (-U, -R); -X acts as another identity",
            );
        }
        Ok(Credentials::SaslExternal {
            authzid: self.authzid,
        })
    }

    fn gssapi(self) -> Result<Credentials> {
        self.no_password()?;
        if self.authcid.is_none() && self.realm.is_some() {
            return self.wrong("needs a name with that realm", "give the principal (-U)");
        }
        let credentials = Credentials::SaslGssapi {
            principal: self.authcid.as_deref().map(|name| self.with_realm(name)),
            authzid: self.authzid,
        };
        credentials.check().map(|()| credentials)
    }

    fn scram(self, mechanism: ScramHash) -> Result<Credentials> {
        let Some(name) = self.authcid.as_deref().filter(|name| !name.is_empty()) else {
            return self.wrong("needs the name of a user", "give it with -U; it is no DN");
        };
        let authcid = self.with_realm(name);
        match self.password {
            Some(password) if !password.is_empty() => Ok(Credentials::SaslScram {
                mechanism,
                authcid,
                password,
                authzid: self.authzid,
            }),
            _ => self.wrong(
                "needs a password, which is not empty",
                "-W asks for it, -y FILE reads it from a file",
            ),
        }
    }

    fn no_password(&self) -> Result<()> {
        match self.password {
            Some(_) => self.wrong("takes no password", "leave it out (-w, -W, -y)"),
            None => Ok(()),
        }
    }

    /// A name with the realm, unless it names one itself.
    fn with_realm(&self, name: &str) -> String {
        match &self.realm {
            Some(realm) if !name.contains('@') => format!("{name}@{realm}"),
            _ => name.to_owned(),
        }
    }

    fn wrong<T>(&self, problem: &str, hint: &str) -> Result<T> {
        let mechanism = self.mechanism.to_ascii_uppercase();
        let problem = format!("SASL {mechanism} {problem}");
        Err(Error::new(ErrorKind::InvalidInput, problem).with_hint(hint))
    }
}

/// Mechanisms that others have. A message quotes no other name: it may be a password in a wrong place.
const OTHERS: &[&str] = &[
    "ANONYMOUS",
    "CRAM-MD5",
    "DIGEST-MD5",
    "GS2-KRB5",
    "GSSAPI-PLUS",
    "GSS-SPNEGO",
    "LOGIN",
    "NTLM",
    "OAUTHBEARER",
    "OTP",
    "PLAIN",
    "SCRAM-SHA-1-PLUS",
    "SCRAM-SHA-256-PLUS",
    "SCRAM-SHA-512-PLUS",
    "XOAUTH2",
];

fn not_supported(mechanism: &str) -> Error {
    let upper = mechanism.to_ascii_uppercase();
    let name = OTHERS.iter().find(|name| **name == upper);
    let named = name.map_or_else(String::new, |name| format!(" {name}"));
    let error = Error::new(
        ErrorKind::InvalidInput,
        format!("the SASL mechanism{named} is not supported; supported are {MECHANISMS}"),
    );
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_hides_password() {
        let sasl = Sasl {
            password: Some("geheim".into()),
            ..Sasl::default()
        };
        assert!(!format!("{sasl:?}").contains("geheim"));
    }
}
