//! A user's own table, written through `Cursor`, survives `kill -9` in every stage. After a restart
//! it and the copy equal a fresh search, and a reader of the journal holds the same.
//!
//! The tests start this test binary once more, as a child that keeps such a table, and kill it.

mod reader;
mod sweep;

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use reader::Reader;
use syncrepl_client::{
    Attributes, Callback, CallbackResult, Cursor, Items, Record, Scope, Store, Syncrepl,
    SyncreplMode,
};
use syncrepl_testing::environment::seed;
use syncrepl_testing::judge::{self, Directory};
use syncrepl_testing::ldif;
use syncrepl_testing::process::Run;
use syncrepl_testing::slapd::{SUFFIX, Slapd, Variant};
use syncrepl_testing::workload::{Options, Workload, while_changing};
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(30);
const PERSIST: &str = "persist";
const REFRESH: &str = "refresh";

/// Keeps the table `mine`, in which a DN is unique: an event that does not fit the table is an error.
/// It finds rows by entryUUID, because the consumer does not tell of another spelling of a DN.
struct OwnTable;

impl OwnTable {
    fn one(cursor: &Cursor<'_>, sql: &str, values: &[&str]) -> CallbackResult {
        let changed = cursor.execute(sql, syncrepl_client::rusqlite::params_from_iter(values))?;
        if changed == 1 {
            return Ok(());
        }
        Err(format!("{changed} rows for {values:?}").into())
    }

    /// Prints an event: the parent counts the lines.
    fn told(what: &str) -> CallbackResult {
        println!("{what}");
        Ok(())
    }
}

fn lines(attributes: &Attributes<'_>) -> String {
    let of = |name: &str| -> String {
        attributes
            .values(name)
            .map(|value| ldif::line(name, value))
            .collect()
    };
    attributes
        .iter()
        .map(|attribute| of(attribute.name))
        .collect()
}

impl Callback for OwnTable {
    fn record_add(&mut self, record: &Record<'_>, cursor: &Cursor<'_>) -> CallbackResult {
        let (uuid, attrs) = (record.uuid().to_string(), lines(record.attrs()));
        let sql = "INSERT INTO mine (dn, uuid, attrs) VALUES (?1, ?2, ?3)";
        OwnTable::one(cursor, sql, &[record.dn(), &uuid, &attrs])?;
        OwnTable::told("add")
    }

    fn record_delete(&mut self, record: &Record<'_>, cursor: &Cursor<'_>) -> CallbackResult {
        let uuid = record.uuid().to_string();
        let sql = "DELETE FROM mine WHERE uuid = ?1";
        OwnTable::one(cursor, sql, &[&uuid])?;
        OwnTable::told("delete")
    }

    fn record_rename(
        &mut self,
        _: &str,
        record: &Record<'_>,
        cursor: &Cursor<'_>,
    ) -> CallbackResult {
        let uuid = record.uuid().to_string();
        let sql = "UPDATE mine SET dn = ?1 WHERE uuid = ?2";
        OwnTable::one(cursor, sql, &[record.dn(), &uuid])?;
        OwnTable::told("rename")
    }

    fn record_change(
        &mut self,
        _: &Record<'_>,
        new: &Record<'_>,
        cursor: &Cursor<'_>,
    ) -> CallbackResult {
        let (uuid, attrs) = (new.uuid().to_string(), lines(new.attrs()));
        let sql = "UPDATE mine SET attrs = ?1 WHERE uuid = ?2";
        OwnTable::one(cursor, sql, &[&attrs, &uuid])?;
        OwnTable::told("change")
    }

    fn refresh_done(&mut self, _: &Items<'_>, _: &Cursor<'_>) -> CallbackResult {
        OwnTable::told("refresh done")
    }

    fn committed(&mut self) {
        println!("committed");
    }
}

/// Not a test: the child that the tests below start, and kill.
#[test]
#[ignore = "the child of the tests here"]
fn child() {
    let Ok(data) = std::env::var("KILL_DATA") else {
        return;
    };
    let variable = |name| std::env::var(name).expect("set by the parent");
    let mode = match variable("KILL_MODE").as_str() {
        PERSIST => SyncreplMode::RefreshAndPersist,
        _ => SyncreplMode::RefreshOnly,
    };
    let mut client = Syncrepl::builder(data, OwnTable)
        .ldap_url(variable("KILL_URL"))
        .search(SUFFIX, Scope::Subtree, "", [""; 0])
        .mode(mode)
        .journal(reader::settings())
        .open()
        .expect("the store opens");
    let sql = "CREATE TABLE IF NOT EXISTS mine (uuid TEXT PRIMARY KEY, dn TEXT UNIQUE, attrs TEXT)";
    client
        .db()
        .expect("a handle")
        .transaction(|cursor| Ok(cursor.execute_batch(sql)?))
        .expect("the own table");
    client.reconnect().expect("the server answers");
    client.run().expect("it runs to its end");
}

