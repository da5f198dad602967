//! The history of a store: which commits are its own, after a restore, a failure, a migration.

use std::fs;

use super::super::history::Tag;
use super::super::{Position, Store, Writer};
use super::{Fixture, put, tell};

/// Makes a commit that tells this many changes.
fn commit(writer: &mut Writer, changes: u64) -> (u64, Tag) {
    let tag = writer.next_tag();
    writer.begin_group().unwrap();
    (0..changes).for_each(|_| tell(writer));
    (writer.commit().unwrap(), tag)
}

#[test]
fn position_tells_commit_and_the_one_before() {
    let fixture = Fixture::new();
    let mut writer = fixture.writer();
    let (_, first) = commit(&mut writer, 41);
    let at = writer.position().unwrap();
    assert_eq!((at.commit, at.tag, at.changes), (2, Some(first), Some(41)));
    assert_ne!(at.previous, at.tag, "another writer made it");
    commit(&mut writer, 0);
    let then = fixture.store().position().unwrap();
    assert_eq!(then, writer.position().unwrap());
    assert_eq!((then.commit, then.changes), (3, Some(0)));
    assert_eq!((then.tag, then.previous), (Some(first), Some(first)));
    assert_eq!((then.store, then.store.get_version_num()), (at.store, 4));
}

#[test]
fn empty_store_has_an_id_and_no_tag() {
    let folder = tempfile::tempdir().unwrap();
    let ids: Vec<_> = ["a.db", "b.db"]
        .iter()
        .map(|name| {
            let writer = Writer::open(&folder.path().join(name)).unwrap();
            let at = writer.position().unwrap();
            assert_eq!(
                (at.commit, at.tag, at.previous, at.changes),
                (0, None, None, Some(0))
            );
            at.store
        })
        .collect();
    assert_ne!(ids[0], ids[1]);
}

/// A rolled back transaction has told changes. A later commit of the same number bears another tag.
#[test]
fn told_and_rolled_back_gets_another_tag() {
    let fixture = Fixture::new();
    let mut writer = fixture.writer();
    let before = writer.next_tag();
    writer.begin_group().unwrap();
    writer.rollback();
    assert_eq!(writer.next_tag(), before, "nothing was told");
    writer.begin_group().unwrap();
    tell(&writer);
    writer.rollback();
    let after = writer.next_tag();
    assert_ne!(after, before);
    assert_eq!(commit(&mut writer, 1), (2, after));
    assert_eq!(fixture.store().position().unwrap().changes, Some(1));
}

#[test]
fn store_knows_the_commits_it_made() {
    let fixture = Fixture::new();
    let mut made = Vec::new();
    for _ in 0..3 {
        let mut writer = fixture.writer();
        made.extend([commit(&mut writer, 1), commit(&mut writer, 1)]);
    }
    let store = fixture.store();
    for (number, tag) in &made {
        assert!(store.knows(*number, *tag).unwrap(), "{number}");
        assert!(!store.knows(*number, fixture.writer().next_tag()).unwrap());
    }
    let (last, tag) = made[5];
    assert!(!store.knows(last + 1, tag).unwrap(), "not made yet");
    assert!(!store.knows(1, tag).unwrap());
    assert!(!store.knows(0, tag).unwrap());
}

/// A backup that is put back and run on reaches the same numbers, and a copy does beside it.
#[test]
fn commits_after_a_restore_are_others() {
    let fixture = Fixture::new();
    let kept = fixture.dir.path().join("kept.db");
    let shared = commit(&mut fixture.writer(), 1);
    fixture.store().backup_to(&kept).unwrap();
    let lost = commit(&mut fixture.writer(), 1);
    fs::copy(&kept, fixture.path()).unwrap();
    let again = commit(&mut fixture.writer(), 1);
    assert_eq!(lost.0, again.0);
    let store = fixture.store();
    assert!(store.knows(shared.0, shared.1).unwrap());
    assert!(store.knows(again.0, again.1).unwrap());
    assert!(!store.knows(lost.0, lost.1).unwrap());
    let copy = Store::open(&kept).unwrap();
    assert!(copy.knows(shared.0, shared.1).unwrap());
    assert!(!copy.knows(again.0, again.1).unwrap());
    assert_eq!(
        copy.position().unwrap().store,
        store.position().unwrap().store
    );
}

#[test]
fn oldest_runs_are_forgotten() {
    let fixture = Fixture::new();
    let mut writer = fixture.writer();
    let (old, old_tag) = commit(&mut writer, 0);
    writer
        .connection()
        .execute_batch(
            "WITH RECURSIVE n (n) AS (SELECT 3 UNION ALL SELECT n + 1 FROM n WHERE n < 9999)
             INSERT INTO syncrepl_runs SELECT n, n FROM n;
             UPDATE syncrepl_settings SET value = CAST('9999 0' AS BLOB)
                 WHERE name = 'syncrepl_commit'",
        )
        .unwrap();
    drop(writer);
    let store = fixture.store();
    assert!(store.knows(old, old_tag).unwrap());
    let last = commit(&mut fixture.writer(), 0);
    assert!(store.knows(last.0, last.1).unwrap());
    commit(&mut fixture.writer(), 0);
    assert!(store.knows(old, old_tag).unwrap(), "10,000 are left");
    commit(&mut fixture.writer(), 0);
    assert!(!store.knows(old, old_tag).unwrap());
}

/// A store of the version before, with a commit that nobody counted.
#[test]
fn older_version_gets_an_id_and_a_tag() {
    let fixture = Fixture::new();
    let old = |conn: &rusqlite::Connection| {
        conn.execute_batch(
            "DROP TABLE syncrepl_runs; DROP TABLE syncrepl_exact;
             DROP TABLE syncrepl_journal; DROP TABLE syncrepl_folded;
             DELETE FROM syncrepl_settings WHERE name = 'syncrepl_source';
             UPDATE syncrepl_settings SET value = CAST('7' AS BLOB) WHERE name = 'syncrepl_commit';
             UPDATE syncrepl_schema SET version = 3;",
        )
        .unwrap();
    };
    old(fixture.writer().connection());
    let mut writer = fixture.writer();
    let Position {
        commit: number,
        tag,
        previous,
        changes,
        ..
    } = writer.position().unwrap();
    assert_eq!((number, changes), (7, None));
    assert!(tag.is_some() && tag == previous);
    writer.begin_stage().unwrap();
    put(&writer, 9, "cn=Zoe,dc=example");
    tell(&writer);
    assert_eq!(writer.commit().unwrap(), 8);
    let at = writer.position().unwrap();
    assert_eq!((at.commit, at.previous, at.changes), (8, tag, Some(1)));
    assert!(at.tag.is_some() && at.tag != tag);
}
