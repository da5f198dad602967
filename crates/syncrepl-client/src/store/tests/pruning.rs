//! Which rows of the journal go, what is remembered of them, and the log that readers keep long.

use std::fs;
use std::time::{Duration, Instant};

use super::super::Writer;
use super::super::journal::{Cause, JournalLink, JournalOp, JournalSettings, Seq};
use super::journaled::{add, attributes, begin_refresh, delete, journaled, limits, ops, rows};
use super::{Fixture, uuid};

/// A journal that is pruned after every commit, with this many rows after the marker: each of another entry,
/// about 100 bytes, in a commit of its own.
fn filled(settings: &JournalSettings, count: u8) -> (Fixture, Writer) {
    let (fixture, mut writer) = journaled(settings);
    writer.limit_journal(limits(10_000, 10)).unwrap();
    for n in 0..count {
        one_more(&mut writer, 100 + n);
    }
    (fixture, writer)
}

fn one_more(writer: &mut Writer, n: u8) {
    writer.begin_group().unwrap();
    add(writer, n, "cn=x", &attributes(&[("cn", &["0123456789"])]));
    writer.commit().unwrap();
}

/// The places of the rows.
fn places(fixture: &Fixture) -> Vec<Seq> {
    rows(&fixture.store()).iter().map(|row| row.seq).collect()
}

fn folded(fixture: &Fixture) -> Vec<u8> {
    let folded = fixture.store().folded_after(None, Seq::ZERO, 100).unwrap();
    folded.iter().map(|(uuid, _)| uuid.as_bytes()[0]).collect()
}

fn needed(writer: &Writer, needed: Option<Seq>) {
    writer.journal_link().set_needed(needed);
}

fn small() -> JournalSettings {
    JournalSettings {
        max_bytes: 300,
        ..JournalSettings::default()
    }
}

#[test]
fn journal_without_readers_is_kept_within_its_bounds() {
    let (fixture, writer) = filled(&small(), 9);
    let before = places(&fixture);
    writer.prune_journal(Instant::now(), false);
    let state = fixture.store().journal().unwrap();
    let after = places(&fixture);
    assert!(fixture.store().journal_size().unwrap().bytes <= 300);
    assert!((1..5).contains(&after.len()), "{}", after.len());
    assert!(before.ends_with(&after), "the newest stay");
    let dropped = before.len() - after.len();
    assert_eq!(state.floor, before[dropped - 1]);
    assert_eq!(
        state.marker, state.floor,
        "a reader from before looks at everything"
    );
    assert!(folded(&fixture).is_empty());
}

#[test]
fn old_rows_go() {
    let settings = JournalSettings {
        max_age: Duration::from_secs(3600),
        ..JournalSettings::default()
    };
    let (fixture, writer) = filled(&settings, 3);
    writer.prune_journal(Instant::now(), false);
    assert_eq!(places(&fixture).len(), 4, "none is old");
    let sql = "UPDATE syncrepl_journal SET time = time - 7200000";
    writer.connection().execute(sql, []).unwrap();
    writer.prune_journal(Instant::now(), true);
    assert_eq!(ops(&fixture.store()), [JournalOp::Add], "the newest stays");
}

#[test]
fn row_without_an_entry_is_not_folded() {
    let (fixture, mut writer) = filled(&small(), 0);
    begin_refresh(&mut writer, Cause::Refresh, false);
    writer.commit().unwrap();
    needed(&writer, Some(Seq::ZERO));
    for n in 0..9 {
        one_more(&mut writer, 100 + n);
    }
    writer.prune_journal(Instant::now(), false);
    assert_eq!(folded(&fixture)[0], 100);
}

#[test]
fn rows_go_when_every_reader_has_settled() {
    let (fixture, writer) = filled(&JournalSettings::default(), 5);
    let all = places(&fixture);
    let link = writer.journal_link();
    // Nobody reads: a place alone means nothing.
    link.set_settled(all[3]);
    writer.prune_journal(Instant::now(), true);
    assert_eq!(places(&fixture), all);
    link.set_needed(Some(all[2]));
    writer.prune_journal(Instant::now(), true);
    assert_eq!(places(&fixture), all[3..], "never above what is needed");
    let marker = fixture.store().journal().unwrap().marker;
    assert_eq!(
        marker, all[2],
        "a reader that goes back looks at everything"
    );
    link.set_needed(Some(all[5]));
    link.set_settled(all[5]);
    writer.prune_journal(Instant::now(), true);
    assert_eq!(places(&fixture), all[5..], "the newest stays");
    assert!(folded(&fixture).is_empty());
    assert_eq!(fixture.store().journal().unwrap().needed, Some(all[5]));
}

