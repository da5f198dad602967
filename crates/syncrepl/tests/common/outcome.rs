//! How the command ended, and whether its message is fit for people.
#![allow(dead_code)] // each test target uses its part

use std::ffi::OsStr;
use std::process::Command;

use syncrepl_testing::process::Run;
use syncrepl_testing::slapd::{SUFFIX, Slapd};
use tempfile::TempDir;

use super::{PATIENCE, SYNCREPL};

/// The command with arguments, in an environment without any variable that it reads.
pub fn command<A: AsRef<OsStr>>(arguments: &[A]) -> Command {
    let mut command = Command::new(SYNCREPL);
    command.args(arguments);
    clean(&mut command);
    command
}

pub fn clean(command: &mut Command) -> &mut Command {
    for name in [
        "CREDENTIALS_DIRECTORY",
        "JOURNAL_STREAM",
        "KRB5CCNAME",
        "KRB5_CLIENT_KTNAME",
        "KRB5_CONFIG",
        "LDAPBASE",
        "LDAPCONF",
        "LDAPNOINIT",
        "LDAPRC",
        "LDAPTLS_CACERT",
        "LDAPTLS_CERT",
        "LDAPTLS_KEY",
        "LDAPTLS_REQCERT",
        "LDAPURI",
        "NOTIFY_SOCKET",
        "NO_COLOR",
        "RUST_LOG",
        "RUST_BACKTRACE",
        "SSL_CERT_DIR",
        "SSL_CERT_FILE",
        "SYNCREPL_BIND_PASSWORD",
        "TERM",
        "WATCHDOG_PID",
        "WATCHDOG_USEC",
    ] {
        command.env_remove(name);
    }
    // The real home folder may have an ldaprc.
    command.env("HOME", "/nonexistent")
}

#[derive(Debug)]
pub struct Outcome {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Outcome {
    /// Runs the command to its end, which has to come in time.
    #[track_caller]
    pub fn of(command: &mut Command) -> Outcome {
        let mut run = Run::command(command);
        let status = run.wait_exit(PATIENCE);
        Outcome {
            code: status.code(),
            stdout: run.output(),
            stderr: run.stderr(),
        }
    }

    #[track_caller]
    pub fn run<A: AsRef<OsStr>>(arguments: &[A]) -> Outcome {
        Outcome::of(&mut command(arguments))
    }

    /// Asserts exit code 0, and nothing on stderr.
    #[track_caller]
    pub fn assert_done(&self) -> &Self {
        assert_eq!((self.code, self.stderr.as_str()), (Some(0), ""));
        self
    }

    /// Standard error but for the lines with these words.
    pub fn without(&self, words: &str) -> String {
        let others = self.stderr.lines().filter(|line| !line.contains(words));
        others.map(|line| format!("{line}\n")).collect()
    }

    /// Asserts this exit code, and one message that contains these words.
    #[track_caller]
    pub fn assert_failed(&self, code: i32, words: &[&str]) -> &Self {
        println!("{}", self.stderr.trim_end());
        assert_eq!(self.code, Some(code), "{}", self.stderr);
        assert_eq!(self.stderr.lines().count(), 1, "one line: {}", self.stderr);
        assert_message(&self.stderr, words);
        self
    }
}

/// A line without the time at its beginning, which a run that goes on for long puts there.
pub fn without_time(line: &str) -> &str {
    match line.split_once(' ') {
        Some((time, rest)) if time.len() == 24 && time.ends_with('Z') => rest,
        _ => line,
    }
}

/// Asserts that a line begins with the command's name, after a time if there is one, contains these words, repeats nothing and shows
/// no internals.
#[track_caller]
pub fn assert_message(line: &str, words: &[&str]) {
    let message = without_time(line.trim_end()).strip_prefix("syncrepl: ");
    let message = message.unwrap_or_else(|| panic!("not in the command's name: {line}"));
    for word in words {
        assert!(message.contains(word), "no {word:?} in: {line}");
    }
    for word in [
        "panicked",
        "RUST_BACKTRACE",
        "Err(",
        "Some(",
        "Name(",
        "unwrap",
    ] {
        assert!(!message.contains(word), "{word:?} in: {line}");
    }
    let parts: Vec<&str> = message
        .split([':', ';', '(', ')'])
        .map(str::trim)
        .filter(|part| part.len() > 8)
        .collect();
    for (number, part) in parts.iter().enumerate() {
        assert!(!parts[..number].contains(part), "{part:?} twice in: {line}");
    }
}

/// A data file in a folder of its own, with or without a copy in it.
pub struct Data {
    pub folder: TempDir,
}

impl Data {
    pub fn new() -> Data {
        let folder = TempDir::new().expect("a temporary folder");
        Data { folder }
    }

    /// A data file with a copy of the whole suffix.
    pub fn of(server: &Slapd) -> Data {
        let data = Data::new();
        Outcome::run(&data.refresh(server)).assert_done();
        data
    }

    pub fn path(&self) -> String {
        self.folder.path().join("copy.db").display().to_string()
    }

    pub fn sync(&self, subcommand: &str, url: &str) -> Vec<String> {
        let path = self.path();
        let words = [
            subcommand, "--data", &path, "--format", "json", "-x", "-H", url, "-b", SUFFIX,
        ];
        words.map(str::to_owned).to_vec()
    }

    pub fn refresh(&self, server: &Slapd) -> Vec<String> {
        self.sync("refresh", &server.url())
    }

    pub fn refresh_with(&self, server: &Slapd, options: &[&str]) -> Outcome {
        let mut arguments = self.refresh(server);
        arguments.extend(options.iter().map(|&option| option.to_owned()));
        Outcome::run(&arguments)
    }

    #[track_caller]
    pub fn dump(&self) -> String {
        let dump = Outcome::run(&["dump", "--data", &self.path(), "--format", "json"]);
        dump.assert_done();
        dump.stdout
    }

    /// Asserts that the copy is the same after `what`, with the same number of its last commit.
    #[track_caller]
    pub fn unchanged<T>(&self, what: impl FnOnce() -> T) -> T {
        let before = self.dump();
        let result = what();
        assert_eq!(before, self.dump(), "the copy changed");
        result
    }
}

/// Whether the main thread sleeps in a write to a pipe.
pub fn is_in_a_write(run: &Run) -> bool {
    let wchan = std::fs::read_to_string(format!("/proc/{}/wchan", run.pid()));
    wchan.is_ok_and(|wchan| wchan.contains("pipe_write"))
}

/// Content records for that many people: for [`Slapd::load`], or with a changetype for `ldapmodify`.
pub fn people(count: usize) -> String {
    let mut ldif = format!("dn: ou=people,{SUFFIX}\nobjectClass: organizationalUnit\nou: people\n");
    for number in 0..count {
        ldif += &format!(
            "\ndn: uid=p{number},ou=people,{SUFFIX}\nobjectClass: inetOrgPerson\nuid: p{number}\n\
             cn: Person {number}\nsn: Number {number}\nmail: p{number}@example.com\n\
             description: {}\n",
            "some text to fill a line ".repeat(8).trim_end(),
        );
    }
    ldif
}
