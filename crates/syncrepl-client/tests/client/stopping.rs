//! Stop requests from other threads, once and twice; and which types are `Send` or `Sync`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use syncrepl_client::{
    Credentials, Cursor, ErrorKind, LoggingCallback, Password, StopHandle, Store, Syncrepl,
    SyncreplMode,
};
use syncrepl_testing::slapd::{ADMIN, PASSWORD};

use crate::common::{Fixture, On, PATIENCE, Tape, describe, fails, records};

const fn is_send<T: Send>() {}
const fn is_sync<T: Sync>() {}
const _: () = {
    is_send::<Syncrepl<LoggingCallback>>();
    is_send::<Store>();
    is_send::<StopHandle>();
    is_sync::<StopHandle>();
    is_send::<syncrepl_client::Error>();
    is_sync::<syncrepl_client::Error>();
};

/// Two implementations fit a type that is `Sync`, and then the compiler cannot choose.
trait NotSync<A> {
    fn assert() {}
}
struct Sharable;
impl<T> NotSync<()> for T {}
impl<T: Sync> NotSync<Sharable> for T {}
const _: fn() = <Syncrepl<LoggingCallback> as NotSync<_>>::assert;

#[test]
fn consumer_moves_between_threads() {
    let fixture = Fixture::with(&["ann"]);
    let tape = Tape::new();
    let mut client = fixture.builder(tape.callback()).connect().unwrap();
    let stop = client.stop_handle();
    // The client has polled before it moves, so no thread owns the store.
    assert!(client.poll(Duration::from_millis(1)).unwrap());
    let running = thread::spawn(move || {
        client.run().unwrap();
        let end = client.poll(Duration::from_secs(60));
        client.unbind().unwrap();
        end
    });
    syncrepl_testing::wait_until(PATIENCE, || tape.has("committed"));
    fixture.change(&describe("ann", "new"));
    syncrepl_testing::wait_until(PATIENCE, || tape.count("committed") > 1);
    assert!(!running.is_finished());
    let began = Instant::now();
    stop.clone().please_stop();
    assert!(stop.is_requested());
    assert!(
        !running.join().unwrap().unwrap(),
        "it says again that it is done"
    );
    assert!(
        began.elapsed() < Duration::from_secs(4),
        "Cancel was not answered"
    );
    assert_eq!(
        records(&fixture.store()).entries,
        fixture.expected().entries
    );
    // No event comes twice.
    assert_eq!(fixture.told(), [""; 0]);
}

/// Runs a client that is asked to stop `times` times at the first event of an entry.
fn stopped_in_a_refresh(fixture: &Fixture, times: u32, tape: &Tape) -> syncrepl_client::Result<()> {
    let stop = StopHandle::new();
    let asked = stop.clone();
    let mut left = times;
    let ask = On(move |event: &str, _: Option<&Cursor<'_>>| {
        if event.starts_with("add ") {
            let stop = asked.clone();
            let times = std::mem::take(&mut left);
            thread::spawn(move || (0..times).for_each(|_| stop.please_stop()))
                .join()
                .unwrap();
        }
        Ok(())
    });
    let mut client = fixture
        .builder((tape.callback(), ask))
        .mode(SyncreplMode::RefreshAndPersist)
        .stop_handle(stop)
        .connect()?;
    client.run()?;
    client.unbind()
}

#[test]
fn first_request_lets_refresh_end() {
    let fixture = Fixture::with(&["ann", "bob"]);
    let tape = Tape::new();
    stopped_in_a_refresh(&fixture, 1, &tape).unwrap();
    assert_eq!(tape.count("add "), 4);
    assert!(tape.has("refresh_done 4") && tape.has("committed"));
    assert_eq!(fixture.told(), [""; 0]);
}

