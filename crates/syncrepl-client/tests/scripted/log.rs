//! The consumer copies the write-ahead log into the file when it has nothing else to do. Between a
//! change and its commit it never does, because the commit would wait for the disk.

use std::time::{Duration, Instant};

use crate::bench::Bench;
use crate::fake::Fake;
use crate::story::*;
use syncrepl_client::rusqlite::Connection;

const PATIENCE: Duration = Duration::from_secs(20);

/// The number of pages in the log, and of those among them that are in the file as well.
fn log(store: &Connection) -> (i64, i64) {
    store
        .query_row("PRAGMA wal_checkpoint(NOOP)", [], |row| {
            Ok((row.get(1)?, row.get(2)?))
        })
        .expect("SQLite knows")
}

/// A change of this many bytes in the persist stage. Returns the log after its commit, and the log
/// after a lull.
fn log_after_change(size: usize) -> (Bench, (i64, i64), (i64, i64)) {
    let large: &'static str = "x".repeat(size).leak();
    let mut bench = Bench::with("", FIRST, &[A]);
    let fake = Fake::plays([persist(), modify_as(1, A.1, large)]);
    bench.take_for_the_same_node(&fake);
    let store = Connection::open(bench.data()).expect("the file opens");
    let mut client = bench.connect(&fake);
    let deadline = Instant::now() + PATIENCE;
    // One poll is one group.
    while !client.callback().heard("change cn=a") {
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
fn long_log_is_copied_in_a_lull() {
    let (bench, committed, quiet) = log_after_change(5 << 20);
    assert!(committed.0 > 500 && committed.1 == 0, "{committed:?}");
    assert_eq!(quiet, (committed.0, committed.0));
    bench.assert_copy_is_told();
}

#[test]
fn log_that_is_too_long_is_copied_at_once() {
    let (_, committed, quiet) = log_after_change(20 << 20);
    assert!(committed.0 > 2000, "{committed:?}");
    assert_eq!(committed.1, committed.0, "it was copied after the commit");
    assert_eq!(quiet, committed);
}

#[test]
fn short_log_is_left_alone() {
    let (_, committed, quiet) = log_after_change(100);
    assert!((1..500).contains(&committed.0), "{committed:?}");
    assert_eq!((quiet.0, quiet.1), (committed.0, 0));
}
