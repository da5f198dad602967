//! SQL that is refused, through a cursor of the consumer and through one of a handle.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::super::Cursor;
use super::super::Store;
use super::{Fixture, put, uuid};
use crate::error::{Error, ErrorKind, Result};

const REFUSED: &[&str] = &[
    "BEGIN",
    "COMMIT",
    "END",
    "ROLLBACK",
    "SAVEPOINT a",
    "RELEASE a",
    "ROLLBACK TO a",
    "/* */ ; COMMIT",
    "ATTACH ':memory:' AS other",
    "DETACH other",
    "PRAGMA user_version = 1",
    "PRAGMA user_version(1)",
    "PRAGMA application_id = 1",
    "PRAGMA writable_schema = ON",
    "PRAGMA writable_schema",
    "PRAGMA journal_mode = DELETE",
    "PRAGMA synchronous = OFF",
    "PRAGMA foreign_keys = OFF",
    "PRAGMA wal_checkpoint",
    "PRAGMA wal_checkpoint(TRUNCATE)",
    "PRAGMA optimize",
    "PRAGMA incremental_vacuum",
    "PRAGMA no_such_pragma",
    "INSERT INTO syncrepl_settings VALUES ('a', 1)",
    "INSERT INTO main.\"SyncRepl_Settings\" VALUES ('a', 1)",
    "REPLACE INTO syncrepl_settings VALUES ('a', 1)",
    "INSERT INTO syncrepl_settings VALUES ('a', 1) ON CONFLICT (name) DO UPDATE SET value = 2",
    "UPDATE syncrepl_records SET dn = ''",
    "WITH x AS (SELECT 1) UPDATE [syncrepl_records] SET dn = (SELECT * FROM x)",
    "DELETE FROM syncrepl_records",
    "DELETE FROM syncrepl_schema",
    "EXPLAIN DELETE FROM syncrepl_references",
    "DROP TABLE syncrepl_records",
    "DROP INDEX syncrepl_records_dn_key",
    "REINDEX syncrepl_records",
    "REINDEX",
    "ALTER TABLE syncrepl_records ADD COLUMN mine",
    "ALTER TABLE syncrepl_records RENAME TO mine2",
    "ALTER TABLE syncrepl_records RENAME COLUMN dn TO name",
    "ALTER TABLE mine RENAME TO syncrepl_mine",
    "ALTER TABLE mine RENAME TO \"SYNCREPL_mine\" -- a comment",
    "ALTER TABLE words RENAME TO syncrepl",
    "CREATE TABLE syncrepl_mine (a)",
    "CREATE TABLE Syncrepl_mine AS SELECT 1",
    "CREATE TEMP TABLE syncrepl_records (a)",
    "CREATE VIEW syncrepl_view AS SELECT 1",
    "CREATE TEMP VIEW syncrepl_records AS SELECT 1",
    "CREATE VIRTUAL TABLE syncrepl_words USING fts5(a)",
    "CREATE VIRTUAL TABLE syncrepl USING fts5(a)",
    "CREATE INDEX mine_dn ON syncrepl_records (dn)",
    "CREATE INDEX syncrepl_index ON mine (a)",
    "CREATE TRIGGER mine_t AFTER DELETE ON syncrepl_records BEGIN SELECT 1; END",
    "CREATE TEMP TRIGGER mine_t AFTER DELETE ON syncrepl_records BEGIN SELECT 1; END",
    "CREATE TRIGGER syncrepl_t AFTER DELETE ON mine BEGIN SELECT 1; END",
];

