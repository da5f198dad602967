//! Runs the examples as a reader would.

use std::path::PathBuf;
use std::process::{Command, Output};

use syncrepl_client::Store;
use syncrepl_client::rusqlite::Connection;
use syncrepl_testing::Run;

use crate::common::{Fixture, PATIENCE, describe, dn, person, rename};

/// The path of an example. Cargo builds examples with the tests, in a folder beside them.
fn example(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let built = test.parent().and_then(|deps| deps.parent()).unwrap();
    let example = built.join("examples").join(name);
    let missing = "is not built; run all targets, not this one alone";
    assert!(example.exists(), "{} {missing}", example.display());
    example
}

fn run(fixture: &Fixture, name: &str, url: &str) -> Output {
    let mut command = Command::new(example(name));
    command.arg(fixture.data());
    if !url.is_empty() {
        command.arg(url);
    }
    command.output().unwrap()
}

fn output(fixture: &Fixture, name: &str, url: &str) -> String {
    let output = run(fixture, name, url);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{name}: {stderr}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn refresh_once() {
    let fixture = Fixture::with(&["ann"]);
    let text = output(&fixture, "refresh_once", &fixture.url());
    assert!(
        text.contains(&format!("NEW RECORD: {}\n", dn("ann"))),
        "{text}"
    );
    fixture.change(&describe("ann", "new"));
    let text = output(&fixture, "refresh_once", "");
    assert!(
        text.contains(&format!("CHANGED RECORD: {}\n", dn("ann"))),
        "{text}"
    );
    assert!(!text.contains("NEW RECORD"), "{text}");
}

#[test]
fn follow() {
    let fixture = Fixture::with(&["ann"]);
    // The server is not up yet.
    fixture.server.stop();
    let data = fixture.data().display().to_string();
    let mut follow = Run::start(example("follow"), &[data, fixture.url()]);
    follow.wait_for_line(|line| line.contains("trying again in"), PATIENCE);
    fixture.server.start_again();
    follow.wait_for_line(|line| line.starts_with("REFRESH DONE: 3"), PATIENCE);
    fixture.change(&describe("ann", "new"));
    follow.wait_for_line(|line| line.starts_with("CHANGED RECORD"), PATIENCE);
    follow.signal("INT");
    let status = follow.wait_exit(PATIENCE);
    assert!(status.success(), "{}", follow.stderr());
    assert_eq!(fixture.told(), [""; 0]);
}

#[test]
fn own_table() {
    let fixture = Fixture::with(&["ann", "bob"]);
    let url = format!("{}?(mail=*)", fixture.url());
    let text = output(&fixture, "own_table", &url);
    assert_eq!(text, "ann@example.com ann\nbob@example.com bob\n");
    fixture
        .change(&(rename(&dn("ann"), "uid=anna") + &crate::common::delete("bob") + &person("cyd")));
    let text = output(&fixture, "own_table", &url);
    assert_eq!(text, "ann@example.com ann\ncyd@example.com cyd\n");
    let store = Store::open(fixture.data()).unwrap();
    let dns = store.read(|cursor| {
        let sql = "SELECT dn FROM people ORDER BY dn";
        Ok(cursor.query_map::<String, _, _>(sql, [], |row| row.get(0))?)
    });
    assert_eq!(dns.unwrap(), [dn("anna"), dn("cyd")]);
}

#[test]
fn outbox() {
    let fixture = Fixture::with(&["ann"]);
    let text = output(&fixture, "outbox", &fixture.url());
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 3, "{text}");
    assert_eq!(lines[2], format!("3 add {}", dn("ann")));
    assert_eq!(
        output(&fixture, "outbox", &fixture.url()),
        "",
        "all of it was sent"
    );

    fixture.change(&describe("ann", "new"));
    assert_eq!(
        output(&fixture, "outbox", &fixture.url()),
        format!("4 change {}\n", dn("ann"))
    );
    // The example was killed between sending and marking, so the event comes again, under the same
    // number.
    let raw = Connection::open(fixture.data()).unwrap();
    raw.execute("UPDATE outbox SET sent = 0 WHERE id = 4", [])
        .unwrap();
    drop(raw);
    assert_eq!(
        output(&fixture, "outbox", &fixture.url()),
        format!("4 change {}\n", dn("ann"))
    );
}

#[test]
fn tokio() {
    let fixture = Fixture::with(&["ann"]);
    let start = || {
        let data = fixture.data().display().to_string();
        Run::start(example("tokio"), &[data, fixture.url()])
    };
    let mut run = start();
    run.wait_for_line(|line| line == format!("3 add {}", dn("ann")), PATIENCE);
    fixture.change(&describe("ann", "new"));
    run.wait_for_line(|line| line == format!("4 change {}", dn("ann")), PATIENCE);
    // The server restarts, and the program goes on.
    fixture.server.stop();
    run.wait_for_stderr(|line| line.contains("trying again in"), PATIENCE);
    fixture.server.start_again();
    fixture.change(&describe("ann", "newer"));
    run.wait_for_line(|line| line == format!("5 change {}", dn("ann")), PATIENCE);
    run.signal("INT");
    let status = run.wait_exit(PATIENCE);
    assert!(status.success(), "{}", run.stderr());

    // The event is written and not relayed. The next run sends it before anything else.
    let raw = Connection::open(fixture.data()).unwrap();
    raw.execute("INSERT INTO outbox (event) VALUES ('left over')", [])
        .unwrap();
    drop(raw);
    let mut run = start();
    let at = run.wait_for_line(|line| line == "6 left over", PATIENCE);
    assert_eq!(at, 0);
    run.signal("INT");
    assert!(run.wait_exit(PATIENCE).success(), "{}", run.stderr());
    assert_eq!(fixture.told(), [""; 0]);
}

#[test]
fn usage_without_arguments() {
    for name in ["refresh_once", "follow", "own_table", "outbox", "tokio"] {
        let output = Command::new(example(name)).output().unwrap();
        assert!(!output.status.success());
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(stderr.contains(&format!("usage: {name} ")), "{stderr}");
    }
}
