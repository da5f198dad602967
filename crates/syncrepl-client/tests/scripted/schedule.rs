//! The full comparison that comes due while a persist stage runs, and the limit on the deletes of a
//! minute.

use std::time::Duration;

use crate::bench::{Bench, poll_until};
use crate::fake::{Fake, Step};
use crate::story::*;
use syncrepl_client::{ErrorKind, MaxDelete, Syncrepl};

/// On slapd an Abandon ends the search, and the connection stays. On 389-ds it does not, and the
/// consumer makes a new connection.
#[test]
fn comparison_that_comes_due_ends_the_search_before() {
    for (vendor, cookie, abandons) in [("", FIRST, 1), (DS389, DS389_COOKIE, 0)] {
        let mut bench = Bench::with(vendor, cookie, &[A, B]);
        let quiet = vec![persist()];
        let full = vec![
            add_as(1, A.1, "drifted"),
            add(2, B.1),
            persist_with(cookie),
            add_as(3, C.1, "live"),
        ];
        let fake = Fake::start(vendor, vec![quiet, full]);
        fake.describes(&[(1, A.1, "drifted"), (2, B.1, text(2)), (3, C.1, "live")]);
        // The copy was made a moment ago, so the comparison comes due only after the persist stage
        // has begun.
        let mut client = Syncrepl::builder(bench.data(), &mut bench.told)
            .ldap_url(fake.url())
            .reconcile_every(Duration::from_secs(2))
            .connect()
            .unwrap();
        poll_until(&mut client, |told| told.heard("add cn=c")).unwrap();
        client.unbind().unwrap();
        assert_eq!(bench.events(), ["done", "change cn=a", "done", "add cn=c"]);
        assert_eq!(fake.cookies(), [Some(cookie.to_owned()), None], "{vendor}");
        assert_eq!(fake.abandoned(), abandons, "{vendor}");
    }
}

/// One poll lasts until the comparison is due.
#[test]
fn waiting_for_a_comparison_wakes_nobody() {
    let mut bench = Bench::with("", FIRST, &[A]);
    let full = vec![add(1, A.1), persist_with(FIRST)];
    let fake = Fake::start("", vec![vec![persist()], full]);
    let mut client = Syncrepl::builder(bench.data(), &mut bench.told)
        .ldap_url(fake.url())
        .reconcile_every(Duration::from_secs(2))
        .connect()
        .unwrap();
    let mut polls = 0;
    while client.callback().events.len() < 2 {
        assert!(client.poll(Duration::from_secs(5)).unwrap());
        polls += 1;
        assert!(polls <= 6, "woken too often, or never for the comparison");
    }
    assert_eq!(fake.cookies().len(), 2);
}

#[test]
fn interval_of_zero_is_refused() {
    let bench = Bench::new();
    let builder = Syncrepl::builder(bench.data(), ()).ldap_url("ldap://localhost/dc=x");
    let error = builder.reconcile_every(Duration::ZERO).open().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(!bench.data().exists());
}

/// One delete a minute is allowed. A is deleted, then the connection is lost. After the reconnect the
/// delete of B is one too many, and is rolled back. A later run allows it again.
#[test]
fn minute_of_deletes_goes_on_over_a_reconnect() {
    let mut bench = Bench::with("", FIRST, &[A, B, C]);
    let live = vec![persist(), delete(1, A.1), Step::Cut];
    let deletes_b = vec![deleted([2]), persist(), Step::Cut];
    let fake = Fake::start("", vec![live, deletes_b.clone(), deletes_b]);
    fake.shows(&[C]);
    let mut client = Syncrepl::builder(bench.data(), &mut bench.told)
        .ldap_url(fake.url())
        .max_delete(MaxDelete::Count(1))
        .connect()
        .unwrap();
    let lost = client.run().unwrap_err();
    assert!(lost.is_retryable(), "{lost}");
    client.reconnect().unwrap();
    let stopped = client.run().unwrap_err();
    assert_eq!(stopped.kind(), ErrorKind::Guard, "{stopped}");
    assert!(
        stopped
            .to_string()
            .contains("2 of 3 entries within a minute"),
        "{stopped}"
    );
    drop(client);
    assert_eq!(bench.told.map.committed().len(), 2);
    bench.told.map.roll_back();
    bench.told.events.clear();
    let mut client = Syncrepl::builder(bench.data(), &mut bench.told)
        .ldap_url(fake.url())
        .max_delete(MaxDelete::Count(1))
        .connect()
        .unwrap();
    poll_until(&mut client, |told| told.heard("done")).unwrap();
    client.unbind().unwrap();
    assert_eq!(bench.events(), ["delete cn=b", "done"]);
}
