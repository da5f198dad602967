//! Start, stop, kill, pause; and the database files, which may be touched only in between.

use std::fs;
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::{Ds389, config, lock};
use crate::ports::free_port;
use crate::tools;

/// How long a server may take to come up or to go down.
const PATIENCE: Duration = Duration::from_secs(60);
/// Whom the package makes for it.
const USER: &str = "dirsrv";

/// Whom the server runs as, when that is not who runs the tests: as root it insists on another.
#[derive(Debug, Clone, Copy)]
pub(super) struct Account {
    user: u32,
    group: u32,
}

impl Account {
    /// `None` when the tests do not run as root.
    pub(super) fn to_run_as() -> Option<Account> {
        let us = fs::metadata("/proc/self").expect("/proc").uid();
        if us != 0 {
            return None;
        }
        let accounts = fs::read_to_string("/etc/passwd").expect("/etc/passwd");
        let fields: Vec<&str> = accounts
            .lines()
            .map(|line| line.split(':').collect::<Vec<_>>())
            .find(|fields| fields[0] == USER)
            .unwrap_or_else(|| panic!("no user {USER}: apt-get install 389-ds-base"));
        let number = |at: usize| fields[at].parse().expect("a number in /etc/passwd");
        Some(Account {
            user: number(2),
            group: number(3),
        })
    }

    fn own(self, path: &Path) {
        chown(path, Some(self.user), Some(self.group)).expect("giving a file away");
        if path.is_dir() {
            for entry in fs::read_dir(path).expect("reading a folder") {
                self.own(&entry.expect("reading a folder").path());
            }
        }
    }
}

impl Ds389 {
    /// Ends it as an operator would, and waits.
    pub fn stop(&self) {
        let mut guard = lock(&self.child);
        let Some(mut child) = guard.take() else {
            return;
        };
        tools::signal(child.id(), "TERM");
        tools::signal(child.id(), "CONT");
        let deadline = Instant::now() + PATIENCE;
        while child.try_wait().expect("waiting for ns-slapd").is_none() {
            if Instant::now() > deadline {
                child.kill().expect("killing ns-slapd");
                child.wait().expect("waiting for ns-slapd");
                panic!("ns-slapd did not stop within {PATIENCE:?}");
            }
            std::thread::sleep(Duration::from_millis(3));
        }
    }

    /// Ends it with SIGKILL.
    pub fn kill(&self) {
        if let Some(mut child) = lock(&self.child).take() {
            child.kill().expect("killing ns-slapd");
            child.wait().expect("waiting for ns-slapd");
        }
    }

    /// Starts it again after [`Ds389::stop`] or [`Ds389::kill`], on the same port and files.
    pub fn start_again(&self) {
        assert!(self.pid().is_none(), "ns-slapd still runs");
        assert!(
            self.try_launch(),
            "ns-slapd does not start: {}",
            self.last_words()
        );
    }

    /// Stops it in its tracks: connections stay, answers do not come.
    pub fn pause(&self) {
        tools::signal(self.pid().expect("ns-slapd does not run"), "STOP");
    }

    /// Lets it go on after [`Ds389::pause`].
    pub fn resume(&self) {
        tools::signal(self.pid().expect("ns-slapd does not run"), "CONT");
    }

    /// Copies the databases, its memory of changes among them, into a folder of that name.
    pub fn backup(&self, name: &str) {
        self.stop();
        copy(&self.folder().join("db"), &self.folder().join(name));
        self.start_again();
    }

    /// Puts a [`Ds389::backup`] back.
    pub fn restore(&self, name: &str) {
        self.stop();
        for folder in ["db", "dbhome"] {
            fs::remove_dir_all(self.folder().join(folder)).expect("removing a database");
            fs::create_dir(self.folder().join(folder)).expect("a database folder");
        }
        copy(&self.folder().join(name), &self.folder().join("db"));
        self.give_away();
        self.start_again();
    }

    /// The first start: takes new ports until nobody else was quicker.
    pub(super) fn launch(&self) {
        for folder in config::FOLDERS {
            fs::create_dir_all(self.folder().join(folder)).expect("a folder");
        }
        let user = match self.account {
            Some(_) => USER.to_owned(),
            None => tools::user_name(),
        };
        for _ in 0..20 {
            *lock(&self.port) = free_port();
            config::write(&self.settings, self.folder(), self.port(), &user);
            self.give_away();
            if self.try_launch() {
                return;
            }
        }
        panic!("ns-slapd does not start: {}", self.last_words());
    }

    /// Lets whom the server runs as get at its files.
    fn give_away(&self) {
        let Some(account) = self.account else {
            return;
        };
        account.own(self.folder());
        let everybody = fs::Permissions::from_mode(0o755);
        fs::set_permissions(self.folder(), everybody).expect("opening the folder");
    }

    /// True when it answers, false when the process ended at once, as it does on a taken port.
    fn try_launch(&self) -> bool {
        let pid_file = self.folder().join("run/pid");
        let _ = fs::remove_file(&pid_file);
        let output = fs::File::create(self.folder().join("ns-slapd.out")).expect("ns-slapd.out");
        let mut child = Command::new(&self.program)
            .arg("-D")
            .arg(self.folder().join("config"))
            .arg("-i")
            .arg(&pid_file)
            // With a log level, be it none, it stays in the foreground.
            .args(["-d", "0"])
            .stdin(Stdio::null())
            .stdout(output.try_clone().expect("ns-slapd.out"))
            .stderr(output)
            .spawn()
            .unwrap_or_else(|e| panic!("cannot run {}: {e}", self.program.display()));
        let deadline = Instant::now() + PATIENCE;
        loop {
            if child.try_wait().expect("waiting for ns-slapd").is_some() {
                return false;
            }
            // The pid file comes after the port is ours: whoever answers now is our own child.
            let ours = fs::read_to_string(&pid_file)
                .is_ok_and(|text| text.trim() == child.id().to_string());
            if ours && TcpStream::connect((Ipv4Addr::LOCALHOST, self.port())).is_ok() {
                *lock(&self.child) = Some(child);
                return true;
            }
            if Instant::now() > deadline {
                child.kill().expect("killing ns-slapd");
                child.wait().expect("waiting for ns-slapd");
                panic!("ns-slapd does not answer: {}", self.last_words());
            }
            std::thread::sleep(Duration::from_millis(3));
        }
    }

    fn last_words(&self) -> String {
        let read = |name: &str| fs::read_to_string(self.folder().join(name)).unwrap_or_default();
        format!("{}{}", read("ns-slapd.out"), read("log/errors"))
    }
}

/// Copies a folder with all that is in it.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("reading a folder") {
        let path = entry.expect("reading a folder").path();
        let target = to.join(path.file_name().expect("a file name"));
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, target).expect("copying a database file");
        }
    }
}
