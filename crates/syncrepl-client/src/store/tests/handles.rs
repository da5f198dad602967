//! Handles: settings, snapshots, and their behaviour while a consumer writes.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use super::super::Store;
use super::{Fixture, put, uuid};
use crate::error::ErrorKind;

#[test]
fn handles_move_between_threads() {
    fn is_send<T: Send>() {}
    is_send::<Store>();
    is_send::<super::Writer>();
}

#[test]
fn settings_are_bytes_and_ours_are_refused() {
    let fixture = Fixture::new();
    let mut store = fixture.store();
    assert_eq!(store.get_setting("a").unwrap(), None);
    store.set_setting("a", Some(b"1\xff\0")).unwrap();
    store.set_setting("a", Some(b"2\xff\0")).unwrap();
    store.set_setting("empty", Some(b"")).unwrap();
    let store = fixture.store();
    assert_eq!(store.get_setting("a").unwrap().unwrap(), b"2\xff\0");
    assert_eq!(store.get_setting("empty").unwrap().unwrap(), b"");
    let kind: String = store
        .read(|cursor| {
            Ok(cursor.query_row(
                "SELECT typeof(value) FROM syncrepl_settings WHERE name = 'a'",
                [],
                |row| row.get(0),
            )?)
        })
        .unwrap();
    assert_eq!(kind, "blob");
    let mut store = fixture.store();
    store.set_setting("a", None).unwrap();
    assert_eq!(store.get_setting("a").unwrap(), None);
    for name in ["syncrepl", "syncrepl_commit", "SyncRepl-x"] {
        let error = store.set_setting(name, Some(b"")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    }
}

#[test]
fn records_are_found_and_streamed_parents_first() {
    let fixture = Fixture::new();
    let store = fixture.store();
    let ann = store.get("CN=ann,dc=Example").unwrap().unwrap();
    assert_eq!(ann.dn(), "cn=Ann,dc=example");
    assert_eq!(store.get_by_uuid(uuid(2)).unwrap(), Some(ann));
    assert_eq!(store.get("cn=nobody").unwrap(), None);

    let mut seen = 0;
    store
        .records(|row| {
            seen += 1;
            let found = store.get(row.dn())?.ok_or("it is there")?;
            assert_eq!(found.uuid(), row.uuid());
            assert_eq!(store.read(|_| Ok(store.count()?))?, 2);
            Ok(ControlFlow::Continue(()))
        })
        .unwrap();
    assert_eq!(seen, 2);
    store.records(|_| Ok(ControlFlow::Break(()))).unwrap();
    let error = store.records(|_| Err("enough".into())).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Callback);
}

#[test]
fn reads_continue_during_stage() {
    let fixture = Fixture::new();
    let mut writer = fixture.writer();
    let store = writer.handle().unwrap();
    let other = fixture.store();
    writer.begin_stage().unwrap();
    put(&writer, 3, "cn=Bob,dc=example");
    assert_eq!(store.count().unwrap(), 2);
    assert_eq!(other.count().unwrap(), 2);
    store
        .read(|cursor| {
            let count = || {
                cursor.query_row("SELECT count(*) FROM syncrepl_records", [], |row| {
                    row.get::<_, i64>(0)
                })
            };
            writer.commit()?;
            assert_eq!(count()?, 2, "the snapshot of when read() began");
            Ok(())
        })
        .unwrap();
    assert_eq!(store.count().unwrap(), 3);
    assert_eq!(other.count().unwrap(), 3);
}

#[test]
fn write_during_stage_fails_at_once() {
    let fixture = Fixture::new();
    let mut writer = fixture.writer();
    let mut store = writer.handle().unwrap();
    writer.begin_stage().unwrap();
    let begin = Instant::now();
    for error in [
        store.set_setting("a", Some(b"1")).unwrap_err(),
        store.transaction(|_| Ok(())).unwrap_err(),
        store.optimize().unwrap_err(),
        store.vacuum().unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::RefreshRunning);
        assert!(error.hint().is_some());
    }
    assert!(begin.elapsed() < Duration::from_secs(1));
    writer.rollback();
    store.set_setting("a", Some(b"1")).unwrap();
}

#[test]
fn waiting_write_gives_up_for_stage() {
    let fixture = Fixture::new();
    let mut writer = fixture.writer();
    let mut store = writer.handle().unwrap();
    let (gave_up, has_given_up) = std::sync::mpsc::channel();
    let ready = std::sync::Arc::new(std::sync::Barrier::new(2));
    // Another connection holds the lock until the write has given up. The stage waits for it too.
    let other = rusqlite::Connection::open(fixture.path()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let about_to_wait = std::sync::Arc::clone(&ready);
    let waiting = std::thread::spawn(move || {
        about_to_wait.wait();
        let begin = Instant::now();
        let error = store.set_setting("a", None).unwrap_err();
        gave_up.send(()).unwrap();
        (error.kind(), begin.elapsed())
    });
    ready.wait();
    let holding = std::thread::spawn(move || {
        has_given_up.recv_timeout(Duration::from_secs(20)).unwrap();
        other.execute_batch("ROLLBACK").unwrap();
    });
    writer.begin_stage().unwrap();
    let (kind, waited) = waiting.join().unwrap();
    holding.join().unwrap();
    assert_eq!(kind, ErrorKind::RefreshRunning);
    assert!(waited < Duration::from_secs(2), "{waited:?}");
}

#[test]
fn write_waits_for_group_and_not_for_ever() {
    let fixture = Fixture::new();
    let mut writer = fixture.writer();
    writer.begin_group().unwrap();
    let mut store = writer.handle().unwrap();
    let ready = std::sync::Arc::new(std::sync::Barrier::new(2));
    let about_to_wait = std::sync::Arc::clone(&ready);
    let waiting = std::thread::spawn(move || {
        about_to_wait.wait();
        store.set_setting("a", Some(b"1"))
    });
    ready.wait();
    writer.commit().unwrap();
    waiting.join().unwrap().unwrap();

    writer.begin_stage().unwrap();
    let mut unknown = fixture.store();
    unknown.busy = Duration::from_millis(200);
    let error = unknown.set_setting("a", None).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RefreshRunning);
}

#[test]
fn maintenance_keeps_everything() {
    let fixture = Fixture::new();
    let mut store = fixture.store();
    store.optimize().unwrap();
    store.vacuum().unwrap();
    assert_eq!(store.count().unwrap(), 2);
    assert!(store.get("dc=example").unwrap().is_some());
}

#[test]
fn interrupt_ends_query() {
    const ENDLESS: &str =
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
    let fixture = Fixture::new();
    let store = fixture.store();
    let handle = store.interrupt_handle();
    // An interrupt before the statement begins is lost, so the thread repeats it until one takes
    // effect.
    let (heard, done) = std::sync::mpsc::channel::<()>();
    let stopper = std::thread::spawn(move || {
        while done.recv_timeout(Duration::from_millis(10)).is_err() {
            handle.interrupt();
        }
    });
    let error = store
        .read(|cursor| Ok(cursor.query_row(ENDLESS, [], |row| row.get::<_, i64>(0))?))
        .unwrap_err();
    heard.send(()).unwrap();
    stopper.join().unwrap();
    assert_eq!(error.kind(), ErrorKind::Stopped);
}
