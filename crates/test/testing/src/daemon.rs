//! A server process of a test's own, whichever program it is: a folder, ports, start, stop, kill,
//! pause; and the database files, which may be touched only while the server is down.
//!
//! Every method takes `&self`, so that one thread can write while another kills the server. A
//! server in a `static` is never dropped and so never stopped: keep it in the test.

mod account;

use std::fs;
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::ports::free_port;
use crate::release::Executable;
use crate::tools;
pub(crate) use account::Account;

/// The differences between one server program and another.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) name: &'static str,
    pub(crate) executable: Executable,
    /// `{port}` and `{tls_port}` stand for the two ports.
    pub(crate) arguments: Vec<String>,
    pub(crate) environment: Vec<(String, String)>,
    /// How long the server may take to come up or to go down.
    pub(crate) patience: Duration,
    /// The server writes its process id there when it has bound its ports.
    pub(crate) pid_file: &'static str,
    /// A file of its own in which the server says why it cannot start.
    pub(crate) error_log: Option<&'static str>,
    /// Folders that a backup copies.
    pub(crate) databases: &'static [&'static str],
    /// Folders that the server fills again from its databases.
    pub(crate) scratch: &'static [&'static str],
    /// The user that the server changes to, if it does.
    pub(crate) account: Option<Account>,
}

/// The two ports of a server. A server without TLS leaves the second alone.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Ports {
    pub(crate) ldap: u16,
    pub(crate) tls: u16,
}

impl Ports {
    fn free() -> Ports {
        Ports {
            ldap: free_port(),
            tls: free_port(),
        }
    }
}

/// One server process. Dropping it kills the process and removes its files.
#[derive(Debug)]
pub struct Daemon {
    program: Program,
    ports: Mutex<Ports>,
    child: Mutex<Option<Child>>,
    /// Variables for the next start, beside those of the program.
    environment: Mutex<Vec<(String, String)>>,
    folder: TempDir,
}

/// A temporary folder for the files of a server.
pub(crate) fn folder(name: &str) -> TempDir {
    tempfile::Builder::new()
        .prefix(&format!("syncrepl-{name}-"))
        .tempdir()
        .expect("a temporary folder")
}

impl Daemon {
    /// A server that is still to be started.
    pub(crate) fn new(folder: TempDir, program: Program) -> Daemon {
        Daemon {
            program,
            ports: Mutex::default(),
            child: Mutex::default(),
            environment: Mutex::default(),
            folder,
        }
    }

    /// `ldap://127.0.0.1:PORT`
    pub fn url(&self) -> String {
        format!("ldap://127.0.0.1:{}", self.port())
    }

    /// The port of [`Daemon::url`].
    pub fn port(&self) -> u16 {
        self.ports().ldap
    }

    pub(crate) fn ports(&self) -> Ports {
        *lock(&self.ports)
    }

    pub(crate) fn set_ports(&self, ports: Ports) {
        *lock(&self.ports) = ports;
    }

