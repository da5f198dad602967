//! The builder and the handle of a `slapd`.

use std::fs;
use std::ops::Deref;
use std::path::Path;
use std::time::Duration;

use super::config::{self, Settings, Variant};
use super::names::{ADMIN, PASSWORD};
use crate::daemon::{self, Daemon, Program};
use crate::release::{Executable, Release};
use crate::tools;

/// The folders of the databases. The second holds the access log, if there is one.
const DATABASES: [&str; 2] = ["db", "log"];

/// A server to be started; from [`Slapd::builder`].
#[derive(Debug, Clone)]
pub struct Builder(Settings);

impl Builder {
    /// Starts this release, whatever [`Release::chosen`] says.
    pub fn release(mut self, release: Release) -> Self {
        self.0.release = release;
        self
    }

    /// Offers StartTLS, and TLS on a port of its own.
    pub fn tls(mut self, ca_file: &Path, cert: &Path, key: &Path) -> Self {
        self.0.tls = Some([ca_file, cert, key].map(Path::to_owned));
        self
    }

    /// Also listens on a Unix socket.
    pub fn ldapi(mut self) -> Self {
        self.0.ldapi = true;
        self
    }

    /// Does not add the suffix entry.
    pub fn empty(mut self) -> Self {
        self.0.empty = true;
        self
    }

    /// How many changes the session log holds.
    pub fn sessionlog(mut self, changes: usize) -> Self {
        self.0.sessionlog = changes;
        self
    }

    /// Leaves out the overlay syncprov, and its module: [`Builder::extra_global`] may load it again.
    pub fn without_syncprov(mut self) -> Self {
        self.0.without_syncprov = true;
        self
    }

    /// Lines of configuration for the whole server, after our own.
    pub fn extra_global(mut self, lines: &str) -> Self {
        self.0.global += &format!("{lines}\n");
        self
    }

    /// Lines for the database, before `overlay syncprov`: `access`, `limits`, `index`, overlays.
    pub fn extra_database(mut self, lines: &str) -> Self {
        self.0.database += &format!("{lines}\n");
        self
    }

    /// Lines for the overlay syncprov.
    pub fn extra_syncprov(mut self, lines: &str) -> Self {
        self.0.syncprov += &format!("{lines}\n");
        self
    }

    /// A variable in the environment of the process.
    pub fn environment(mut self, name: &str, value: &str) -> Self {
        let variable = (name.to_owned(), value.to_owned());
        self.0.environment.push(variable);
        self
    }

    /// Starts it and waits until it answers.
    pub fn start(self) -> Slapd {
        let with_base = !self.0.empty;
        let server = self.prepare();
        server.launch(|_| ());
        if with_base {
            server.add_base();
        }
        server
    }

    /// Everything but the process.
    pub(super) fn prepare(self) -> Slapd {
        tools::find("ldapsearch");
        let settings = self.0;
        let folder = daemon::folder("slapd");
        for database in DATABASES {
            fs::create_dir(folder.path().join(database)).expect("a database folder");
        }
        let configuration = folder.path().join("slapd.conf");
        let text = config::text(&settings, folder.path());
        fs::write(&configuration, text).expect("writing slapd.conf");
        let program = Program {
            name: "slapd",
            executable: unconfined(settings.release.program("slapd"), folder.path()),
            arguments: vec![
                "-f".to_owned(),
                configuration.display().to_string(),
                "-h".to_owned(),
                listeners(&settings, folder.path()),
                // It stays in the foreground, and says what is wrong with its configuration.
                "-d".to_owned(),
                "none".to_owned(),
            ],
            environment: settings.environment.clone(),
            patience: Duration::from_secs(30),
            pid_file: "slapd.pid",
            error_log: None,
            databases: &DATABASES,
            scratch: &[],
            account: None,
        };
        let daemon = Daemon::new(folder, program);
        Slapd { daemon, settings }
    }
}

fn listeners(settings: &Settings, folder: &Path) -> String {
    let mut listeners = "ldap://127.0.0.1:{port}".to_owned();
    if settings.tls.is_some() {
        listeners += " ldaps://127.0.0.1:{tls_port}";
    }
    if settings.ldapi {
        listeners += &format!(" {}", ldapi_url(folder));
    }
    listeners
}

fn ldapi_url(folder: &Path) -> String {
    let path = folder.join("ldapi").display().to_string();
    format!("ldapi://{}", path.replace('/', "%2F"))
}

/// Where a profile of AppArmor keeps `/usr/sbin/slapd` out of temporary folders, a copy in the
/// folder takes its place: profiles go by path.
fn unconfined(program: Executable, folder: &Path) -> Executable {
    if program.root.is_some() || !Path::new("/etc/apparmor.d/usr.sbin.slapd").exists() {
        return program;
    }
    let copy = folder.join("slapd");
    fs::copy(program.path, &copy).expect("copying slapd");
    Executable {
        path: copy,
        root: None,
    }
}

/// One slapd. Dropping it kills its process and removes its files. Its life is that of a
/// [`Daemon`].
#[derive(Debug)]
pub struct Slapd {
    daemon: Daemon,
    settings: Settings,
}

impl Deref for Slapd {
    type Target = Daemon;

    fn deref(&self) -> &Daemon {
        &self.daemon
    }
}

impl Slapd {
    /// A server with nothing but the suffix entry.
    pub fn start(variant: Variant) -> Slapd {
        Slapd::builder(variant).start()
    }

    /// A server with something special about it.
    pub fn builder(variant: Variant) -> Builder {
        Builder(Settings {
            release: Release::chosen(),
            variant,
            sessionlog: 1000,
            global: String::new(),
            database: String::new(),
            syncprov: String::new(),
            tls: None,
            ldapi: false,
            empty: false,
            without_syncprov: false,
            environment: Vec::new(),
        })
    }

    /// `ldaps://127.0.0.1:PORT`, when it was built with [`Builder::tls`].
    pub fn ldaps_url(&self) -> String {
        assert!(
            self.settings.tls.is_some(),
            "this slapd was built without tls()"
        );
        format!("ldaps://127.0.0.1:{}", self.ports().tls)
    }

    /// The Unix socket's URL, when it was built with [`Builder::ldapi`].
    pub fn ldapi_url(&self) -> String {
        assert!(self.settings.ldapi, "this slapd was built without ldapi()");
        ldapi_url(self.folder())
    }

    /// The DN that may do everything.
    pub fn admin_dn(&self) -> &'static str {
        ADMIN
    }

    /// The password of [`Slapd::admin_dn`].
    pub fn password(&self) -> &'static str {
        PASSWORD
    }
}
