//! A callback keeps tables of its own, keyed by DN. Each statement must change exactly one row.
//! After every round of random changes the tables equal the copy, and both equal a fresh search.

use std::collections::BTreeSet;
use std::thread;
use std::time::Instant;

use syncrepl_client::{
    Attributes, BoundLdap, Callback, CallbackResult, Cursor, Record, Store, Syncrepl, SyncreplMode,
};
use syncrepl_testing::environment::seed;
use syncrepl_testing::judge::{self, Directory, Entry};
use syncrepl_testing::slapd::{SUFFIX, Slapd, Variant};
use syncrepl_testing::workload::{Options, Workload};

use crate::common::{Fixture, PATIENCE, Tape, records};

const ROUNDS: usize = 5;
const CHANGES: usize = 100;
const PEOPLE: usize = 60;

const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS own (dn TEXT PRIMARY KEY, uuid TEXT UNIQUE NOT NULL);
    CREATE TABLE IF NOT EXISTS own_values (dn TEXT, name TEXT, value BLOB, UNIQUE (dn, name, value));";

struct OwnTable;

/// Runs a statement that must change exactly one row. Otherwise the event did not fit the table.
fn one(cursor: &Cursor<'_>, sql: &str, params: [&str; 2]) -> CallbackResult {
    match cursor.execute(sql, params)? {
        1 => Ok(()),
        rows => Err(format!("{rows} rows: {sql} {params:?}").into()),
    }
}

fn put(cursor: &Cursor<'_>, dn: &str, attributes: &Attributes<'_>) -> CallbackResult {
    for attribute in attributes.iter() {
        for value in attribute.values() {
            let row = (dn, attribute.name.to_lowercase(), value);
            cursor.execute("INSERT INTO own_values VALUES (?1, ?2, ?3)", row)?;
        }
    }
    Ok(())
}

/// Removes the values, which must be those of the last event.
fn take(cursor: &Cursor<'_>, dn: &str, attributes: &Attributes<'_>) -> CallbackResult {
    let told: BTreeSet<(String, Vec<u8>)> = attributes
        .iter()
        .flat_map(|a| a.values().map(move |v| (a.name.to_lowercase(), v.to_vec())))
        .collect();
    let values = "DELETE FROM own_values WHERE dn = ?1 RETURNING name, value";
    let kept = cursor.query_map(values, [dn], |row| Ok((row.get(0)?, row.get(1)?)))?;
    match kept.into_iter().collect::<BTreeSet<_>>() == told {
        true => Ok(()),
        false => Err(format!("the old attributes of {dn} are not those told before").into()),
    }
}

impl Callback for OwnTable {
    fn bind_complete(&mut self, _: &mut BoundLdap<'_>, cursor: &Cursor<'_>) -> CallbackResult {
        Ok(cursor.execute_batch(TABLES)?)
    }

    fn record_add(&mut self, record: &Record<'_>, cursor: &Cursor<'_>) -> CallbackResult {
        let uuid = record.uuid().to_string();
        one(
            cursor,
            "INSERT INTO own VALUES (?1, ?2)",
            [record.dn(), &uuid],
        )?;
        put(cursor, record.dn(), record.attrs())
    }

    fn record_delete(&mut self, record: &Record<'_>, cursor: &Cursor<'_>) -> CallbackResult {
        let uuid = record.uuid().to_string();
        one(
            cursor,
            "DELETE FROM own WHERE dn = ?1 AND uuid = ?2",
            [record.dn(), &uuid],
        )?;
        take(cursor, record.dn(), record.attrs())
    }

    fn record_rename(
        &mut self,
        old_dn: &str,
        record: &Record<'_>,
        cursor: &Cursor<'_>,
    ) -> CallbackResult {
        one(
            cursor,
            "UPDATE own SET dn = ?2 WHERE dn = ?1",
            [old_dn, record.dn()],
        )?;
        let values = "UPDATE own_values SET dn = ?2 WHERE dn = ?1";
        cursor.execute(values, [old_dn, record.dn()])?;
        Ok(())
    }

    fn record_change(
        &mut self,
        old: &Record<'_>,
        new: &Record<'_>,
        cursor: &Cursor<'_>,
    ) -> CallbackResult {
        let uuid = new.uuid().to_string();
        one(
            cursor,
            "UPDATE own SET uuid = ?2 WHERE dn = ?1",
            [new.dn(), &uuid],
        )?;
        take(cursor, new.dn(), old.attrs())?;
        put(cursor, new.dn(), new.attrs())
    }
}

/// The own tables and the records, in one snapshot.
fn both(store: &Store) -> (Directory, Directory) {
    let read = store.read(|cursor| {
        let mut own = Directory::default();
        let mut last = None;
        let sql = "SELECT uuid, dn, name, value FROM own LEFT JOIN own_values USING (dn)";
        cursor.for_each(sql, [], |row| {
            let (uuid, dn): (String, String) = (row.get(0)?, row.get(1)?);
            let entry = own.entries.entry(uuid.clone()).or_insert_with(|| Entry {
                dn,
                attrs: Default::default(),
            });
            if let Some(name) = row.get::<_, Option<String>>(2)? {
                entry.attrs.entry(name).or_default().insert(row.get(3)?);
            }
            last = Some(uuid);
            Ok(())
        })?;
        Ok((own, records(store)))
    });
    read.expect("reading the store")
}

