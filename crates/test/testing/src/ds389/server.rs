//! The builder and the handle of a 389 Directory Server.

use std::fs;
use std::ops::Deref;
use std::time::Duration;

use super::config::{self, ADMIN, Backend, READER, Settings};
use crate::daemon::{self, Account, Daemon, Program};
use crate::judge::{self, Directory};
use crate::release::Release;
use crate::slapd::PASSWORD;
use crate::tools;

/// The user that the package makes for the server.
const USER: &str = "dirsrv";
const PID_FILE: &str = "run/pid";

/// A server to be started; from [`Ds389::builder`].
#[derive(Debug, Clone)]
pub struct Builder(Settings);

impl Builder {
    /// Starts this release, whatever [`Release::chosen`] says.
    pub fn release(mut self, release: Release) -> Self {
        self.0.release = release;
        self
    }

    /// Keeps the database with another library than the release does by default.
    pub fn backend(mut self, backend: Backend) -> Self {
        self.0.database = Some(backend);
        self
    }

    /// Switches a plug-in on, by its name: `MemberOf Plugin`.
    pub fn plugin(mut self, name: &str) -> Self {
        self.0.plugins.push(name.to_owned());
        self
    }

    /// Leaves one of the plug-ins that synchronization needs switched off.
    pub fn without_plugin(mut self, name: &str) -> Self {
        self.0.off.push(name.to_owned());
        self
    }

    /// Lines for the entry of a plug-in.
    pub fn plugin_lines(mut self, name: &str, lines: &str) -> Self {
        self.0.lines.push((name.to_owned(), lines.to_owned()));
        self
    }

    /// Entries of the configuration, as content records.
    pub fn config(mut self, ldif: &str) -> Self {
        self.0.entries += &format!("{}\n\n", ldif.trim());
        self
    }

    /// Gives new entries an `entryUUID`, beside the identity that the server goes by.
    pub fn entry_uuids(self) -> Self {
        self.config(config::ENTRY_UUID)
    }

    /// Forgets changes after a second.
    pub fn trims(self) -> Self {
        self.plugin_lines(
            config::CHANGELOG,
            "nsslapd-changelogmaxage: 1s\nnsslapd-changelog-trim-interval: 1s\n",
        )
    }

    /// Lets everybody read which changes the changelog keeps.
    pub fn shows_changelog(self) -> Self {
        self.plugin_lines(config::CHANGELOG, config::SHOWN)
    }

    /// Keeps changes of the DNS only, as FreeIPA does, and derives memberOf as it does.
    pub fn free_ipa(mut self) -> Self {
        self.0.schema += config::MEMBER_SCHEMA;
        self.plugin_lines(config::CHANGELOG, config::DNS_ONLY)
            .plugin("MemberOf Plugin")
            .plugin_lines("MemberOf Plugin", config::MEMBERS)
    }

    /// Counts the writes to each database.
    pub fn counts_writes(self) -> Self {
        self.plugin("USN")
    }

    /// Counts the writes to all databases in one number, as FreeIPA does.
    pub fn counts_all_writes(mut self) -> Self {
        self.0.global += "\nnsslapd-entryusn-global: on";
        self.counts_writes()
    }

    /// How many entries a search of [`READER`] may show.
    pub fn size_limit(mut self, entries: usize) -> Self {
        self.0.size_limit = Some(entries);
        self
    }

    /// Starts it and waits until it answers.
    pub fn start(self) -> Ds389 {
        tools::find("ldapsearch");
        let settings = self.0;
        let folder = daemon::folder("389ds");
        for name in config::FOLDERS {
            fs::create_dir_all(folder.path().join(name)).expect("a folder");
        }
        let path = |name: &str| folder.path().join(name).display().to_string();
        let account = Account::to_run_as(settings.release, USER, "389-ds-base");
        let program = Program {
            name: "ns-slapd",
            executable: settings.release.program("ns-slapd"),
            // With a log level, be it none, it stays in the foreground.
            arguments: ["-D", &path("config"), "-i", &path(PID_FILE), "-d", "0"]
                .map(str::to_owned)
                .to_vec(),
            environment: Vec::new(),
            patience: Duration::from_secs(60),
            pid_file: PID_FILE,
            error_log: Some("log/errors"),
            databases: &["db"],
            scratch: &["dbhome"],
            account,
        };
        let server = Ds389 {
            daemon: Daemon::new(folder, program),
        };
        let user = match account {
            Some(_) => USER.to_owned(),
            None => tools::user_name(),
        };
        server.launch(|ports| config::write(&settings, server.folder(), ports.ldap, &user));
        let content = config::content(&settings);
        server.ldapmodify(&content).expect("the suffix can be made");
        server
    }
}

/// One 389 Directory Server. Dropping it kills its process and removes its files. Its life is that
/// of a [`Daemon`].
#[derive(Debug)]
pub struct Ds389 {
    daemon: Daemon,
}

impl Deref for Ds389 {
    type Target = Daemon;

    fn deref(&self) -> &Daemon {
        &self.daemon
    }
}

impl Ds389 {
    /// A server with nothing but the suffix entry.
    pub fn start() -> Ds389 {
        Ds389::builder().start()
    }

    /// A server with something special about it.
    pub fn builder() -> Builder {
        Builder(Settings {
            release: Release::chosen(),
            database: None,
            plugins: Vec::new(),
            off: Vec::new(),
            lines: Vec::new(),
            entries: String::new(),
            schema: String::new(),
            global: String::new(),
            size_limit: None,
        })
    }

    /// Applies change records in one process, as the administrator, stopping at the first refusal.
    /// Referral objects are entries to it (manageDSAit).
    pub fn ldapmodify(&self, ldif: &str) -> Result<(), String> {
        tools::ldapmodify(&self.url(), [ADMIN, PASSWORD], ldif, &[])
    }

    /// A fresh search of the whole subtree, as [`READER`]: see [`judge::search`].
    pub fn search(&self, base: &str, filter: &str, attrs: &[&str]) -> Directory {
        judge::search(&self.url(), READER, PASSWORD, base, "sub", filter, attrs)
    }

    /// The numbers of the oldest and the newest change that it remembers.
    pub fn remembers(&self) -> (u64, u64) {
        let numbers = ["firstchangenumber", "lastchangenumber"];
        let root = judge::search(&self.url(), "", "", "", "base", "(objectClass=*)", &numbers);
        let root = root.entries.values().next().expect("a root DSE");
        let [first, last] = numbers.map(|name| {
            let value = root.attrs[name].first().expect("a number");
            let text = String::from_utf8_lossy(value);
            text.parse().expect("a number")
        });
        (first, last)
    }
}
