//! A PostgreSQL of a test's own: files and Unix socket in a temporary folder, a free loopback port, stopped when it
//! goes out of scope. The judge is `psql`.
//!
//! The superuser `postgres` comes in over the socket without a password. Over TCP the user `sync` needs
//! [`PASSWORD`], or the certificate of [`Builder::tls`]. The database `app` is that user's.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::daemon::{self, Account};
use crate::ports::free_port;
use crate::release::Release;
use crate::tls::Certificates;
use crate::{tools, wait_until};

/// The password of the user `sync`.
pub const PASSWORD: &str = "geheim";

const PATIENCE: Duration = Duration::from_secs(60);
const PACKAGE: &str = "postgresql-15";

/// A server to be started; from [`Postgres::builder`].
#[derive(Debug, Default)]
pub struct Builder {
    settings: String,
    tls: Option<Certificates>,
}

impl Builder {
    /// Lines for `postgresql.conf`.
    pub fn settings(mut self, lines: &str) -> Self {
        self.settings += &format!("{lines}\n");
        self
    }

    /// Offers TLS. The user `sync` then comes in with the client's certificate too, without a password.
    pub fn tls(mut self, certificates: &Certificates) -> Self {
        self.tls = Some(certificates.clone());
        self
    }

    /// Makes the databases and starts the server.
    ///
    /// # Panics
    /// When PostgreSQL is not installed, or does not come up.
    pub fn start(self) -> Postgres {
        let server = Postgres {
            account: Account::to_run_as(Release::Installed, "postgres", PACKAGE),
            folder: daemon::folder("pg"),
            port: Mutex::new(0),
            child: Mutex::new(None),
        };
        server.give(server.folder.path());
        let data = server.data().display().to_string();
        let made = server.run(
            "initdb",
            &[
                "-D",
                &data,
                "-U",
                "postgres",
                "-A",
                "trust",
                "--no-sync",
                "-E",
                "UTF8",
                "--locale=C",
            ],
        );
        assert!(made.status.success(), "initdb: {}", tools::complaint(&made));
        server.configure(&self);
        for _ in 0..20 {
            *lock(&server.port) = free_port();
            if server.try_launch() {
                server.fill();
                return server;
            }
        }
        panic!("postgres does not start: {}", server.log());
    }
}

/// One server. Dropping it stops the process and removes its files.
#[derive(Debug)]
pub struct Postgres {
    account: Option<Account>,
    folder: TempDir,
    port: Mutex<u16>,
    child: Mutex<Option<Child>>,
}

impl Postgres {
    /// A server to be started with settings.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Starts one.
    ///
    /// # Panics
    /// When PostgreSQL is not installed, or does not come up.
    pub fn start() -> Postgres {
        Postgres::builder().start()
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        *lock(&self.port)
    }

    /// The folder of the Unix socket.
    pub fn socket_folder(&self) -> &Path {
        self.folder.path()
    }

    /// `postgresql://sync@127.0.0.1:PORT/app`
    pub fn url(&self) -> String {
        format!("postgresql://sync@127.0.0.1:{}/app", self.port())
    }

    /// The same over the Unix socket, which asks for no password.
    pub fn socket_url(&self) -> String {
        let folder = self.socket_folder().display();
        format!(
            "postgresql:///app?user=sync&host={folder}&port={}",
            self.port()
        )
    }

    /// Runs SQL as the superuser in the database `app`. Returns the rows, `|` between their columns.
    ///
    /// # Panics
    /// When `psql` is missing, or the server refuses the SQL.
    #[track_caller]
    pub fn psql(&self, sql: &str) -> String {
        let output = self.try_psql("postgres", sql);
        let complaint = tools::complaint(&output);
        assert!(output.status.success(), "psql: {complaint}: {sql}");
        String::from_utf8_lossy(&output.stdout)
            .trim_end()
            .to_owned()
    }

    /// Runs SQL as that user, and returns what `psql` says.
    pub fn try_psql(&self, user: &str, sql: &str) -> Output {
        self.psql_in("app", user, sql)
    }

    fn psql_in(&self, database: &str, user: &str, sql: &str) -> Output {
        let mut command = self.client("psql", user);
        command.args(["-XAtq", "-v", "ON_ERROR_STOP=1", "-d", database]);
        // From a file, a command ends at its semicolon: a dump is fit for that, and so is VACUUM.
        tools::finish(&mut command, Some(tools::input(sql).path()))
    }

    /// One of the client programs, such as `pg_dump`, on its way to this server over the socket.
    pub fn client(&self, program: &str, user: &str) -> Command {
        let mut command = Command::new(find(program));
        command
            .arg("-h")
            .arg(self.socket_folder())
            .args(["-p", &self.port().to_string(), "-U", user])
            .env("LC_ALL", "C")
            .stdin(Stdio::null());
        command
    }

    /// What the server has logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// The process, while it runs.
    pub fn pid(&self) -> Option<u32> {
        lock(&self.child).as_ref().map(Child::id)
    }

    /// Ends it as `pg_ctl stop -m immediate` does: without a checkpoint, so that the next start recovers.
    pub fn stop_immediately(&self) {
        self.end("QUIT");
    }

    /// Ends it as an operator would.
    pub fn stop(&self) {
        self.end("INT");
    }

