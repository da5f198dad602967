//! Tests of the store: a writer, handles, other processes, and files that are no stores.

mod ancestors;
mod files;
mod handles;
mod history;
mod journal;
mod journaled;
mod plans;
mod presence;
mod pruning;
mod refusals;
mod transactions;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use rusqlite::params;
use tempfile::TempDir;
use uuid::Uuid;

use super::journal::Told;
use super::{Store, Writer};
use crate::record::{Attributes, Record};
use syncrepl_proto::dn::key as dn_key;

/// A directory with a store in it that has two records.
struct Fixture {
    dir: TempDir,
}

impl Fixture {
    fn new() -> Fixture {
        let fixture = Fixture {
            dir: tempfile::tempdir().unwrap(),
        };
        let mut writer = fixture.writer();
        writer.begin_stage().unwrap();
        put(&writer, 2, "cn=Ann,dc=example");
        put(&writer, 1, "dc=example");
        assert_eq!(writer.commit().unwrap(), 1);
        fixture
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("state.db")
    }

    fn writer(&self) -> Writer {
        Writer::open(&self.path()).unwrap()
    }

    fn store(&self) -> Store {
        Store::open(self.path()).unwrap()
    }
}

fn uuid(n: u8) -> Uuid {
    Uuid::from_bytes([n; 16])
}

fn put(writer: &Writer, n: u8, dn: &str) {
    writer
        .connection()
        .execute(
            "INSERT INTO syncrepl_records (uuid, dn, dn_key, attributes) VALUES (?1, ?2, ?3, x'3000')",
            params![uuid(n).as_bytes(), dn, dn_key(dn)],
        )
        .unwrap();
}

/// Takes note of a change that is told.
fn tell(writer: &Writer) {
    let attributes = Attributes::decode(b"\x30\x00").unwrap();
    let record = Record::new(uuid(9), "cn=told", attributes);
    writer.note_told(Told::Delete(&record)).unwrap();
}

/// Runs `role` of [`another_process`] on the store at `path`.
fn in_another_process(role: &str, path: &Path) -> Output {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "store::tests::another_process", "--ignored"])
        .arg("--nocapture")
        .env("STORE_TEST_ROLE", role)
        .env("STORE_TEST_PATH", path)
        .output()
        .unwrap()
}

#[test]
#[ignore = "run by other tests, as another process"]
fn another_process() {
    let path = PathBuf::from(std::env::var_os("STORE_TEST_PATH").unwrap());
    match std::env::var("STORE_TEST_ROLE").unwrap().as_str() {
        "open writer" => match Writer::open(&path) {
            Ok(_) => println!("[opened]"),
            Err(error) => println!("[{:?}: {error}]", error.kind()),
        },
        "count" => println!("[{}]", Store::open(&path).unwrap().count().unwrap()),
        "write" => {
            let mut store = Store::open(&path).unwrap();
            store.busy = Duration::from_millis(200);
            let result = store.set_setting("a", None);
            println!("[{:?}]", result.map_err(|error| error.kind()));
        }
        "die in a stage" => {
            let mut writer = Writer::open(&path).unwrap();
            writer.begin_stage().unwrap();
            put(&writer, 9, "cn=lost,dc=example");
            writer
                .set_setting("syncrepl_cookie", Some(b"lost"))
                .unwrap();
            std::process::abort();
        }
        role => panic!("no such role: {role}"),
    }
}
