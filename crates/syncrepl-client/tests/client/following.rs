//! `Syncrepl::follow`: over restarts of a server, until a stop or an error that stays.

use std::thread;
use std::time::{Duration, Instant};

use syncrepl_client::{
    Backoff, Callback, Credentials, Cursor, ErrorKind, StopHandle, Syncrepl, SyncreplMode,
};

use crate::common::{Fixture, On, PATIENCE, Tape, describe, fails};

/// A callback that writes `debug` on the tape, which [`On`] leaves out.
struct Debug(Tape);

impl Callback for Debug {
    fn debug(&mut self, message: &str) {
        self.0.push(&format!("debug {message}"));
    }
}

fn short() -> Backoff {
    Backoff::new(Duration::from_millis(200))
}

fn told(tape: &Tape, line: &str) {
    syncrepl_testing::wait_until(PATIENCE, || tape.has(line));
}

/// A consumer that records on the tape and has not connected yet.
fn open(
    fixture: &Fixture,
    tape: &Tape,
    stop: &StopHandle,
) -> Syncrepl<impl Callback + Send + use<>> {
    fixture
        .builder((tape.callback(), Debug(tape.clone())))
        .stop_handle(stop.clone())
        .open()
        .unwrap()
}

#[test]
fn follow_goes_on_after_a_restart() {
    let fixture = Fixture::with(&["ann"]);
    // The server is not up yet.
    fixture.server.stop();
    let (tape, stop) = (Tape::new(), StopHandle::new());
    let mut client = open(&fixture, &tape, &stop);
    let running = thread::spawn(move || client.follow(short()));
    syncrepl_testing::wait_until(PATIENCE, || tape.count("debug ") > 0);
    fixture.server.start_again();
    told(&tape, "refresh_done 3");
    fixture.change(&describe("ann", "one"));
    told(&tape, "change uid=ann,ou=people");
    tape.clear();

    fixture.server.stop();
    syncrepl_testing::wait_until(PATIENCE, || tape.count("debug ") > 0);
    let lines = tape.lines();
    let said = lines
        .iter()
        .find(|line| line.starts_with("debug "))
        .unwrap();
    assert!(said.contains("; trying again in 0."), "{said}");
    fixture.server.start_again();
    fixture.change(&describe("ann", "two"));
    told(&tape, "change uid=ann,ou=people");
    assert!(!running.is_finished());
    stop.please_stop();
    running.join().unwrap().unwrap();
    assert_eq!(fixture.told(), [""; 0]);
}

#[test]
fn follow_uses_the_connection_that_is_there() {
    let fixture = Fixture::with(&[]);
    let tape = Tape::new();
    let mut client = fixture.builder(tape.callback()).connect().unwrap();
    let stop = client.stop_handle();
    let running = thread::spawn(move || client.follow(short()));
    told(&tape, "refresh_done 2");
    stop.please_stop();
    running.join().unwrap().unwrap();
    assert_eq!(tape.count("bind"), 1);
}

#[test]
fn stop_ends_the_wait_at_once() {
    let fixture = Fixture::with(&[]);
    fixture.server.stop();
    let (tape, stop) = (Tape::new(), StopHandle::new());
    let mut client = open(&fixture, &tape, &stop);
    let running = thread::spawn(move || {
        // The waits become longer than this test may take.
        let mut backoff = Backoff::new(Duration::from_secs(100_000));
        while backoff.next_wait() < Duration::from_secs(20_000) {}
        client.follow(backoff)
    });
    syncrepl_testing::wait_until(PATIENCE, || tape.count("debug ") > 0);
    let began = Instant::now();
    stop.please_stop();
    running.join().unwrap().unwrap();
    assert!(began.elapsed() < Duration::from_secs(4));
}

#[test]
fn stop_before_connecting_is_no_error() {
    let fixture = Fixture::with(&[]);
    let (tape, stop) = (Tape::new(), StopHandle::new());
    stop.please_stop();
    open(&fixture, &tape, &stop).follow(short()).unwrap();
    assert_eq!(tape.lines(), [""; 0]);
}

#[test]
fn error_that_stays_ends_follow() {
    let fixture = Fixture::with(&["ann"]);
    let wrong = Credentials::simple("uid=ann,dc=example,dc=com", "wrong");
    let mut client = fixture.builder(()).credentials(wrong).open().unwrap();
    let refused = client.follow(short());
    assert_eq!(
        fails(refused, ErrorKind::Refused, &[]).result_code(),
        Some(49)
    );
    drop(client);

    // An error of the callback ends it too, even with a stop requested meanwhile.
    let stop = StopHandle::new();
    let asked = stop.clone();
    let fail = On(move |event: &str, _: Option<&Cursor<'_>>| match event {
        "add uid=ann,ou=people" => {
            asked.please_stop();
            Err("no".into())
        }
        _ => Ok(()),
    });
    let mut client = fixture.builder(fail).stop_handle(stop).open().unwrap();
    fails(client.follow(short()), ErrorKind::Callback, &["no"]);
}

#[test]
fn refresh_only_ends_with_one_refresh() {
    let fixture = Fixture::with(&["ann"]);
    fixture.server.stop();
    let tape = Tape::new();
    let mut client = fixture
        .builder((tape.callback(), Debug(tape.clone())))
        .mode(SyncreplMode::RefreshOnly)
        .open()
        .unwrap();
    let running = thread::spawn(move || client.follow(short()));
    syncrepl_testing::wait_until(PATIENCE, || tape.count("debug ") > 0);
    fixture.server.start_again();
    running.join().unwrap().unwrap();
    assert_eq!(tape.count("refresh_done"), 1);
}
