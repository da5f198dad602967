//! Hidden parents in the store: missing ones, needed ones, and a file of a version without them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rusqlite::Connection;
use syncrepl_proto::dn::key;

use super::super::ancestors::Ancestors;
use super::super::records::{FEW, Records};
use super::super::{Store, Writer, schema};
use super::{Fixture, put, uuid};
use crate::error::ErrorKind;

const BASE: &str = "dc=example";

/// A writer of an empty store, in a transaction.
fn writer(dir: &tempfile::TempDir) -> Writer {
    let mut writer = Writer::open(&dir.path().join("state.db")).unwrap();
    Ancestors::new(writer.connection()).prepare().unwrap();
    writer.begin_stage().unwrap();
    writer
}

fn missing(ancestors: Ancestors<'_>, base: &str) -> Vec<String> {
    let count = ancestors.list_missing(&key(base)).unwrap();
    let mut dns = Vec::new();
    loop {
        // In batches, parents first.
        let batch = ancestors.take_missing(2).unwrap();
        if batch.is_empty() {
            assert_eq!(count, dns.len());
            dns.sort_by_key(|dn: &String| key(dn));
            return dns;
        }
        for (dn_key, dn) in batch {
            assert_eq!(dn_key, key(&dn));
            dns.push(dn);
        }
    }
}

#[test]
fn dns_above_records_are_missed_once() {
    let dir = tempfile::tempdir().unwrap();
    let writer = writer(&dir);
    for (n, dn) in [
        "uid=1,ou=a,dc=example",
        "uid=2,OU=A,dc=example",
        "uid=3,uid=1,ou=a,dc=example",
        "uid=4,ou=x,ou=Y,dc=example",
        "uid=5,dc=example",
        "uid=6,ou=hidden,uid=5,dc=example",
        "uid=7,ou=ab,dc=example",
        "uid=8,dc=elsewhere",
    ]
    .iter()
    .enumerate()
    {
        put(&writer, n as u8, dn);
    }
    let ancestors = Ancestors::new(writer.connection());
    let all = [
        "ou=a,dc=example",
        "ou=ab,dc=example",
        "ou=Y,dc=example",
        "ou=x,ou=Y,dc=example",
        "ou=hidden,uid=5,dc=example",
    ];
    assert_eq!(missing(ancestors, BASE), all);
    for dn in &all[..3] {
        ancestors.put(Some(uuid(100)), dn, &key(dn), None).unwrap();
    }
    // One entryUUID is in one place, so only the last of them is known.
    assert_eq!(missing(ancestors, BASE), [all[0], all[1], all[3], all[4]]);
    ancestors.put(None, all[0], &key(all[0]), None).unwrap();
    ancestors.put(None, all[1], &key(all[1]), None).unwrap();
    assert_eq!(missing(ancestors, BASE), [all[3], all[4]]);
    ancestors.forget_hidden().unwrap();
    assert_eq!(missing(ancestors, BASE), [all[0], all[1], all[3], all[4]]);
    assert_eq!(missing(ancestors, all[2]), [all[3]]);
    assert_eq!(missing(ancestors, "").last().unwrap(), all[4]);
    assert_eq!(missing(ancestors, "dc=nobody").len(), 0);
}

#[test]
fn records_and_childless_ancestors_are_forgotten() {
    let dir = tempfile::tempdir().unwrap();
    let writer = writer(&dir);
    put(&writer, 1, "uid=1,ou=a,dc=example");
    put(&writer, 2, "uid=2,dc=example");
    put(&writer, 3, "uid=3,uid=2,dc=example");
    let ancestors = Ancestors::new(writer.connection());
    for (n, dn) in [
        (Some(10), "ou=a,dc=example"),
        (Some(11), "ou=b,dc=example"),
        (Some(12), "ou=,dc=example"),
        (Some(2), "uid=2,dc=example"),
        (None, "ou=A,dc=example"),
        (None, "ou=c,dc=example"),
    ] {
        ancestors.put(n.map(uuid), dn, &key(dn), None).unwrap();
    }
    ancestors.forget_unneeded().unwrap();
    let left = ancestors.after(0, 100).unwrap();
    let left: Vec<_> = left.iter().map(|one| one.dn.as_str()).collect();
    assert_eq!(left, ["ou=a,dc=example"]);
    assert!(ancestors.holds(&key("ou=a,dc=example")).unwrap());
    assert!(!ancestors.holds(&key("ou=c,dc=example")).unwrap());
}

#[test]
fn strayed_ancestors_come_parents_first() {
    let dir = tempfile::tempdir().unwrap();
    let writer = writer(&dir);
    let ancestors = Ancestors::new(writer.connection());
    let dns = ["ou=c,ou=b,dc=example", "ou=b,dc=example", "ou=a,dc=example"];
    for (n, dn) in dns.iter().enumerate() {
        ancestors
            .put(Some(uuid(n as u8)), dn, &key(dn), None)
            .unwrap();
    }
    for one in ancestors.after(0, 100).unwrap() {
        let place = (one.dn != dns[1]).then_some("ou=z,dc=example");
        ancestors.stray(&one, place, None).unwrap();
    }
    let mut order = Vec::new();
    while let Some(strayed) = ancestors.take_strayed().unwrap() {
        order.push((strayed.dn_key, strayed.place.is_some()));
    }
    let wanted = [(dns[2], true), (dns[1], false), (dns[0], true)];
    assert_eq!(order, wanted.map(|(dn, found)| (key(dn), found)));
}

