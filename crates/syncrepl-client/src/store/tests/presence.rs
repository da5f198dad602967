//! Files that go away while a writer uses them.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::super::Writer;
use super::{Fixture, put};
use crate::error::ErrorKind;

fn beside(path: &Path, end: &str) -> PathBuf {
    super::super::file::beside(path, end)
}

/// Asserts that the writer refuses to commit because of the file whose name ends so, and what the
/// message says of it.
#[track_caller]
fn refused(writer: &mut Writer, end: &str, says: &str) {
    writer.begin_group().unwrap();
    put(writer, 9, "cn=Zoe,dc=example");
    let error = writer.commit().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StoreGone, "{error}");
    let text = error.to_string();
    assert!(
        text.contains(&format!("state.db{end} ")) && text.contains(says),
        "{text}"
    );
    assert!(!writer.in_transaction());
    assert_eq!(writer.commit_number(), 1);
    // A refresh that could not be kept does not begin.
    assert_eq!(
        writer.begin_stage().unwrap_err().kind(),
        ErrorKind::StoreGone
    );
    assert!(!writer.in_transaction());
}

#[test]
fn deleted_file_is_noticed_at_the_commit() {
    for end in ["", "-wal", "-shm", ".lock"] {
        let fixture = Fixture::new();
        let mut writer = fixture.writer();
        fs::remove_file(beside(&fixture.path(), end)).unwrap();
        refused(&mut writer, end, "was deleted or moved while it was in use");
    }
}

/// While the folder is as it was, one look at it is enough.
#[test]
fn file_that_goes_long_after_it_was_opened_is_noticed() {
    for end in ["", "-wal", "-shm", ".lock"] {
        let fixture = Fixture::new();
        let mut writer = fixture.writer();
        let hour_ago = SystemTime::now() - Duration::from_secs(3600);
        let folder = fs::File::open(fixture.dir.path()).unwrap();
        folder.set_modified(hour_ago).unwrap();
        (0..3).for_each(|_| writer.check_files().unwrap());
        let path = beside(&fixture.path(), end);
        fs::rename(&path, fixture.dir.path().join("away")).unwrap();
        refused(&mut writer, end, "was deleted or moved");
    }
}

#[test]
fn moved_file_is_noticed_and_counts_when_it_is_back() {
    let fixture = Fixture::new();
    let mut writer = fixture.writer();
    let away = fixture.dir.path().join("away.db");
    fs::rename(fixture.path(), &away).unwrap();
    refused(&mut writer, "", "was deleted or moved");
    fs::rename(&away, fixture.path()).unwrap();
    writer.begin_group().unwrap();
    assert_eq!(writer.commit().unwrap(), 2);
}

#[test]
fn replaced_file_is_noticed() {
    for end in ["", "-wal", "-shm", ".lock"] {
        let fixture = Fixture::new();
        let mut writer = fixture.writer();
        let path = beside(&fixture.path(), end);
        let other = fixture.dir.path().join("other");
        fs::copy(&path, &other).unwrap();
        fs::rename(&other, &path).unwrap();
        refused(&mut writer, end, "another file took the place of");
    }
}

#[test]
fn handle_does_not_write_to_a_file_that_is_gone() {
    let fixture = Fixture::new();
    let mut store = fixture.store();
    store.set_setting("a", Some(b"1")).unwrap();
    fs::remove_file(fixture.path()).unwrap();
    for error in [
        store.set_setting("a", None).unwrap_err(),
        store.transaction(|_| Ok(())).unwrap_err(),
        store.vacuum().unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::StoreGone, "{error}");
    }
    assert_eq!(
        store.get_setting("a").unwrap().unwrap(),
        b"1",
        "reading goes on"
    );
}

#[test]
fn folder_that_goes_away_is_noticed() {
    let fixture = Fixture::new();
    let folder = fixture.dir.path().join("folder");
    fs::create_dir(&folder).unwrap();
    let path = folder.join("state.db");
    fixture.store().backup_to(&path).unwrap();
    let mut writer = Writer::open(&path).unwrap();
    fs::remove_dir_all(&folder).unwrap();
    refused(&mut writer, "", "was deleted or moved");
}

#[cfg(unix)]
#[test]
fn link_that_leads_elsewhere_is_noticed() {
    let fixture = Fixture::new();
    let other = fixture.dir.path().join("other.db");
    fixture.store().backup_to(&other).unwrap();
    let link = fixture.dir.path().join("state.db-link");
    std::os::unix::fs::symlink(fixture.path(), &link).unwrap();
    let mut writer = Writer::open(&link).unwrap();
    writer.begin_group().unwrap();
    assert_eq!(writer.commit().unwrap(), 2);
    fs::remove_file(&link).unwrap();
    std::os::unix::fs::symlink(&other, &link).unwrap();
    writer.begin_group().unwrap();
    let error = writer.commit().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StoreGone, "{error}");
    assert!(error.to_string().contains("took the place of"), "{error}");
}

/// SQLite deletes the log by its path when it closes, but not if the file is another by then.
#[test]
fn log_of_another_file_survives() {
    let fixture = Fixture::new();
    let folder = fixture.dir.path().join("folder");
    let away = fixture.dir.path().join("away");
    fs::create_dir(&folder).unwrap();
    let path = folder.join("state.db");
    fixture.store().backup_to(&path).unwrap();
    let old = Writer::open(&path).unwrap();
    fs::rename(&folder, &away).unwrap();
    fs::create_dir(&folder).unwrap();
    fixture.store().backup_to(&path).unwrap();
    let mut new = Writer::open(&path).unwrap();
    new.begin_group().unwrap();
    assert_eq!(new.commit().unwrap(), 2);
    drop(old);
    assert!(beside(&path, "-wal").exists());
    new.begin_group().unwrap();
    assert_eq!(new.commit().unwrap(), 3);
}

/// Other files may come and go beside a store, and its own may change.
#[test]
fn maintenance_is_no_replacement() {
    let fixture = Fixture::new();
    let mut writer = fixture.writer();
    let mut handle = writer.handle().unwrap();
    for number in 2..5 {
        writer.begin_group().unwrap();
        assert_eq!(writer.commit().unwrap(), number);
        writer.copy_log();
        handle.vacuum().unwrap();
        handle.optimize().unwrap();
        drop(fixture.store());
    }
}
