//! Troubles that pass: `follow` waits for them, says so, and loses nothing.

#[path = "../common/mod.rs"]
mod common;

mod certificates;
mod hangup;
mod password;
mod rotation;
mod space;

use std::path::{Path, PathBuf};
use std::process::Command;

use syncrepl_testing::judge::{self, Directory};
use syncrepl_testing::process::Run;
use syncrepl_testing::reader::Reader;
use syncrepl_testing::slapd::{SUFFIX, Slapd};
use syncrepl_testing::wait_until;

use common::PATIENCE;
use common::outcome::{Data, command};

/// `follow` with further options.
fn follow(data: &Data, url: &str, options: &[&str]) -> Run {
    Run::command(&mut command_of(data, url, options))
}

fn command_of(data: &Data, url: &str, options: &[&str]) -> Command {
    let mut command = command(&data.sync("follow", url));
    command.args(options);
    command
}

fn wait_commit(run: &Run) {
    run.wait_for_line(|line| line.contains(r#""op":"commit""#), PATIENCE);
}

fn describe(server: &Slapd, text: &str) {
    let ldif =
        format!("dn: {SUFFIX}\nchangetype: modify\nreplace: description\ndescription: {text}\n");
    server.ldapmodify(&ldif).expect("the change applies");
}

fn truth(server: &Slapd) -> Directory {
    server.search(SUFFIX, "(objectClass=*)", &[])
}

/// Waits until what the reader makes of the files, in this order, equals the server.
#[track_caller]
fn wait_read(files: &[PathBuf], server: &Slapd) -> Reader {
    let read = || {
        let mut reader = Reader::new();
        let text: String = files.iter().map(|file| content(file)).collect();
        reader.feed(&text);
        reader
    };
    let expected = truth(server);
    wait_until(PATIENCE, || read().directory().entries == expected.entries);
    let reader = read();
    reader.assert_clean();
    reader
}

fn content(file: &Path) -> String {
    std::fs::read_to_string(file).unwrap_or_default()
}

/// Waits until the copy equals the server.
#[track_caller]
fn wait_copied(data: &Data, server: &Slapd) {
    let expected = truth(server);
    let copy = || judge::from_dump_json(&data.dump());
    wait_until(PATIENCE, || copy().entries == expected.entries);
}