fn expected(fixture: &Fixture, filter: &str) -> Directory {
    judge::search(&fixture.server.url(), "", "", SUFFIX, "sub", filter, &[])
}

fn assert_equal(fixture: &Fixture, filter: &str) {
    let (own, copy) = both(&fixture.store());
    let expected = expected(fixture, filter);
    judge::assert_same("records", &copy, "search", &expected);
    judge::assert_same("own table", &own, "search", &expected);
}

struct Case {
    filter: &'static str,
    options: Options,
}

const EVERYTHING: Case = Case {
    filter: "(objectClass=*)",
    options: Options::ALL,
};
const STAFF: Case = Case {
    filter: "(employeeType=staff)",
    options: Options {
        parent_renames: false,
        ..Options::ALL
    },
};

fn begin(variant: Variant, case: &Case) -> (Fixture, Workload, String) {
    let fixture = Fixture::of(Slapd::start(variant));
    let mut workload = Workload::new(seed(), case.options);
    workload.populate(&fixture.server, PEOPLE);
    let url = format!("{}?{}", fixture.url(), case.filter);
    (fixture, workload, url)
}

fn by_refresh(variant: Variant, case: &Case) {
    let (fixture, mut workload, url) = begin(variant, case);
    for round in 0..=ROUNDS {
        println!("round {round}");
        let refresh = |callback: &mut dyn Callback| {
            let builder = Syncrepl::builder(fixture.data(), callback).ldap_url(&url);
            crate::common::refresh(builder).expect("a refresh");
        };
        refresh(&mut OwnTable);
        assert_equal(&fixture, case.filter);
        let tape = Tape::new();
        refresh(&mut (tape.callback(), OwnTable));
        assert_eq!(tape.changes(), [""; 0], "a refresh without a change");
        for change in workload.round(&fixture.server, CHANGES) {
            println!("{change}");
        }
    }
}

fn by_persist(variant: Variant, case: &Case) {
    let (fixture, mut workload, url) = begin(variant, case);
    let tape = Tape::new();
    let mut client = Syncrepl::builder(fixture.data(), (OwnTable, tape.callback()))
        .ldap_url(&url)
        .mode(SyncreplMode::RefreshAndPersist)
        .connect()
        .expect("connecting");
    let stop = client.stop_handle();
    let running = thread::spawn(move || {
        client.run()?;
        client.unbind()
    });
    syncrepl_testing::wait_until(PATIENCE, || tape.has("committed"));
    for round in 0..=ROUNDS {
        println!("round {round}");
        let (expected, deadline) = (expected(&fixture, case.filter), Instant::now() + PATIENCE);
        let store = fixture.store();
        while both(&store).0.entries != expected.entries && Instant::now() < deadline {
            if running.is_finished() {
                panic!("it ended: {:?}", running.join().expect("no panic"));
            }
            thread::yield_now();
        }
        assert_equal(&fixture, case.filter);
        for change in workload.round(&fixture.server, CHANGES) {
            println!("{change}");
        }
    }
    stop.please_stop();
    running.join().expect("no panic").expect("a clean end");
    // The copy holds the changes since the last comparison already, or gets them with the next
    // refresh.
    crate::common::refresh(Syncrepl::builder(fixture.data(), OwnTable).ldap_url(&url))
        .expect("a refresh");
    assert_equal(&fixture, case.filter);
}

macro_rules! on_each_variant {
    ($($name:ident: $run:ident($variant:ident, $case:ident);)*) => {
        $(#[test] fn $name() { $run(Variant::$variant, &$case); })*
    };
}

on_each_variant! {
    everything_by_refresh_on_plain: by_refresh(Plain, EVERYTHING);
    everything_by_refresh_on_sessionlog: by_refresh(SessionLog, EVERYTHING);
    everything_by_refresh_on_accesslog: by_refresh(AccessLog, EVERYTHING);
    everything_by_persist_on_plain: by_persist(Plain, EVERYTHING);
    everything_by_persist_on_sessionlog: by_persist(SessionLog, EVERYTHING);
    everything_by_persist_on_accesslog: by_persist(AccessLog, EVERYTHING);
    staff_by_refresh_on_plain: by_refresh(Plain, STAFF);
    staff_by_refresh_on_sessionlog: by_refresh(SessionLog, STAFF);
    staff_by_refresh_on_accesslog: by_refresh(AccessLog, STAFF);
    staff_by_persist_on_plain: by_persist(Plain, STAFF);
    staff_by_persist_on_sessionlog: by_persist(SessionLog, STAFF);
    staff_by_persist_on_accesslog: by_persist(AccessLog, STAFF);
}