const ALLOWED: &[&str] = &[
    "INSERT INTO mine VALUES (2, 3)",
    "DELETE FROM mine WHERE a = 2",
    "SELECT dn FROM syncrepl_records",
    "SELECT * FROM pragma_table_info('syncrepl_records')",
    "PRAGMA table_info(mine)",
    "PRAGMA user_version",
    "PRAGMA data_version",
    "PRAGMA quick_check(mine)",
    "ANALYZE mine",
    "REINDEX mine",
    "ALTER TABLE mine ADD COLUMN c REFERENCES syncrepl_records (id)",
    "ALTER TABLE mine RENAME TO mine2",
    "ALTER TABLE mine2 RENAME TO mine",
    "CREATE TEMP TABLE scratch AS SELECT dn FROM syncrepl_records",
    "CREATE VIEW people AS SELECT dn FROM syncrepl_records",
    "CREATE INDEX mine_b ON mine (b)",
    "CREATE TRIGGER mine_t AFTER INSERT ON mine BEGIN DELETE FROM mine WHERE a = 99; END",
    "INSERT INTO words VALUES ('some words')",
    "SELECT * FROM words('some')",
    "INSERT INTO words(words) VALUES ('optimize')",
    "DROP TABLE words",
    "DROP TRIGGER mine_t",
    "SELECT 'syncrepl_records'; -- and nothing more",
];

fn prepare(cursor: &Cursor<'_>) -> Result<()> {
    cursor.execute_batch(
        "CREATE TABLE mine (a INTEGER PRIMARY KEY, b); CREATE VIRTUAL TABLE words USING fts5(a);",
    )
}

fn check(cursor: &Cursor<'_>) -> Result<()> {
    prepare(cursor)?;
    for sql in REFUSED {
        let error = cursor.execute_batch(sql).expect_err(sql);
        assert_eq!(error.kind(), ErrorKind::SqlRefused, "{sql}: {error}");
        let text = error.to_string();
        assert!(text.starts_with("the SQL was refused: "), "{sql}: {text}");
        // The refusal of a single statement takes another path than that of several.
        if !sql.contains(';') {
            let error = cursor.execute(sql, []).expect_err(sql);
            assert_eq!(error.kind(), ErrorKind::SqlRefused, "{sql}: {error}");
        }
    }
    for sql in ALLOWED {
        cursor.execute_batch(sql).expect(sql);
    }
    Ok(())
}

#[test]
fn cursor_of_consumer_refuses_sql() {
    let fixture = Fixture::new();
    let mut writer = fixture.writer();
    writer.begin_group().unwrap();
    writer.with_cursor(|cursor| Ok(check(cursor)?)).unwrap();
    // The gate is open again for our statements.
    put(&writer, 3, "cn=Bob,dc=example");
    writer.commit().unwrap();
}

#[test]
fn cursor_of_handle_refuses_sql() {
    let fixture = Fixture::new();
    let mut store = fixture.store();
    store.transaction(|cursor| Ok(check(cursor)?)).unwrap();
    store.set_setting("a", Some(b"1")).unwrap();
}

#[test]
fn refusal_says_what_and_why() {
    let fixture = Fixture::new();
    let mut store = fixture.store();
    let mut refusal = |sql: &str| -> String {
        store
            .transaction(|cursor| Ok(cursor.execute_batch(sql)?))
            .unwrap_err()
            .to_string()
    };
    assert!(refusal("DELETE FROM syncrepl_records").contains("syncrepl_records can be read"));
    assert!(refusal("COMMIT").contains("not yours to end"));
    assert!(refusal("PRAGMA optimize").contains("PRAGMA optimize"));
}

#[test]
fn trigger_of_user_cannot_write_ours() {
    let fixture = Fixture::new();
    let mut writer = fixture.writer();
    writer.begin_group().unwrap();
    let error = writer
        .with_cursor(|cursor| {
            prepare(cursor)?;
            cursor.execute_batch(
                "CREATE TRIGGER sneak AFTER INSERT ON mine
                 BEGIN UPDATE syncrepl_records SET dn = 'x'; END;",
            )?;
            cursor.execute("INSERT INTO mine VALUES (1, 1)", [])?;
            Ok(())
        })
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SqlRefused);
    assert!(error.to_string().contains("the trigger sneak"), "{error}");
}

