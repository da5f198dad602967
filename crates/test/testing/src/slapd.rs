//! A `slapd` of a test's own: temporary folder, free loopback port, stopped when it goes out of
//! scope.
//!
//! Every method takes `&self`, so that one thread can write while another kills the server. A
//! `Slapd` in a `static` is never dropped and so never stopped: keep it in the test.

mod config;
mod content;
mod life;
mod pair;
mod replica;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tempfile::TempDir;

use crate::tools;
use config::Settings;
pub use pair::{Pair, context_csns};

/// The suffix of every test server.
pub const SUFFIX: &str = "dc=example,dc=com";
/// The DN that may do everything.
pub const ADMIN: &str = "cn=admin,dc=example,dc=com";
/// The password of [`ADMIN`].
pub const PASSWORD: &str = "secret";

/// From what the server answers a consumer that comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variant {
    /// No log: the present phase.
    Plain,
    /// `syncprov-sessionlog`, of 1000 changes unless set otherwise.
    SessionLog,
    /// A database of past writes as the source of the session log.
    AccessLog,
}

impl Variant {
    /// All of them.
    pub const ALL: [Variant; 3] = [Variant::Plain, Variant::SessionLog, Variant::AccessLog];
}

/// What to start; from [`Slapd::builder`].
#[derive(Debug, Clone)]
pub struct Builder(Settings);

impl Builder {
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
        server.launch();
        if with_base {
            server.add_base();
        }
        server
    }

    /// Everything but the process.
    fn prepare(self) -> Slapd {
        tools::find("ldapsearch");
        let program = tools::find("slapd");
        let folder = tempfile::Builder::new()
            .prefix("syncrepl-slapd-")
            .tempdir()
            .expect("a temporary folder");
        let settings = self.0;
        let slapd = Slapd {
            program: unconfined(&program, folder.path()),
            folder,
            settings,
            ports: Mutex::new(Ports::default()),
            child: Mutex::new(None),
            inputs: AtomicU64::new(0),
        };
        for name in ["db", "log"] {
            fs::create_dir(slapd.folder().join(name)).expect("a database folder");
        }
        let text = config::text(&slapd.settings, slapd.folder());
        fs::write(slapd.folder().join("slapd.conf"), text).expect("writing slapd.conf");
        slapd
    }
}

/// Where a profile of AppArmor keeps `/usr/sbin/slapd` out of temporary folders, a copy in the
/// folder takes its place: profiles go by path.
fn unconfined(program: &Path, folder: &Path) -> PathBuf {
    if !Path::new("/etc/apparmor.d/usr.sbin.slapd").exists() {
        return program.to_owned();
    }
    let copy = folder.join("slapd");
    fs::copy(program, &copy).expect("copying slapd");
    copy
}

#[derive(Debug, Clone, Copy, Default)]
struct Ports {
    ldap: u16,
    ldaps: u16,
}

/// One server. Dropping it kills its process and removes its files.
#[derive(Debug)]
pub struct Slapd {
    program: PathBuf,
    settings: Settings,
    ports: Mutex<Ports>,
    child: Mutex<Option<Child>>,
    inputs: AtomicU64,
    folder: TempDir,
}

impl Slapd {
    /// A server with nothing but the suffix entry.
    pub fn start(variant: Variant) -> Slapd {
        Slapd::builder(variant).start()
    }

    /// A server with something special about it.
    pub fn builder(variant: Variant) -> Builder {
        Builder(Settings {
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

    /// `ldap://127.0.0.1:PORT`
    pub fn url(&self) -> String {
        format!("ldap://127.0.0.1:{}", self.port())
    }

    /// `ldaps://127.0.0.1:PORT`, when it was built with [`Builder::tls`].
    pub fn ldaps_url(&self) -> String {
        assert!(
            self.settings.tls.is_some(),
            "this slapd was built without tls()"
        );
        format!("ldaps://127.0.0.1:{}", lock(&self.ports).ldaps)
    }

    /// The Unix socket's URL, when it was built with [`Builder::ldapi`].
    pub fn ldapi_url(&self) -> String {
        assert!(self.settings.ldapi, "this slapd was built without ldapi()");
        let path = self.folder().join("ldapi");
        format!("ldapi://{}", path.display().to_string().replace('/', "%2F"))
    }

    /// The port of [`Slapd::url`].
    pub fn port(&self) -> u16 {
        lock(&self.ports).ldap
    }

    /// The DN that may do everything.
    pub fn admin_dn(&self) -> &'static str {
        ADMIN
    }

    /// The password of [`Slapd::admin_dn`].
    pub fn password(&self) -> &'static str {
        PASSWORD
    }

    /// Its files.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The process, while it runs.
    pub fn pid(&self) -> Option<u32> {
        lock(&self.child).as_ref().map(Child::id)
    }
}

impl Drop for Slapd {
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
