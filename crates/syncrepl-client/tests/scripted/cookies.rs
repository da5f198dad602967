//! When a cookie is stored, when it is not sent, and when a refresh begins anew without one.

use syncrepl_client::{ErrorKind, Syncrepl, SyncreplMode};
use syncrepl_proto::sync::EntryState::{Add, Delete, Modify};

use crate::fake::{BASE, Fake, Step};
use crate::{Bench, poll_until};

const A: (u8, &str) = (1, "cn=a,ou=base,dc=example");
const B: (u8, &str) = (2, "cn=b,ou=base,dc=example");
const FIRST: &str = "rid=000,csn=20261121205328.954658Z#000000#000#000000";
const NEXT: &str = "rid=000,csn=20261121205329.954658Z#000000#000#000000";
const LAST: &str = "rid=000,csn=20261121205330.954658Z#000000#000#000000";

#[test]
fn p03_a_persist_cookie_without_a_csn_is_never_stored() {
    let mut bench = Bench::with("", FIRST, &[A]);
    let script = vec![
        Step::Phase(false, None, true),
        Step::EntryWith(Modify, 1, A.1, "second", "rid=000"),
        Step::Cookie("rid=000,csn="),
    ];
    let fake = Fake::start("", vec![script]);
    let mut client = Syncrepl::builder(bench.data(), &mut bench.told)
        .ldap_url(fake.url())
        .connect()
        .unwrap();
    poll_until(&mut client, |told| {
        told.events.contains(&"change cn=a".to_owned())
    })
    .unwrap();
    client.unbind().unwrap();
    assert_eq!(bench.cookie().as_deref(), Some(FIRST));
}

#[test]
fn p04_a_persist_cookie_that_steps_back_is_not_stored() {
    let mut bench = Bench::with("", NEXT, &[A]);
    let script = vec![
        Step::Phase(false, None, true),
        Step::EntryWith(Modify, 1, A.1, "second", LAST),
        Step::EntryWith(Modify, 1, A.1, "third", FIRST),
        Step::Entry(Add, 2, B.1, "end"),
    ];
    let fake = Fake::start("", vec![script]);
    fake.shows(&[(1, A.1, "third"), (2, B.1, "end")]);
    let mut client = Syncrepl::builder(bench.data(), &mut bench.told)
        .ldap_url(fake.url())
        .connect()
        .unwrap();
    poll_until(&mut client, |told| {
        told.events.contains(&"add cn=b".to_owned())
    })
    .unwrap();
    client.stop_handle().please_stop();
    client.run().unwrap();
    client.unbind().unwrap();
    assert_eq!(bench.cookie().as_deref(), Some(LAST));
    assert_eq!(fake.log.lock().unwrap().cancelled, 1);
}

#[test]
fn p05_a_cookie_from_inside_a_refresh_is_not_stored_before_its_end() {
    let mut bench = Bench::with("", FIRST, &[A, B]);
    let cut = vec![
        Step::Ids(true, vec![2], Some(NEXT)),
        Step::Cookie(NEXT),
        Step::Cut,
    ];
    bench.refresh(&Fake::start("", vec![cut])).unwrap_err();
    assert_eq!(bench.cookie().as_deref(), Some(FIRST));
    let whole = vec![Step::Ids(true, vec![2], Some(NEXT)), Step::Done(None, true)];
    let fake = Fake::start("", vec![whole]);
    bench.refresh(&fake).unwrap();
    assert_eq!(fake.cookies(), [Some(FIRST.to_owned())]);
    assert_eq!(bench.cookie().as_deref(), Some(NEXT));
}

#[test]
fn p07_a_server_id_is_never_sent_back() {
    let received = "rid=000,sid=001,csn=20261121205330.954658Z#000000#001#000000";
    let mut bench = Bench::with("", received, &[A]);
    let fake = Fake::start("", vec![vec![Step::Done(None, true)]]);
    bench.refresh(&fake).unwrap();
    let sent = "rid=000,csn=20261121205330.954658Z#000000#001#000000";
    assert_eq!(fake.cookies(), [Some(sent.to_owned())]);
}

