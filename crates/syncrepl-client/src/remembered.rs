//! What a store remembers of how its copy was made: by which servers, as whom, and how the connection was
//! encrypted. A refresh writes it in its transaction. It holds no secret and no file's content.

use std::ffi::OsString;
use std::fmt;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use syncrepl_proto::dn;
use syncrepl_proto::url::{LdapUrl, Scheme};

use crate::connection::{Credentials, Password, Sasl, StartTls};
use crate::error::{Error, ErrorKind, Result};
use crate::record::text::printable;
use crate::status;
use crate::store::{Store, Writer};

/// The servers, one URL a line.
pub(crate) const SERVERS: &str = "syncrepl_servers";
/// How the consumer binds: `anonymous`, `simple`, or the name of a SASL mechanism.
const BIND: &str = "syncrepl_bind";
/// The DN of a simple bind, or the name of a SASL bind.
const BIND_NAME: &str = "syncrepl_bind_name";
/// The identity that a SASL bind asks to act as.
const BIND_AUTHZID: &str = "syncrepl_bind_authzid";
/// `required`, or `if possible`.
const STARTTLS: &str = "syncrepl_starttls";
/// How the last refresh that left this machine, or could have, was encrypted: `ldaps` or `starttls`.
pub(crate) const ENCRYPTED: &str = "syncrepl_encrypted";
const CA_FILE: &str = "syncrepl_ca_file";
const CERTIFICATE: &str = "syncrepl_certificate";
const KEY: &str = "syncrepl_key";

/// What a store remembers of how its copy was made. A consumer without other options does the same again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Remembered {
    /// The search, with the first server. `None` before the first refresh.
    pub url: Option<LdapUrl>,
    /// All servers, in the order in which they are tried; URLs that name no search.
    pub servers: Vec<LdapUrl>,
    /// As whom. `None` before the first refresh, and where an earlier version kept the authzId alone and
    /// that tells of no bind DN.
    pub bind: Option<Bind>,
    /// The identity that the provider gave (RFC 4513 §5.2.1.8); empty for anonymous.
    pub authzid: Option<String>,
    /// StartTLS, where it was asked for.
    pub starttls: StartTls,
    /// Whether the last refresh came over TLS.
    pub encrypted: bool,
    /// The file of the authorities to trust.
    pub ca_file: Option<PathBuf>,
    /// The files of the client certificate and of its key.
    pub client_certificate: Option<(PathBuf, PathBuf)>,
}

impl Remembered {
    pub(crate) fn of_writer(writer: &Writer) -> Result<Self> {
        Remembered::read(|name| writer.setting(name))
    }

    fn read(setting: impl Fn(&str) -> Result<Option<Vec<u8>>>) -> Result<Self> {
        let text = |name| -> Result<Option<String>> {
            Ok(setting(name)?.map(|value| String::from_utf8_lossy(&value).into_owned()))
        };
        let path = |name| -> Result<Option<PathBuf>> {
            Ok(setting(name)?.map(|value| PathBuf::from(OsString::from_vec(value))))
        };
        let url = setting(status::URL)?;
        let url = url.map(|url| status::parse_url(&url)).transpose()?;
        let authzid = text(status::AUTHZID)?;
        let servers = match (setting(SERVERS)?, &url) {
            (Some(servers), _) => servers
                .split(|byte| *byte == b'\n')
                .map(status::parse_url)
                .collect::<Result<_>>()?,
            (None, url) => url.iter().map(server_alone).collect(),
        };
        let bind = text(BIND)?;
        let ldaps = |url: &LdapUrl| url.scheme == Scheme::Ldaps;
        Ok(Remembered {
            // An earlier version kept no more than the URL and the authzId.
            encrypted: match bind {
                Some(_) => setting(ENCRYPTED)?.is_some(),
                None => url.as_ref().is_some_and(ldaps),
            },
            bind: match bind {
                Some(how) => Some(Bind::read(how, text(BIND_NAME)?, text(BIND_AUTHZID)?)),
                None => authzid.as_deref().and_then(Bind::of_authzid),
            },
            starttls: match text(STARTTLS)?.as_deref() {
                None => StartTls::Never,
                Some("if possible") => StartTls::IfPossible,
                Some(_) => StartTls::Required,
            },
            ca_file: path(CA_FILE)?,
            client_certificate: path(CERTIFICATE)?.zip(path(KEY)?),
            url,
            servers,
            authzid,
        })
    }

