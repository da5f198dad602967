//! The disk is full for a while, below the copy or below the output.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use syncrepl_testing::process::Run;
use syncrepl_testing::slapd::{Slapd, Variant};
use syncrepl_testing::wait_until;

use crate::common::outcome::{Data, Outcome, clean, people};
use crate::common::{PATIENCE, SYNCREPL};
use crate::{content, describe, truth, wait_commit, wait_copied};

fn add_people(server: &Slapd, count: usize) {
    let ldif = people(count).replace("\nobjectClass: i", "\nchangetype: add\nobjectClass: i");
    let ldif = ldif.replacen("\nobjectClass: o", "\nchangetype: add\nobjectClass: o", 1);
    server.ldapmodify(&ldif).expect("people come");
}

/// A limit on the size of files stands in for a full disk. It needs no special rights, and can be lifted.
#[test]
fn limit_on_the_size_of_files() {
    let server = Slapd::start(Variant::Plain);
    let data = Data::new();
    let mut limited = Command::new("bash");
    let script = "trap '' XFSZ; ulimit -Sf 800; exec \"$@\"";
    limited.args(["-c", script, "bash", SYNCREPL]);
    limited.args(data.sync("follow", &server.url()));
    limited.args(["--longest-wait", "500ms"]);
    let mut run = Run::command(clean(&mut limited));
    wait_commit(&run);
    add_people(&server, 2000);
    let full = |line: &str| line.contains("disk") && line.contains("trying again");
    run.wait_for_stderr(full, PATIENCE);
    let pid = run.pid().to_string();
    let raised = Command::new("prlimit")
        .args(["--pid", &pid, "--fsize=unlimited:"])
        .status();
    assert!(raised.expect("prlimit").success());
    run.wait_for_stderr(|line| line.contains("up to date again"), PATIENCE);
    wait_copied(&data, &server);
    let mut reader = syncrepl_testing::reader::Reader::new();
    run.signal("TERM");
    assert_eq!(run.wait_exit(PATIENCE).code(), Some(0));
    reader.feed(&run.output());
    reader.assert_clean();
    assert_eq!(reader.directory().len(), 2002);
}

/// A small file system for one process, if this user may mount one.
struct Small {
    run: Run,
    folder: PathBuf,
}

impl Small {
    /// Runs `follow`; `words` get the path of the small folder.
    fn follow(data: &Data, words: impl Fn(&str) -> Vec<String>) -> Option<Small> {
        let may = Command::new("unshare").args(["-rm", "true"]).output();
        if !may.is_ok_and(|output| output.status.success()) {
            println!("skipped: this user may not mount anything");
            return None;
        }
        let folder = data.folder.path().join("small");
        fs::create_dir(&folder).expect("a folder");
        let path = folder.display().to_string();
        let mut script = Command::new("unshare");
        script.args(["-rm", "sh", "-c"]);
        script.arg("mount -t tmpfs -o size=2m none \"$1\" && shift && exec \"$@\"");
        script.arg("sh").arg(&path).arg(SYNCREPL).args(words(&path));
        script.args(["--longest-wait", "500ms"]);
        let run = Run::command(clean(&mut script));
        Some(Small { run, folder })
    }

    /// The small folder as that process sees it.
    fn inside(&self, name: &str) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.run.pid()));
        let folder = self.folder.strip_prefix("/").expect("an absolute path");
        root.join(folder).join(name)
    }

    /// The copy in it.
    fn dump(&self) -> Outcome {
        let copy = self.folder.join("copy.db").display().to_string();
        let pid = self.run.pid().to_string();
        let mut inside = Command::new("nsenter");
        inside.args(["-t", &pid, "-U", "-m", "--preserve-credentials", SYNCREPL]);
        inside.args(["dump", "--format", "json", "--data", &copy]);
        Outcome::of(clean(&mut inside))
    }

    /// Leaves no space.
    fn fill(&self) {
        use std::io::Write;
        let mut file = fs::File::create(self.inside("ballast")).expect("a file");
        for size in [4096, 1] {
            while file.write_all(&vec![1; size]).is_ok() {}
        }
    }

    fn free(&self) {
        fs::remove_file(self.inside("ballast")).expect("the ballast goes");
    }
}

#[test]
fn copy_on_a_full_disk() {
    let server = Slapd::start(Variant::Plain);
    let data = Data::new();
    let words = |folder: &str| {
        let mut words = data.sync("follow", &server.url());
        words[2] = format!("{folder}/copy.db");
        words
    };
    let Some(mut small) = Small::follow(&data, words) else {
        return;
    };
    wait_commit(&small.run);
    small.fill();
    add_people(&server, 300);
    let full = |line: &str| line.contains("disk is full") && line.contains("trying again");
    small.run.wait_for_stderr(full, PATIENCE);
    describe(&server, "meanwhile");
    small.free();
    let again = |line: &str| line.contains("up to date again");
    small.run.wait_for_stderr(again, PATIENCE);
    describe(&server, "afterwards");
    small
        .run
        .wait_for_line(|line| line.contains("afterwards"), PATIENCE);
    let expected = truth(&server);
    let same = || {
        let dump = small.dump();
        syncrepl_testing::judge::from_dump_json(&dump.stdout).entries == expected.entries
    };
    wait_until(PATIENCE, same);
    small.run.signal("TERM");
    assert_eq!(small.run.wait_exit(PATIENCE).code(), Some(0));
    let mut reader = syncrepl_testing::reader::Reader::new();
    reader.feed(&small.run.output());
    reader.assert_clean();
    assert_eq!(reader.directory().entries, expected.entries);
}

#[test]
fn output_on_a_full_disk() {
    let server = Slapd::start(Variant::Plain);
    let data = Data::new();
    let words = |folder: &str| {
        let mut words = data.sync("follow", &server.url());
        words.extend(["--output".to_owned(), format!("{folder}/changes.json")]);
        words
    };
    let Some(mut small) = Small::follow(&data, words) else {
        return;
    };
    let committed = || content(&small.inside("changes.json")).contains(r#""op":"commit""#);
    wait_until(PATIENCE, committed);
    small.fill();
    add_people(&server, 300);
    let full = |line: &str| line.contains("o space left") && line.contains("trying again");
    small.run.wait_for_stderr(full, PATIENCE);
    small.free();
    describe(&server, "afterwards");
    crate::wait_read(&[small.inside("changes.json")], &server);
    wait_copied(&data, &server);
    small.run.signal("TERM");
    assert_eq!(small.run.wait_exit(PATIENCE).code(), Some(0));
}

/// A full device behind stdout is waited for, as a full disk is.
#[test]
fn stdout_that_is_full() {
    let server = Slapd::start(Variant::Plain);
    let data = Data::new();
    let mut full = Command::new("bash");
    full.args(["-c", "exec \"$@\" > /dev/full", "bash", SYNCREPL]);
    full.args(data.sync("follow", &server.url()));
    let mut run = Run::command(clean(&mut full));
    run.wait_for_stderr(|line| line.contains("trying again"), PATIENCE);
    run.signal("TERM");
    run.wait_exit(PATIENCE);
}
