//! The command under test as a process: its lines as they come, its end, signals to it.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::tools;

/// A running command. Dropping it kills the process.
#[derive(Debug)]
pub struct Run {
    child: Child,
    unread: Option<ChildStdout>,
    stdout: Arc<Output>,
    stderr: Arc<Output>,
    readers: Vec<JoinHandle<()>>,
}

impl Run {
    /// Runs a program with arguments, no input, its output read as it comes.
    pub fn start<A: AsRef<OsStr>>(program: impl AsRef<Path>, arguments: &[A]) -> Run {
        Run::command(Command::new(program.as_ref()).args(arguments))
    }

    /// Starts a prepared `Command`, so that a test can set its environment and folder.
    pub fn command(command: &mut Command) -> Run {
        let mut run = Run::unread(command);
        run.read();
        run
    }

    /// As [`Run::command`], but without a reader of its output: the pipe fills, and the process blocks,
    /// until [`Run::read`] or [`Run::close_stdout`].
    pub fn unread(command: &mut Command) -> Run {
        let name = command.get_program().to_owned();
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|e| panic!("cannot run {}: {e}", name.display()));
        let (stdout, stderr) = (Arc::new(Output::default()), Arc::new(Output::default()));
        let errors = child.stderr.take().expect("stderr is a pipe");
        let readers = vec![follow(errors, Arc::clone(&stderr))];
        let unread = child.stdout.take();
        Run {
            child,
            unread,
            stdout,
            stderr,
            readers,
        }
    }

    /// Begins to read the output of [`Run::unread`].
    pub fn read(&mut self) {
        if let Some(pipe) = self.unread.take() {
            self.readers.push(follow(pipe, Arc::clone(&self.stdout)));
        }
    }

    /// Goes away as a reader: closes the unread pipe.
    pub fn close_stdout(&mut self) {
        assert!(
            self.unread.take().is_some(),
            "close_stdout needs Run::unread"
        );
    }

    /// The process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The lines so far. The last may be torn when the process was killed.
    pub fn lines(&self) -> Vec<String> {
        self.stdout.with(|lines| {
            lines
                .iter()
                .map(|line| line.trim_end().to_owned())
                .collect()
        })
    }

    /// The output so far, as it came. Complete after [`Run::wait_exit`].
    pub fn output(&self) -> String {
        self.stdout.with(|lines| lines.concat())
    }

    /// Its stderr so far. Complete after [`Run::wait_exit`].
    pub fn stderr(&self) -> String {
        self.stderr.with(|lines| lines.concat())
    }

    /// Waits for a line, looking at all from the first. Returns its index.
    ///
    /// # Panics
    /// When time is up or the output ends without it.
    #[track_caller]
    pub fn wait_for_line(&self, wanted: impl Fn(&str) -> bool, patience: Duration) -> usize {
        self.wait_for_line_from(0, wanted, patience)
    }

    /// As [`Run::wait_for_line`], from the line of that index on.
    #[track_caller]
    pub fn wait_for_line_from(
        &self,
        first: usize,
        wanted: impl Fn(&str) -> bool,
        patience: Duration,
    ) -> usize {
        match self.stdout.wait_for(first, wanted, patience) {
            Some(index) => index,
            None => panic!("no such line within {patience:?}; {}", self.last_words()),
        }
    }

    /// As [`Run::wait_for_line`], on stderr.
    #[track_caller]
    pub fn wait_for_stderr(&self, wanted: impl Fn(&str) -> bool, patience: Duration) -> usize {
        match self.stderr.wait_for(0, wanted, patience) {
            Some(index) => index,
            None => panic!(
                "no such line on stderr within {patience:?}; {}",
                self.last_words()
            ),
        }
    }

    /// The exit status, if it has ended.
    pub fn try_exit(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("waiting for the process")
    }

    /// Waits for its end, and then for the rest of its output.
    ///
    /// # Panics
    /// When it does not end in time.
    #[track_caller]
    pub fn wait_exit(&mut self, patience: Duration) -> ExitStatus {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(status) = self.try_exit() {
                self.readers
                    .drain(..)
                    .for_each(|reader| reader.join().expect("a reader thread"));
                return status;
            }
            if Instant::now() > deadline {
                panic!("still running after {patience:?}; {}", self.last_words());
            }
            std::thread::sleep(Duration::from_millis(3));
        }
    }

    /// Sends a signal, by its name without `SIG`.
    pub fn signal(&self, name: &str) {
        tools::signal(self.pid(), name);
    }

    /// Ends it with SIGKILL, and waits for the rest of its output.
    pub fn kill9(&mut self) {
        self.child.kill().expect("killing the process");
        self.wait_exit(Duration::from_secs(10));
    }

    /// The most memory it has used so far, in KiB, while it still runs.
    pub fn peak_memory_kib(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).ok()?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))?;
        line.trim().strip_suffix(" kB")?.parse().ok()
    }

    fn last_words(&self) -> String {
        let lines = self.lines();
        let short = |line: &String| line.chars().take(300).collect::<String>();
        let last: Vec<String> = lines[lines.len().saturating_sub(15)..]
            .iter()
            .map(short)
            .collect();
        format!(
            "its last lines:\n{}\nits stderr:\n{}",
            last.join("\n"),
            self.stderr()
        )
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Lines as they came, each with its line break.
#[derive(Debug, Default)]
struct Output {
    state: Mutex<State>,
    more: Condvar,
}

#[derive(Debug, Default)]
struct State {
    lines: Vec<String>,
    ended: bool,
}

impl Output {
    fn with<T>(&self, look: impl FnOnce(&[String]) -> T) -> T {
        look(
            &self
                .state
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .lines,
        )
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
        self.more.notify_all();
    }

    fn wait_for(
        &self,
        first: usize,
        wanted: impl Fn(&str) -> bool,
        patience: Duration,
    ) -> Option<usize> {
        let deadline = Instant::now() + patience;
        let mut next = first;
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            while let Some(line) = state.lines.get(next) {
                if wanted(line.trim_end()) {
                    return Some(next);
                }
                next += 1;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if state.ended || left.is_zero() {
                return None;
            }
            state = self
                .more
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }
}

fn follow(pipe: impl Read + Send + 'static, output: Arc<Output>) -> JoinHandle<()> {
    std::thread::spawn(move || {
        let mut pipe = BufReader::new(pipe);
        loop {
            let mut line = Vec::new();
            match pipe.read_until(b'\n', &mut line) {
                Ok(1..) => {
                    let line = String::from_utf8_lossy(&line).into_owned();
                    output.change(|state| state.lines.push(line));
                }
                Ok(0) | Err(_) => break,
            }
        }
        output.change(|state| state.ended = true);
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_secs(10);

    fn sh(script: &str) -> Run {
        Run::start("/bin/sh", &["-c", script])
    }

    #[test]
    fn lines_come_while_it_runs() {
        let mut run =
            sh("echo one; echo oops >&2; echo two; printf torn; read x </dev/null; sleep 60");
        let first = run.wait_for_line(|line| line == "one", SOON);
        assert_eq!(
            run.wait_for_line_from(first + 1, |line| line.starts_with('t'), SOON),
            1
        );
        run.wait_for_stderr(|line| line == "oops", SOON);
        assert!(run.peak_memory_kib().is_some_and(|kib| kib > 0));
        run.child.kill().expect("killing sh");
    }

    #[test]
    fn the_end_and_the_whole_output() {
        let mut run = sh("echo one; printf torn; exit 3");
        assert_eq!(run.wait_exit(SOON).code(), Some(3));
        assert_eq!(run.output(), "one\ntorn");
        assert_eq!(run.lines(), ["one", "torn"]);
    }

    #[test]
    fn signals_reach_it() {
        let mut run = sh("trap 'echo bye; exit 0' TERM; echo ready; while :; do sleep 0.01; done");
        run.wait_for_line(|line| line == "ready", SOON);
        run.signal("TERM");
        assert!(run.wait_exit(SOON).success());
        assert_eq!(run.lines(), ["ready", "bye"]);
        let mut run = Run::start("/bin/sleep", &["60"]);
        run.kill9();
        assert_eq!(run.try_exit().and_then(|status| status.code()), None);
    }

    #[test]
    fn a_reader_that_goes_away() {
        let mut run = Run::unread(Command::new("/bin/sh").args(["-c", "yes; echo $? >&2"]));
        run.close_stdout();
        run.wait_exit(SOON);
        assert!(!run.stderr().is_empty());
    }

    #[test]
    #[should_panic(expected = "no such line within")]
    fn an_output_that_ends_is_not_waited_for() {
        sh("echo one").wait_for_line(|line| line == "two", Duration::from_secs(1000));
    }
}
