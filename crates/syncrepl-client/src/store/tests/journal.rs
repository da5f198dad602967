//! The journal as the writer writes it: rows, markers, masks, and what a rollback takes back.

use std::time::Duration;

use syncrepl_proto::Uuid;

use super::super::Writer;
use super::super::journal::{Cause, JournalOp, JournalSettings, Seq, turn_off, turn_on};
use super::journaled::{
    add, attributes, begin_refresh, change, delete, journaled, limits, list, ops, rename, rows,
};
use super::{Fixture, uuid};
use crate::error::ErrorKind;

#[test]
fn each_change_is_a_row_of_its_commit() {
    let (fixture, mut writer) = journaled(&JournalSettings::default());
    let (one, two) = (
        attributes(&[("cn", &["a", "b"])]),
        attributes(&[("cn", &["b", "c"])]),
    );
    writer.begin_group().unwrap();
    add(&writer, 3, "cn=c", &one);
    change(&writer, 3, "cn=c", &one, &two);
    delete(&writer, 3, "cn=c", &two);
    let tag = writer.next_tag();
    let commit = writer.commit().unwrap();
    let store = fixture.store();
    let all = rows(&store);
    assert_eq!(
        ops(&store),
        [
            JournalOp::Marker,
            JournalOp::Add,
            JournalOp::Change,
            JournalOp::Delete
        ]
    );
    assert!(all.is_sorted_by(|one, next| one.seq < next.seq));
    assert_eq!((all[0].commit, all[0].n), (commit - 1, 0));
    for (n, row) in (1..).zip(&all[1..]) {
        assert_eq!((row.commit, row.n, row.tag), (commit, n, Some(tag)));
        assert_eq!(row.id().unwrap(), format!("{tag}.{commit}.{n}"));
        assert_eq!((row.uuid, row.dn.as_deref()), (uuid(3), Some("cn=c")));
        assert_eq!(row.cause, Cause::Persist);
        assert!(row.time.elapsed().unwrap() < Duration::from_secs(60));
    }
    let after = |at: usize| all[at].after.as_ref().unwrap().as_list();
    assert_eq!(after(1), list(&one));
    assert_eq!(after(2), list(&two));
    assert_eq!(after(3), list(&two), "the last state of what is gone");
    let diff = all[2].diff.as_ref().unwrap();
    let applied = list(&one).with_diff(diff.iter().map(|change| change.to_diff()));
    assert!(applied.unwrap().as_list().same(&list(&two)));
    let state = store.journal().unwrap();
    assert_eq!((state.on, state.head), (true, all[3].seq));
    assert_eq!((state.marker, state.floor), (all[0].seq, Seq::ZERO));
    assert_eq!(store.journal_head().unwrap(), state.head);
    assert_eq!(store.journal_size().unwrap().rows, 4);
    assert!(store.journal_knows(commit, tag).unwrap());
}