#[test]
fn foreign_key_cannot_extend_our_delete() {
    let fixture = Fixture::new();
    let mut writer = fixture.writer();
    writer.begin_group().unwrap();
    writer
        .with_cursor(|cursor| {
            cursor.execute_batch(
                "CREATE TABLE mine (r REFERENCES syncrepl_records (id) ON DELETE CASCADE);
                 INSERT INTO mine SELECT id FROM syncrepl_records;",
            )?;
            Ok(())
        })
        .unwrap();
    let delete = || {
        writer.connection().execute(
            "DELETE FROM syncrepl_records WHERE uuid = ?1",
            [uuid(2).as_bytes()],
        )
    };
    assert_eq!(delete().unwrap(), 1, "your rows go along");
    writer
        .with_cursor(|cursor| {
            let left: i64 = cursor.query_row("SELECT count(*) FROM mine", [], |row| row.get(0))?;
            assert_eq!(left, 1);
            cursor.execute_batch(
                "CREATE TRIGGER sneak AFTER DELETE ON mine BEGIN DELETE FROM syncrepl_settings; END;",
            )?;
            Ok(())
        })
        .unwrap();
    delete().unwrap_err();
    assert!(writer.setting("syncrepl_commit").unwrap().is_some());
}

#[test]
fn cached_statement_is_not_lent() {
    const OURS: &str = "DELETE FROM syncrepl_records";
    let fixture = Fixture::new();
    let mut writer = fixture.writer();
    writer.begin_group().unwrap();
    drop(writer.connection().prepare_cached(OURS).unwrap());
    let error = writer
        .with_cursor(|cursor| {
            cursor.execute(OURS, [])?;
            Ok(())
        })
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SqlRefused);
}

#[test]
fn panic_in_callback_reopens_gate() {
    let fixture = Fixture::new();
    let mut writer = fixture.writer();
    writer.begin_group().unwrap();
    let unwound = catch_unwind(AssertUnwindSafe(|| {
        writer.with_cursor(|_| panic!("a callback that panics"))
    }));
    assert!(unwound.is_err());
    assert!(writer.in_transaction());
    put(&writer, 3, "cn=Bob,dc=example");
    writer.commit().unwrap();
}

#[test]
fn snapshot_cannot_write() {
    let fixture = Fixture::new();
    let store: Store = fixture.store();
    for sql in [
        "CREATE TABLE mine (a)",
        "CREATE TEMP TABLE mine (a)",
        "ANALYZE",
    ] {
        let error = store
            .read(|cursor| Ok(cursor.execute_batch(sql)?))
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::SqlRefused, "{sql}: {error}");
    }
    assert_eq!(store.count().unwrap(), 2);
}

#[test]
fn wrong_sql_keeps_its_cause() {
    let fixture = Fixture::new();
    let mut store = fixture.store();
    store
        .transaction(|cursor| {
            prepare(cursor)?;
            cursor.execute("INSERT INTO mine VALUES (1, 1)", [])?;
            for sql in [
                "SELEC",
                "VACUUM",
                "VACUUM INTO 'copy.db'",
                "SELECT * FROM nowhere",
                "INSERT INTO mine VALUES (1, 1)",
                "INSERT INTO mine VALUES (?1, 1)",
                "SELECT 1; SELECT 2",
            ] {
                let error: Error = cursor.execute(sql, []).expect_err(sql);
                assert_eq!(error.kind(), ErrorKind::InvalidInput, "{sql}: {error}");
                let source = std::error::Error::source(&error).unwrap();
                assert!(source.is::<rusqlite::Error>(), "{sql}");
            }
            let none: Option<i64> =
                cursor.query_optional("SELECT a FROM mine WHERE a = ?1", [7], |row| row.get(0))?;
            assert_eq!(none, None);
            let all: Vec<i64> = cursor.query_map("SELECT a FROM mine", [], |row| row.get(0))?;
            assert_eq!(all, [1]);
            let mut sum = 0;
            cursor.for_each("SELECT a FROM mine", [], |row| {
                sum += row.get::<_, i64>(0)?;
                cursor.execute("INSERT INTO words VALUES (?1)", [sum])?;
                Ok(())
            })?;
            assert_eq!((sum, cursor.changes()), (1, 1));
            assert_eq!(cursor.last_insert_rowid(), 1);
            Ok(())
        })
        .unwrap();
}
