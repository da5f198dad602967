//! A 389 Directory Server of a test's own: temporary folder, free loopback port, both plug-ins that
//! synchronization needs, stopped when it goes out of scope. Used like [`crate::slapd`], but it
//! takes a second to start: let a test make much of one.
//!
//! Anonymous may search it, but not synchronize. [`READER`] may, without being an administrator.

mod config;
mod life;

use std::fs;
use std::path::Path;
use std::process::Child;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tempfile::TempDir;

use crate::judge::{self, Directory};
use crate::tools;
use config::Settings;

pub use crate::slapd::{PASSWORD, SUFFIX};

/// The DN that may do everything.
pub const ADMIN: &str = "cn=Directory Manager";
/// A DN that may read all of it, and synchronize. Not an entry of [`SUFFIX`]. Its password is
/// [`PASSWORD`].
pub const READER: &str = "cn=reader,cn=config";

/// What to start; from [`Ds389::builder`].
#[derive(Debug, Clone, Default)]
pub struct Builder(Settings);

impl Builder {
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

    /// How many entries a search of [`READER`] may show.
    pub fn size_limit(mut self, entries: usize) -> Self {
        self.0.size_limit = Some(entries);
        self
    }

    /// Starts it and waits until it answers.
    pub fn start(self) -> Ds389 {
        tools::find("ldapsearch");
        let folder = tempfile::Builder::new()
            .prefix("syncrepl-389ds-")
            .tempdir()
            .expect("a temporary folder");
        let server = Ds389 {
            program: tools::find("ns-slapd"),
            account: life::Account::to_run_as(),
            settings: self.0,
            folder,
            port: Mutex::new(0),
            child: Mutex::new(None),
            inputs: AtomicU64::new(0),
        };
        server.launch();
        let content = config::content(&server.settings);
        server.ldapmodify(&content).expect("the suffix can be made");
        server
    }
}

/// One server. Dropping it kills its process and removes its files.
#[derive(Debug)]
pub struct Ds389 {
    program: std::path::PathBuf,
    account: Option<life::Account>,
    settings: Settings,
    port: Mutex<u16>,
    child: Mutex<Option<Child>>,
    inputs: AtomicU64,
    folder: TempDir,
}

impl Ds389 {
    /// A server with nothing but the suffix entry.
    pub fn start() -> Ds389 {
        Ds389::builder().start()
    }

    /// A server with something special about it.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// `ldap://127.0.0.1:PORT`
    pub fn url(&self) -> String {
        format!("ldap://127.0.0.1:{}", self.port())
    }

    /// The port of [`Ds389::url`].
    pub fn port(&self) -> u16 {
        *lock(&self.port)
    }

    /// Its files.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The process, while it runs.
    pub fn pid(&self) -> Option<u32> {
        lock(&self.child).as_ref().map(Child::id)
    }

    /// Applies change records in one process, as the administrator, stopping at the first refusal.
    /// Referral objects are entries to it (manageDSAit).
    pub fn ldapmodify(&self, ldif: &str) -> Result<(), String> {
        let number = self.inputs.fetch_add(1, Ordering::Relaxed);
        let input = self.folder().join(format!("input-{number}.ldif"));
        fs::write(&input, ldif).expect("writing an input file");
        let url = self.url();
        let arguments = ["-x", "-M", "-H", &url, "-D", ADMIN, "-w", PASSWORD];
        let output = tools::run(&tools::find("ldapmodify"), &arguments, Some(&input));
        fs::remove_file(&input).expect("removing an input file");
        match output.status.success() {
            true => Ok(()),
            false => Err(tools::complaint(&output)),
        }
    }

    /// What a fresh search of the whole subtree shows [`READER`]: see [`judge::search`].
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

impl Drop for Ds389 {
    fn drop(&mut self) {
        if let Some(mut child) = lock(&self.child).take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A panic in one thread of a test must not keep another from stopping the server.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
