//! A server that can be changed through `ldapmodify`, whoever wrote it.

use crate::ds389::{self, Ds389};
use crate::slapd::Slapd;
use crate::tools;

/// Where changes go.
pub trait Target {
    /// Where it listens.
    fn url(&self) -> String;

    /// Who reads it, with what password: nobody in particular, unless the server wants to know.
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
        Slapd::url(self)
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
        Ds389::url(self)
    }

    fn reader(&self) -> Option<(&str, &str)> {
        Some((ds389::READER, ds389::PASSWORD))
    }

    fn ldapmodify(&self, ldif: &str) -> Result<(), String> {
        Ds389::ldapmodify(self, ldif)
    }
}

/// A server that somebody else has started.
#[derive(Debug, Clone)]
pub struct Other {
    /// Where it listens.
    pub url: String,
    /// Who may write.
    pub admin: String,
    /// Their password.
    pub password: String,
}

impl Target for Other {
    fn url(&self) -> String {
        self.url.clone()
    }

    fn ldapmodify(&self, ldif: &str) -> Result<(), String> {
        let input = tempfile::NamedTempFile::new().expect("a temporary file");
        std::fs::write(input.path(), ldif).expect("writing an input file");
        let arguments = [
            "-x",
            "-M",
            "-H",
            &self.url,
            "-D",
            &self.admin,
            "-w",
            &self.password,
        ];
        let output = tools::run(&tools::find("ldapmodify"), &arguments, Some(input.path()));
        match output.status.success() {
            true => Ok(()),
            false => Err(tools::complaint(&output)),
        }
    }
}
