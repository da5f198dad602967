//! A copy under test. The built command keeps a data file, a reader reads its output by the reading
//! rule, and the judge compares both with a fresh search.
#![allow(dead_code)] // each test target uses its part

pub mod kills;
pub mod outcome;
pub mod proxy;
pub mod python;

use std::path::PathBuf;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use syncrepl_testing::judge::{self, Directory};
use syncrepl_testing::process::Run;
use syncrepl_testing::reader::Reader;
use syncrepl_testing::slapd::SUFFIX;
use syncrepl_testing::target::Target;
use tempfile::TempDir;

pub const SYNCREPL: &str = env!("CARGO_BIN_EXE_syncrepl");
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Runs the command until it ends.
pub fn syncrepl(arguments: &[&str]) -> Output {
    outcome::command(arguments)
        .output()
        .expect("the command starts")
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("output is UTF-8")
}

/// One data file, and a reader of all that its runs printed.
pub struct Copied<'a> {
    pub server: &'a dyn Target,
    pub base: String,
    pub filter: String,
    /// The argument of `-H` if it is not the server: a fail-over list, or a proxy.
    pub hosts: Option<String>,
    /// The attributes to ask for; empty for all user attributes.
    pub attributes: Vec<&'static str>,
    pub folder: TempDir,
    pub reader: Reader,
    /// All that the reader was given.
    given: String,
    follower: Option<(Run, usize)>,
}

impl<'a> Copied<'a> {
    pub fn of(server: &'a dyn Target, base: &str, filter: &str) -> Self {
        Copied {
            server,
            base: base.to_owned(),
            filter: filter.to_owned(),
            hosts: None,
            attributes: Vec::new(),
            folder: TempDir::new().expect("a temporary folder"),
            reader: Reader::new(),
            given: String::new(),
            follower: None,
        }
    }

    pub fn suffix(server: &'a dyn Target) -> Self {
        Copied::of(server, SUFFIX, "(objectClass=*)")
    }

    pub fn data(&self) -> PathBuf {
        self.folder.path().join("copy.db")
    }

    pub fn arguments(&self, subcommand: &str) -> Vec<String> {
        let data = self.data().display().to_string();
        let url = self.hosts.clone().unwrap_or_else(|| self.server.url());
        let mut arguments = vec![
            subcommand, "--data", &data, "-H", &url, "-b", &self.base, "--format", "json",
        ];
        if let Some((name, password)) = self.server.reader() {
            arguments.extend(["-D", name, "-w", password]);
        }
        arguments.push(&self.filter);
        arguments.extend(&self.attributes);
        arguments.into_iter().map(str::to_owned).collect()
    }

    pub fn command(&self, subcommand: &str) -> Command {
        outcome::command(&self.arguments(subcommand))
    }

    /// Gives the reader what a run has printed.
    pub fn feed(&mut self, output: &str) {
        self.reader.feed(output);
        self.given += output;
    }

    /// Lets the reader begin anew from a dump.
    pub fn begin_anew(&mut self) {
        self.given = self.dump_text();
        self.reader = Reader::from_dump(&self.given);
    }

    /// Asserts that the Python of docs/callbacks.md makes of all outputs what `dump` shows.
    pub fn assert_python_equal(&self) {
        let held = python::read(self.given.as_bytes()).expect("it has the whole history");
        python::assert_same(&held, &self.dump_text());
    }

    /// Runs `refresh` with further options; its output goes to the reader.
    pub fn try_refresh(&mut self, options: &[&str]) -> Output {
        let output = self
            .command("refresh")
            .args(options)
            .output()
            .expect("the command starts");
        self.feed(&text(&output.stdout));
        output
    }

    pub fn refresh(&mut self) {
        let output = self.try_refresh(&[]);
        let stderr = text(&output.stderr);
        assert!(output.status.success(), "refresh failed: {stderr}");
        assert_eq!(stderr, "", "a refresh that succeeds says nothing on stderr");
    }

