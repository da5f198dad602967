//! A callback fails: the copy and the cookie stay, and the same events come again.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use syncrepl_client::{Callback, Cursor, ErrorKind, SyncreplMode};

use crate::common::{Fixture, On, Tape, describe, fails, person, poll_until, records};

#[derive(Clone, Copy, PartialEq)]
enum How {
    Error,
    Panic,
}

/// A callback that fails once, at the first event that begins with `at`.
fn failing(at: &'static str, how: How) -> (Arc<AtomicBool>, impl Callback + Send) {
    let armed = Arc::new(AtomicBool::new(true));
    let left = Arc::clone(&armed);
    let callback = On(move |event: &str, cursor: Option<&Cursor<'_>>| {
        if let Some(cursor) = cursor
            && (event != "bind" || at == "bind")
        {
            cursor.execute_batch("CREATE TABLE IF NOT EXISTS mine (event)")?;
            cursor.execute("INSERT INTO mine VALUES (?1)", [event])?;
        }
        if event.starts_with(at) && left.swap(false, Ordering::Relaxed) {
            assert!(how == How::Error, "a panic on purpose");
            return Err("an error on purpose".into());
        }
        Ok(())
    });
    (armed, callback)
}

const EVERY: &[&str] = &["add uid=bob", "change", "refresh_done", "cookie", "pending"];

fn in_a_refresh(at: &'static str, how: How) {
    let fixture = Fixture::with(&["ann"]);
    fixture.refresh(());
    let (cookie, before) = (fixture.cookie(), records(&fixture.store()));
    fixture.change(&(person("bob") + &describe("ann", "new")));

    let (armed, callback) = failing(at, how);
    let tape = Tape::new();
    let mut client = fixture
        .builder((tape.callback(), callback))
        .mode(SyncreplMode::RefreshOnly)
        .open()
        .unwrap();
    let mut go = || {
        client.reconnect()?;
        client.run()
    };
    match how {
        How::Error => {
            fails(go(), ErrorKind::Callback, &["an error on purpose"]);
        }
        How::Panic => {
            catch_unwind(AssertUnwindSafe(go)).expect_err("it panics");
            // A transaction with a lost change must not continue.
            let poll = client.poll(Duration::from_secs(5));
            fails(poll, ErrorKind::Unreachable, &["reconnect first"]);
        }
    }
    assert!(!armed.load(Ordering::Relaxed), "{at} did not come");
    assert_eq!(fixture.cookie(), cookie);
    assert_eq!(records(&fixture.store()), before);
    assert!(!tape.has("committed"));

    tape.clear();
    client.reconnect().unwrap();
    client.run().unwrap();
    let mut told = tape.changes();
    told.sort();
    assert_eq!(
        told,
        ["add uid=bob,ou=people", "change uid=ann,ou=people"],
        "{at}"
    );
    let mine = "SELECT count(*) FROM mine WHERE event LIKE 'add %' OR event LIKE 'change %'";
    let kept: i64 = fixture
        .store()
        .read(|cursor| Ok(cursor.query_row(mine, [], |row| row.get(0))?))
        .unwrap();
    assert_eq!(kept, 2, "what was written beside it went with it");
    assert_ne!(fixture.cookie(), cookie);
    assert_eq!(
        records(&fixture.store()).entries,
        fixture.expected().entries
    );
}

#[test]
fn error_anywhere_in_refresh() {
    for at in EVERY {
        in_a_refresh(at, How::Error);
    }
}

#[test]
fn panic_anywhere_in_refresh() {
    for at in EVERY {
        in_a_refresh(at, How::Panic);
    }
}

#[test]
fn error_in_persist_stage() {
    let fixture = Fixture::with(&["ann"]);
    let (_, callback) = failing("change uid=ann", How::Error);
    let tape = Tape::new();
    let mut client = fixture
        .builder((tape.callback(), callback))
        .connect()
        .unwrap();
    poll_until(&mut client, || tape.count("refresh_done") == 1);
    let cookie = fixture.cookie();
    tape.clear();
    fixture.change(&describe("ann", "new"));
    let error = loop {
        match client.poll(Duration::from_secs(5)) {
            Ok(more) => assert!(more),
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), ErrorKind::Callback);
    assert!(!error.is_retryable());
    assert!(!tape.has("committed"));
    assert_eq!(fixture.cookie(), cookie);
    client.reconnect().unwrap();
    poll_until(&mut client, || {
        tape.count("change uid=ann") == 2 && tape.has("committed")
    });
    assert_ne!(fixture.cookie(), cookie);
}

#[test]
fn error_when_bound_leaves_nothing() {
    let fixture = Fixture::with(&["ann"]);
    let (_, callback) = failing("bind", How::Error);
    let mut client = fixture.builder(callback).open().unwrap();
    fails(client.reconnect(), ErrorKind::Callback, &["on purpose"]);
    let store = client.db().unwrap();
    let made = "SELECT count(*) FROM sqlite_schema WHERE name = 'mine'";
    let made: i64 = store
        .read(|cursor| Ok(cursor.query_row(made, [], |row| row.get(0))?))
        .unwrap();
    assert_eq!(made, 0);
    client.reconnect().unwrap();
}

#[test]
fn drop_rolls_back() {
    let fixture = Fixture::with(&["ann"]);
    let (_, callback) = failing("add uid=ann", How::Panic);
    let client = fixture
        .builder(callback)
        .mode(SyncreplMode::RefreshOnly)
        .connect();
    let mut client = client.unwrap();
    catch_unwind(AssertUnwindSafe(move || client.run())).expect_err("it panics");
    assert_eq!(fixture.store().count().unwrap(), 0);
    assert_eq!(fixture.cookie(), None);
    assert_eq!(fixture.told().len(), 3);
}
