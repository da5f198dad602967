//! A file of the copy is deleted, moved or replaced while `follow` uses it.

use std::fs;
use std::path::PathBuf;

use syncrepl_client::Store;
use syncrepl_client::rusqlite::Connection;
use syncrepl_testing::process::Run;
use syncrepl_testing::slapd::{SUFFIX, Slapd, Variant};

use crate::common::PATIENCE;
use crate::common::outcome::{Data, Outcome, assert_message, command};

/// Follows, lets `what` happen to the files, and makes a change. Asserts that the run ends with code 5
/// and these words, and does not say that the change is committed.
#[track_caller]
fn ends(what: impl FnOnce(&Data), words: &[&str]) -> (Data, Slapd) {
    let server = Slapd::start(Variant::Plain);
    let data = Data::new();
    fs::create_dir(data.folder.path().join("folder")).expect("a folder");
    let mut follow = follow(&data, &server, &[]);
    what(&data);
    describe(&server, "changed");
    let status = follow.wait_exit(PATIENCE);
    let stderr = follow.stderr();
    assert_eq!(status.code(), Some(5), "{stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert_message(&stderr, words);
    let output = follow.output();
    assert_eq!(output.matches(r#""op":"commit""#).count(), 1, "{output}");
    (data, server)
}

fn file(data: &Data, end: &str) -> PathBuf {
    data.folder.path().join(format!("folder/copy.db{end}"))
}

fn arguments(data: &Data, subcommand: &str, server: &Slapd) -> Vec<String> {
    let mut arguments = data.sync(subcommand, &server.url());
    arguments[2] = file(data, "").display().to_string();
    arguments
}

fn follow(data: &Data, server: &Slapd, options: &[&str]) -> Run {
    let mut follow = command(&arguments(data, "follow", server));
    let follow = Run::command(follow.args(options));
    follow.wait_for_line(|line| line.contains(r#""op":"commit""#), PATIENCE);
    follow
}

fn describe(server: &Slapd, text: &str) {
    let ldif =
        format!("dn: {SUFFIX}\nchangetype: modify\nreplace: description\ndescription: {text}\n");
    server.ldapmodify(&ldif).expect("the change applies");
}

/// The next refresh succeeds, and the copy has the change.
#[track_caller]
fn starts_again(data: &Data, server: &Slapd) {
    Outcome::run(&arguments(data, "refresh", server)).assert_done();
    let path = file(data, "").display().to_string();
    let dump = Outcome::run(&["dump", "--data", &path, "--format", "json"]);
    assert!(
        dump.assert_done().stdout.contains("changed"),
        "{}",
        dump.stdout
    );
}

#[test]
fn each_file_deleted() {
    for (end, hint) in [
        ("", "put the file back"),
        ("-wal", "part of the copy"),
        ("-shm", "part of the copy"),
        (".lock", "another syncrepl may be using the copy"),
    ] {
        let name = format!("copy.db{end} was deleted or moved while it was in use");
        let delete = |data: &Data| fs::remove_file(file(data, end)).expect("the file goes");
        let (data, server) = ends(delete, &[&name, hint]);
        starts_again(&data, &server);
    }
}

#[test]
fn folder_deleted() {
    let delete = |data: &Data| {
        fs::remove_dir_all(data.folder.path().join("folder")).expect("the folder goes");
    };
    let (data, server) = ends(delete, &["copy.db was deleted or moved", "start anew"]);
    fs::create_dir(data.folder.path().join("folder")).expect("a folder");
    starts_again(&data, &server);
}

#[test]
fn folder_moved() {
    let (folder, away) = ("folder", "away");
    let rename = |data: &Data, from: &str, to: &str| {
        let path = data.folder.path();
        fs::rename(path.join(from), path.join(to)).expect("the folder moves");
    };
    let moved = |data: &Data| rename(data, folder, away);
    let (data, server) = ends(
        moved,
        &["copy.db was deleted or moved", "put the file back"],
    );
    rename(&data, away, folder);
    starts_again(&data, &server);
}

/// The backup is of an older state. What the log still holds is not for it.
#[test]
fn backup_moved_over_the_file() {
    let dump = |path: PathBuf| {
        let path = path.display().to_string();
        let dump = Outcome::run(&["dump", "--data", &path, "--format", "json"]);
        dump.assert_done().stdout.clone()
    };
    let mut before = String::new();
    let replace = |data: &Data| {
        let (old, backup) = (
            data.folder.path().join("old"),
            data.folder.path().join("backup"),
        );
        let store = Store::open(file(data, "")).expect("a store");
        store.backup_to(&old).expect("a backup");
        store.backup_to(&backup).expect("another");
        let mut store = Store::open(file(data, "")).expect("a store");
        let sql = "CREATE TABLE mine (a); INSERT INTO mine VALUES (zeroblob(100000))";
        let write = store.transaction(|cursor| Ok(cursor.execute_batch(sql)?));
        write.expect("it is written, into the log");
        drop(store);
        before = dump(old);
        fs::rename(backup, file(data, "")).expect("the backup takes its place");
    };
    let words = [
        "another file took the place of",
        "copy.db",
        "while it was in use",
    ];
    let (data, server) = ends(replace, &words);
    assert_eq!(dump(file(&data, "")), before);
    let db = Connection::open(file(&data, "")).expect("it opens");
    let check = |sql: &str| db.query_row(sql, [], |row| row.get::<_, String>(0));
    assert_eq!(check("PRAGMA integrity_check").expect("a check"), "ok");
    let mine = check("SELECT count(*) || '' FROM sqlite_schema WHERE name = 'mine'");
    assert_eq!(mine.expect("a count"), "0");
    drop(db);
    starts_again(&data, &server);
}

/// Without a change, the heartbeat notices.
#[test]
fn file_deleted_while_nothing_happens() {
    let server = Slapd::start(Variant::Plain);
    let data = Data::new();
    fs::create_dir(data.folder.path().join("folder")).expect("a folder");
    let mut follow = follow(&data, &server, &["--heartbeat", "1s"]);
    fs::remove_file(file(&data, "")).expect("the file goes");
    assert_eq!(
        follow.wait_exit(PATIENCE).code(),
        Some(5),
        "{}",
        follow.stderr()
    );
    assert_message(&follow.stderr(), &["copy.db was deleted or moved"]);
}

/// The server stays away, so that nothing is ever to be committed.
#[test]
fn file_deleted_and_the_server_stays_away() {
    let server = Slapd::start(Variant::Plain);
    let data = Data::new();
    fs::create_dir(data.folder.path().join("folder")).expect("a folder");
    let mut follow = follow(&data, &server, &["--longest-wait", "500ms"]);
    server.stop();
    follow.wait_for_stderr(|line| line.contains("trying again"), PATIENCE);
    fs::remove_file(file(&data, "")).expect("the file goes");
    assert_eq!(
        follow.wait_exit(PATIENCE).code(),
        Some(5),
        "{}",
        follow.stderr()
    );
    assert!(follow.stderr().contains("copy.db was deleted or moved"));
}

/// A refresh that nobody could find later does not begin: the server was away meanwhile.
#[test]
fn file_deleted_while_the_server_is_away() {
    let server = Slapd::start(Variant::Plain);
    let data = Data::new();
    fs::create_dir(data.folder.path().join("folder")).expect("a folder");
    let mut follow = follow(&data, &server, &[]);
    server.stop();
    follow.wait_for_stderr(|line| line.contains("trying again"), PATIENCE);
    fs::remove_file(file(&data, "")).expect("the file goes");
    server.start_again();
    assert_eq!(
        follow.wait_exit(PATIENCE).code(),
        Some(5),
        "{}",
        follow.stderr()
    );
    let stderr = follow.stderr();
    assert_message(
        stderr.lines().last().expect("a line"),
        &["copy.db was deleted or moved"],
    );
    let output = follow.output();
    assert_eq!(
        output.matches(r#""op":"refresh_done""#).count(),
        1,
        "{output}"
    );
}
