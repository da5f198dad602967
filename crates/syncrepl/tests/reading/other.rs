//! The data file has another history than the one that was read.

use std::fs;

use syncrepl_client::Store;
use syncrepl_client::rusqlite::Connection;
use syncrepl_testing::slapd::{Slapd, Variant};

use crate::common::outcome::{Outcome, people};
use crate::place::{Place, Read};

fn server() -> Slapd {
    let server = Slapd::start(Variant::Plain);
    server.load(&people(3));
    server
}

/// Reads two changes after a backup was made, puts it back, runs on unread as often as said, and reads
/// again. A power cut that takes the newest commits looks the same.
fn put_back_and_run_on(unread: usize) -> Read {
    let server = server();
    let mut place = Place::of(&server);
    let kept = place.keep("kept");
    for title in ["Clerk", "Head"] {
        place.describe(title);
        place.refresh();
    }
    assert_eq!(place.readers(), Read::Equal);
    place.put_back(&kept);
    for number in 0..unread {
        place.describe(&format!("Title {number}"));
        place.refresh_unread();
    }
    place.describe("Last");
    place.refresh();
    place.readers()
}

#[test]
fn backup_is_put_back() {
    // The next `start` has a lower number, the same, the next, and one after that.
    for unread in 0..=4 {
        assert_eq!(put_back_and_run_on(unread), Read::Anew, "{unread} unread");
    }
}

/// A backup of the very state that was read is no other history.
#[test]
fn backup_of_what_was_read() {
    let server = server();
    let mut place = Place::of(&server);
    let kept = place.keep("kept");
    place.put_back(&kept);
    place.describe("Clerk");
    place.refresh();
    assert_eq!(place.readers(), Read::Equal);
}

#[test]
fn data_file_is_made_anew() {
    let server = server();
    let mut place = Place::of(&server);
    place.describe("Clerk");
    place.refresh();
    for more in 0..3 {
        fs::remove_file(place.data.path()).expect("the file goes");
        // The old file has two commits. The new one has fewer, as many, and more.
        (0..more + 1).for_each(|_| place.refresh_unread());
        let read = place.read.clone();
        place.refresh();
        assert_eq!(place.readers(), Read::Anew, "{more}");
        place.read = read;
    }
    fs::remove_file(place.data.path()).expect("the file goes");
    place.refresh();
    assert_eq!(place.readers(), Read::Anew);
}

/// A copy of the file goes its own way. Each keeps its own reader; neither continues the other.
#[test]
fn copy_goes_its_own_way() {
    let server = server();
    let mut place = Place::of(&server);
    let kept = place.keep("kept");
    let common = place.read.clone();
    place.describe("Clerk");
    place.refresh();
    let ours = place.read.clone();
    place.put_back(&kept);
    place.read = common;
    place.refresh();
    assert_eq!(place.readers(), Read::Equal, "its own reader");
    place.read = ours;
    place.describe("Head");
    place.refresh();
    assert_eq!(place.readers(), Read::Anew);
}

/// Maintenance makes no other history of it.
#[test]
fn file_that_is_rebuilt() {
    let server = server();
    let mut place = Place::of(&server);
    let mut store = Store::open(place.data.path()).expect("a store");
    store.vacuum().expect("it is rebuilt");
    let backup = place.data.folder.path().join("backup");
    store.backup_to(&backup).expect("a backup");
    drop(store);
    fs::rename(&backup, place.data.path()).expect("it is put in place");
    place.describe("Clerk");
    place.refresh();
    assert_eq!(place.readers(), Read::Equal);
}

/// The first run of this version on a file of the one before: nobody knows what was read.
#[test]
fn data_file_of_an_earlier_version() {
    let server = server();
    let mut place = Place::of(&server);
    Connection::open(place.data.path())
        .and_then(|db| {
            db.execute_batch(
                "DROP TABLE syncrepl_runs; DROP TABLE syncrepl_exact; DROP TABLE syncrepl_journal; DROP TABLE syncrepl_folded;
                 DELETE FROM syncrepl_settings WHERE name = 'syncrepl_source';
                 UPDATE syncrepl_settings SET value = CAST('1' AS BLOB)
                     WHERE name = 'syncrepl_commit';
                 UPDATE syncrepl_schema SET version = 3;",
            )
        })
        .expect("a file of version 3");
    Outcome::run(&["dump", "--data", &place.data.path()]).assert_failed(5, &["older version"]);
    place.refresh();
    assert_eq!(place.readers(), Read::Anew);
    place.read = place.data.dump().into_bytes();
    place.describe("Clerk");
    place.refresh();
    assert_eq!(place.readers(), Read::Equal);
}
