//! CloudEvents as lines in a file and on stdout.

#[path = "../support/mod.rs"]
mod support;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use support::{
    SOURCE, accepted, completed, event, events, owner, python_of, send, shown, sink, target,
};
use syncrepl_relay::{SinkError, Trouble};
use syncrepl_sinks::of;

fn lines(numbers: std::ops::RangeInclusive<u64>) -> String {
    let lines = events(numbers);
    lines
        .iter()
        .map(|event| event.to_json(SOURCE) + "\n")
        .collect()
}

fn file_sink(path: &std::path::Path) -> Box<dyn syncrepl_relay::Sink> {
    sink(&format!("file:{}", path.display()), &[])
}

#[test]
fn events_are_appended_as_lines() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.jsonl");
    let mut sink = file_sink(&path);
    assert_eq!(sink.open(&owner("file")).unwrap(), None);
    assert_eq!(send(&mut *sink, &events(1..=3)).unwrap(), accepted(3));
    sink.close();
    sink.open(&owner("file")).unwrap();
    assert_eq!(send(&mut *sink, &events(4..=4)).unwrap(), accepted(1));
    assert_eq!(fs::read_to_string(&path).unwrap(), lines(1..=4));
}

#[test]
fn half_a_line_of_a_crash_is_cut_off() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.jsonl");
    let whole = lines(1..=2);
    // Longer than what is read at once, and what a file system leaves that lost its last block.
    let long = format!("{{{}", "x".repeat(200_000));
    for half in ["{", "{\"data\":{\"dn\":\"cn=", "\0\0\0", long.as_str()] {
        for whole in ["", whole.as_str()] {
            fs::write(&path, format!("{whole}{half}")).unwrap();
            let mut sink = file_sink(&path);
            sink.open(&owner("file")).unwrap();
            send(&mut *sink, &events(3..=3)).unwrap();
            let wanted = format!("{whole}{}", lines(3..=3));
            assert_eq!(fs::read_to_string(&path).unwrap(), wanted);
        }
    }
}

#[test]
fn file_whose_last_line_is_no_event_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes.txt");
    fs::write(&path, "one\nmy notes").unwrap();
    let error = file_sink(&path).open(&owner("file")).unwrap_err();
    assert_eq!(error.trouble(), Trouble::Manual, "{error}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "one\nmy notes");
}

#[test]
fn rotation_begins_a_new_file_with_the_next_batch() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.jsonl");
    let mut sink = file_sink(&path);
    sink.open(&owner("file")).unwrap();
    send(&mut *sink, &events(1..=2)).unwrap();
    fs::rename(&path, folder.path().join("events.jsonl.1")).unwrap();
    send(&mut *sink, &events(3..=3)).unwrap();
    fs::remove_file(&path).unwrap();
    fs::write(&path, "").unwrap();
    send(&mut *sink, &events(4..=4)).unwrap();
    let old = fs::read_to_string(folder.path().join("events.jsonl.1")).unwrap();
    assert_eq!(old, lines(1..=2));
    assert_eq!(fs::read_to_string(&path).unwrap(), lines(4..=4));
}

#[test]
fn second_writer_is_kept_out_until_the_first_has_gone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.jsonl");
    let (mut first, mut second) = (file_sink(&path), file_sink(&path));
    first.open(&owner("file")).unwrap();
    let error = second.open(&owner("other")).unwrap_err();
    assert_eq!(
        (error.trouble(), error.reason()),
        (Trouble::Manual, "locked")
    );
    first.close();
    second.open(&owner("other")).unwrap();
}

#[test]
fn full_disk_passes_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("full");
    std::os::unix::fs::symlink("/dev/full", &path).unwrap();
    // No file: a device is refused before.
    let error: SinkError = file_sink(&path).open(&owner("file")).unwrap_err();
    assert_eq!(error.trouble(), Trouble::Manual);
    let error = file_sink(&folder.path().join("no/such/folder"))
        .open(&owner("file"))
        .unwrap_err();
    assert_eq!(error.trouble(), Trouble::Manual);
    assert!(error.hint().is_some());
}

#[test]
fn one_file_is_one_place_and_relative_paths_are_refused() {
    let place = |to: &str| (of(to).unwrap().place)(&target(to, &[]));
    assert_eq!(place("file:/a/./b").unwrap(), place("file:/a//b").unwrap());
    assert_ne!(place("file:/a/b").unwrap(), place("file:/a/c").unwrap());
    for to in ["file:a", "file:", "file:/", "stdout:x"] {
        assert!(place(to).is_err(), "{to}");
    }
    let unknown = target("stdout:", &[("mode", "each".into())]);
    assert!(syncrepl_sinks::open(&unknown).is_err());
}

/// This program again, as one that has a stdout of its own.
fn other(part: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "--nocapture", "part_of_another_process"])
        .env("LINES_PART", part)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

#[test]
fn part_of_another_process() {
    let Ok(part) = std::env::var("LINES_PART") else {
        return;
    };
    let mut sink = sink("stdout:", &[]);
    sink.open(&owner("lines")).unwrap();
    let error = loop {
        match send(&mut *sink, &[event(1), event(2)]) {
            Ok(sent) => assert_eq!(sent, accepted(2)),
            Err(error) => break error,
        }
        if part == "once" {
            return;
        }
    };
    assert_eq!(
        (error.trouble(), error.reason()),
        (Trouble::Manual, "closed")
    );
    std::process::exit(42);
}

#[test]
fn stdout_gets_the_lines() {
    let output = other("once").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        output.status.success() && text.contains(&lines(1..=2)),
        "{text}"
    );
}

#[test]
fn reader_of_stdout_that_goes_away_needs_a_person() {
    let mut child = other("until closed").spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let wanted = lines(1..=1);
    let mut line = String::new();
    while line != wanted {
        line.clear();
        assert_ne!(stdout.read_line(&mut line).unwrap(), 0);
    }
    drop(stdout);
    assert_eq!(child.wait().unwrap().code(), Some(42));
}

#[test]
fn reader_of_the_documentation_knows_events_again() {
    let mut reader = Command::new("python3")
        .args(["-c", &python_of("stdout.md")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3: apt-get install python3");
    let mut stdin = reader.stdin.take().unwrap();
    let pass = [shown(2, 9), shown(4, 9), completed(9)];
    let pass: String = pass
        .iter()
        .map(|event| event.to_json(SOURCE) + "\n")
        .collect();
    // Doubles as they come after a crash, also of the pass.
    let text = lines(1..=3)
        + &lines(1..=3)
        + &lines(2..=4)
        + &pass
        + &lines(10..=10)
        + &pass
        + &lines(10..=10);
    stdin.write_all(text.as_bytes()).unwrap();
    drop(stdin);
    let output = String::from_utf8(reader.wait_with_output().unwrap().stdout).unwrap();
    let gone = |number| format!("gone {}", event(number).uuid);
    let added = |number| format!("io.syncrepl.entry.added.v1 cn=entry {number},dc=example,dc=com");
    let wanted = [
        added(1),
        added(2),
        added(3),
        added(4),
        gone(1),
        gone(3),
        added(10),
    ];
    assert_eq!(output.lines().collect::<Vec<_>>(), wanted);
}
