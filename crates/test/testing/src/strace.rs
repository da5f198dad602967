//! Faults at the system calls of a process, from outside: `strace` kills it at the n-th call of a
//! kind, or makes that call fail. Nothing in the process knows of it.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::tools;

/// The calls with which a program changes the content of a disk.
const CALLS: &str = "write,writev,pwrite64,pwritev,pwritev2,ftruncate,truncate,fallocate,fsync,\
                     fdatasync,sync_file_range,unlink,unlinkat,rename,renameat,renameat2,link,linkat,\
                     openat,copy_file_range,sendfile,mkdir,mkdirat";

/// The calls that a program makes on other files too. They count only on the files of the test.
const EVERYWHERE: [&str; 2] = ["write", "openat"];

/// The fault of a process at a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// SIGKILL, before the call does anything.
    Kill,
    /// This call fails with an error, by its name in `errno(3)`.
    Once(&'static str),
    /// This and every later one fails.
    Onward(&'static str),
}

/// A fault, and at which call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inject {
    /// The name of the call.
    pub call: String,
    /// Its number, from 1.
    pub number: usize,
    /// The fault at that call.
    pub fault: Fault,
}

impl Inject {
    fn option(&self) -> String {
        let Inject { call, number, .. } = self;
        match self.fault {
            Fault::Kill => format!("inject={call}:signal=KILL:when={number}"),
            Fault::Once(error) => format!("inject={call}:error={error}:when={number}"),
            Fault::Onward(error) => format!("inject={call}:error={error}:when={number}+"),
        }
    }
}

/// `strace`, found, and allowed to trace.
#[derive(Debug)]
pub struct Strace {
    program: PathBuf,
}

impl Strace {
    /// # Panics
    /// When `strace` is not installed, or may not trace: then nothing would ever be injected, and
    /// every test would pass.
    #[expect(clippy::new_without_default, reason = "it may panic")]
    pub fn new() -> Strace {
        let program = tools::find("strace");
        let probe = Command::new(&program)
            .args(["-qq", "-e", "trace=close", "-e", "inject=close:signal=KILL"])
            .args(["-o", "/dev/null", "true"])
            .output()
            .unwrap_or_else(|e| panic!("cannot run strace: {e}"));
        assert!(
            std::os::unix::process::ExitStatusExt::signal(&probe.status) == Some(9),
            "strace may not trace here; in a container it needs the capability SYS_PTRACE: {}",
            tools::complaint(&probe)
        );
        Strace { program }
    }

    /// `command` to be run under strace, which writes to `log`; its process is the one that is
    /// started. Without a fault it is only watched. `files` are those whose opening and whose plain
    /// writing counts, absolute; of the other calls every one counts.
    pub fn command(
        &self,
        command: &Command,
        files: &[PathBuf],
        log: &Path,
        inject: Option<&Inject>,
    ) -> Command {
        let mut traced = Command::new(&self.program);
        traced.args(["-D", "-f", "-qq", "-y", "-o"]).arg(log);
        match inject {
            None => traced.args(["-e", &format!("trace={CALLS}")]),
            Some(Inject { call, .. }) => traced.args(["-e", &format!("trace={call}")]),
        };
        if let Some(inject) = inject {
            traced.args(["-e", &inject.option()]);
            if inject.fault == Fault::Kill {
                // In full, so that `tear` can write a part of it.
                traced.args(["-xx", "-s", "100000"]);
            } else {
                // Much faster, but a signal would be lost.
                traced.arg("--seccomp-bpf");
            }
            if EVERYWHERE.contains(&inject.call.as_str()) {
                files.iter().for_each(|file| {
                    traced.arg("-P").arg(file);
                });
            }
        } else {
            traced.arg("--seccomp-bpf");
        }
        traced.arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => traced.env(name, value),
                None => traced.env_remove(name),
            };
        }
        traced
    }
}

/// How often each call was made, by the log of a run without a fault.
pub fn calls(log: &Path, files: &[PathBuf]) -> BTreeMap<String, usize> {
    let mut count = BTreeMap::new();
    for line in read(log).lines() {
        let Some(name) = name(line) else { continue };
        let path = |file: &PathBuf| line.contains(&format!("{}>", file.display()));
        let quoted = |file: &PathBuf| line.contains(&format!("\"{}\"", file.display()));
        if !EVERYWHERE.contains(&name) || files.iter().any(|file| path(file) || quoted(file)) {
            *count.entry(name.to_owned()).or_default() += 1;
        }
    }
    count
}

