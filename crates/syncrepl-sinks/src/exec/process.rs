//! A process in a group of its own, which is ended as a whole.

use std::io;
use std::process::{Child, ExitStatus};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

/// How long a group may take to end when it is asked to.
const GRACE: Duration = Duration::from_secs(1);

/// A process that leads a group. Dropping it kills the group.
pub(super) struct Process {
    child: Child,
    reaped: Option<ExitStatus>,
}

impl Process {
    /// `child` was started as the leader of its group.
    pub(super) fn of(child: Child) -> Process {
        Process {
            child,
            reaped: None,
        }
    }

    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether the leader has ended. It is not reaped, so that its number, which is that of the group too, cannot
    /// become another process's.
    pub(super) fn has_ended(&self) -> bool {
        if self.reaped.is_some() {
            return true;
        }
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
        let looked = self.pid().map(|pid| waitid(WaitId::Pid(pid), options));
        // An error says that there is no such child any more.
        !matches!(looked, Some(Ok(None)))
    }

    /// Waits until the leader has ended, for `limit` at most. Returns whether it has.
    pub(super) fn wait(&self, limit: Duration) -> bool {
        let deadline = Instant::now() + limit;
        let mut pause = Duration::from_micros(200);
        while !self.has_ended() {
            if Instant::now() >= deadline {
                return false;
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(10));
        }
        true
    }

    /// The status of a leader that has ended. What it left running in its group goes on.
    pub(super) fn reap(&mut self) -> io::Result<ExitStatus> {
        if let Some(status) = self.reaped {
            return Ok(status);
        }
        let status = self.child.wait()?;
        self.reaped = Some(status);
        Ok(status)
    }

    /// Ends the group: asks it to, then kills what is left. The status is that of the leader.
    pub(super) fn end(&mut self) -> io::Result<ExitStatus> {
        if self.reaped.is_none() {
            if !self.has_ended() {
                self.signal(Signal::TERM);
                self.wait(GRACE);
            }
            self.signal(Signal::KILL);
        }
        self.reap()
    }

    /// Only before the leader is reaped: after that the number may be another group's.
    fn signal(&self, signal: Signal) {
        if let Some(pid) = self.pid() {
            // An error says that nobody is left.
            let _ = kill_process_group(pid, signal);
        }
    }

    fn pid(&self) -> Option<Pid> {
        i32::try_from(self.child.id()).ok().and_then(Pid::from_raw)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // The leader is gone either way.
        let _ = self.end();
    }
}
