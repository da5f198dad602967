//! The full comparison that comes due while a persist stage runs, and deletes of a minute.

use std::time::Duration;

use syncrepl_client::{ErrorKind, MaxDelete, Syncrepl};
use syncrepl_proto::sync::EntryState::{Add, Delete};

use crate::fake::{Fake, Step};
use crate::{Bench, poll_until};

const A: (u8, &str) = (1, "cn=a,ou=base,dc=example");
const B: (u8, &str) = (2, "cn=b,ou=base,dc=example");
const C: (u8, &str) = (3, "cn=c,ou=base,dc=example");
const SLAPD: &str = "rid=000,csn=20261121205328.954658Z#000000#000#000000";
const DS389: &str = "localhost:389#cn=reader:ou=base,dc=example:(objectClass=*)#7";

/// Where an Abandon ends the search, the connection stays; where it does not, a new one is made.
#[test]
fn a_comparison_that_comes_due_ends_the_search_before() {
    for (vendor, cookie, abandons) in [("", SLAPD, 1), ("389 Project", DS389, 0)] {
        let mut bench = Bench::with(vendor, cookie, &[A, B]);
        let quiet = vec![Step::Phase(false, None, true)];
        let full = vec![
            Step::Entry(Add, 1, A.1, "drifted"),
            Step::Entry(Add, 2, B.1, "first"),
            Step::Phase(false, Some(cookie), true),
            Step::Entry(Add, 3, C.1, "live"),
        ];
        let fake = Fake::start(vendor, vec![quiet.clone(), full]);
        fake.shows(&[(1, A.1, "drifted"), (2, B.1, "first"), (3, C.1, "live")]);
        // The copy was made a moment ago: so long it is not due.
        let mut client = Syncrepl::builder(bench.data(), &mut bench.told)
            .ldap_url(fake.url())
            .reconcile_every(Duration::from_secs(2))
            .connect()
            .unwrap();
        poll_until(&mut client, |told| {
            told.events.contains(&"add cn=c".to_owned())
        })
        .unwrap();
        client.unbind().unwrap();
        assert_eq!(bench.events(), ["done", "change cn=a", "done", "add cn=c"]);
        assert_eq!(fake.cookies(), [Some(cookie.to_owned()), None], "{vendor}");
        assert_eq!(fake.log.lock().unwrap().abandoned, abandons, "{vendor}");
    }
}

/// Nobody is woken before it is due: one poll lasts until then.
#[test]
fn waiting_for_it_is_no_polling() {
    let mut bench = Bench::with("", SLAPD, &[A]);
    let full = vec![
        Step::Entry(Add, 1, A.1, "first"),
        Step::Phase(false, Some(SLAPD), true),
    ];
    let fake = Fake::start("", vec![vec![Step::Phase(false, None, true)], full]);
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
fn no_interval_at_all_is_refused() {
    let bench = Bench::new();
    let builder = Syncrepl::builder(bench.data(), ()).ldap_url("ldap://localhost/dc=x");
    let error = builder.reconcile_every(Duration::ZERO).open().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(!bench.data().exists());
}

/// What a guard rolled back comes again, after a reconnect within the same minute too.
#[test]
fn the_minute_goes_on_over_a_reconnect() {
    let mut bench = Bench::with("", SLAPD, &[A, B, C]);
    let live = vec![
        Step::Phase(false, None, true),
        Step::Entry(Delete, 1, A.1, ""),
        Step::Cut,
    ];
    let deletes_b = vec![
        Step::Ids(true, vec![2], None),
        Step::Phase(false, None, true),
        Step::Cut,
    ];
    let fake = Fake::start("", vec![live, deletes_b.clone(), deletes_b]);
    fake.shows(&[(3, C.1, "first")]);
    let open = |told| {
        Syncrepl::builder(bench.folder.path().join("copy.db"), told)
            .ldap_url(fake.url())
            .max_delete(MaxDelete::Count(1))
    };
    let mut client = open(&mut bench.told).connect().unwrap();
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
    assert_eq!(bench.told.committed.len(), 2);
    bench.told.map.clone_from(&bench.told.committed);
    bench.told.events.clear();
    let mut client = Syncrepl::builder(bench.data(), &mut bench.told)
        .ldap_url(fake.url())
        .max_delete(MaxDelete::Count(1))
        .connect()
        .unwrap();
    poll_until(&mut client, |told| told.events.contains(&"done".to_owned())).unwrap();
    client.unbind().unwrap();
    assert_eq!(bench.events(), ["delete cn=b", "done"]);
}