#[test]
fn entries_are_folded_that_a_reader_has_not_had() {
    let (fixture, mut writer) = filled(&small(), 9);
    let all = places(&fixture);
    needed(&writer, Some(all[2]));
    writer.prune_journal(Instant::now(), false);
    let gone = all.len() - places(&fixture).len();
    assert!(gone > 4, "{gone}");
    let expected = Vec::from_iter((3..gone).map(|at| 99 + at as u8));
    assert_eq!(folded(&fixture), expected);
    let store = fixture.store();
    let above = store.folded_after(None, all[4], 100).unwrap();
    assert_eq!(above[0], (uuid(104), all[5]));
    let behind = store.folded_after(Some(uuid(104)), all[4], 1).unwrap();
    assert_eq!(behind, above[1..2]);
    // An entry that is folded again has the later place.
    one_more(&mut writer, 103);
    let last = fixture.store().journal_head().unwrap();
    for n in 0..9 {
        one_more(&mut writer, 200 + n);
    }
    writer.prune_journal(Instant::now(), false);
    assert!(
        store
            .folded_after(None, all[9], 100)
            .unwrap()
            .contains(&(uuid(103), last))
    );
    needed(&writer, Some(last));
    writer.prune_journal(Instant::now(), true);
    assert!(
        folded(&fixture).iter().all(|n| *n >= 200),
        "the reader had the others"
    );
    needed(&writer, None);
    writer.prune_journal(Instant::now(), true);
    assert!(folded(&fixture).is_empty());
    assert_eq!(store.journal().unwrap().needed, None);
}

/// A run without readers keeps what the readers of another run need.
#[test]
fn reader_is_remembered_with_the_next_commit() {
    let (fixture, mut writer) = filled(&small(), 2);
    let head = writer.journal_link();
    let all = places(&fixture);
    head.set_needed(Some(all[1]));
    one_more(&mut writer, 110);
    assert_eq!(fixture.store().journal().unwrap().needed, Some(all[1]));
    // It is not worth a write that the reader has gone on.
    head.set_needed(Some(all[2]));
    one_more(&mut writer, 111);
    assert_eq!(fixture.store().journal().unwrap().needed, Some(all[1]));
    head.set_needed(Some(all[0]));
    one_more(&mut writer, 112);
    assert_eq!(fixture.store().journal().unwrap().needed, Some(all[0]));
    drop(writer);
    let mut writer = fixture.writer();
    for n in 0..9 {
        one_more(&mut writer, 120 + n);
    }
    writer.prune_journal(Instant::now(), false);
    assert_eq!(folded(&fixture)[..2], [100, 101]);
    assert_eq!(fixture.store().journal().unwrap().needed, Some(all[0]));
}

#[test]
fn reader_is_remembered_without_a_commit() {
    let (fixture, mut writer) = filled(&small(), 1);
    let stored = || fixture.store().journal().unwrap().needed;
    needed(&writer, Some(Seq::ZERO));
    writer.begin_group().unwrap();
    writer.remember_readers();
    assert_eq!(stored(), None, "a transaction is open");
    writer.rollback();
    let mut other = fixture.store();
    other
        .transaction(|_| {
            writer.remember_readers();
            Ok(())
        })
        .unwrap();
    assert_eq!(stored(), None, "another program writes");
    writer.remember_readers();
    assert_eq!(stored(), Some(Seq::ZERO));
}

#[test]
fn rolled_back_reader_is_remembered_later() {
    let (fixture, mut writer) = filled(&small(), 1);
    needed(&writer, Some(Seq::ZERO));
    writer.begin_group().unwrap();
    let journal = writer.journal().unwrap();
    journal.finish(writer.connection(), 9).unwrap();
    writer.rollback();
    assert_eq!(fixture.store().journal().unwrap().needed, None);
    one_more(&mut writer, 110);
    assert_eq!(fixture.store().journal().unwrap().needed, Some(Seq::ZERO));
}