#[test]
fn second_request_abandons_refresh() {
    let fixture = Fixture::with(&["ann", "bob"]);
    let tape = Tape::new();
    let stopped = stopped_in_a_refresh(&fixture, 2, &tape);
    fails(stopped, ErrorKind::Stopped, &["nothing was changed"]);
    assert_eq!(tape.count("add "), 1);
    assert!(!tape.has("committed"));
    assert_eq!(fixture.store().count().unwrap(), 0);
    assert_eq!(fixture.cookie(), None);
    assert_eq!(fixture.told().len(), 4);
}

#[test]
fn second_request_ends_silent_persist_stage() {
    let fixture = Fixture::with(&["ann"]);
    let tape = Tape::new();
    let mut client = fixture.builder(tape.callback()).connect().unwrap();
    crate::common::poll_until(&mut client, || tape.has("committed"));
    let stop = client.stop_handle();
    fixture.server.pause();
    let running = thread::spawn(move || client.run());
    let began = Instant::now();
    stop.please_stop();
    stop.please_stop();
    running.join().unwrap().unwrap();
    assert!(began.elapsed() < Duration::from_secs(4));
    fixture.server.resume();
    assert_eq!(fixture.told(), [""; 0]);
}

#[test]
fn request_before_connecting_counts() {
    let fixture = Fixture::with(&[]);
    let stop = StopHandle::new();
    stop.please_stop();
    let connected = fixture.builder(()).stop_handle(stop).connect();
    fails(connected.map(drop), ErrorKind::Stopped, &[]);
}

/// A wait ends without a stop, so that the program can look at something else.
#[test]
fn wait_ends_without_a_stop() {
    let fixture = Fixture::with(&["ann"]);
    let mut client = Syncrepl::builder(fixture.data(), ())
        .ldap_url(fixture.url())
        .connect()
        .unwrap();
    while !client.in_persist_stage() {
        client.poll(Duration::from_millis(100)).unwrap();
    }
    let (stop, began) = (client.stop_handle(), Instant::now());
    std::thread::scope(|scope| {
        let polling = scope.spawn(|| client.poll(Duration::from_secs(60)).unwrap());
        while !polling.is_finished() {
            stop.end_wait();
            std::thread::yield_now();
        }
        assert!(polling.join().unwrap(), "more may come");
    });
    assert!(began.elapsed() < Duration::from_secs(30));
    assert!(!stop.is_requested());
}

/// Without a heartbeat, a poll whose time is over notices that the file is gone.
#[test]
fn file_deleted_without_a_heartbeat() {
    let fixture = Fixture::with(&["ann"]);
    let mut client = Syncrepl::builder(fixture.data(), ())
        .ldap_url(fixture.url())
        .heartbeat(Duration::ZERO)
        .connect()
        .unwrap();
    while !client.in_persist_stage() {
        client.poll(Duration::from_millis(100)).unwrap();
    }
    std::fs::remove_file(fixture.data()).unwrap();
    let polled = (0..100).find_map(|_| client.poll(Duration::from_millis(100)).err());
    assert_eq!(polled.expect("an error").kind(), ErrorKind::StoreGone);
}

/// The password of each connection is read when it binds.
#[test]
fn password_is_read_at_each_bind() {
    let fixture = Fixture::with(&["ann"]);
    let reads = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&reads);
    let password = Password::read_at_each_bind(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        Ok(Password::from(PASSWORD))
    });
    let mut client = Syncrepl::builder(fixture.data(), ())
        .ldap_url(fixture.url())
        .credentials(Credentials::simple(ADMIN, password))
        .connect()
        .unwrap();
    assert_eq!(reads.load(Ordering::Relaxed), 1);
    client.disconnect();
    client.reconnect().unwrap();
    assert_eq!(reads.load(Ordering::Relaxed), 2);
    let unread = Password::read_at_each_bind(|| Err("it is away".into()));
    let refused = Syncrepl::builder(fixture.folder.path().join("other.db"), ())
        .ldap_url(fixture.url())
        .credentials(Credentials::simple(ADMIN, unread))
        .connect();
    let error = refused.map(drop).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().contains("it is away"), "{error}");
}
