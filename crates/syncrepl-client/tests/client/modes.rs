//! The results of `poll`, and how a consumer continues after an error.

use std::time::{Duration, Instant};

use syncrepl_client::{BoundLdap, Callback, CallbackResult, Cursor, ErrorKind, SyncreplMode};
use syncrepl_testing::slapd::{SUFFIX, Slapd};

use crate::common::{
    Fixture, On, PATIENCE, SLICE, Tape, describe, fails, poll_to_error, poll_until, records,
};

#[test]
fn refresh_only_ends_with_false() {
    let fixture = Fixture::with(&["ann"]);
    let tape = Tape::new();
    let mut client = fixture
        .builder(tape.callback())
        .mode(SyncreplMode::RefreshOnly)
        .connect()
        .unwrap();
    while client.poll(SLICE).unwrap() {
        assert!(!tape.has("committed"));
    }
    assert!(tape.has("committed"));
    assert!(!client.poll(SLICE).unwrap(), "and stays there");
    assert_eq!(client.progress(), None);

    // Once more, on a connection of its own.
    fixture.change(&describe("ann", "new"));
    tape.clear();
    client.reconnect().unwrap();
    client.run().unwrap();
    assert_eq!(tape.changes(), ["change uid=ann,ou=people"]);
    assert_eq!(tape.count("bind"), 1);
}

#[test]
fn persist_says_true_until_stopped() {
    let fixture = Fixture::with(&["ann"]);
    let tape = Tape::new();
    let mut client = fixture.builder(tape.callback()).connect().unwrap();
    poll_until(&mut client, || tape.has("committed"));
    // No message comes: `poll` returns when the time is over, and not before.
    let began = Instant::now();
    assert!(client.poll(Duration::from_millis(50)).unwrap());
    assert!(began.elapsed() >= Duration::from_millis(50));
    // A message comes: `poll` returns early.
    fixture.change(&describe("ann", "new"));
    let began = Instant::now();
    while tape.count("change ") == 0 {
        assert!(client.poll(Duration::MAX).unwrap());
    }
    assert!(began.elapsed() < PATIENCE);
    client.stop_handle().please_stop();
    assert!(!client.poll(Duration::from_secs(60)).unwrap());
    assert!(!client.poll(Duration::from_secs(60)).unwrap());
    assert!(began.elapsed() < PATIENCE);
}

#[test]
fn reconnect_after_server_restart() {
    let fixture = Fixture::with(&["ann"]);
    let tape = Tape::new();
    let mut client = fixture.builder(tape.callback()).connect().unwrap();
    poll_until(&mut client, || tape.has("committed"));
    fixture.server.stop();
    let error = poll_to_error(&mut client);
    assert_eq!(error.kind(), ErrorKind::Unreachable);
    assert!(error.is_retryable());
    // Without a server, `poll` and `reconnect` fail.
    fails(
        client.poll(SLICE),
        ErrorKind::Unreachable,
        &["reconnect first"],
    );
    assert!(client.reconnect().unwrap_err().is_retryable());
    fixture.server.start_again();
    fixture.change(&describe("ann", "new"));
    tape.clear();
    client.reconnect().unwrap();
    poll_until(&mut client, || tape.has("committed"));
    assert_eq!(tape.changes(), ["change uid=ann,ou=people"]);
    assert_eq!(
        records(&fixture.store()).entries,
        fixture.expected().entries
    );
}

#[test]
fn next_server_follows_unready_one() {
    let fixture = Fixture::with(&["ann"]);
    let half = Slapd::half_loaded();
    let tape = Tape::new();
    let mut client = syncrepl_client::Syncrepl::builder(fixture.data(), tape.callback())
        .ldap_url(format!("{}/{SUFFIX}??sub", half.url()))
        .ldap_url(fixture.url())
        .mode(SyncreplMode::RefreshOnly)
        .connect()
        .unwrap();
    let error = fails(client.run(), ErrorKind::NotReady, &["nothing was changed"]);
    assert!(error.is_retryable());
    assert_eq!(tape.changes(), [""; 0]);
    client.reconnect().unwrap();
    client.run().unwrap();
    assert_eq!(
        records(&fixture.store()).entries,
        fixture.expected().entries
    );
}

#[test]
fn silent_refresh_is_given_up() {
    let fixture = Fixture::with(&["ann"]);
    // The server pauses before it gets the sync search. Later, its whole answer might be under way.
    let pause = |event: &str, _: Option<&Cursor<'_>>| {
        assert_eq!(event, "bind", "nothing was sent");
        fixture.server.pause();
        Ok(())
    };
    let mut client = fixture
        .builder(On(pause))
        .refresh_timeout(Duration::from_millis(300))
        .connect()
        .unwrap();
    let error = poll_to_error(&mut client);
    assert!(error.is_retryable(), "{error}");
    assert!(error.to_string().contains("silent"), "{error}");
    fixture.server.resume();
}

#[test]
fn progress_in_refresh_stage_only() {
    let fixture = Fixture::with(&["ann"]);
    let mut client = fixture.builder(()).connect().unwrap();
    while client.db().unwrap().count().unwrap() == 0 {
        if let Some(progress) = client.progress() {
            assert_eq!(progress.before, 0);
            assert!(progress.entries <= 3);
        }
        client.poll(Duration::from_millis(1)).unwrap();
    }
    assert_eq!(client.progress(), None);
}

/// A callback that loses the connection it is lent.
struct Unlucky<'a>(&'a Slapd);

impl Callback for Unlucky<'_> {
    fn bind_complete(&mut self, ldap: &mut BoundLdap<'_>, _: &Cursor<'_>) -> CallbackResult {
        self.0.stop();
        ldap.whoami()?;
        Ok(())
    }
}

#[test]
fn lent_connection_lost_is_retryable() {
    let fixture = Fixture::with(&[]);
    let connected = fixture.builder(Unlucky(&fixture.server)).connect();
    let error = fails(connected.map(drop), ErrorKind::Unreachable, &[]);
    assert!(error.is_retryable());
}