#[test]
fn p09_a_provider_that_is_behind_is_compared_in_full() {
    for refusal in [
        Step::Result(53, "consumer state is newer than provider!"),
        Step::Result(4096, "start again"),
    ] {
        let mut bench = Bench::with("", LAST, &[A, B]);
        let full = vec![
            Step::Entry(Add, 1, A.1, "restored"),
            Step::Done(Some(NEXT), true),
        ];
        let fake = Fake::start("", vec![vec![refusal], full]);
        fake.shows(&[(1, A.1, "restored")]);
        bench.refresh(&fake).unwrap();
        assert_eq!(fake.cookies(), [Some(LAST.to_owned()), None]);
        assert_eq!(bench.events(), ["change cn=a", "delete cn=b", "done"]);
        assert_eq!(
            bench.cookie().as_deref(),
            Some(NEXT),
            "a refresh replaces, even by a lower one"
        );
    }
}

#[test]
fn the_cookie_of_another_vendor_is_not_sent() {
    let mut bench = Bench::with(
        "389 Project",
        "h:389#me:ou=base,dc=example:(a=*)#7",
        &[A, B],
    );
    let script = vec![
        Step::Entry(Add, 1, A.1, "first"),
        Step::Done(Some(NEXT), true),
    ];
    let fake = Fake::start("", vec![script]);
    fake.shows(&[(1, A.1, "first")]);
    bench.refresh(&fake).unwrap();
    assert_eq!(fake.cookies(), [None]);
    assert_eq!(bench.events(), ["delete cn=b", "done"]);
}

/// A provider that says nothing of itself may be slapd, which takes a cookie that it does not know
/// for none, sends everything, and says that it told the deletes.
#[test]
fn a_cookie_answered_with_another_kind_was_not_understood() {
    for kept in ["h:389#me:ou=base,dc=example:(a=*)#7", "opaque"] {
        let mut bench = Bench::with("Somebody", kept, &[A, B]);
        let everything = vec![
            Step::Entry(Add, 1, A.1, "first"),
            Step::Done(Some(NEXT), true),
        ];
        let fake = Fake::start("Somebody", vec![everything; 2]);
        fake.shows(&[(1, A.1, "first")]);
        bench.refresh(&fake).unwrap();
        assert_eq!(fake.cookies(), [Some(kept.to_owned()), None]);
        assert_eq!(bench.events(), ["delete cn=b", "done"]);
        assert_eq!(bench.cookie().as_deref(), Some(NEXT));
    }
}

#[test]
fn p17_another_53_is_an_error() {
    let mut bench = Bench::with("", FIRST, &[A]);
    let busy = Step::Result(53, "Too many active synchronization sessions");
    let fake = Fake::start("", vec![vec![busy]]);
    let error = bench.refresh(&fake).unwrap_err();
    assert_eq!(
        (error.kind(), error.result_code()),
        (ErrorKind::Refused, Some(53))
    );
    assert!(error.is_retryable());
    assert_eq!(fake.cookies().len(), 1);
}

#[test]
fn p17_a_53_of_other_words_drops_the_cookie_once() {
    let vendor = "389 Project";
    let cookie = "h:389#me:ou=base,dc=example:(objectClass=*)#7";
    let unwilling = Step::Result(53, "the cookie is of another kind");
    let mut bench = Bench::with(vendor, cookie, &[A]);
    let fake = Fake::start(vendor, vec![vec![unwilling.clone()], vec![unwilling]]);
    let error = bench.refresh(&fake).unwrap_err();
    assert_eq!(error.result_code(), Some(53));
    assert_eq!(fake.cookies().last(), Some(&None));
    assert!(fake.cookies().len() <= 2);
    assert_eq!(
        bench.cookie().as_deref(),
        Some(cookie),
        "nothing was changed"
    );
}

