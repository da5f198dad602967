//! Files: their modes, their locks, and files of other programs.

use std::fs;
use std::path::Path;

use rusqlite::Connection;

use super::super::{Store, Writer, failure};
use super::{Fixture, in_another_process, put, uuid};
use crate::error::{Error, ErrorKind};

#[cfg(unix)]
fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn refusal_of_both(path: &Path) -> Error {
    let error = Writer::open(path).err().expect("the writer must refuse");
    let other = Store::open(path).err().expect("the handle must refuse");
    assert_eq!(error.kind(), other.kind(), "{error} / {other}");
    assert!(error.hint().is_some());
    error
}

#[cfg(unix)]
#[test]
fn files_are_private() {
    let fixture = Fixture::new();
    let mut writer = fixture.writer();
    writer.begin_group().unwrap();
    put(&writer, 3, "cn=Bob,dc=example");
    for suffix in ["", "-wal", "-shm", ".lock"] {
        let path = fixture.dir.path().join(format!("state.db{suffix}"));
        assert_eq!(mode(&path), 0o600, "{suffix}");
    }
    let backup = fixture.dir.path().join("backup.db");
    fixture.store().backup_to(&backup).unwrap();
    assert_eq!(mode(&backup), 0o600);
}

#[test]
fn second_consumer_is_refused() {
    let fixture = Fixture::new();
    let writer = fixture.writer();
    let error = Writer::open(&fixture.path()).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::StoreLocked);
    assert!(
        error.to_string().contains("another syncrepl uses"),
        "{error}"
    );

    let output = in_another_process("open writer", &fixture.path());
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        text.contains("[StoreLocked: another syncrepl uses"),
        "{text}"
    );
    let output = in_another_process("count", &fixture.path());
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("[2]"), "{text}");

    drop(writer);
    let output = in_another_process("open writer", &fixture.path());
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("[opened]"), "{text}");
}

#[cfg(unix)]
#[test]
fn link_leads_to_same_lock() {
    let fixture = Fixture::new();
    let link = fixture.dir.path().join("link.db");
    std::os::unix::fs::symlink(fixture.path(), &link).unwrap();
    let _writer = fixture.writer();
    let error = Writer::open(&link).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::StoreLocked);
}

#[test]
fn closed_handle_keeps_locks_of_writer() {
    let fixture = Fixture::new();
    let mut writer = fixture.writer();
    writer.begin_stage().unwrap();
    put(&writer, 3, "cn=Bob,dc=example");
    drop(fixture.store());
    drop(writer.handle().unwrap());
    let error = Writer::open(&fixture.path()).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::StoreLocked);
    // Without SQLite's own locks the other process would be allowed to write, or believe itself to
    // be the only connection and delete the log when it closes.
    let output = in_another_process("write", &fixture.path());
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("[Err(RefreshRunning)]"), "{text}");
    let output = in_another_process("count", &fixture.path());
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("[2]"), "{text}");
    writer.commit().unwrap();
    assert_eq!(fixture.store().count().unwrap(), 3);
}

#[test]
fn death_in_stage_leaves_old_copy_and_no_lock() {
    let fixture = Fixture::new();
    let output = in_another_process("die in a stage", &fixture.path());
    assert!(!output.status.success());
    let writer = fixture.writer();
    assert_eq!(writer.commit_number(), 1);
    assert_eq!(writer.setting("syncrepl_cookie").unwrap(), None);
    let store = writer.handle().unwrap();
    assert_eq!(store.count().unwrap(), 2);
    assert_eq!(store.get_by_uuid(uuid(9)).unwrap(), None);
}

#[test]
fn foreign_file_is_refused_unchanged() {
    let dir = tempfile::tempdir().unwrap();
    let text = dir.path().join("notes.txt");
    for content in ["hello".to_owned(), "not a database\n".repeat(1000)] {
        fs::write(&text, &content).unwrap();
        assert_eq!(refusal_of_both(&text).kind(), ErrorKind::NotAStore);
        assert_eq!(fs::read_to_string(&text).unwrap(), content);
    }

    let foreign = dir.path().join("theirs.db");
    let conn = Connection::open(&foreign).unwrap();
    conn.execute_batch("CREATE TABLE t (a); INSERT INTO t VALUES (1)")
        .unwrap();
    drop(conn);
    let before = fs::read(&foreign).unwrap();
    let error = refusal_of_both(&foreign);
    assert_eq!(error.kind(), ErrorKind::NotAStore);
    assert_eq!(fs::read(&foreign).unwrap(), before);

    assert_eq!(refusal_of_both(dir.path()).kind(), ErrorKind::NotAStore);
    let names: Vec<_> = fs::read_dir(dir.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(names.len(), 2, "no lock or log beside them: {names:?}");
}

#[test]
fn missing_directory_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let error = refusal_of_both(&dir.path().join("no/such/state.db"));
    assert_eq!(error.kind(), ErrorKind::Store);
    assert!(
        error.to_string().contains("no/such does not exist"),
        "{error}"
    );
    let error = Writer::open(Path::new("")).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    let error = Store::open(dir.path().join("none.db")).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Store);
    assert!(error.to_string().contains("there is no store"), "{error}");
}