/// A data file in a folder of its own, which children keep.
struct Kept<'a> {
    server: &'a Slapd,
    folder: TempDir,
}

impl Kept<'_> {
    fn of(server: &Slapd) -> Kept<'_> {
        let folder = TempDir::new().expect("a temporary folder");
        Kept { server, folder }
    }

    fn start(&self, mode: &str) -> Run {
        Run::command(&mut self.command(mode))
    }

    fn command(&self, mode: &str) -> Command {
        let mut this = Command::new(std::env::current_exe().expect("this test binary"));
        this.args(["child", "--exact", "--ignored", "--nocapture"])
            .env("KILL_DATA", self.data())
            .env("KILL_URL", self.server.url())
            .env("KILL_MODE", mode);
        this
    }

    fn data(&self) -> std::path::PathBuf {
        self.folder.path().join("copy.db")
    }

    /// Kills a child once it has printed this many events.
    fn kill_after(&self, mode: &str, events: usize) {
        let mut run = self.start(mode);
        // The test harness prints two lines first.
        run.wait_for_line_from(events + 2, |_| true, PATIENCE);
        run.kill9();
        assert_eq!(run.stderr(), "");
    }

    fn refresh(&self) -> String {
        let mut run = self.start(REFRESH);
        let status = run.wait_exit(PATIENCE);
        assert!(status.success(), "{}\n{}", run.output(), run.stderr());
        run.output()
    }

    /// The table and the copy equal a fresh search, and a further refresh tells of no change.
    fn assert_equal(&self) {
        let (url, filter) = (self.server.url(), "(objectClass=*)");
        let search = judge::search(&url, "", "", SUFFIX, "sub", filter, &[]);
        let (mine, copy) = kept(&self.data());
        judge::assert_same("own table", &mine, "search", &search);
        judge::assert_same("copy", &copy, "search", &search);
        let told = self.refresh();
        for event in ["add", "delete", "rename", "change"] {
            assert!(!told.lines().any(|line| line == event), "{told}");
        }
    }
}

/// The own table and the copy.
fn kept(path: &Path) -> (Directory, Directory) {
    let store = Store::open(path).expect("the store opens");
    let mine = store
        .read(|cursor| {
            let rows = cursor.query_map("SELECT dn, uuid, attrs FROM mine", [], |row| {
                let (dn, uuid): (String, String) = (row.get(0)?, row.get(1)?);
                let attrs: String = row.get(2)?;
                Ok(record(&dn, &uuid, &attrs))
            })?;
            Ok(rows)
        })
        .expect("the own table");
    let mut copy = String::new();
    store
        .records(|record_| {
            let (uuid, attrs) = (record_.uuid().to_string(), lines(record_.attrs()));
            copy += &record(record_.dn(), &uuid, &attrs);
            Ok(std::ops::ControlFlow::Continue(()))
        })
        .expect("the records");
    (judge::from_ldif(&mine.concat()), judge::from_ldif(&copy))
}

fn record(dn: &str, uuid: &str, attrs: &str) -> String {
    ldif::line("dn", dn) + &ldif::line("entryUUID", uuid) + attrs + "\n"
}

#[test]
fn in_a_refresh() {
    let server = Slapd::start(Variant::Plain);
    let mut workload = Workload::new(seed(), Options::ALL);
    workload.populate(&server, 500);
    let kept = Kept::of(&server);
    for events in [0, 3, 30, 150, 300, 450, 520] {
        kept.kill_after(REFRESH, events);
    }
    kept.refresh();
    kept.assert_equal();
    let mut reader = Reader::of(&kept.data());
    workload.round(&server, 300);
    for events in [0, 5, 25, 60, 100] {
        kept.kill_after(REFRESH, events);
    }
    kept.refresh();
    kept.assert_equal();
    reader.assert_equal(&kept.data());
}

#[test]
fn in_the_persist_stage() {
    let server = Slapd::start(Variant::SessionLog);
    let options = Options {
        big_value: false,
        ..Options::ALL
    };
    let mut workload = Workload::new(seed(), options);
    workload.populate(&server, 60);
    let kept = Kept::of(&server);
    kept.refresh();
    let mut reader = Reader::of(&kept.data());
    while_changing(&server, &mut workload, || {
        for kill in 0..12 {
            kept.kill_after(PERSIST, 20 + kill * 7 % 50);
        }
    });
    kept.refresh();
    kept.assert_equal();
    reader.assert_equal(&kept.data());
}