#[test]
fn a_full_refresh_may_be_asked_for_in_the_persist_stage() {
    let mut bench = Bench::with("", FIRST, &[A, B]);
    let scripts = vec![
        vec![
            Step::Phase(false, None, true),
            Step::EntryWith(Delete, 2, B.1, "", NEXT),
            Step::Result(4096, "start again"),
        ],
        vec![
            Step::Entry(Add, 1, A.1, "second"),
            Step::Phase(false, Some(LAST), true),
            Step::Entry(Add, 3, "cn=c,ou=base,dc=example", "live"),
        ],
    ];
    let fake = Fake::start("", scripts);
    fake.shows(&[(1, A.1, "second"), (3, "cn=c,ou=base,dc=example", "live")]);
    let mut client = Syncrepl::builder(bench.data(), &mut bench.told)
        .ldap_url(fake.url())
        .connect()
        .unwrap();
    poll_until(&mut client, |told| {
        told.events.contains(&"add cn=c".to_owned())
    })
    .unwrap();
    client.unbind().unwrap();
    assert_eq!(
        bench.events(),
        ["done", "delete cn=b", "change cn=a", "done", "add cn=c"]
    );
    assert_eq!(bench.cookie().as_deref(), Some(LAST));
}

#[test]
fn p31_an_unknown_present_id_that_is_sent_later_is_no_reason_to_begin_anew() {
    let mut bench = Bench::with("", FIRST, &[A]);
    let script = vec![
        Step::Ids(false, vec![1, 2], None),
        Step::Entry(Add, 2, B.1, "new"),
        Step::Done(Some(NEXT), false),
    ];
    let fake = Fake::start("", vec![script]);
    bench.refresh(&fake).unwrap();
    assert_eq!(fake.cookies().len(), 1);
    assert_eq!(bench.events(), ["add cn=b", "done"]);
}

#[test]
fn p12_an_unknown_present_id_that_is_never_sent_is() {
    for strangers in [Step::Ids(false, vec![2], None), Step::Strangers(10_001)] {
        let mut bench = Bench::with("", FIRST, &[A]);
        let first = vec![
            Step::Ids(false, vec![1], None),
            strangers,
            Step::Phase(true, Some(NEXT), true),
        ];
        let second = vec![
            Step::Entry(Add, 1, A.1, "first"),
            Step::Entry(Add, 2, B.1, "came along"),
            Step::Phase(false, Some(NEXT), true),
        ];
        let fake = Fake::start("", vec![first, second]);
        let mut client = Syncrepl::builder(bench.data(), &mut bench.told)
            .ldap_url(fake.url())
            .connect()
            .unwrap();
        poll_until(&mut client, |told| told.events.contains(&"done".to_owned())).unwrap();
        client.unbind().unwrap();
        assert_eq!(bench.events(), ["add cn=b", "done"]);
        assert_eq!(fake.cookies(), [Some(FIRST.to_owned()), None]);
        assert_eq!(
            fake.log.lock().unwrap().abandoned,
            1,
            "the first search is abandoned"
        );
    }
}

#[test]
fn p12_what_came_into_the_base_below_a_new_entry_is_fetched() {
    const CHILD: &str = "cn=x,cn=b,ou=base,dc=example";
    let mut bench = Bench::with("", FIRST, &[A]);
    let script = vec![
        Step::Entry(Add, 2, B.1, "moved here"),
        Step::Done(Some(NEXT), true),
    ];
    let fake = Fake::start("", vec![script]);
    fake.shows(&[
        (1, A.1, "first"),
        (2, B.1, "moved here"),
        (4, CHILD, "along"),
    ]);
    bench.refresh(&fake).unwrap();
    assert_eq!(bench.events(), ["add cn=b", "add cn=x,cn=b", "done"]);
}

#[test]
fn p21_the_copy_of_another_search_is_refused() {
    let mut bench = Bench::with("", FIRST, &[A]);
    let fake = Fake::start("", vec![]);
    let conflict = bench
        .run(&fake, SyncreplMode::RefreshOnly, |builder| {
            builder.search(BASE, syncrepl_client::Scope::One, "(cn=a)", ["cn"])
        })
        .unwrap_err();
    assert_eq!(conflict.kind(), ErrorKind::UrlConflict);
    for part in ["scope", "filter", "attributes"] {
        assert!(conflict.to_string().contains(part), "{conflict}");
    }
    assert!(fake.cookies().is_empty(), "nothing was asked");
}

#[test]
fn an_entry_without_a_state_is_an_error() {
    let mut bench = Bench::with("", FIRST, &[A]);
    let fake = Fake::start(
        "",
        vec![vec![Step::WithoutState(B.1), Step::Done(Some(NEXT), true)]],
    );
    let error = bench.refresh(&fake).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol);
    assert_eq!(bench.cookie().as_deref(), Some(FIRST));
}
