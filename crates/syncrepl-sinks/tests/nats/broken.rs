//! Servers that die, stand still, and come back with less than they had confirmed.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use syncrepl_relay::Position;
use syncrepl_testing::{Nats, wait_until};

use crate::driver::{self, Driver, assert_once};

/// Delivers in the background, until the goal stands still.
fn background(mut driver: Driver, goal: &Arc<AtomicU64>) -> thread::JoinHandle<u64> {
    let goal = Arc::clone(goal);
    thread::spawn(move || {
        driver
            .try_deliver(&goal)
            .unwrap_or_else(|error| panic!("{error}"))
    })
}

/// The servers know an id for a tenth of a second only, so they are no help against doubles.
fn forgets_ids() -> Value {
    json!({"duplicate_window": 100_000_000})
}

#[test]
fn server_killed_fifty_times_under_load_has_each_event_once() {
    let mut nats = Nats::start();
    nats.judge().make("LDAP", "p", forgets_ids());
    let target = nats.target("LDAP", "p");
    Driver::new(&target, "{}").deliver(1);
    let goal = Arc::new(AtomicU64::new(1));
    for round in 0..50 {
        // Each time another process, which remembers nothing.
        let start = goal.fetch_add(1200, Ordering::SeqCst);
        let driver = background(Driver::new(&target, "{}"), &goal);
        thread::sleep(Duration::from_millis(fastrand::u64(5..80)));
        nats.kill9();
        nats.launch();
        assert_eq!(
            driver.join().expect("the driver"),
            start + 1200,
            "round {round}"
        );
    }
    assert_once(&nats.judge().read("LDAP"), goal.load(Ordering::SeqCst));
}

#[test]
fn server_that_stands_still_gets_nothing_twice() {
    let nats = Nats::start();
    nats.judge().make("LDAP", "p", forgets_ids());
    let target = nats.target("LDAP", "p");
    Driver::new(&target, "{}").deliver(1);
    let goal = Arc::new(AtomicU64::new(20_000));
    let driver = background(Driver::new(&target, "{}"), &goal);
    wait_until(Duration::from_secs(30), || {
        let info = nats.judge().ask("INFO", "LDAP", "");
        info["state"]["last_seq"].as_u64() > Some(500)
    });
    nats.signal("STOP");
    // Longer than the sink waits for an answer: it gives up a connection on which messages are under way.
    thread::sleep(Duration::from_secs(7));
    nats.signal("CONT");
    driver.join().expect("the driver");
    assert_once(&nats.judge().read("LDAP"), 20_000);
}

#[test]
fn connection_lost_while_nothing_was_sent_is_renewed_in_silence() {
    let mut nats = Nats::start();
    let mut driver = Driver::new(&nats.target("LDAP", "p"), r#"{"create": true}"#);
    driver.deliver(10);
    nats.stop();
    nats.launch();
    driver.send(&[driver::event(11)]).unwrap();
    assert_once(&nats.judge().read("LDAP"), 11);
}

#[test]
fn server_with_a_lost_tail_gets_it_again() {
    let mut nats = Nats::start();
    let mut driver = Driver::new(&nats.target("LDAP", "p"), r#"{"create": true}"#);
    driver.deliver(300);
    nats.stop();
    let backup = nats.folder().join("backup");
    copy(&nats.store(), &backup);
    nats.launch();
    driver.deliver(800);
    nats.stop();
    fs::remove_dir_all(nats.store()).unwrap();
    copy(&backup, &nats.store());
    nats.launch();
    assert_eq!(driver.open().unwrap(), Some(driver::event(300).position));
    driver.deliver(900);
    assert_once(&nats.judge().read("LDAP"), 900);
}

#[test]
fn lost_tail_that_others_have_filled_up_is_noticed() {
    let mut nats = Nats::start();
    let mut driver = Driver::new(&nats.target("LDAP", "p"), r#"{"create": true}"#);
    driver.deliver(10);
    nats.stop();
    let backup = nats.folder().join("backup");
    copy(&nats.store(), &backup);
    nats.launch();
    driver.deliver(15);
    nats.stop();
    fs::remove_dir_all(nats.store()).unwrap();
    copy(&backup, &nats.store());
    nats.launch();
    nats.judge().publish("LDAP", "p.other", 20);
    assert_eq!(driver.open().unwrap(), Some(driver::event(10).position));
    driver.deliver(20);
    assert_once(&nats.judge().read("LDAP"), 20);
}

#[test]
fn stream_made_anew_gets_everything_again() {
    let nats = Nats::start();
    let mut driver = Driver::new(&nats.target("LDAP", "p"), r#"{"create": true}"#);
    driver.deliver(100);
    nats.judge().ask("DELETE", "LDAP", "");
    assert_eq!(driver.open().unwrap(), Some(Position::START));
    driver.deliver(120);
    assert_once(&nats.judge().read("LDAP"), 120);
}

#[test]
fn stream_made_anew_under_the_connection_gets_everything_again() {
    let nats = Nats::start();
    let mut driver = Driver::new(&nats.target("LDAP", "p"), r#"{"create": true}"#);
    driver.deliver(100);
    nats.judge().ask("DELETE", "LDAP", "");
    nats.judge().make("LDAP", "p", json!({}));
    let error = driver.send(&[driver::event(101)]).unwrap_err();
    assert_eq!(error.reason(), "elsewhere");
    driver.deliver(120);
    assert_once(&nats.judge().read("LDAP"), 120);
}

fn copy(from: &Path, to: &Path) {
    let status = Command::new("cp").arg("-a").args([from, to]).status();
    assert!(status.expect("cp starts").success());
}
