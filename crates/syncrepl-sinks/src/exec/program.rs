//! Starts the program of a sink: no shell, a process group of its own, the lock at descriptor 3.

use std::io::ErrorKind;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{ChildStdin, ChildStdout, Command, Stdio};

use command_fds::{CommandFdExt, FdMapping};
use syncrepl_relay::{Event, SinkError, SinkResult};

use super::lock::Lock;
use super::process::Process;

/// Variables that are for syncrepl alone: its password, and what systemd told it.
const NOT_INHERITED: [&str; 7] = [
    "SYNCREPL_BIND_PASSWORD",
    "NOTIFY_SOCKET",
    "WATCHDOG_PID",
    "WATCHDOG_USEC",
    "LISTEN_PID",
    "LISTEN_FDS",
    "LISTEN_FDNAMES",
];
/// The longest DN in a variable. Linux starts no program with one above 128 KiB.
const LONGEST: usize = 64 << 10;
/// The descriptor of the lock in the program.
const LOCK: i32 = 3;

/// What to start.
pub(super) struct Program {
    pub(super) sink: String,
    pub(super) path: PathBuf,
    pub(super) args: Vec<String>,
}

/// What was started.
pub(super) struct Started {
    pub(super) process: Process,
    pub(super) stdin: Option<ChildStdin>,
    pub(super) stdout: Option<ChildStdout>,
}

impl Program {
    /// Starts it. `event` is the one event that it is for.
    pub(super) fn start(
        &self,
        lock: &mut Lock,
        stdout: impl Into<Stdio>,
        stderr: impl Into<Stdio>,
        event: Option<&Event>,
    ) -> SinkResult<Started> {
        let lock_fd = lock
            .to_inherit()
            .map_err(|error| self.not_started(&error))?;
        let mut command = Command::new(&self.path);
        command
            .args(&self.args)
            .stdin(Stdio::piped())
            .stdout(stdout)
            .stderr(stderr)
            .process_group(0);
        for name in NOT_INHERITED {
            command.env_remove(name);
        }
        if let Some(event) = event {
            command.envs(variables(event));
        }
        let mapping = FdMapping {
            parent_fd: lock_fd,
            child_fd: LOCK,
        };
        let mapped = command.fd_mappings(vec![mapping]);
        mapped.map_err(|error| SinkError::passing("start", error.to_string()))?;
        let mut child = command.spawn().map_err(|error| self.not_started(&error))?;
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        let process = Process::of(child);
        lock.held_by(process.id());
        Ok(Started {
            process,
            stdin,
            stdout,
        })
    }

    fn not_started(&self, error: &std::io::Error) -> SinkError {
        let message = format!("{} cannot be started: {error}", self.path.display());
        let hint = match error.kind() {
            ErrorKind::NotFound => "put it there, and what its first line names too",
            ErrorKind::PermissionDenied => "make it executable for the user that runs syncrepl",
            _ => return SinkError::passing("start", message),
        };
        SinkError::manual("program", message).with_hint(hint)
    }
}

/// The variables of an event. A name that a variable cannot hold is left out: it stands in the event.
fn variables(event: &Event) -> Vec<(&'static str, String)> {
    let fits = |dn: &String| dn.len() <= LONGEST && !dn.contains('\0');
    let mut variables = vec![
        ("SYNCREPL_OP", event.kind.word().to_owned()),
        ("SYNCREPL_ID", event.part_id()),
    ];
    if event.is_of_entry() {
        variables.push(("SYNCREPL_UUID", event.uuid.to_string()));
    }
    for (name, dn) in [
        ("SYNCREPL_DN", &event.dn),
        ("SYNCREPL_OLD_DN", &event.old_dn),
    ] {
        if let Some(dn) = dn.clone().filter(fits) {
            variables.push((name, dn));
        }
    }
    variables
}
