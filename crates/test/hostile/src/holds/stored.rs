//! The store reads a row whose attributes are any bytes, as those of a damaged file. It shows the
//! same as a reading of the bytes themselves, or says that the store is damaged.

use std::cell::OnceCell;
use std::ops::ControlFlow;

use syncrepl_client::rusqlite::{Connection, params};
use syncrepl_client::{ErrorKind, Store, Syncrepl, Uuid};
use syncrepl_proto::attributes::AttributeList;
use syncrepl_proto::dn;
use tempfile::TempDir;

use super::attributes::lazily;

struct Bench {
    store: Store,
    rows: Connection,
    _folder: TempDir,
}

thread_local! {
    static BENCH: OnceCell<Bench> = const { OnceCell::new() };
}

impl Bench {
    fn new() -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let path = folder.path().join("copy.db");
        // Opened by a consumer once, so that the file is there.
        let consumer = Syncrepl::builder(&path, ()).ldap_url("ldap://127.0.0.1:1/dc=x??sub");
        drop(consumer.open().expect("a new store"));
        let rows = Connection::open(&path).expect("the store as a SQLite file");
        rows.execute_batch("PRAGMA synchronous = OFF")
            .expect("no need to last");
        Bench {
            store: Store::open(&path).expect("the store"),
            rows,
            _folder: folder,
        }
    }
}

/// Bytes of `attributes`, after a DN that a zero byte ends.
pub fn stored(bytes: &[u8]) {
    BENCH.with(|bench| read_back(bench.get_or_init(Bench::new), bytes));
}

fn read_back(bench: &Bench, bytes: &[u8]) {
    let mut parts = bytes.splitn(2, |&byte| byte == 0);
    let name = parts.next().unwrap_or_default();
    let attributes = parts.next().unwrap_or_default();
    let Ok(name) = std::str::from_utf8(name) else {
        return;
    };
    let uuid = Uuid::from_bytes([7; 16]);
    let put = "INSERT OR REPLACE INTO syncrepl_records (id, uuid, dn, dn_key, attributes)
               VALUES (1, ?1, ?2, ?3, ?4)";
    bench
        .rows
        .prepare_cached(put)
        .and_then(|mut put| put.execute(params![uuid.as_bytes(), name, dn::key(name), attributes]))
        .expect("a row");
    let found = bench.store.get(name).expect("the store can be read");
    let found = found.expect("it is found by its DN");
    assert_eq!(
        bench.store.get_by_uuid(uuid).expect("a row"),
        Some(found.clone())
    );
    let mut seen = 0;
    let all = bench.store.records(|record| {
        assert_eq!((record.uuid(), record.dn()), (uuid, name));
        seen += 1;
        Ok(ControlFlow::Continue(()))
    });
    match AttributeList::decode(attributes) {
        Ok(list) => {
            let record = found.record().expect("valid attributes");
            assert_eq!(record.dn(), name);
            assert_eq!(lazily(record.attrs()), lazily(&list));
            all.expect("valid attributes");
            assert_eq!(seen, 1);
        }
        Err(_) => {
            let damaged = found.record().expect_err("invalid attributes");
            assert_eq!(damaged.kind(), ErrorKind::Store);
            assert!(damaged.to_string().contains("damaged"), "{damaged}");
            assert_eq!(all.expect_err("the same").kind(), ErrorKind::Store);
            assert_eq!(seen, 0);
        }
    }
}