#[test]
fn rename_and_the_change_that_follows_are_one_row() {
    let (fixture, mut writer) = journaled(&JournalSettings::default());
    let (one, two) = (attributes(&[("cn", &["a"])]), attributes(&[("cn", &["b"])]));
    writer.begin_group().unwrap();
    rename(&writer, 3, "cn=a", "cn=b");
    change(&writer, 3, "cn=b", &one, &two);
    change(&writer, 3, "cn=b", &two, &one);
    rename(&writer, 4, "cn=c", "cn=d");
    change(&writer, 5, "cn=e", &one, &two);
    rename(&writer, 6, "cn=f", "cn=g");
    writer.commit().unwrap();
    writer.begin_group().unwrap();
    change(&writer, 6, "cn=g", &one, &two);
    writer.commit().unwrap();
    let all = rows(&fixture.store());
    let told: Vec<_> = all[1..]
        .iter()
        .map(|row| {
            (
                row.uuid.as_bytes()[0],
                row.op,
                row.old_dn.as_deref(),
                row.diff.is_some(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            (3, JournalOp::Rename, Some("cn=a"), true),
            (3, JournalOp::Change, None, true),
            (4, JournalOp::Rename, Some("cn=c"), false),
            (5, JournalOp::Change, None, true),
            (6, JournalOp::Rename, Some("cn=f"), false),
            (6, JournalOp::Change, None, true),
        ]
    );
    assert_eq!(all[1].after.as_ref().unwrap().as_list(), list(&two));
    assert!(all[3].after.is_none(), "a rename alone");
}

#[test]
fn secrets_stay_out_of_the_rows() {
    let unmasked = JournalSettings {
        unmasked: vec!["sambaNTPassword".to_owned()],
        ..JournalSettings::default()
    };
    let (fixture, mut writer) = journaled(&unmasked);
    let entry = |secret: &str| {
        attributes(&[
            ("cn", &["Ann"]),
            ("userPassword;x-a", &[secret]),
            ("2.5.4.35", &[secret]),
            ("sambaNTPassword", &["shown"]),
            ("sn", &[]),
        ])
    };
    writer.begin_group().unwrap();
    add(&writer, 3, "cn=a", &entry("canary1"));
    change(&writer, 3, "cn=a", &entry("canary1"), &entry("canary2"));
    delete(&writer, 3, "cn=a", &entry("canary2"));
    writer.commit().unwrap();
    let all = rows(&fixture.store());
    for row in &all[1..] {
        let after = row.after.as_ref().unwrap();
        let masked: Vec<_> = after.as_list().valueless().collect();
        assert_eq!(masked, ["userPassword;x-a", "2.5.4.35"], "{:?}", row.op);
        assert_eq!(after.as_list().values("sambaNTPassword").count(), 1);
    }
    let diff = all[2].diff.as_ref().unwrap();
    let changes: Vec<_> = diff
        .iter()
        .map(|change| (change.name, change.masked))
        .collect();
    assert_eq!(changes, [("userPassword;x-a", true), ("2.5.4.35", true)]);
    drop(writer);
    let file = std::fs::read(fixture.path()).unwrap();
    let holds = |part: &[u8]| file.windows(part.len()).any(|window| window == part);
    assert!(holds(b"shown") && !holds(b"canary"));
}

#[test]
fn large_entry_is_told_without_its_attributes() {
    let small = JournalSettings {
        image_max: 100,
        ..JournalSettings::default()
    };
    let (fixture, mut writer) = journaled(&small);
    let value = "x".repeat(100);
    let (old, new) = (
        attributes(&[("cn", &["a", &value])]),
        attributes(&[("cn", &[&value])]),
    );
    writer.begin_group().unwrap();
    change(&writer, 3, "cn=a", &old, &new);
    writer.commit().unwrap();
    let row = rows(&fixture.store()).pop().unwrap();
    assert!(row.after.is_none());
    let change = row.diff.as_ref().unwrap().iter().next().unwrap();
    assert_eq!(change.removed().collect::<Vec<_>>(), [b"a"]);
    assert_eq!(change.added().count(), 0);
}

#[test]
fn first_refresh_writes_one_marker() {
    let (fixture, mut writer) = journaled(&JournalSettings::default());
    begin_refresh(&mut writer, Cause::Reconcile, true);
    for n in 10..20 {
        add(&writer, n, "cn=x", &attributes(&[]));
    }
    let commit = writer.commit().unwrap();
    let store = fixture.store();
    assert_eq!(ops(&store), [JournalOp::Marker, JournalOp::Marker]);
    let last = rows(&store).pop().unwrap();
    assert_eq!((last.commit, last.n), (commit, 1));
    assert_eq!(store.journal().unwrap().marker, last.seq);
    writer.begin_group().unwrap();
    add(&writer, 30, "cn=y", &attributes(&[]));
    writer.commit().unwrap();
    assert_eq!(ops(&store).last(), Some(&JournalOp::Add));
}

/// A backup that was put back is no reason for a number to come twice: each writer begins with a larger one.
#[test]
fn refresh_without_a_change_is_told_once_a_run() {
    let (fixture, writer) = journaled(&JournalSettings::default());
    drop(writer);
    for run in 1..=2 {
        let mut writer = fixture.writer();
        for _ in 0..2 {
            begin_refresh(&mut writer, Cause::Refresh, false);
            writer.commit().unwrap();
            begin_refresh(&mut writer, Cause::Persist, false);
            writer.commit().unwrap();
        }
        let all = rows(&fixture.store());
        assert_eq!(all.len(), 1 + run);
        assert_eq!(
            (all[run].op, all[run].uuid),
            (JournalOp::Refreshed, Uuid::nil())
        );
    }
    let mut writer = fixture.writer();
    begin_refresh(&mut writer, Cause::Refresh, false);
    add(&writer, 9, "cn=z", &attributes(&[]));
    writer.commit().unwrap();
    begin_refresh(&mut writer, Cause::Refresh, false);
    writer.commit().unwrap();
    assert_eq!(ops(&fixture.store())[3..], [JournalOp::Add]);
}

/// A stage whose rows are too many has a marker in their place, unless the setting wants them all.
#[test]
fn marker_stands_for_too_many_rows() {
    for every_refresh in [false, true] {
        let settings = JournalSettings {
            every_refresh,
            ..JournalSettings::default()
        };
        let (fixture, mut writer) = journaled(&settings);
        writer.limit_journal(limits(5, 10_000)).unwrap();
        let few = |writer: &mut Writer| {
            begin_refresh(writer, Cause::Refresh, false);
            (10..15).for_each(|n| add(writer, n, "cn=x", &attributes(&[])));
        };
        few(&mut writer);
        writer.commit().unwrap();
        let store = fixture.store();
        assert_eq!(ops(&store).len(), 6, "few rows");
        few(&mut writer);
        delete(&writer, 10, "cn=x", &attributes(&[]));
        delete(&writer, 11, "cn=x", &attributes(&[]));
        let commit = writer.commit().unwrap();
        let all = rows(&store);
        match every_refresh {
            true => assert_eq!(all.len(), 13),
            false => {
                assert_eq!(all.len(), 7);
                assert_eq!(
                    (all[6].op, all[6].commit, all[6].n),
                    (JournalOp::Marker, commit, 1)
                );
                assert_eq!(store.journal().unwrap().marker, all[6].seq);
            }
        }
        assert_eq!(
            store.journal_size().unwrap().folded,
            0,
            "no reader is known"
        );
    }
}

#[test]
fn rollback_takes_rows_and_marker_back() {
    let (fixture, mut writer) = journaled(&JournalSettings::default());
    writer.limit_journal(limits(3, 10_000)).unwrap();
    let before = fixture.store().journal().unwrap();
    for rows in [1, 5] {
        begin_refresh(&mut writer, Cause::Refresh, false);
        (0..rows).for_each(|n| add(&writer, 10 + n, "cn=x", &attributes(&[])));
        rename(&writer, 9, "cn=y", "cn=z");
        writer.rollback();
        assert_eq!(fixture.store().journal().unwrap(), before);
    }
    writer.begin_group().unwrap();
    change(
        &writer,
        9,
        "cn=z",
        &attributes(&[]),
        &attributes(&[("cn", &["a"])]),
    );
    writer.commit().unwrap();
    let all = rows(&fixture.store());
    assert_eq!(all.len(), 2);
    assert_eq!((all[1].op, all[1].n), (JournalOp::Change, 1));
}

#[test]
fn failed_commit_takes_rows_back() {
    let (fixture, mut writer) = journaled(&JournalSettings::default());
    begin_refresh(&mut writer, Cause::Reconcile, true);
    writer.connection().execute_batch("ROLLBACK").unwrap();
    let error = writer.commit().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SqlRefused);
    writer.begin_group().unwrap();
    add(&writer, 9, "cn=z", &attributes(&[]));
    writer.commit().unwrap();
    assert_eq!(ops(&fixture.store()), [JournalOp::Marker, JournalOp::Add]);
}

#[test]
fn journal_is_a_setting_of_the_file() {
    let (fixture, writer) = journaled(&JournalSettings::default());
    drop(writer);
    let mut writer = fixture.writer();
    writer.begin_group().unwrap();
    add(&writer, 9, "cn=z", &attributes(&[]));
    writer.commit().unwrap();
    assert!(turn_off(fixture.path()).is_err_and(|error| error.kind() == ErrorKind::StoreLocked));
    drop(writer);
    let store = fixture.store();
    let on = store.journal().unwrap();
    assert_eq!(ops(&store), [JournalOp::Marker, JournalOp::Add]);
    assert!(turn_off(fixture.path()).unwrap());
    assert!(!turn_off(fixture.path()).unwrap());
    let off = store.journal().unwrap();
    assert!(!off.on && off.since.is_none() && off.marker > on.head);
    let mut writer = fixture.writer();
    writer.begin_group().unwrap();
    add(&writer, 10, "cn=y", &attributes(&[]));
    writer.commit().unwrap();
    drop(writer);
    assert_eq!(ops(&store), [JournalOp::Marker]);
    assert!(turn_on(fixture.path(), &JournalSettings::default()).unwrap());
    let again = store.journal().unwrap();
    assert!(again.on && again.marker > off.marker);
    let other = JournalSettings {
        max_bytes: 1,
        ..JournalSettings::default()
    };
    assert!(!turn_on(fixture.path(), &other).unwrap());
    let kept = store.journal().unwrap();
    assert_eq!((kept.settings, kept.marker), (other, again.marker));
    assert_eq!(kept.since, again.since);
}

#[test]
fn store_that_is_not_there_gets_no_journal() {
    let fixture = Fixture::new();
    let path = fixture.dir.path().join("other.db");
    let error = turn_on(&path, &JournalSettings::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Store);
    assert!(!path.exists());
}

#[test]
fn rows_are_read_in_portions() {
    let (fixture, mut writer) = journaled(&JournalSettings::default());
    writer.begin_group().unwrap();
    let attrs = attributes(&[("cn", &["x".repeat(1000).as_str()])]);
    (10..20).for_each(|n| add(&writer, n, "cn=x", &attrs));
    writer.commit().unwrap();
    let store = fixture.store();
    let count = |after, rows, bytes| store.journal_rows(after, rows, bytes).unwrap().len();
    assert_eq!(count(Seq::ZERO, 3, usize::MAX), 3);
    assert_eq!(count(Seq::ZERO, 100, 2500), 3, "the marker and two rows");
    let first = rows(&store)[1].seq;
    assert_eq!(count(first, 100, 1), 1, "one at least");
    assert_eq!(count(store.journal_head().unwrap(), 100, 1), 0);
}

#[test]
fn records_are_read_by_rowid() {
    let store = Fixture::new();
    let store = store.store();
    let all = store.records_after(0, 100, usize::MAX).unwrap();
    assert_eq!(all.len(), 2);
    assert_eq!(store.records_after(0, 1, usize::MAX).unwrap(), all[..1]);
    assert_eq!(store.records_after(0, 100, 0).unwrap(), all[..1]);
    assert_eq!(
        store.records_after(all[0].0, 100, usize::MAX).unwrap(),
        all[1..]
    );
    for (rowid, record) in &all {
        let uuid = record.uuid();
        assert_eq!(
            store.record_row(uuid).unwrap(),
            Some((*rowid, record.clone()))
        );
        assert_eq!(store.record_rowid(uuid).unwrap(), Some(*rowid));
    }
    assert_eq!(store.record_row(uuid(9)).unwrap(), None);
    assert_eq!(store.record_rowid(uuid(9)).unwrap(), None);
    store.sync_log().unwrap();
}

#[test]
fn damaged_row_is_an_error() {
    for damage in [
        "op = 7",
        "cause = 0",
        "diff = x'30'",
        "after = x'3001'",
        "uuid = x'00'",
    ] {
        let (fixture, writer) = journaled(&JournalSettings::default());
        let sql = format!("UPDATE syncrepl_journal SET {damage}");
        writer.connection().execute_batch(&sql).unwrap();
        let read = fixture.store().journal_rows(Seq::ZERO, 1, 1);
        assert_eq!(read.unwrap_err().kind(), ErrorKind::Store, "{damage}");
    }
}