#[test]
fn marker_remembers_deletes_for_readers() {
    for (first, known) in [(false, true), (true, true), (false, false)] {
        let (fixture, mut writer) = journaled(&JournalSettings::default());
        writer.limit_journal(limits(3, 10)).unwrap();
        needed(&writer, known.then_some(Seq::ZERO));
        begin_refresh(&mut writer, Cause::Reconcile, first);
        delete(&writer, 50, "cn=x", &attributes(&[]));
        (10..16).for_each(|n| add(&writer, n, "cn=x", &attributes(&[])));
        delete(&writer, 51, "cn=x", &attributes(&[]));
        writer.commit().unwrap();
        let marker = fixture.store().journal().unwrap().marker;
        assert_eq!(fixture.store().journal_head().unwrap(), marker);
        let found = fixture.store().folded_after(None, Seq::ZERO, 9).unwrap();
        match known {
            true => assert_eq!(found, [(uuid(50), marker), (uuid(51), marker)]),
            false => assert_eq!(found, []),
        }
    }
}

#[test]
fn one_transaction_prunes_a_part() {
    let (fixture, mut writer) = filled(&small(), 30);
    for rows in [21, 11, 3] {
        writer.prune_journal(Instant::now(), false);
        assert_eq!(places(&fixture).len(), rows);
    }
    writer.begin_group().unwrap();
    writer.prune_journal(Instant::now(), true);
    writer.rollback();
    assert_eq!(places(&fixture).len(), 3, "nothing in a transaction");
}

#[test]
fn pruning_waits_for_nobody() {
    let (fixture, writer) = filled(&small(), 9);
    let mut other = fixture.store();
    let before = places(&fixture);
    let began = Instant::now();
    other
        .transaction(|_| {
            writer.prune_journal(Instant::now(), true);
            Ok(())
        })
        .unwrap();
    assert!(began.elapsed() < Duration::from_secs(5));
    assert_eq!(places(&fixture), before);
    writer.prune_journal(Instant::now(), true);
    assert!(places(&fixture).len() < before.len());
}

#[test]
fn pruning_is_no_commit() {
    let (fixture, writer) = filled(&small(), 9);
    let before = fixture.store().position().unwrap();
    writer.prune_journal(Instant::now(), true);
    assert_eq!(fixture.store().position().unwrap(), before);
}

#[test]
fn adopted_store_begins_its_journal_anew() {
    let (fixture, mut writer) = filled(&small(), 5);
    needed(&writer, Some(Seq::ZERO));
    one_more(&mut writer, 110);
    writer.prune_journal(Instant::now(), true);
    assert!(!folded(&fixture).is_empty());
    let old = fixture.store();
    let path = fixture.dir.path().join("adopted.db");
    old.adopt_to(&path, "ldap:///dc=example").unwrap();
    let new = crate::store::Store::open(&path).unwrap();
    let (old, state) = (old.journal().unwrap(), new.journal().unwrap());
    assert_eq!(ops(&new), [JournalOp::Marker]);
    assert!(state.on && state.marker == state.head && state.floor == state.head);
    assert!(state.marker > old.head);
    assert_eq!(
        (state.needed, new.journal_size().unwrap().folded),
        (None, 0)
    );
    assert_eq!(state.settings, old.settings);
    let row = &rows(&new)[0];
    assert!(new.journal_knows(row.commit, row.tag.unwrap()).unwrap());
}

/// Readers that overlap keep the log from being begun anew, unless they go through the gate.
#[test]
fn log_is_emptied_although_somebody_always_reads() {
    let (fixture, mut writer) = journaled(&JournalSettings::default());
    let link = writer.journal_link();
    let log = fixture.dir.path().join("state.db-wal");
    let dn = "x".repeat(60_000);
    let (mut longest, mut n) = (0, 0);
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        let readers = [(); 2].map(|()| {
            let (store, link, stop) = (fixture.store(), &link, &stop);
            scope.spawn(move || read_until(&store, link, stop))
        });
        while n < 1500 {
            writer.begin_group().unwrap();
            put_long(&writer, n, &dn);
            writer.commit().unwrap();
            n += 1;
            if writer.log_is_too_long() {
                writer.copy_log();
            }
            longest = longest.max(fs::metadata(&log).unwrap().len());
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        for reader in readers {
            reader.join().unwrap();
        }
    });
    assert!(longest < 40 << 20, "{longest} bytes");
    drop(link);
}

fn read_until(
    store: &crate::store::Store,
    link: &JournalLink,
    stop: &std::sync::atomic::AtomicBool,
) {
    while !stop.load(std::sync::atomic::Ordering::Relaxed) {
        let _inside = link.gate().read();
        store
            .read(|_| {
                std::thread::sleep(Duration::from_millis(2));
                Ok(())
            })
            .unwrap();
    }
}

fn put_long(writer: &Writer, n: u32, dn: &str) {
    let sql = "INSERT INTO syncrepl_settings VALUES (?1, ?2)";
    writer.connection().execute(sql, (n, dn)).unwrap();
}