    /// Its files.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn executable(&self) -> &Executable {
        &self.program.executable
    }

    /// The process, while it runs.
    pub fn pid(&self) -> Option<u32> {
        lock(&self.child).as_ref().map(Child::id)
    }

    /// The first start: takes new ports until no other process was quicker. `configure` writes the
    /// configuration for these ports.
    pub(crate) fn launch(&self, configure: impl Fn(Ports)) {
        for _ in 0..20 {
            let ports = Ports::free();
            self.set_ports(ports);
            configure(ports);
            if self.try_launch() {
                return;
            }
        }
        panic!("{} does not start: {}", self.program.name, self.output());
    }

    /// True when the server answers, false when the process ended at once, as it does on a taken
    /// port.
    pub(crate) fn try_launch(&self) -> bool {
        let name = self.program.name;
        self.give_away();
        let pid_file = self.folder().join(self.program.pid_file);
        let _ = fs::remove_file(&pid_file);
        let mut child = self.spawn();
        let deadline = Instant::now() + self.program.patience;
        loop {
            if has_ended(&mut child, name) {
                return false;
            }
            // The pid file comes after the ports are bound: the process that answers now is our child.
            let ours = fs::read_to_string(&pid_file)
                .is_ok_and(|text| text.trim() == child.id().to_string());
            if ours && TcpStream::connect((Ipv4Addr::LOCALHOST, self.port())).is_ok() {
                *lock(&self.child) = Some(child);
                return true;
            }
            if Instant::now() > deadline {
                kill(&mut child, name);
                panic!("{name} does not answer: {}", self.output());
            }
            std::thread::sleep(Duration::from_millis(3));
        }
    }

    fn spawn(&self) -> Child {
        let ports = self.ports();
        let with_ports = |argument: &String| {
            argument
                .replace("{port}", &ports.ldap.to_string())
                .replace("{tls_port}", &ports.tls.to_string())
        };
        let output = fs::File::create(self.output_file()).expect("a file for the output");
        let Program {
            name, executable, ..
        } = &self.program;
        executable
            .command()
            .args(self.program.arguments.iter().map(with_ports))
            .envs(self.program.environment.iter().cloned())
            .envs(lock(&self.environment).iter().cloned())
            .stdin(Stdio::null())
            .stdout(output.try_clone().expect("a file for the output"))
            .stderr(output)
            .spawn()
            .unwrap_or_else(|e| panic!("cannot run {name}: {e}"))
    }

    /// Starts the server again after [`Daemon::stop`] or [`Daemon::kill`], on the same ports and
    /// files.
    pub fn start_again(&self) {
        let name = self.program.name;
        assert!(self.pid().is_none(), "{name} still runs");
        let deadline = Instant::now() + self.program.patience;
        while !self.try_launch() {
            assert!(
                Instant::now() < deadline,
                "{name} does not start: {}",
                self.output()
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Sets variables of the environment from the next start on, in place of those set here before.
    pub fn set_environment(&self, variables: &[(&str, &str)]) {
        let variables = variables.iter();
        *lock(&self.environment) = variables
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
    }

    /// Ends the server as an operator would, and waits.
    pub fn stop(&self) {
        let Program { name, patience, .. } = self.program;
        let mut guard = lock(&self.child);
        let Some(mut child) = guard.take() else {
            return;
        };
        tools::signal(child.id(), "TERM");
        tools::signal(child.id(), "CONT");
        let deadline = Instant::now() + patience;
        while !has_ended(&mut child, name) {
            if Instant::now() > deadline {
                kill(&mut child, name);
                panic!("{name} did not stop within {patience:?}");
            }
            std::thread::sleep(Duration::from_millis(3));
        }
    }

    /// Ends the server with SIGKILL. The contextCSN of a slapd is then that of the last clean stop:
    /// stop and start it once before, lest it come back with none at all.
    pub fn kill(&self) {
        if let Some(mut child) = lock(&self.child).take() {
            kill(&mut child, self.program.name);
        }
    }

    /// Stops the server in its tracks: connections stay, answers do not come.
    pub fn pause(&self) {
        self.signal("STOP");
    }

    /// Lets the server go on after [`Daemon::pause`].
    pub fn resume(&self) {
        self.signal("CONT");
    }

    fn signal(&self, signal: &str) {
        let pid = self.pid();
        let pid = pid.unwrap_or_else(|| panic!("{} does not run", self.program.name));
        tools::signal(pid, signal);
    }

    /// Copies the databases into a folder of that name. The server is down meanwhile.
    pub fn backup(&self, name: &str) {
        self.stop();
        for database in self.program.databases {
            let target = self.folder().join(name).join(database);
            copy(&self.folder().join(database), &target);
        }
        self.start_again();
    }

    /// Puts a [`Daemon::backup`] back.
    pub fn restore(&self, name: &str) {
        self.stop();
        self.empty_databases();
        for database in self.program.databases {
            let source = self.folder().join(name).join(database);
            copy(&source, &self.folder().join(database));
        }
        self.start_again();
    }

    /// Removes all that the databases hold. The server must be down.
    pub(crate) fn empty_databases(&self) {
        for folder in [self.program.databases, self.program.scratch].concat() {
            let folder = self.folder().join(folder);
            fs::remove_dir_all(&folder).expect("removing a database");
            fs::create_dir(&folder).expect("a database folder");
        }
    }

    /// Lets the user that the server runs as get at its files.
    fn give_away(&self) {
        if let Some(account) = self.program.account {
            account.own(self.folder());
        }
    }

    fn output_file(&self) -> PathBuf {
        self.folder().join(format!("{}.out", self.program.name))
    }

    fn output(&self) -> String {
        let log = self.program.error_log.map(|log| self.folder().join(log));
        [Some(self.output_file()), log]
            .into_iter()
            .flatten()
            .map(|file| fs::read_to_string(file).unwrap_or_default())
            .collect()
    }
}

impl Drop for Daemon {
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

fn has_ended(child: &mut Child, name: &str) -> bool {
    let status = child.try_wait();
    status
        .unwrap_or_else(|e| panic!("waiting for {name}: {e}"))
        .is_some()
}

fn kill(child: &mut Child, name: &str) {
    child
        .kill()
        .and_then(|()| child.wait())
        .unwrap_or_else(|e| panic!("killing {name}: {e}"));
}

/// Copies a folder with all that is in it.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    let entries = fs::read_dir(from).unwrap_or_else(|e| panic!("{}: {e}", from.display()));
    for entry in entries {
        let path = entry.expect("reading a folder").path();
        let target = to.join(path.file_name().expect("a file name"));
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, target).expect("copying a database file");
        }
    }
}