    /// Writes all but the URL and the authzId, inside the open transaction. `encrypted` is how this refresh
    /// was; `None` leaves what is there, since a local socket needs no encryption.
    pub(crate) fn write(&self, writer: &Writer, encrypted: Option<Encrypted>) -> Result<()> {
        let servers: Vec<_> = self.servers.iter().map(LdapUrl::to_string).collect();
        let servers = servers.join("\n");
        let bind = self.bind.as_ref();
        let files = self.client_certificate.as_ref();
        for (name, value) in [
            (SERVERS, Some(servers.as_bytes())),
            (BIND, bind.map(|bind| bind.how().as_bytes())),
            (BIND_NAME, bind.and_then(|bind| bytes(&bind.name))),
            (BIND_AUTHZID, bind.and_then(|bind| bytes(&bind.authzid))),
            (STARTTLS, starttls(self.starttls).map(str::as_bytes)),
            (CA_FILE, self.ca_file.as_deref().map(of_path)),
            (
                CERTIFICATE,
                files.map(|(certificate, _)| of_path(certificate)),
            ),
            (KEY, files.map(|(_, key)| of_path(key))),
        ] {
            writer.set_setting(name, value)?;
        }
        match encrypted {
            None => Ok(()),
            Some(Encrypted::Not) => writer.set_setting(ENCRYPTED, None),
            Some(Encrypted::Ldaps) => writer.set_setting(ENCRYPTED, Some(b"ldaps")),
            Some(Encrypted::StartTls) => writer.set_setting(ENCRYPTED, Some(b"starttls")),
        }
    }
}

fn bytes(text: &Option<String>) -> Option<&[u8]> {
    text.as_deref().map(str::as_bytes)
}

fn of_path(path: &Path) -> &[u8] {
    path.as_os_str().as_bytes()
}

fn starttls(starttls: StartTls) -> Option<&'static str> {
    match starttls {
        StartTls::Never => None,
        StartTls::IfPossible => Some("if possible"),
        StartTls::Required => Some("required"),
    }
}

/// The same URL without search and extensions: the server alone.
pub(crate) fn server_alone(url: &LdapUrl) -> LdapUrl {
    LdapUrl {
        scheme: url.scheme,
        host: url.host.clone(),
        port: url.port,
        ..LdapUrl::default()
    }
}

/// How a connection over the network is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encrypted {
    Not,
    StartTls,
    Ldaps,
}

/// As whom a copy was made, without the secret. A simple bind has no mechanism; an anonymous one has no name
/// either.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Bind {
    /// The SASL mechanism.
    pub mechanism: Option<String>,
    /// The DN of a simple bind; the name of the user (SCRAM) or the principal (GSSAPI).
    pub name: Option<String>,
    /// The authorization identity that a SASL bind asks to act as.
    pub authzid: Option<String>,
}

