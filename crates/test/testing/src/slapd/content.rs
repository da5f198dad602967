//! The content of the server: changes through `ldapmodify`, bulk through `slapadd` and `slapcat`.

use super::names::{ADMIN, PASSWORD, SUFFIX};
use super::server::Slapd;
use crate::judge::{self, Directory};
use crate::tools;

impl Slapd {
    /// Adds the suffix entry, as after [`Slapd::wipe`].
    pub fn add_base(&self) {
        self.ldapmodify(&format!(
            "dn: {SUFFIX}\n\
             changetype: add\n\
             objectClass: organization\n\
             objectClass: dcObject\n\
             o: Example\n\
             dc: example\n"
        ))
        .expect("adding the suffix entry");
    }

    /// Applies change records in one process, as the administrator, stopping at the first refusal.
    /// Referral objects are entries to it (manageDSAit). The error names the record, and its number.
    pub fn ldapmodify(&self, ldif: &str) -> Result<(), String> {
        self.modify(ldif, &[])
    }

    /// As [`Slapd::ldapmodify`], going on after a refusal; the error then names all of them.
    pub fn ldapmodify_all(&self, ldif: &str) -> Result<(), String> {
        self.modify(ldif, &["-c"])
    }

    fn modify(&self, ldif: &str, options: &[&str]) -> Result<(), String> {
        tools::ldapmodify(&self.url(), [ADMIN, PASSWORD], ldif, options)
    }

    /// Takes everything away, the suffix entry too, and starts the server empty.
    pub fn wipe(&self) {
        self.stop();
        self.empty_databases();
        self.start_again();
    }

    /// A fresh search of the whole subtree, as the administrator: see [`judge::search`].
    pub fn search(&self, base: &str, filter: &str, attrs: &[&str]) -> Directory {
        judge::search(&self.url(), ADMIN, PASSWORD, base, "sub", filter, attrs)
    }

    /// Puts many content records in: stops the server, loads them from the side, starts it again.
    /// Ten times as fast as [`Slapd::ldapmodify`]; parents come first. The access log hears nothing.
    pub fn load(&self, ldif: &str) {
        self.stop();
        // Not -q with -w: slapadd 2.5 then corrupts its heap, more often than not.
        self.slapadd(ldif, &["-w"]);
        self.start_again();
    }

    /// All entries as LDIF with their operational attributes, as `slapcat` writes them.
    pub fn export(&self) -> String {
        let arguments = self.offline("cat", &["-o", "ldif-wrap=no"]);
        let mut slapcat = self.executable().command();
        let output = tools::finish(slapcat.args(arguments), None);
        assert!(
            output.status.success(),
            "slapcat: {}",
            tools::complaint(&output)
        );
        String::from_utf8(output.stdout).expect("slapcat writes UTF-8")
    }

    pub(super) fn slapadd(&self, ldif: &str, options: &[&str]) {
        let input = tools::input(ldif);
        let arguments = self.offline("add", options);
        let mut slapadd = self.executable().command();
        let output = tools::finish(slapadd.args(arguments), Some(input.path()));
        assert!(
            output.status.success(),
            "slapadd: {}",
            tools::complaint(&output)
        );
    }

    fn offline(&self, tool: &str, options: &[&str]) -> Vec<String> {
        let configuration = self.folder().join("slapd.conf").display().to_string();
        let fixed = ["-T", tool, "-f", &configuration, "-b", SUFFIX];
        fixed
            .iter()
            .chain(options)
            .map(|&argument| argument.to_owned())
            .collect()
    }
}
