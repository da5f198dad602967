//! SQL that a callback must not run, through the cursor of a real refresh.

use std::time::{Duration, Instant};

use syncrepl_client::{Callback, CallbackResult, Cursor, ErrorKind, Record, Store};

use crate::common::{Fixture, On, Tape, describe, fails, person};

const REFUSED: &[&str] = &[
    "COMMIT",
    "ROLLBACK",
    "SAVEPOINT mine",
    "ATTACH ':memory:' AS other",
    "DETACH main",
    "PRAGMA synchronous = OFF",
    "PRAGMA user_version = 7",
    "UPDATE syncrepl_records SET dn = 'x'",
    "DELETE FROM syncrepl_settings",
    "INSERT INTO syncrepl_references (uuid, urls) VALUES (x'00', x'')",
    "DROP TABLE syncrepl_records",
    "CREATE TABLE syncrepl_mine (a)",
    "CREATE TRIGGER t AFTER INSERT ON syncrepl_records BEGIN SELECT 1; END",
];

#[test]
fn callback_survives_refused_sql() {
    let fixture = Fixture::with(&["ann"]);
    let mut tried = 0;
    fixture.refresh(On(|_: &str, cursor: Option<&Cursor<'_>>| {
        for sql in REFUSED {
            if let Some(cursor) = cursor {
                fails(cursor.execute(sql, []), ErrorKind::SqlRefused, &["refused"]);
                tried += 1;
            }
        }
        Ok(())
    }));
    // bind, three entries, refresh_done
    assert_eq!(tried, 5 * REFUSED.len());
    assert_eq!(fixture.store().count().unwrap(), 3);
    assert_eq!(fixture.told(), [""; 0]);
}

#[test]
fn refused_sql_passed_on_ends_run() {
    let fixture = Fixture::with(&["ann"]);
    let run = fixture.try_refresh(On(|_: &str, cursor: Option<&Cursor<'_>>| {
        Ok(cursor.map_or(Ok(()), |cursor| cursor.execute_batch("COMMIT"))?)
    }));
    fails(run, ErrorKind::SqlRefused, &["not yours to end"]);
    assert_eq!(fixture.store().count().unwrap(), 0);
}

/// A callback whose SQL ends the transaction, and which returns no error.
struct EndsTheTransaction;

impl Callback for EndsTheTransaction {
    fn record_change(
        &mut self,
        _: &Record<'_>,
        _: &Record<'_>,
        cursor: &Cursor<'_>,
    ) -> CallbackResult {
        cursor.execute_batch("CREATE TABLE mine (a UNIQUE); INSERT INTO mine VALUES (1);")?;
        let again = "INSERT OR ROLLBACK INTO mine VALUES (1)";
        fails(cursor.execute(again, []), ErrorKind::SqlRefused, &["ended"]);
        let after = cursor.execute("INSERT INTO mine VALUES (2)", []);
        fails(after, ErrorKind::SqlRefused, &["ended the transaction"]);
        Ok(())
    }
}

#[test]
fn ended_transaction_fails_stage() {
    let fixture = Fixture::with(&["ann", "bob"]);
    fixture.refresh(());
    let (cookie, before) = (fixture.cookie(), crate::common::records(&fixture.store()));
    fixture.change(&(person("cyd") + &describe("ann", "new") + &describe("bob", "new")));
    let run = fixture.try_refresh(EndsTheTransaction);
    fails(
        run,
        ErrorKind::SqlRefused,
        &["ended the transaction", "ABORT"],
    );
    assert_eq!(fixture.cookie(), cookie);
    assert_eq!(crate::common::records(&fixture.store()), before);
    let mut told = fixture.told();
    told.sort();
    assert_eq!(
        told,
        [
            "add uid=cyd,ou=people",
            "change uid=ann,ou=people",
            "change uid=bob,ou=people"
        ]
    );
}

/// A callback that writes through another handle while a refresh stage is open.
#[derive(Default)]
struct WritesBeside {
    store: Option<Store>,
    tape: Tape,
}

impl Callback for WritesBeside {
    fn record_add(&mut self, _: &Record<'_>, _: &Cursor<'_>) -> CallbackResult {
        let Some(store) = &mut self.store else {
            return Ok(());
        };
        let began = Instant::now();
        for written in [
            store.set_setting("mine", Some(b"1")),
            store.transaction(|cursor| Ok(cursor.execute_batch("CREATE TABLE mine (a)")?)),
            store.vacuum(),
            store.optimize(),
        ] {
            fails(written, ErrorKind::RefreshRunning, &["refresh"]);
        }
        assert!(began.elapsed() < Duration::from_secs(2), "it waited");
        // Reads still work, on the last commit.
        assert_eq!(store.count()?, 0);
        self.tape.push("refused");
        Ok(())
    }
}

#[test]
fn handle_cannot_write_during_refresh() {
    let fixture = Fixture::with(&["ann"]);
    let mut client = fixture
        .builder(WritesBeside::default())
        .mode(syncrepl_client::SyncreplMode::RefreshOnly)
        .connect()
        .unwrap();
    let mut store = client.db().unwrap();
    client.callback().store = Some(client.db().unwrap());
    client.run().unwrap();
    assert_eq!(client.callback().tape.count("refused"), 3);
    // After the stage it can write.
    store.set_setting("mine", Some(b"1")).unwrap();
    assert_eq!(store.get_setting("mine").unwrap().unwrap(), b"1");
}

#[test]
fn reserved_settings_are_refused() {
    let fixture = Fixture::with(&[]);
    fixture.refresh(());
    let set = fixture.store().set_setting("syncrepl_cookie", None);
    fails(set, ErrorKind::InvalidInput, &["reserved"]);
}