impl Bind {
    /// That of these credentials.
    pub(crate) fn of(credentials: &Credentials) -> Self {
        let sasl = |mechanism: &str, name: Option<&String>, authzid: &Option<String>| Bind {
            mechanism: Some(mechanism.to_owned()),
            name: name.cloned(),
            authzid: authzid.clone(),
        };
        match credentials {
            Credentials::Anonymous => Bind::default(),
            Credentials::Simple { dn, .. } => Bind {
                name: Some(dn.clone()).filter(|dn| !dn.is_empty()),
                ..Bind::default()
            },
            Credentials::SaslExternal { authzid } => sasl("EXTERNAL", None, authzid),
            Credentials::SaslScram {
                mechanism,
                authcid,
                authzid,
                ..
            } => sasl(mechanism.mechanism(), Some(authcid), authzid),
            Credentials::SaslGssapi { principal, authzid } => {
                sasl("GSSAPI", principal.as_ref(), authzid)
            }
        }
    }

    /// That of a store which knows the authzId alone: the DN of a simple bind, unless slapd made the DN
    /// of another bind (`…,cn=auth`).
    fn of_authzid(authzid: &str) -> Option<Self> {
        let Some(dn) = dn_of(authzid) else {
            return authzid.is_empty().then(Bind::default);
        };
        let by_sasl = dn::is_within(&dn::key(dn), &dn::key("cn=auth"));
        (!by_sasl && !dn.is_empty()).then(|| Bind {
            name: Some(dn.to_owned()),
            ..Bind::default()
        })
    }

    fn read(how: String, name: Option<String>, authzid: Option<String>) -> Self {
        let mechanism = (how != "anonymous" && how != "simple").then_some(how);
        Bind {
            mechanism,
            name,
            authzid,
        }
    }

    fn how(&self) -> &str {
        match (&self.mechanism, &self.name) {
            (Some(mechanism), _) => mechanism,
            (None, Some(_)) => "simple",
            (None, None) => "anonymous",
        }
    }

    /// Whether it takes a password.
    pub fn needs_password(&self) -> bool {
        match &self.mechanism {
            Some(mechanism) => mechanism.starts_with("SCRAM"),
            None => self.name.is_some(),
        }
    }

    /// The credentials to bind so again.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`]: the password is missing, or there is one too many.
    pub fn credentials(&self, password: Option<Password>) -> Result<Credentials> {
        if self.needs_password() && password.is_none() {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                format!(
                    "the copy was made as {self}, and the password of that identity is missing"
                ),
            )
            .with_hint(
                "-W asks for it, -y FILE reads it from a file; -D and -Y name another identity",
            ));
        }
        match (&self.mechanism, &self.name) {
            (None, None) => Ok(Credentials::Anonymous),
            (None, Some(dn)) => Ok(Credentials::simple(dn, password.unwrap_or_default())),
            (Some(mechanism), name) => Credentials::sasl(Sasl {
                mechanism: mechanism.clone(),
                authcid: name.clone(),
                authzid: self.authzid.clone(),
                password,
                ..Sasl::default()
            }),
        }
    }
}

impl fmt::Display for Bind {
    /// For people, with no character that could steer a terminal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.mechanism, &self.name) {
            (None, None) => f.write_str("an anonymous user")?,
            (None, Some(dn)) => f.write_str(&printable(dn))?,
            (Some(mechanism), None) => write!(f, "SASL {}", printable(mechanism))?,
            (Some(mechanism), Some(name)) => {
                write!(f, "{} (SASL {})", printable(name), printable(mechanism))?;
            }
        }
        match &self.authzid {
            Some(authzid) => write!(f, ", acting as {}", printable(authzid)),
            None => Ok(()),
        }
    }
}

/// The DN of an authzId that names one. 389-ds writes a blank behind the colon.
pub(crate) fn dn_of(authzid: &str) -> Option<&str> {
    let (form, dn) = authzid.split_at_checked(3)?;
    form.eq_ignore_ascii_case("dn:").then(|| dn.trim_start())
}

impl Store {
    /// What the store remembers of how its copy was made, for a program that asks for the password of
    /// that identity.
    ///
    /// # Errors
    /// Those of the store.
    pub fn remembered(&self) -> Result<Remembered> {
        self.read(|_| Remembered::read(|name| self.get_setting(name)).map_err(Into::into))
    }
}
