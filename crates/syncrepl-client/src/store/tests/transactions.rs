//! Transactions: commits, rollbacks, and SQL that ends one.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::super::Cursor;
use syncrepl_proto::Uuid;

use super::super::records::Records;
use super::{Fixture, put, uuid};
use crate::error::{Error, ErrorKind, Fault};

#[test]
fn commit_number_is_part_of_transaction() {
    let fixture = Fixture::new();
    let mut writer = fixture.writer();
    assert_eq!((writer.commit_number(), writer.next_commit()), (1, 2));
    writer.begin_group().unwrap();
    assert!(writer.in_transaction());
    assert_eq!(writer.commit().unwrap(), 2);
    assert!(!writer.in_transaction());

    writer.begin_stage().unwrap();
    put(&writer, 3, "cn=Bob,dc=example");
    writer.set_setting("syncrepl_cookie", Some(b"c")).unwrap();
    writer.rollback();
    assert_eq!(writer.commit_number(), 2);
    assert_eq!(writer.setting("syncrepl_cookie").unwrap(), None);
    drop(writer);

    let mut writer = fixture.writer();
    let kept = writer.setting("syncrepl_commit").unwrap().unwrap();
    assert!(kept.starts_with(b"2 0 "), "{kept:?}");
    assert!(writer.position().unwrap().time.is_some());
    writer.begin_stage().unwrap();
    assert_eq!(writer.commit().unwrap(), 3);
}

#[test]
fn dropped_writer_rolls_back() {
    let fixture = Fixture::new();
    let mut writer = fixture.writer();
    let mut store = writer.handle().unwrap();
    writer.begin_stage().unwrap();
    put(&writer, 3, "cn=Bob,dc=example");
    drop(writer);
    assert_eq!(store.count().unwrap(), 2);
    store.set_setting("a", None).unwrap();
    assert_eq!(fixture.writer().commit_number(), 1);
}

#[test]
fn stage_leaves_no_log() {
    let fixture = Fixture::new();
    let wal = fixture.dir.path().join("state.db-wal");
    let size = || std::fs::metadata(&wal).unwrap().len();
    let mut writer = fixture.writer();
    let reader = writer.handle().unwrap();
    let fill = |writer: &mut super::Writer| {
        writer.begin_stage().unwrap();
        for n in 10..200 {
            put(writer, n, "cn=someone,dc=example");
        }
    };
    fill(&mut writer);
    writer.commit().unwrap();
    assert_eq!(size(), 0);

    writer.begin_stage().unwrap();
    writer
        .connection()
        .execute("DELETE FROM syncrepl_records WHERE dn LIKE 'cn=s%'", [])
        .unwrap();
    reader
        .read(|_| {
            let begin = std::time::Instant::now();
            writer.commit()?;
            assert!(begin.elapsed().as_secs() < 2, "a reader makes nobody wait");
            Ok(())
        })
        .unwrap();
    assert!(size() > 0);
    writer.begin_group().unwrap();
    writer.commit().unwrap();
    assert_eq!(size(), 0, "the next commit tries again");
}

/// A reader that keeps using the log stops SQLite from overwriting it. The writer must not try
/// again at each commit because of that.
#[test]
fn log_held_by_reader_is_copied_rarely() {
    let fixture = Fixture::new();
    let mut writer = fixture.writer();
    let reader = writer.handle().unwrap();
    let mut byte = 0;
    let mut fill = |pages: usize| {
        writer.begin_group().unwrap();
        byte += 1;
        let value = vec![byte; pages * 8192];
        writer.set_setting("x", Some(&value)).unwrap();
        writer.commit().unwrap();
        let long = writer.log_is_long();
        if long {
            writer.copy_log();
            assert!(!writer.log_is_long());
        }
        long
    };
    reader
        .read(|cursor| {
            cursor.query_row("SELECT count(*) FROM syncrepl_settings", [], |_| Ok(()))?;
            assert!(!fill(100));
            assert!(fill(450));
            assert!(!fill(300), "what is copied already does not count");
            assert!(fill(300));
            Ok(())
        })
        .unwrap();
    // Once no reader uses the log, it starts over.
    assert!(!fill(10));
    writer.begin_group().unwrap();
    writer.commit().unwrap();
    assert!(!writer.log_is_long() && !writer.log_is_too_long());
}

#[test]
fn transaction_of_handle_is_all_or_nothing() {
    let fixture = Fixture::new();
    let mut store = fixture.store();
    let insert = |cursor: &Cursor<'_>| {
        cursor.execute_batch("CREATE TABLE IF NOT EXISTS mine (a); INSERT INTO mine VALUES (1)")
    };
    let value = store
        .transaction(|cursor| {
            insert(cursor)?;
            Ok(7)
        })
        .unwrap();
    assert_eq!(value, 7);
    let error = store
        .transaction(|cursor| {
            insert(cursor)?;
            "not a number".parse::<i32>()?;
            Ok(())
        })
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Callback);
    assert!(error.to_string().contains("invalid digit"), "{error}");
    let unwound = catch_unwind(AssertUnwindSafe(|| {
        store.transaction(|cursor| -> Result<(), _> {
            insert(cursor)?;
            panic!("a function that panics")
        })
    }));
    assert!(unwound.is_err());
    let count: i64 = store
        .transaction(|cursor| {
            Ok(cursor.query_row("SELECT count(*) FROM mine", [], |row| row.get(0))?)
        })
        .unwrap();
    assert_eq!(count, 1);
}

