//! The place of one case: a data file, the output of its runs, and a reader of that output.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use syncrepl_client::rusqlite::{Connection, OpenFlags};
use syncrepl_testing::judge::{self, Directory};
use syncrepl_testing::process::Run;
use syncrepl_testing::reader::Reader;
use syncrepl_testing::slapd::SUFFIX;
use syncrepl_testing::strace::{self, Fault, Inject, Strace};
use tempfile::TempDir;

use crate::common::PATIENCE;
use crate::common::outcome::{Outcome, assert_message, clean, command};

pub struct Place {
    pub folder: TempDir,
    pub reader: Reader,
    outputs: usize,
}

/// How a run ended.
pub struct End {
    pub code: Option<i32>,
    pub stderr: String,
}

impl Place {
    pub fn new() -> Place {
        Place {
            folder: TempDir::new().expect("a temporary folder"),
            reader: Reader::new(),
            outputs: 0,
        }
    }

    /// A copy of this place, to be damaged.
    pub fn copy(&self) -> Place {
        let copy = Place {
            reader: self.reader.clone(),
            ..Place::new()
        };
        for file in fs::read_dir(self.folder.path()).expect("the folder") {
            let file = file.expect("a file");
            if file.file_name().to_string_lossy().starts_with("copy.db") {
                fs::copy(file.path(), copy.folder.path().join(file.file_name())).expect("a copy");
            }
        }
        copy
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn data(&self) -> PathBuf {
        self.path("copy.db")
    }

    pub fn log(&self) -> PathBuf {
        self.path("strace.log")
    }

    /// The output file of the present or last run.
    pub fn output(&self) -> PathBuf {
        self.path(&format!("output.{}", self.outputs))
    }

    /// The files whose writes and opens count.
    pub fn files(&self) -> Vec<PathBuf> {
        let beside = ["", "-wal", "-shm", "-journal", ".lock"];
        let mut files: Vec<_> = beside.map(|end| self.path(&format!("copy.db{end}"))).into();
        files.push(self.output());
        files.push(self.folder.path().to_owned());
        files
    }

    pub fn arguments(&self, subcommand: &str, url: &str) -> Vec<String> {
        let data = self.data().display().to_string();
        let words = [
            subcommand, "--data", &data, "--format", "json", "-x", "-H", url, "-b", SUFFIX,
        ];
        words.map(str::to_owned).to_vec()
    }

    /// Starts the command under strace. Its output goes to a file, so printing is a write to a disk too.
    pub fn start(
        &mut self,
        strace: &Strace,
        subcommand: &str,
        url: &str,
        inject: Option<&Inject>,
    ) -> Run {
        self.outputs += 1;
        let output = self.output();
        fs::write(&output, "").expect("a file for the output");
        let mut command = command(&self.arguments(subcommand, url));
        command.env("SQLITE_TMPDIR", self.folder.path());
        let traced = strace.command(&command, &self.files(), &self.log(), inject);
        let mut shell = Command::new("bash");
        shell.args(["-c", r#"out=$1; shift; exec "$@" >"$out""#, "bash"]);
        shell
            .arg(&output)
            .arg(traced.get_program())
            .args(traced.get_args());
        clean(&mut shell).env("SQLITE_TMPDIR", self.folder.path());
        Run::command(&mut shell)
    }

    /// Ends a run. Gives its output to the reader, and may tear the write before which it was killed.
    pub fn ended(&mut self, mut run: Run, inject: Option<&Inject>, torn: f64) -> End {
        let code = run.wait_exit(PATIENCE).code();
        if code.is_none() && inject.is_some_and(|inject| inject.fault == Fault::Kill) && torn > 0.0
        {
            strace::tear(&self.log(), torn);
        }
        self.read_output();
        End {
            code,
            stderr: run.stderr(),
        }
    }

    pub fn printed(&self) -> String {
        let bytes = fs::read(self.output()).expect("the output");
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn read_output(&mut self) {
        let output = self.printed();
        self.reader.feed(&output);
        self.reader.assert_clean();
    }

    pub fn calls(&self) -> std::collections::BTreeMap<String, usize> {
        strace::calls(&self.log(), &self.files())
    }

    /// The number of the last write to the log. Later writes only copy the log into the file.
    pub fn last_of_commit(&self) -> usize {
        strace::last(&self.log(), "pwrite64", &self.path("copy.db-wal"))
    }

    /// The copy from disk, `None` if there is none. Asserts that `status` agrees.
    pub fn dump(&self) -> Option<String> {
        let data = self.data().display().to_string();
        let dump = Outcome::run(&["dump", "--data", &data, "--format", "json"]);
        let status = Outcome::run(&["status", "--data", &data, "--format", "json"]);
        if dump.code == Some(5) {
            dump.assert_failed(5, &["first refresh"]);
            status.assert_failed(5, &["first refresh"]);
            return None;
        }
        dump.assert_done();
        status.assert_done();
        let commit = judge::dump_commit(&dump.stdout);
        assert!(status.stdout.contains(&format!(r#""commit":{commit},"#)));
        let entries = dump.stdout.lines().count() - 1;
        assert!(status.stdout.contains(&format!(r#""entries":{entries},"#)));
        Some(dump.stdout)
    }

    /// Runs once more without a fault. Asserts that everything equals the search, and that no entry exists
    /// that was told as deleted since `mark`.
    pub fn recover(&mut self, url: &str, expected: &Directory, deletes: usize) {
        self.outputs += 1;
        let refresh = Outcome::run(&self.arguments("refresh", url));
        refresh.assert_done();
        fs::write(self.output(), &refresh.stdout).expect("the output");
        self.read_output();
        let dump = self.dump().expect("a copy");
        judge::assert_same("dump", &judge::from_dump_json(&dump), "search", expected);
        judge::assert_same("reader", &self.reader.directory(), "search", expected);
        assert_eq!(self.reader.commit(), judge::dump_commit(&dump));
        for (uuid, dn, _) in &self.reader.deletes()[deletes..] {
            assert!(!expected.entries.contains_key(uuid), "{dn} is still there");
        }
        let sound: String = read_only(&self.data())
            .query_row("PRAGMA integrity_check", [], |row| row.get(0))
            .expect("a check");
        assert_eq!(sound, "ok");
    }

    /// A reader that looks at the copy during a run, and sees one state of it.
    pub fn watcher(&self) -> Connection {
        let watcher = read_only(&self.data());
        let begin = "BEGIN; SELECT count(*) FROM syncrepl_records";
        watcher.execute_batch(begin).expect("a snapshot");
        watcher
    }
}

fn read_only(path: &Path) -> Connection {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
    let conn = Connection::open_with_flags(path, flags).expect("the file opens");
    conn.busy_timeout(PATIENCE).expect("patience");
    conn
}

impl End {
    /// Asserts the end after a disk failure: exit code 5, and one message that says so.
    #[track_caller]
    pub fn assert_disk(&self, inject: &Inject) {
        assert_eq!(self.code, Some(5), "{inject:?}: {}", self.stderr);
        assert_eq!(
            self.stderr.lines().count(),
            1,
            "{inject:?}: {}",
            self.stderr
        );
        let full = matches!(
            inject.fault,
            Fault::Once("ENOSPC") | Fault::Onward("ENOSPC")
        );
        // A file that cannot be opened may be reported as forbidden.
        let forbidden = ["cannot be", "read-only"].map(|words| self.stderr.contains(words));
        if !full && inject.call == "openat" && forbidden.contains(&true) {
            return;
        }
        let word = if full { "space" } else { "disk" };
        assert_message(&self.stderr, &[word]);
    }
}