/// The number of the last such call that was made on a file, by the same log.
pub fn last(log: &Path, call: &str, file: &Path) -> usize {
    let log = read(log);
    let lines: Vec<&str> = log
        .lines()
        .filter(|line| name(line) == Some(call))
        .collect();
    let path = format!("{}>", file.display());
    let on_file = |line: &&str| line.contains(&path);
    lines.iter().rposition(on_file).expect("it was made") + 1
}

/// Does the first part of the write at which the process was killed, as a kill in the middle of it
/// would. False when it was no write.
pub fn tear(log: &Path, share: f64) -> bool {
    let log = read(log);
    let last = log.lines().rfind(|line| name(line).is_some());
    let Some((call, rest)) = last.and_then(|line| line.split_once('(')) else {
        return false;
    };
    let at_offset = call.ends_with("pwrite64");
    if !at_offset && !call.ends_with(" write") {
        return false;
    }
    // 7<\x2f…>, "\x0a…", 4096, 12416) = ?
    let mut parts = rest.split(", ");
    let path = parts.next().and_then(|part| part.split_once('<'));
    let (Some((_, path)), Some(bytes)) = (path, parts.next()) else {
        panic!("not a write: {rest:.200}");
    };
    let path = String::from_utf8(unescaped(path)).expect("a path");
    let mut bytes = unescaped(bytes);
    let length = bytes.len();
    assert!(
        parts
            .next()
            .is_some_and(|part| part.starts_with(&length.to_string()))
    );
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share"
    )]
    bytes.truncate((length as f64 * share) as usize);
    let file = match OpenOptions::new().write(true).open(&path) {
        Ok(file) => file,
        // A temporary file, unlinked while it is open: it went with the process.
        Err(error) if error.kind() == ErrorKind::NotFound => return false,
        Err(error) => panic!("{path}: {error}"),
    };
    let offset = match at_offset {
        true => {
            let digits: String = parts
                .next()
                .expect("an offset")
                .chars()
                .take_while(char::is_ascii_digit)
                .collect();
            digits.parse().expect("an offset")
        }
        false => file.metadata().expect("its length").len(),
    };
    file.write_all_at(&bytes, offset).expect("a torn write");
    true
}

fn read(log: &Path) -> String {
    fs::read_to_string(log).unwrap_or_else(|e| panic!("{}: {e}", log.display()))
}

/// `123 pwrite64(7<…` is a call; `123 <... pwrite64 resumed>` and `+++ killed` are not.
fn name(line: &str) -> Option<&str> {
    let (name, _) = line.split_once(' ')?.1.trim_start().split_once('(')?;
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    (!name.is_empty() && name.chars().all(plain)).then_some(name)
}

/// The bytes of `\x2f\x74…`.
fn unescaped(text: &str) -> Vec<u8> {
    let byte = |digits: &str| u8::from_str_radix(digits.get(..2)?, 16).ok();
    text.split("\\x").skip(1).filter_map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt;

    #[test]
    fn counts_kills_fails_and_tears() {
        let folder = tempfile::tempdir().expect("a folder");
        let (file, log) = (folder.path().join("file"), folder.path().join("log"));
        let strace = Strace::new();
        let run = |inject: Option<Inject>| {
            fs::write(&file, "").expect("an empty file");
            let mut shell = Command::new("bash");
            let script = r#"exec >>"$FILE"; echo one; echo two || echo failed; echo three"#;
            shell.args(["-c", script]).env("FILE", &file);
            let files = std::slice::from_ref(&file);
            let status = strace
                .command(&shell, files, &log, inject.as_ref())
                .output();
            let content = fs::read_to_string(&file).expect("the file");
            (status.expect("strace").status, content)
        };
        let second = |fault| {
            Some(Inject {
                call: "write".to_owned(),
                number: 2,
                fault,
            })
        };
        let (status, content) = run(None);
        assert!(status.success());
        assert_eq!(content, "one\ntwo\nthree\n");
        assert_eq!(calls(&log, std::slice::from_ref(&file))["write"], 3);
        assert_eq!(last(&log, "write", &file), 3);
        let (_, content) = run(second(Fault::Once("ENOSPC")));
        assert_eq!(content, "one\nfailed\nthree\n");
        let (_, content) = run(second(Fault::Onward("ENOSPC")));
        assert_eq!(content, "one\n");
        let (status, content) = run(second(Fault::Kill));
        assert_eq!((status.signal(), content.as_str()), (Some(9), "one\n"));
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
        // With -D the log may be a moment late.
        while !tear(&log, 0.5) {
            assert!(std::time::Instant::now() < deadline, "nothing to tear");
        }
        assert_eq!(fs::read_to_string(&file).expect("it"), "one\ntw");
    }
}
