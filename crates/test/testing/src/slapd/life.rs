//! Start, stop, kill, pause; and the database files, which may be touched only in between.

use std::fs;
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::{Ports, Slapd, lock};
use crate::ports::free_port;
use crate::tools;

/// How long a server may take to come up or to go down.
const PATIENCE: Duration = Duration::from_secs(30);

impl Slapd {
    /// Ends it as an operator would, and waits. What it keeps in memory (contextCSN) reaches the disk.
    pub fn stop(&self) {
        let mut guard = lock(&self.child);
        let Some(mut child) = guard.take() else {
            return;
        };
        tools::signal(child.id(), "TERM");
        tools::signal(child.id(), "CONT");
        let deadline = Instant::now() + PATIENCE;
        while child.try_wait().expect("waiting for slapd").is_none() {
            if Instant::now() > deadline {
                child.kill().expect("killing slapd");
                child.wait().expect("waiting for slapd");
                panic!("slapd did not stop within {PATIENCE:?}");
            }
            std::thread::sleep(Duration::from_millis(3));
        }
    }

    /// Ends it with SIGKILL. The contextCSN on disk is then that of the last clean stop: stop and
    /// start it once before, lest the server come back with none at all.
    pub fn kill(&self) {
        if let Some(mut child) = lock(&self.child).take() {
            child.kill().expect("killing slapd");
            child.wait().expect("waiting for slapd");
        }
    }

    /// Starts it again after [`Slapd::stop`] or [`Slapd::kill`], on the same port and files.
    pub fn start_again(&self) {
        assert!(self.pid().is_none(), "slapd still runs");
        let deadline = Instant::now() + PATIENCE;
        while !self.try_launch() {
            assert!(
                Instant::now() < deadline,
                "slapd does not start: {}",
                self.output()
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Stops it in its tracks: connections stay, answers do not come.
    pub fn pause(&self) {
        tools::signal(self.pid().expect("slapd does not run"), "STOP");
    }

    /// Lets it go on after [`Slapd::pause`].
    pub fn resume(&self) {
        tools::signal(self.pid().expect("slapd does not run"), "CONT");
    }

    /// Takes everything away, the suffix entry too, and starts it empty.
    pub fn wipe(&self) {
        self.stop();
        self.empty_databases();
        self.start_again();
    }

    /// Copies the databases, as a backup would, into a folder of that name.
    pub fn backup(&self, name: &str) {
        self.stop();
        for database in ["db", "log"] {
            let target = self.folder().join(name).join(database);
            fs::create_dir_all(&target).expect("a backup folder");
            copy_files(&self.folder().join(database), &target);
        }
        self.start_again();
    }

    /// Puts a [`Slapd::backup`] back.
    pub fn restore(&self, name: &str) {
        self.stop();
        self.empty_databases();
        for database in ["db", "log"] {
            let source = self.folder().join(name).join(database);
            copy_files(&source, &self.folder().join(database));
        }
        self.start_again();
    }

    fn empty_databases(&self) {
        for database in ["db", "log"] {
            for file in files(&self.folder().join(database)) {
                fs::remove_file(file).expect("removing a database file");
            }
        }
    }

    /// The first start: takes new ports until nobody else was quicker.
    pub(super) fn launch(&self) {
        for _ in 0..20 {
            *lock(&self.ports) = Ports {
                ldap: free_port(),
                ldaps: free_port(),
            };
            if self.try_launch() {
                return;
            }
        }
        panic!("slapd does not start: {}", self.output());
    }

    /// True when it answers, false when the process ended at once, as it does on a taken port.
    pub(super) fn try_launch(&self) -> bool {
        let pid_file = self.folder().join("slapd.pid");
        let _ = fs::remove_file(&pid_file);
        let output = fs::File::create(self.folder().join("slapd.out")).expect("slapd.out");
        let mut child = Command::new(&self.program)
            .arg("-f")
            .arg(self.folder().join("slapd.conf"))
            .args(["-h", &self.listeners(), "-d", "0"])
            .envs(self.settings.environment.iter().cloned())
            .stdin(Stdio::null())
            .stdout(output.try_clone().expect("slapd.out"))
            .stderr(output)
            .spawn()
            .unwrap_or_else(|e| panic!("cannot run {}: {e}", self.program.display()));
        let deadline = Instant::now() + PATIENCE;
        loop {
            if child.try_wait().expect("waiting for slapd").is_some() {
                return false;
            }
            // The pid file comes after the ports are ours: whoever answers now is our own child.
            let ours = fs::read_to_string(&pid_file)
                .is_ok_and(|text| text.trim() == child.id().to_string());
            if ours && TcpStream::connect((Ipv4Addr::LOCALHOST, self.port())).is_ok() {
                *lock(&self.child) = Some(child);
                return true;
            }
            if Instant::now() > deadline {
                child.kill().expect("killing slapd");
                child.wait().expect("waiting for slapd");
                panic!("slapd does not answer: {}", self.output());
            }
            std::thread::sleep(Duration::from_millis(3));
        }
    }

    fn listeners(&self) -> String {
        let ports = *lock(&self.ports);
        let mut listeners = format!("ldap://127.0.0.1:{}", ports.ldap);
        if self.settings.tls.is_some() {
            listeners += &format!(" ldaps://127.0.0.1:{}", ports.ldaps);
        }
        if self.settings.ldapi {
            listeners += &format!(" {}", self.ldapi_url());
        }
        listeners
    }

    fn output(&self) -> String {
        fs::read_to_string(self.folder().join("slapd.out")).unwrap_or_default()
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    entries
        .map(|entry| entry.expect("reading a folder").path())
        .collect()
}

fn copy_files(from: &Path, to: &Path) {
    for file in files(from) {
        let target = to.join(file.file_name().expect("a file name"));
        fs::copy(&file, target).expect("copying a database file");
    }
}
