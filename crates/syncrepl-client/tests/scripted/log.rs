//! The write-ahead log is brought into the file when nothing else is to be done: never between a
//! change and its commit, which would wait for the disk.

use std::time::{Duration, Instant};

use syncrepl_client::Syncrepl;
use syncrepl_client::rusqlite::Connection;
use syncrepl_proto::sync::EntryState::Modify;

use crate::Bench;
use crate::fake::{Fake, Step};

const A: (u8, &str) = (1, "cn=a,ou=base,dc=example");
const SLAPD: &str = "rid=000,csn=20261121205328.954658Z#000000#000#000000";
const PATIENCE: Duration = Duration::from_secs(20);

/// How many pages are in the log, and how many of them are in the file as well.
fn log(store: &Connection) -> (i64, i64) {
    store
        .query_row("PRAGMA wal_checkpoint(NOOP)", [], |row| {
            Ok((row.get(1)?, row.get(2)?))
        })
        .expect("SQLite knows")
}

/// One poll is one group.
fn polled(size: usize) -> (Bench, (i64, i64), (i64, i64)) {
    let large: &'static str = "x".repeat(size).leak();
    let mut bench = Bench::with("", SLAPD, &[A]);
    let fake = Fake::start(
        "",
        vec![vec![
            Step::Phase(false, None, true),
            Step::Entry(Modify, 1, A.1, large),
        ]],
    );
    bench.take_for_the_same_node(&fake);
    let store = Connection::open(bench.data()).expect("the file opens");
    let mut client = Syncrepl::builder(bench.data(), &mut bench.told)
        .ldap_url(fake.url())
        .connect()
        .unwrap();
    let deadline = Instant::now() + PATIENCE;
    while !client
        .callback()
        .events
        .iter()
        .any(|event| event == "change cn=a")
    {
        assert!(Instant::now() < deadline, "the change is not told");
        client.poll(PATIENCE).unwrap();
    }
    let committed = log(&store);
    client.poll(Duration::from_millis(300)).unwrap();
    let quiet = log(&store);
    client.unbind().unwrap();
    (bench, committed, quiet)
}

#[test]
fn a_long_log_is_copied_in_a_lull() {
    let (bench, committed, quiet) = polled(5 << 20);
    assert!(committed.0 > 500 && committed.1 == 0, "{committed:?}");
    assert_eq!(quiet, (committed.0, committed.0));
    bench.assert_copy_is_told();
}

#[test]
fn a_log_that_is_too_long_is_copied_at_once() {
    let (_, committed, quiet) = polled(20 << 20);
    assert!(committed.0 > 2000, "{committed:?}");
    assert_eq!(committed.1, committed.0, "it was copied after the commit");
    assert_eq!(quiet, committed);
}

#[test]
fn a_short_log_is_left_alone() {
    let (_, committed, quiet) = polled(100);
    assert!((1..500).contains(&committed.0), "{committed:?}");
    assert_eq!((quiet.0, quiet.1), (committed.0, 0));
}