#[test]
fn empty_file_becomes_store() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.db");
    fs::write(&path, b"").unwrap();
    assert_eq!(
        Store::open(&path).err().unwrap().kind(),
        ErrorKind::NotAStore
    );
    assert_eq!(Writer::open(&path).unwrap().commit_number(), 0);
    assert_eq!(Store::open(&path).unwrap().count().unwrap(), 0);
}

#[test]
fn special_names_of_sqlite_are_paths() {
    let dir = tempfile::tempdir().unwrap();
    for name in [":memory:", "file:x?mode=memory"] {
        drop(Writer::open(&dir.path().join(name)).unwrap());
        assert!(dir.path().join(name).is_file());
    }
}

#[test]
fn newer_and_damaged_stores_differ() {
    let fixture = Fixture::new();
    let conn = Connection::open(fixture.path()).unwrap();
    conn.execute_batch("UPDATE syncrepl_schema SET version = 99")
        .unwrap();
    let error = refusal_of_both(&fixture.path());
    assert_eq!(error.kind(), ErrorKind::NewerVersion);
    for damage in [
        "UPDATE syncrepl_schema SET version = 'x'",
        "DELETE FROM syncrepl_schema",
        "DROP TABLE syncrepl_schema",
    ] {
        conn.execute_batch(damage).unwrap();
        let error = refusal_of_both(&fixture.path());
        assert_eq!(error.kind(), ErrorKind::Store, "{damage}");
        assert!(error.to_string().contains("damaged"), "{error}");
    }
}

#[test]
fn dump_as_sql_is_a_store() {
    let fixture = Fixture::new();
    let conn = Connection::open(fixture.path()).unwrap();
    conn.execute_batch("PRAGMA application_id = 0").unwrap();
    assert_eq!(fixture.writer().commit_number(), 1);
}

#[test]
fn backup_is_a_store() {
    let fixture = Fixture::new();
    let mut writer = fixture.writer();
    writer.begin_stage().unwrap();
    put(&writer, 3, "cn=Bob,dc=example");
    let backup = fixture.dir.path().join("backup.db");
    writer.handle().unwrap().backup_to(&backup).unwrap();
    let error = fixture.store().backup_to(&backup).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert_eq!(Store::open(&backup).unwrap().count().unwrap(), 2);
    assert_eq!(Writer::open(&backup).unwrap().next_commit(), 2);
}

#[test]
fn full_disk_keeps_old_copy() {
    let fixture = Fixture::new();
    let mut writer = fixture.writer();
    let pages: i64 = writer
        .connection()
        .query_row("PRAGMA page_count", [], |row| row.get(0))
        .unwrap();
    writer
        .connection()
        .execute_batch(&format!("PRAGMA max_page_count = {}", pages + 4))
        .unwrap();
    writer.begin_stage().unwrap();
    put(&writer, 3, "cn=Bob,dc=example");
    let error = writer
        .with_cursor(|cursor| {
            cursor.execute("CREATE TABLE t (a)", [])?;
            cursor.execute("INSERT INTO t VALUES (zeroblob(1000000))", [])?;
            Ok(())
        })
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoSpace);
    assert!(error.to_string().starts_with("the disk is full"), "{error}");
    writer.rollback();

    writer.begin_stage().unwrap();
    let err = writer
        .connection()
        .execute(
            "UPDATE syncrepl_records SET attributes = zeroblob(1000000)",
            [],
        )
        .unwrap_err();
    let error = failure::of_store(err);
    assert_eq!(error.kind(), ErrorKind::NoSpace);
    assert!(error.to_string().starts_with("the disk is full"), "{error}");
    drop(writer);

    let store = fixture.store();
    assert_eq!(store.count().unwrap(), 2);
    let ann = store.get_by_uuid(uuid(2)).unwrap().unwrap();
    assert_eq!(ann.attrs().as_bytes(), [0x30, 0]);
}
