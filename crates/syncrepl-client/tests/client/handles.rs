//! The handle from `db()`, beside a running consumer.

use std::ops::ControlFlow;
use std::thread;

use syncrepl_client::{ErrorKind, Store, Syncrepl};

use crate::common::{Fixture, PATIENCE, Tape, describe, dn, fails, poll_until};

#[test]
fn handle_works_beside_consumer() {
    let fixture = Fixture::with(&["ann", "bob"]);
    let tape = Tape::new();
    let mut client = fixture.builder(tape.callback()).connect().unwrap();
    let mut store = client.db().unwrap();
    assert_eq!(store.get(&dn("ann")).unwrap(), None);
    poll_until(&mut client, || tape.has("committed"));

    let ann = store.get(&dn("ANN").replace(',', ", ")).unwrap().unwrap();
    assert_eq!(ann.dn(), dn("ann"));
    assert_eq!(store.get_by_uuid(ann.uuid()).unwrap().as_ref(), Some(&ann));
    assert_eq!(
        ann.attrs().values("Mail").collect::<Vec<_>>(),
        [b"ann@example.com"]
    );

    let mut seen = Vec::new();
    store
        .records(|record| {
            seen.push(record.dn().to_owned());
            Ok(match seen.len() {
                2 => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            })
        })
        .unwrap();
    assert_eq!(seen.len(), 2);

    store.set_setting("mine", Some(b"value")).unwrap();
    assert_eq!(
        client.db().unwrap().get_setting("mine").unwrap().unwrap(),
        b"value"
    );
    store.set_setting("mine", None).unwrap();
    assert_eq!(store.get_setting("mine").unwrap(), None);
    let failed = store.transaction(|cursor| -> Result<(), _> {
        cursor.execute_batch("CREATE TABLE mine (a)")?;
        Err("changed my mind".into())
    });
    fails(failed, ErrorKind::Callback, &["changed my mind"]);
    let nowhere = store.read(|cursor| Ok(cursor.execute_batch("SELECT * FROM mine")?));
    fails(nowhere, ErrorKind::InvalidInput, &["no such table"]);

    let backup = fixture.folder.path().join("backup.db");
    store.backup_to(&backup).unwrap();
    assert_eq!(Store::open(&backup).unwrap().count().unwrap(), 4);
    store.optimize().unwrap();
    store.vacuum().unwrap();
    client.unbind().unwrap();
    // A handle outlives the consumer.
    assert_eq!(store.count().unwrap(), 4);
}

#[test]
fn snapshot_stays_during_commits() {
    let fixture = Fixture::with(&["ann"]);
    let tape = Tape::new();
    let mut client = fixture.builder(tape.callback()).connect().unwrap();
    poll_until(&mut client, || tape.has("committed"));
    let store = client.db().unwrap();
    let stop = client.stop_handle();
    let running = thread::spawn(move || client.run());
    store
        .read(|cursor| {
            let read = || {
                let sql = "SELECT attributes FROM syncrepl_records WHERE dn = ?1";
                cursor.query_row(sql, [dn("ann")], |row| row.get::<_, Vec<u8>>(0))
            };
            let before = read()?;
            fixture.change(&describe("ann", "new"));
            syncrepl_testing::wait_until(PATIENCE, || tape.count("committed") > 1);
            assert_eq!(read()?, before);
            Ok(())
        })
        .unwrap();
    let ann = store.get(&dn("ann")).unwrap().unwrap();
    assert_eq!(
        ann.attrs().values("description").collect::<Vec<_>>(),
        [b"new"]
    );
    stop.please_stop();
    running.join().unwrap().unwrap();
}

#[test]
fn second_consumer_is_refused() {
    let fixture = Fixture::with(&[]);
    let client = fixture.builder(()).open().unwrap();
    let second = fixture.builder(()).open();
    fails(
        second.map(drop),
        ErrorKind::StoreLocked,
        &["another syncrepl"],
    );
    client.unbind().unwrap();
    fixture.refresh(());
}

#[test]
fn foreign_file_is_left_alone() {
    let fixture = Fixture::with(&[]);
    let path = fixture.folder.path().join("letter.txt");
    std::fs::write(&path, "Dear Ann").unwrap();
    let opened = Syncrepl::builder(&path, ()).ldap_url(fixture.url()).open();
    fails(opened.map(drop), ErrorKind::NotAStore, &["letter.txt"]);
    assert_eq!(std::fs::read(&path).unwrap(), b"Dear Ann");
    fails(
        Store::open(fixture.data()).map(drop),
        ErrorKind::Store,
        &["there is no store"],
    );
}
