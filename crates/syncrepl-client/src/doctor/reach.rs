//! Checks that the server answers, what protects the connection, and our identity by the server.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use syncrepl_proto::profile::{Provider, Support, Trouble};

use super::{Doctor, Patient, advice};
use crate::connection::{Connection, Credentials, RootDse, written};
use crate::engine::{check_identity, unsupported};
use crate::error::{ErrorKind, Result};

/// A certificate that expires within this many days is worth a warning.
const SOON: i64 = 21;

const IN_CLEAR: &str = "use -ZZ (StartTLS) or ldaps://, and --require-tls to allow nothing else";

impl Doctor<'_> {
    pub(super) fn reach(&mut self) -> Result<Patient> {
        let settings = self.settings;
        let mut connection = Connection::open(self.server, &settings.options, self.stop)
            .inspect_err(|error| {
                let what = match error.kind() {
                    ErrorKind::Tls => "TLS",
                    ErrorKind::InvalidInput => "options",
                    ErrorKind::Stopped => "stopped",
                    _ => "reachable",
                };
                self.bad(what, error, &[]);
            })?;
        self.good(format!("reachable: {} answers", self.server));
        self.encryption(&connection);
        let bound = connection.bind(&settings.credentials);
        bound.inspect_err(|error| self.bad("bind", error, &[]))?;
        self.kerberos(&connection);
        if let Some(warning) = connection.password_warning() {
            let words = warning.words(Duration::ZERO);
            self.warn(format!("password: {words}"), &[]);
        }
        let who = connection.who_am_i();
        let who = who.inspect_err(|error| self.bad("bind", error, &[]))?;
        self.bound(who.as_deref());
        self.same_identity(who.as_deref())?;
        let root = connection.root_dse();
        let root = root.inspect_err(|error| self.bad("server", error, &[]))?;
        let provider = root.provider();
        self.provider(provider, &root)?;
        Ok(Patient {
            connection,
            root,
            provider,
            authzid: who.unwrap_or_else(|| settings.credentials.identity()),
        })
    }

    /// Whether the copy, if there is one, was made by this identity.
    fn same_identity(&mut self, who: Option<&str>) -> Result<()> {
        if self.settings.allow_new_identity {
            return Ok(());
        }
        check_identity(self.stored, who, &self.settings.credentials)
            .inspect_err(|error| self.bad("identity", error, &[]))
    }

    /// Whether the bind agreed on protection, where TLS gives none.
    fn kerberos(&mut self, connection: &Connection) {
        let gssapi = matches!(self.settings.credentials, Credentials::SaslGssapi { .. });
        if !gssapi || connection.is_encrypted() || connection.is_loopback() {
            return;
        }
        match connection.is_protected() {
            true => self.good("TLS: none; Kerberos protects what follows"),
            false => {
                let text = "TLS: none, and Kerberos protects the bind alone: all that is copied goes in clear";
                self.warn(text, &[IN_CLEAR]);
            }
        }
    }

    fn encryption(&mut self, connection: &Connection) {
        let Some(tls) = connection.encryption() else {
            return match &self.settings.credentials {
                _ if self.server.socket_path().is_some() => {
                    self.good("TLS: none, and none needed: a local socket");
                }
                _ if connection.is_loopback() => {
                    self.good("TLS: none; it does not leave this machine");
                }
                // It may protect what follows. The bind agrees on that.
                Credentials::SaslGssapi { .. } => {}
                Credentials::Simple { .. } => {
                    let text = "TLS: none: the password and all that is copied go in clear";
                    self.warn(text, &[IN_CLEAR]);
                }
                _ => self.warn("TLS: none: all that is copied goes in clear", &[IN_CLEAR]),
            };
        };
        let names = match tls.names.is_empty() {
            true => "no name".to_owned(),
            false => tls.names.join(", "),
        };
        let mut text = format!("TLS: {}; the certificate is for {names}", tls.agreed);
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.map_or(0, |now| i64::try_from(now.as_secs()).unwrap_or(i64::MAX));
        let days = tls
            .valid_until
            .map(|until| (until.saturating_sub(now)).div_euclid(86_400));
        if let Some(until) = tls.valid_until {
            text += &format!(", valid until {}", written(until));
        }
        if self.settings.options.accept_any_certificate {
            let text = format!("{text}; but it is NOT CHECKED");
            return self.warn(text, &["trust the right one with --ca-file instead"]);
        }
        match days {
            Some(days) if days < SOON => {
                let text = format!("{text}, {days} days from now");
                self.warn(
                    text,
                    &["have it renewed: when it has expired, nobody connects"],
                );
            }
            _ => self.good(text),
        }
    }

    fn bound(&mut self, who: Option<&str>) {
        match who {
            Some("") => self.good("bind: anonymous; the server takes us for nobody"),
            Some(authzid) => self.good(format!("bind: the server takes us for {authzid}")),
            None => self.warn(
                "bind: accepted; the server does not say for whom it takes us (RFC 4532)",
                &[],
            ),
        }
    }

    fn provider(&mut self, provider: Provider, root: &RootDse) -> Result<()> {
        if let Some(error) = unsupported(provider, self.server)
            && !self.settings.any_server
        {
            self.bad("server", &error, &[]);
            return Err(error);
        }
        let version = root.vendor_version.as_deref().unwrap_or_default();
        match provider.support {
            Support::Tested if version.is_empty() => {
                self.good(format!("server: {}", provider.title));
            }
            Support::Tested => self.good(format!("server: {} ({version})", provider.title)),
            Support::Unsupported(why) => self.warn(
                format!("server: {}, which is not supported", provider.title),
                &[why],
            ),
            Support::Untested if *root == RootDse::default() => self.warn(
                "server: it hides its root DSE, so it is not known which one it is",
                &[&format!(
                    "grant this identity to read the root DSE{}",
                    advice::in_brackets(provider, Trouble::RootDseHidden)
                )],
            ),
            Support::Untested => {
                let name = root.vendor_name.as_deref().unwrap_or("no name");
                self.warn(
                    format!(
                        "server: one that was not tested ({})",
                        format!("{name} {version}").trim()
                    ),
                    &["what it says is gone is looked up before it is deleted"],
                );
            }
        }
        Ok(())
    }
}