/// Looking below a leaf must not walk to the end of the index. Else a stage with many renames takes
/// time in proportion to renames × records.
#[test]
fn index_range_has_two_ends() {
    const PEOPLE: i64 = 20_000;
    let dir = tempfile::tempdir().unwrap();
    drop(writer(&dir));
    let mut conn = Connection::open(dir.path().join("state.db")).unwrap();
    conn.execute_batch("BEGIN").unwrap();
    for n in 0..PEOPLE {
        let dn = format!("uid={n:05},dc=example");
        let id = n.to_be_bytes();
        conn.prepare_cached(
            "INSERT INTO syncrepl_records (uuid, dn, dn_key, attributes)
             VALUES (CAST(?1 || ?1 AS BLOB), ?2, ?3, x'3000')",
        )
        .unwrap()
        .execute(rusqlite::params![id, dn, key(&dn)])
        .unwrap();
    }
    let steps = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&steps);
    let counted = move || {
        count.fetch_add(1, Ordering::Relaxed);
        false
    };
    conn.progress_handler(100, Some(counted)).unwrap();
    let records = Records::new(&conn);
    records.prepare_stage().unwrap();
    let leaf = key("uid=00001,dc=example");
    let mut below = 0;
    records.below(&leaf, |_| below += 1).unwrap();
    assert_eq!(below, 0);
    assert!(!records.any_below(&leaf).unwrap());
    assert!(records.list_moving(&leaf).unwrap().is_empty());
    assert!(records.next_below(&leaf, None, FEW).unwrap().is_empty());
    let steps_for_leaves = steps.load(Ordering::Relaxed);
    assert!(steps_for_leaves < 10, "{steps_for_leaves} x 100 steps");
    records.below(&[], |_| below += 1).unwrap();
    assert_eq!(below, PEOPLE);
    assert!(steps.load(Ordering::Relaxed) > 100, "steps are counted");
}

/// A part of the list may end between two records that share a key.
#[test]
fn the_list_in_parts_is_the_whole_list() {
    let dir = tempfile::tempdir().unwrap();
    drop(writer(&dir));
    let conn = Connection::open(dir.path().join("state.db")).unwrap();
    for n in 0..1502_u16 {
        let dn = format!("uid={:05},ou=people", n.div_ceil(2));
        let id = n.to_be_bytes().repeat(8);
        conn.prepare_cached(
            "INSERT INTO syncrepl_records (uuid, dn, dn_key, attributes) VALUES (?1, ?2, ?3, x'3000')",
        )
        .unwrap()
        .execute(rusqlite::params![id, dn, key(&dn)])
        .unwrap();
    }
    let (records, people) = (Records::new(&conn), key("ou=people"));
    let mut whole = Vec::new();
    records.below(&people, |id| whole.push(id)).unwrap();
    let (mut parts, mut sizes) = (Vec::new(), Vec::new());
    let mut part = records.next_below(&people, None, FEW).unwrap();
    while let Some((id, last)) = part.last().cloned() {
        sizes.push(part.len());
        parts.extend(part.into_iter().map(|(id, _)| id));
        part = records.next_below(&people, Some((&last, id)), FEW).unwrap();
    }
    assert_eq!(sizes, [500, 500, 500, 2]);
    assert_eq!(parts, whole);
}

/// A file of version 1 opens, keeps its contents, and can hold hidden parents.
#[test]
fn version_1_is_migrated() {
    let fixture = Fixture::new();
    let conn = Connection::open(fixture.path()).unwrap();
    conn.execute_batch(
        "DROP TABLE syncrepl_ancestors; DROP TABLE syncrepl_placed; DROP TABLE syncrepl_runs; \
         DROP TABLE syncrepl_exact; DROP TABLE syncrepl_journal; DROP TABLE syncrepl_folded; \
         DELETE FROM syncrepl_settings WHERE name = 'syncrepl_source'; \
         UPDATE syncrepl_schema SET version = 1",
    )
    .unwrap();
    drop(conn);
    let error = Store::open(fixture.path()).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Store);
    let writer = fixture.writer();
    assert_eq!(writer.commit_number(), 1);
    let version: i64 = writer
        .connection()
        .query_row("SELECT version FROM syncrepl_schema", [], |row| row.get(0))
        .unwrap();
    assert_eq!(version, schema::current() as i64);
    let ancestors = Ancestors::new(writer.connection());
    ancestors
        .put(Some(uuid(7)), "ou=a", &key("ou=a"), None)
        .unwrap();
    assert_eq!(fixture.store().count().unwrap(), 2);
}
