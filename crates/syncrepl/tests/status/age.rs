//! `--max-age`: was the copy confirmed to be current within this time?

use std::fs;

use syncrepl_testing::Ds389;
use syncrepl_testing::slapd::{SUFFIX, Slapd, Variant};
use syncrepl_testing::target::Target;
use syncrepl_testing::wait_until;

use crate::common::outcome::{Data, Outcome, command, people};
use crate::common::{Copied, PATIENCE};
use crate::{QUICK, follow, moment, status, wait_for, wait_for_state};
use syncrepl_testing::process::Run;

fn max_age(data: &Data, age: &str) -> Outcome {
    Outcome::run(&["status", "--data", &data.path(), "--max-age", age])
}

#[test]
fn server_that_goes_is_noticed_in_time() {
    let server = Slapd::start(Variant::Plain);
    let data = Data::new();
    let mut run = follow(&data, &server.url());
    wait_for_state(&data, "following");
    wait_until(PATIENCE, || max_age(&data, "1s").code == Some(0));
    max_age(&data, "1h").assert_done();
    server.stop();
    wait_until(PATIENCE, || max_age(&data, "1s").code == Some(7));
    max_age(&data, "1s").assert_failed(7, &["copy.db", "not confirmed to be current within 1s"]);
    max_age(&data, "1h").assert_done();
    server.start_again();
    wait_until(PATIENCE, || max_age(&data, "1s").code == Some(0));
    run.signal("TERM");
    assert!(run.wait_exit(PATIENCE).success());
    // The age goes on after the run.
    wait_until(PATIENCE, || max_age(&data, "1s").code == Some(7));
}

/// The server still answers, but nobody reads the output: what the follower holds grows old.
#[test]
fn follower_that_is_stuck_is_not_current() {
    let server = Slapd::start(Variant::Plain);
    server.load(&people(400));
    let data = Data::new();
    let mut arguments = data.sync("follow", &server.url());
    arguments.extend(QUICK.map(str::to_owned));
    let mut run = Run::unread(&mut command(&arguments));
    run.read();
    wait_for_state(&data, "following");
    run.signal("STOP");
    wait_until(PATIENCE, || max_age(&data, "1s").code == Some(7));
    assert_eq!(status(&data)["state"], "following", "it is still there");
    run.signal("CONT");
    wait_until(PATIENCE, || max_age(&data, "1s").code == Some(0));
    run.signal("TERM");
    run.wait_exit(PATIENCE);
}

/// A backup of the file is put back. The state beside it is of a later time, and says nothing of the backup.
#[test]
fn backup_is_as_old_as_its_last_refresh() {
    let server = Slapd::start(Variant::Plain);
    let data = Data::of(&server);
    let backup = fs::read(data.path()).expect("the file");
    let old = status(&data);
    server.load(&people(2));
    let mut run = follow(&data, &server.url());
    wait_for(&data, |told| {
        told["entries"] == 4 && told["confirmed"].as_str() > old["confirmed"].as_str()
    });
    run.signal("TERM");
    assert!(run.wait_exit(PATIENCE).success());
    let new = status(&data);
    for end in ["-wal", "-shm"] {
        // A file that was closed has none.
        let _ = fs::remove_file(data.path() + end);
    }
    fs::write(data.path(), backup).expect("the backup");
    let back = status(&data);
    assert!(moment(&new, "confirmed") > moment(&back, "confirmed"));
    assert!(
        moment(&back, "confirmed") <= moment(&old, "confirmed"),
        "{back}"
    );
}

/// Changes that do not concern the search do not make the copy seem old.
#[test]
fn changes_elsewhere_are_no_lag() {
    let server = Slapd::start(Variant::Plain);
    server.load(&people(2));
    let data = Data::new();
    let mut arguments = data.sync("follow", &server.url());
    arguments.extend(QUICK.map(str::to_owned));
    arguments.push("(uid=p0)".to_owned());
    let mut run = Run::command(&mut command(&arguments));
    wait_for_state(&data, "following");
    for number in 0..5 {
        let change = format!(
            "dn: uid=p1,ou=people,{SUFFIX}\nchangetype: modify\nreplace: sn\nsn: {number}\n"
        );
        server.ldapmodify(&change).expect("a change");
        let before = status(&data);
        wait_for(&data, |told| {
            told["lag"]["seconds"] == 0 && moment(told, "confirmed") > moment(&before, "confirmed")
        });
    }
    run.signal("TERM");
    assert!(run.wait_exit(PATIENCE).success());
}

/// 389-ds numbers the changes of all databases. It is behind by what it was not told of, as far as anybody
/// can know.
#[test]
fn ds389_tells_its_newest_number() {
    let server = Ds389::start();
    server.load(&people(3));
    let mut copy = Copied::of(&server, SUFFIX, "(uid=p0)");
    copy.follow_with(&QUICK);
    copy.wait_equal();
    let told = |copy: &Copied<'_>| {
        let data = copy.data().display().to_string();
        let outcome = Outcome::run(&["status", "--data", &data, "--format", "json"]);
        serde_json::from_str::<serde_json::Value>(&outcome.stdout).expect("JSON")
    };
    wait_until(PATIENCE, || {
        told(&copy)["lag"] == serde_json::json!({"seconds": 0})
    });
    let change = format!("dn: uid=p1,ou=people,{SUFFIX}\nchangetype: modify\nreplace: sn\nsn: x\n");
    Target::ldapmodify(&server, &change).expect("a change");
    wait_until(PATIENCE, || told(&copy)["lag"]["changes"] == 1);
    let change = change.replace("uid=p1", "uid=p0");
    Target::ldapmodify(&server, &change).expect("a change");
    wait_until(PATIENCE, || {
        told(&copy)["lag"] == serde_json::json!({"seconds": 0})
    });
    copy.stop();
}