    pub fn dump(&self) -> Directory {
        judge::from_dump_json(&self.dump_text())
    }

    fn dump_text(&self) -> String {
        let data = self.data();
        let output = syncrepl(&[
            "dump",
            "--data",
            &data.display().to_string(),
            "--format",
            "json",
        ]);
        assert!(
            output.status.success(),
            "dump failed: {}",
            text(&output.stderr)
        );
        text(&output.stdout)
    }

    pub fn expected(&self) -> Directory {
        let (name, password) = self.server.reader().unwrap_or_default();
        judge::search(
            &self.server.url(),
            name,
            password,
            &self.base,
            "sub",
            &self.filter,
            &self.attributes,
        )
    }

    /// Asserts that the copy and the reader's map equal a fresh search, and that the reader could apply
    /// every line.
    pub fn assert_equal(&mut self) {
        self.take_output();
        self.reader.assert_clean();
        let expected = self.expected();
        judge::assert_same("dump", &self.dump(), "search", &expected);
        judge::assert_same("reader", &self.reader.directory(), "search", &expected);
    }

    /// Asserts that no entry that was told as deleted since `mark` exists, unless it was added again.
    pub fn assert_no_phantom_delete(&self, deletes_before: usize) {
        let expected = self.expected();
        for (uuid, dn, line) in &self.reader.deletes()[deletes_before..] {
            assert!(
                !expected.entries.contains_key(uuid),
                "line {line} told the delete of {dn}, which is there"
            );
        }
    }

    /// Asserts that a further refresh tells of no change.
    pub fn assert_quiet(&mut self) {
        let mark = self.reader.mark();
        self.refresh();
        let told = self.reader.events_since(mark);
        assert!(
            told.is_empty(),
            "a refresh without a change told of {told:?}"
        );
    }

    pub fn follow(&mut self) {
        self.follow_with(&[]);
    }

    pub fn follow_with(&mut self, options: &[&str]) {
        let run = Run::command(self.command("follow").args(options));
        run.wait_for_line(|line| line.contains(r#""op":"refresh_done""#), PATIENCE);
        self.follower = Some((run, 0));
    }

    pub fn follower(&mut self) -> &mut Run {
        &mut self.follower.as_mut().expect("it follows").0
    }

    /// Gives the reader the whole lines that the follower has printed since.
    pub fn take_output(&mut self) {
        if let Some((run, taken)) = &mut self.follower {
            let lines = run.lines();
            for line in &lines[*taken..] {
                self.reader.feed_line(line);
                self.given += line;
                self.given += "\n";
            }
            *taken = lines.len();
        }
    }

    /// Waits until the follower has caught up, then asserts all of `assert_equal`.
    pub fn wait_equal(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        let expected = self.expected();
        loop {
            self.take_output();
            if self.reader.directory().entries == expected.entries
                && self.dump().entries == expected.entries
            {
                break;
            }
            if Instant::now() > deadline {
                break;
            }
            std::thread::yield_now();
        }
        self.assert_equal();
    }

    /// Stops the follower as a service manager would. It must have printed nothing on stderr.
    pub fn stop(&mut self) {
        assert_eq!(self.stop_after_trouble(), "");
    }

    /// Stops the follower. Gives what it printed on stderr.
    pub fn stop_after_trouble(&mut self) -> String {
        let (mut run, taken) = self.follower.take().expect("it follows");
        run.signal("TERM");
        let status = run.wait_exit(PATIENCE);
        assert!(
            status.success(),
            "follow ended with {status}: {}",
            run.stderr()
        );
        for line in &run.lines()[taken..] {
            self.feed(&format!("{line}\n"));
        }
        run.stderr()
    }

    /// Kills the follower, whatever it is doing.
    pub fn kill(&mut self) {
        let (mut run, taken) = self.follower.take().expect("it follows");
        run.kill9();
        let rest: String = run.output().split_inclusive('\n').skip(taken).collect();
        self.feed(&rest);
    }
}
