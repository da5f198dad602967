//! A server that can be changed through `ldapmodify`, whichever program it is.

use crate::daemon::Daemon;
use crate::ds389::{self, Ds389};
use crate::slapd::Slapd;
use crate::tools;

/// Where changes go.
pub trait Target {
    /// The LDAP URL of the server.
    fn url(&self) -> String;

    /// The DN that reads the server, and its password. `None` is anonymous.
    fn reader(&self) -> Option<(&str, &str)> {
        None
    }

    /// Applies change records in one process, as the administrator, stopping at the first refusal.
    fn ldapmodify(&self, ldif: &str) -> Result<(), String>;

    /// Adds many content records; parents come first.
    fn load(&self, ldif: &str) {
        let added = ldif
            .split("\n\n")
            .filter(|record| !record.trim().is_empty())
            .map(|record| record.trim_start().replacen('\n', "\nchangetype: add\n", 1))
            .collect::<Vec<_>>()
            .join("\n\n");
        self.ldapmodify(&added).expect("the records can be added");
    }
}

impl Target for Slapd {
    fn url(&self) -> String {
        Daemon::url(self)
    }

    fn ldapmodify(&self, ldif: &str) -> Result<(), String> {
        Slapd::ldapmodify(self, ldif)
    }

    fn load(&self, ldif: &str) {
        Slapd::load(self, ldif);
    }
}

impl Target for Ds389 {
    fn url(&self) -> String {
        Daemon::url(self)
    }

    fn reader(&self) -> Option<(&str, &str)> {
        Some((ds389::READER, ds389::PASSWORD))
    }

    fn ldapmodify(&self, ldif: &str) -> Result<(), String> {
        Ds389::ldapmodify(self, ldif)
    }
}

/// A server that is running already.
#[derive(Debug, Clone)]
pub struct Other {
    /// The LDAP URL of the server.
    pub url: String,
    /// The DN that may write.
    pub admin: String,
    /// The password of that DN.
    pub password: String,
}

impl Target for Other {
    fn url(&self) -> String {
        self.url.clone()
    }

    fn ldapmodify(&self, ldif: &str) -> Result<(), String> {
        tools::ldapmodify(&self.url, [&self.admin, &self.password], ldif, &[])
    }
}