    /// Starts it again, on the same port.
    pub fn start_again(&self) {
        assert!(self.try_launch(), "postgres does not start: {}", self.log());
    }

    /// Stops or resumes the server and all its processes: connections stay, answers do not come.
    pub fn signal_all(&self, signal: &str) {
        let pid = self.pid().expect("postgres runs");
        let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
        let children = children.expect("the children of postgres");
        let children = children
            .split_whitespace()
            .map(|pid| pid.parse().expect("a pid"));
        for pid in std::iter::once(pid).chain(children) {
            tools::signal(pid, signal);
        }
    }

    fn end(&self, signal: &str) {
        let Some(mut child) = lock(&self.child).take() else {
            return;
        };
        tools::signal(child.id(), signal);
        wait_until(PATIENCE, || {
            child.try_wait().expect("waiting for postgres").is_some()
        });
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn give(&self, path: &Path) {
        if let Some(account) = self.account {
            account.own(path);
        }
    }

    fn configure(&self, builder: &Builder) {
        let folder = self.folder.path().display();
        let mut settings = format!(
            "listen_addresses = '127.0.0.1'\n\
             unix_socket_directories = '{folder}'\n\
             fsync = off\n\
             max_connections = 20\n\
             shared_buffers = 64MB\n"
        );
        let mut hosts = "local all all trust\n".to_owned();
        if let Some(certificates) = &builder.tls {
            for (name, file) in [
                ("server.pem", &certificates.server.cert),
                ("server.key", &certificates.server.key),
                ("ca.pem", &certificates.ca),
            ] {
                let target = self.data().join(name);
                fs::copy(file, &target).expect("copying a certificate");
                self.give(&target);
                let only_its_own = fs::Permissions::from_mode(0o600);
                fs::set_permissions(&target, only_its_own).expect("closing a key");
            }
            settings += "ssl = on\n\
                         ssl_cert_file = 'server.pem'\n\
                         ssl_key_file = 'server.key'\n\
                         ssl_ca_file = 'ca.pem'\n";
            hosts += "hostssl app certified 127.0.0.1/32 cert map=test\n";
            fs::write(self.data().join("pg_ident.conf"), "test client certified\n")
                .expect("writing pg_ident.conf");
        }
        hosts += "host all all 127.0.0.1/32 scram-sha-256\n";
        settings += &builder.settings;
        let append = |name: &str, text: String| {
            let path = self.data().join(name);
            fs::write(&path, text).expect("writing a configuration");
        };
        append("postgresql.auto.conf", settings);
        append("pg_hba.conf", hosts);
    }

    /// False when another process took the port.
    fn try_launch(&self) -> bool {
        let log = fs::File::options()
            .create(true)
            .append(true)
            .open(self.folder.path().join("log"))
            .expect("a log file");
        let mut child = self
            .command("postgres")
            .arg("-D")
            .arg(self.data())
            .args(["-p", &self.port().to_string()])
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a log file"))
            .stderr(log)
            .spawn()
            .expect("postgres starts");
        let deadline = Instant::now() + PATIENCE;
        loop {
            if child.try_wait().expect("waiting for postgres").is_some() {
                return false;
            }
            if self.is_ready() {
                *lock(&self.child) = Some(child);
                return true;
            }
            assert!(
                Instant::now() < deadline,
                "postgres does not answer: {}",
                self.log()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// It says so in the file of its process id, of which the eighth line is the state.
    fn is_ready(&self) -> bool {
        let status = fs::read_to_string(self.data().join("postmaster.pid"));
        status.is_ok_and(|text| {
            text.lines()
                .nth(7)
                .is_some_and(|line| line.trim() == "ready")
        })
    }

    fn fill(&self) {
        let sql = format!(
            "CREATE ROLE sync LOGIN PASSWORD '{PASSWORD}'; \
             CREATE ROLE certified LOGIN IN ROLE sync; \
             CREATE DATABASE app OWNER sync"
        );
        let output = self.psql_in("postgres", "postgres", &sql);
        assert!(
            output.status.success(),
            "psql: {}",
            tools::complaint(&output)
        );
    }

    /// A program of the server, as the user that may run it.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(find(program));
        command.env("LC_ALL", "C").current_dir("/");
        if let Some(account) = self.account {
            command.uid(account.user()).gid(account.group());
        }
        command
    }

    fn run(&self, program: &str, arguments: &[&str]) -> Output {
        self.command(program)
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .unwrap_or_else(|error| panic!("cannot run {program}: {error}"))
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // Its children end with it, and its shared memory goes: SIGKILL would leave both for a while.
        if let Some(mut child) = lock(&self.child).take() {
            tools::signal(child.id(), "CONT");
            tools::signal(child.id(), "QUIT");
            let deadline = Instant::now() + Duration::from_secs(10);
            while child.try_wait().is_ok_and(|ended| ended.is_none()) {
                if Instant::now() > deadline {
                    let _ = child.kill();
                }
                std::thread::sleep(Duration::from_millis(5));
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A program of PostgreSQL. Debian keeps those of the server outside of the PATH, a folder a version.
fn find(program: &str) -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let mut found: Vec<PathBuf> = versions
        .flatten()
        .map(|version| version.path().join("bin").join(program))
        .filter(|path| path.is_file())
        .collect();
    found.sort();
    found
        .pop()
        .unwrap_or_else(|| panic!("{program} not found: apt-get install {PACKAGE}"))
}
