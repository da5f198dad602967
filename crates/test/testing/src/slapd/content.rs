//! What is in the server: changes through `ldapmodify`, bulk through `slapadd` and `slapcat`.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::Ordering;

use super::{ADMIN, PASSWORD, SUFFIX, Slapd};
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
        let input = self.input(ldif);
        let url = self.url();
        let mut arguments = vec!["-x", "-M", "-H", &url, "-D", ADMIN, "-w", PASSWORD];
        arguments.extend(options);
        let output = tools::run(&tools::find("ldapmodify"), &arguments, Some(&input));
        fs::remove_file(&input).expect("removing an input file");
        if output.status.success() {
            return Ok(());
        }
        // Progress goes to stdout, a line for each record, so the last is the one that was refused.
        let progress = String::from_utf8_lossy(&output.stdout);
        let lines = progress.lines().filter(|line| !line.is_empty());
        let (number, last) = lines.enumerate().last().unwrap_or_default();
        let complaint = tools::complaint(&output);
        Err(format!("{complaint} (record {}: {last})", number + 1))
    }

    /// What a fresh search of the whole subtree shows the administrator: see [`judge::search`].
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
        let output = tools::run(&self.program, &arguments, None);
        assert!(
            output.status.success(),
            "slapcat: {}",
            tools::complaint(&output)
        );
        String::from_utf8(output.stdout).expect("slapcat writes UTF-8")
    }

    pub(super) fn slapadd(&self, ldif: &str, options: &[&str]) {
        let input = self.input(ldif);
        let output = tools::run(&self.program, &self.offline("add", options), Some(&input));
        assert!(
            output.status.success(),
            "slapadd: {}",
            tools::complaint(&output)
        );
        fs::remove_file(&input).expect("removing an input file");
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

    fn input(&self, ldif: &str) -> PathBuf {
        let number = self.inputs.fetch_add(1, Ordering::Relaxed);
        let path = self.folder().join(format!("input-{number}.ldif"));
        fs::write(&path, ldif).expect("writing an input file");
        path
    }
}
