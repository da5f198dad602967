//! Small programs that only write down what came, and what a test looks at around them.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use syncrepl_relay::Sink;
use syncrepl_testing::wait_until;

use crate::support::{owner, sink};

/// How long anything may take that a test waits for.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// A folder with a program in it.
pub(crate) struct Script {
    folder: tempfile::TempDir,
    pub(crate) path: PathBuf,
}

/// The beginning of every program in Python: `seen` writes an event down, `answer` answers.
const PRELUDE: &str = r#"#!/usr/bin/env python3
import json, os, signal, sys, time
here = os.path.dirname(os.path.abspath(__file__))
def note(text, name="seen"):
    with open(os.path.join(here, name), "a") as file:
        file.write(text + "\n")
def answer(value):
    print(json.dumps(value), flush=True)
note(str(os.getpid()), "pids")
"#;

impl Script {
    /// A program in Python.
    pub(crate) fn python(body: &str) -> Script {
        Script::of(&format!("{PRELUDE}{body}\n"))
    }

    /// A program for a shell.
    pub(crate) fn shell(body: &str) -> Script {
        Script::of(&format!("#!/bin/sh\ncd \"${{0%/*}}\"\n{body}\n"))
    }

    pub(crate) fn of(text: &str) -> Script {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hook");
        let script = Script { folder, path };
        script.rewrite(text);
        script
    }

    /// Another program in its place.
    pub(crate) fn rewrite(&self, text: &str) {
        let new = self.file("new");
        fs::write(&new, text).unwrap();
        fs::set_permissions(&new, fs::Permissions::from_mode(0o755)).unwrap();
        fs::rename(&new, &self.path).unwrap();
    }

    pub(crate) fn rewrite_python(&self, body: &str) {
        self.rewrite(&format!("{PRELUDE}{body}\n"));
    }

    /// A file beside the program.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The lines of a file beside the program.
    pub(crate) fn lines(&self, name: &str) -> Vec<String> {
        let text = fs::read_to_string(self.file(name)).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// The process of the program, the last one.
    pub(crate) fn pid(&self) -> u32 {
        wait_until(SOON, || !self.lines("pids").is_empty());
        self.lines("pids").last().unwrap().parse().unwrap()
    }

    /// Its sink, not open.
    pub(crate) fn closed_sink(&self, keys: &[(&str, Value)]) -> Box<dyn Sink> {
        let lock = json!(self.file("lock"));
        let mut keys = keys.to_vec();
        keys.push(("lock_file", lock));
        sink(&format!("exec:{}", self.path.display()), &keys)
    }

    /// Its sink, open.
    pub(crate) fn sink(&self, keys: &[(&str, Value)]) -> Box<dyn Sink> {
        let mut sink = self.closed_sink(keys);
        sink.open(&owner("hook")).unwrap();
        sink
    }
}

/// Whether a process runs: it is there, and no zombie.
pub(crate) fn runs(pid: u32) -> bool {
    let stat = fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat"));
    stat.is_ok_and(|stat| {
        let state = stat
            .rsplit_once(") ")
            .map(|(_, after)| after.chars().next());
        !matches!(state, Some(Some('Z' | 'X')))
    })
}
