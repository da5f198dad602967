//! The programs of OpenLDAP and the shell, found and run. How to read their output is not said here.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use tempfile::NamedTempFile;

use crate::wait::wait_until;

/// How long a process may take to stand still.
const PATIENCE: Duration = Duration::from_secs(30);

const MISSING: &str = "slapd not found: apt-get install slapd ldap-utils";

/// Where a program is. Also looks where Debian keeps servers, which a user's `PATH` leaves out.
///
/// # Panics
/// When it is not installed.
pub fn find(program: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin", "/usr/local/sbin", "/sbin"].map(PathBuf::from))
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
        .unwrap_or_else(|| match program {
            "ns-slapd" => panic!("ns-slapd not found: apt-get install 389-ds-base"),
            "openssl" | "strace" | "nats-server" => panic!("{program} not found: apt-get install {program}"),
            "krb5kdc" | "kdb5_util" | "kadmin.local" | "kinit" | "klist" => panic!(
                "{program} not found: apt-get install krb5-kdc krb5-admin-server krb5-user libsasl2-modules-gssapi-mit"
            ),
            _ => panic!("{MISSING} (no {program})"),
        })
}

/// Runs a program to its end, its standard input read from a file.
pub(crate) fn run<A: AsRef<OsStr>>(
    program: &Path,
    arguments: &[A],
    input: Option<&Path>,
) -> Output {
    finish(Command::new(program).args(arguments), input)
}

/// Runs a command to its end, its standard input read from a file.
pub(crate) fn finish(command: &mut Command, input: Option<&Path>) -> Output {
    let stdin = match input {
        Some(path) => Stdio::from(
            File::open(path).unwrap_or_else(|e| panic!("cannot open {}: {e}", path.display())),
        ),
        None => Stdio::null(),
    };
    command
        .stdin(stdin)
        // A user's own ldaprc must not decide what a test sees.
        .env("LDAPNOINIT", "1")
        .output()
        .unwrap_or_else(|e| panic!("cannot run {}: {e}", command.get_program().display()))
}

/// The exit status and stderr of a finished program.
pub(crate) fn complaint(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    format!("{}: {}", output.status, text.trim_end())
}

/// Writes a text to a file that goes away with the value.
pub(crate) fn input(text: &str) -> NamedTempFile {
    let file = NamedTempFile::new().expect("a temporary file");
    fs::write(file.path(), text).expect("writing an input file");
    file
}

/// Applies change records in one `ldapmodify`, with a DN and its password, stopping at the first
/// refusal unless an option says otherwise. Referral objects are entries to it (manageDSAit). The
/// error names the record, and its number.
pub(crate) fn ldapmodify(
    url: &str,
    [binddn, password]: [&str; 2],
    ldif: &str,
    options: &[&str],
) -> Result<(), String> {
    let mut arguments = vec!["-x", "-M", "-H", url, "-D", binddn, "-w", password];
    arguments.extend(options);
    let output = run(&find("ldapmodify"), &arguments, Some(input(ldif).path()));
    if output.status.success() {
        return Ok(());
    }
    // Progress goes to stdout, a line for each record, so the last line is the refused record.
    let progress = String::from_utf8_lossy(&output.stdout);
    let lines = progress.lines().filter(|line| !line.is_empty());
    let (number, last) = lines.enumerate().last().unwrap_or_default();
    let complaint = complaint(&output);
    Err(format!("{complaint} (record {}: {last})", number + 1))
}

/// The name of the user who runs this.
pub(crate) fn user_name() -> String {
    let output = run(&find("id"), &["-un"], None);
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Sends a signal, by name without `SIG`, to one process. The shell's own `kill` is always there.
///
/// After `STOP` it waits until nothing of the process moves: `kill` returns as soon as the signal is
/// on its way, and the other threads go on until the one that was chosen to take it gets a processor.
///
/// # Panics
/// When the process is gone.
pub fn signal(pid: u32, name: &str) {
    let status = Command::new("sh")
        .args(["-c", "kill -s \"$1\" \"$2\"", "sh", name, &pid.to_string()])
        .status()
        .unwrap_or_else(|e| panic!("cannot run sh: {e}"));
    assert!(status.success(), "cannot send {name} to process {pid}");
    if name == "STOP" {
        wait_until(PATIENCE, || is_stopped(pid));
    }
}

/// Whether every thread of a process has been stopped, or has ended.
fn is_stopped(pid: u32) -> bool {
    let threads = fs::read_dir(format!("/proc/{pid}/task"))
        .into_iter()
        .flatten();
    threads.flatten().all(|thread| {
        // A thread that has gone meanwhile does not move either. Its state follows its name, in which
        // there may be anything.
        let Ok(stat) = fs::read_to_string(thread.path().join("stat")) else {
            return true;
        };
        let state = stat.rsplit_once(") ").map(|(_, after)| after);
        state.is_some_and(|state| state.starts_with(['T', 'Z', 'X']))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stopped_process_does_not_move() {
        let mut child = Command::new("sh")
            .args(["-c", "while :; do :; done"])
            .spawn()
            .expect("a shell");
        let moves = || !is_stopped(child.id());
        wait_until(PATIENCE, moves);
        for _ in 0..20 {
            signal(child.id(), "STOP");
            assert!(!moves());
            signal(child.id(), "CONT");
            wait_until(PATIENCE, moves);
        }
        child.kill().expect("killing it");
        child.wait().expect("waiting for it");
    }
}