#[test]
fn callback_error_keeps_cause() {
    let fixture = Fixture::new();
    let mut writer = fixture.writer();
    writer.begin_group().unwrap();
    let error = writer
        .with_cursor(|_| Err("the queue is full".into()))
        .unwrap_err();
    assert_eq!(
        (error.kind(), error.fault()),
        (ErrorKind::Callback, Fault::You)
    );
    assert_eq!(error.to_string(), "the callback failed: the queue is full");
    let error = writer
        .with_cursor(|cursor| Ok(cursor.execute_batch("SELECT a FROM nowhere")?))
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Callback);
    assert_eq!(
        error.to_string().matches("no such table").count(),
        1,
        "{error}"
    );
    // The transaction is still open: the caller may go on or roll back.
    assert!(writer.in_transaction());
}

/// Every way known to end a transaction past an authorizer.
const ENDINGS: &[&str] = &[
    "INSERT OR ROLLBACK INTO mine VALUES (1)",
    "UPDATE OR ROLLBACK mine SET a = 1",
    "INSERT INTO strict_one VALUES (1)",
    "INSERT INTO guarded VALUES (1)",
];

fn prepare(cursor: &Cursor<'_>) -> Result<(), Error> {
    cursor.execute_batch(
        "CREATE TABLE mine (a UNIQUE); INSERT INTO mine VALUES (1), (2);
         CREATE TABLE strict_one (a UNIQUE ON CONFLICT ROLLBACK); INSERT INTO strict_one VALUES (1);
         CREATE TABLE guarded (a);
         CREATE TRIGGER guard BEFORE INSERT ON guarded BEGIN SELECT RAISE(ROLLBACK, 'no'); END;",
    )
}

#[test]
fn sql_that_ends_transaction_fails_stage() {
    let fixture = Fixture::new();
    for ending in ENDINGS {
        let mut writer = fixture.writer();
        writer.begin_stage().unwrap();
        put(&writer, 3, "cn=Bob,dc=example");
        let error = writer
            .with_cursor(|cursor| {
                prepare(cursor)?;
                let error = cursor.execute(ending, []).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::SqlRefused, "{error}");
                // The callback ignores the error. Its next statements must not commit by
                // themselves.
                let error = cursor.execute("CREATE TABLE escaped (a)", []).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::SqlRefused, "{error}");
                Ok(())
            })
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::SqlRefused, "{ending}");
        assert!(
            error.to_string().contains("ended the transaction"),
            "{error}"
        );
        assert_eq!(writer.commit().unwrap_err().kind(), ErrorKind::SqlRefused);
        let mut store = writer.handle().unwrap();
        store.set_setting("a", None).unwrap();
        assert_eq!(store.count().unwrap(), 2);
        assert_eq!(store.get_by_uuid(uuid(3)).unwrap(), None);
        drop(writer);

        let error = store
            .transaction(|cursor| {
                prepare(cursor)?;
                cursor.execute(ending, []).ok();
                Ok(())
            })
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::SqlRefused, "{ending}");
        let tables: i64 = store
            .read(|cursor| {
                Ok(cursor.query_row(
                    "SELECT count(*) FROM sqlite_schema WHERE name IN ('mine', 'escaped')",
                    [],
                    |row| row.get(0),
                )?)
            })
            .unwrap();
        assert_eq!(tables, 0);
    }
}

#[test]
fn constraint_that_stops_commit_rolls_back() {
    let fixture = Fixture::new();
    let mut writer = fixture.writer();
    writer.begin_stage().unwrap();
    writer
        .with_cursor(|cursor| {
            Ok(cursor.execute_batch(
                "CREATE TABLE mine (r REFERENCES syncrepl_records (id) DEFERRABLE INITIALLY DEFERRED);
                 INSERT INTO mine VALUES (4711);",
            )?)
        })
        .unwrap();
    let error = writer.commit().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    assert!(!writer.in_transaction());
    assert_eq!(writer.commit_number(), 1);
    writer.begin_stage().unwrap();
    assert_eq!(writer.commit().unwrap(), 2);
}

#[test]
fn cursor_without_transaction_runs_nothing() {
    let fixture = Fixture::new();
    let writer = fixture.writer();
    let error = writer
        .with_cursor(|cursor| Ok(cursor.execute_batch("CREATE TABLE mine (a)")?))
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SqlRefused);
}

#[test]
fn rowid_of_deleted_record_is_not_reused() {
    let fixture = Fixture::new();
    let mut writer = fixture.writer();
    let store = |writer: &super::Writer, n: u128| {
        let id = Records::new(writer.connection())
            .insert(
                writer.ids().to_name(),
                Uuid::from_u128(n),
                "cn=a",
                b"a",
                b"",
            )
            .unwrap()
            .unwrap();
        writer.ids().given(id);
        id
    };
    writer.begin_group().unwrap();
    let first = store(&writer, 100);
    assert_eq!(store(&writer, 101), first + 1);
    Records::new(writer.connection()).delete(first + 1).unwrap();
    writer.ids().freed(first + 1);
    assert_eq!(store(&writer, 102), first + 2);
    writer.rollback();
    writer.begin_group().unwrap();
    assert_eq!(store(&writer, 103), first + 3);
}
