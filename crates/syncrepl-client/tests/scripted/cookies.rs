//! When the consumer stores a cookie, when it does not send one, and when it begins a refresh anew
//! without one.

use syncrepl_client::{ErrorKind, Scope, SyncreplMode};

use crate::bench::{Bench, poll_until};
use crate::fake::{Fake, Step};
use crate::story::*;

#[test]
fn p03_a_persist_cookie_without_a_csn_is_never_stored() {
    let mut bench = Bench::with("", FIRST, &[A]);
    let fake = Fake::plays([
        persist(),
        modify_with(1, A.1, "second", "rid=000"),
        cookie("rid=000,csn="),
    ]);
    let mut client = bench.connect(&fake);
    poll_until(&mut client, |told| told.heard("change cn=a")).unwrap();
    client.unbind().unwrap();
    assert_eq!(bench.cookie().as_deref(), Some(FIRST));
}

#[test]
fn p04_a_persist_cookie_that_steps_back_is_not_stored() {
    let mut bench = Bench::with("", NEXT, &[A]);
    let fake = Fake::plays([
        persist(),
        modify_with(1, A.1, "second", LAST),
        modify_with(1, A.1, "third", FIRST),
        add_as(2, B.1, "end"),
    ]);
    fake.describes(&[(1, A.1, "third"), (2, B.1, "end")]);
    let mut client = bench.connect(&fake);
    poll_until(&mut client, |told| told.heard("add cn=b")).unwrap();
    client.stop_handle().please_stop();
    client.run().unwrap();
    client.unbind().unwrap();
    assert_eq!(bench.cookie().as_deref(), Some(LAST));
    assert_eq!(fake.cancelled(), 1);
}

/// The refresh is cut after the cookie, and comes again whole. Its last cookie came inside it.
#[test]
fn p05_a_cookie_from_inside_a_refresh_is_not_stored_before_its_end() {
    let mut bench = Bench::with("", FIRST, &[A, B]);
    let with_cookie = Step::Ids(true, vec![2], Some(NEXT));
    let cut = [with_cookie.clone(), cookie(NEXT), Step::Cut];
    bench.refresh(&Fake::plays(cut)).unwrap_err();
    assert_eq!(bench.cookie().as_deref(), Some(FIRST));

    let fake = Fake::plays([with_cookie, Step::Done(None, true)]);
    bench.refresh(&fake).unwrap();
    assert_eq!(fake.cookies(), [Some(FIRST.to_owned())]);
    assert_eq!(bench.cookie().as_deref(), Some(NEXT));
}

#[test]
fn p07_a_server_id_is_never_sent_back() {
    let received = "rid=000,sid=001,csn=20261121205330.954658Z#000000#001#000000";
    let mut bench = Bench::with("", received, &[A]);
    let fake = Fake::plays([Step::Done(None, true)]);
    bench.refresh(&fake).unwrap();
    let sent = "rid=000,csn=20261121205330.954658Z#000000#001#000000";
    assert_eq!(fake.cookies(), [Some(sent.to_owned())]);
}

/// As a slapd that was restored from a backup.
#[test]
fn p09_a_provider_that_is_behind_is_compared_in_full() {
    for refusal in [
        Step::Result(53, "consumer state is newer than provider!"),
        Step::Result(4096, "start again"),
    ] {
        let mut bench = Bench::with("", LAST, &[A, B]);
        let full = vec![add_as(1, A.1, "restored"), done(NEXT)];
        let fake = Fake::start("", vec![vec![refusal], full]);
        fake.describes(&[(1, A.1, "restored")]);
        bench.refresh(&fake).unwrap();
        assert_eq!(fake.cookies(), [Some(LAST.to_owned()), None]);
        assert_eq!(bench.events(), ["change cn=a", "delete cn=b", "done"]);
        assert_eq!(
            bench.cookie().as_deref(),
            Some(NEXT),
            "a refresh replaces the cookie, even by a lower one"
        );
    }
}

/// The copy has a cookie of 389-ds, and now the provider is a slapd.
#[test]
fn cookie_of_another_vendor_is_not_sent() {
    let mut bench = Bench::with(DS389, "h:389#me:ou=base,dc=example:(a=*)#7", &[A, B]);
    let fake = Fake::plays([add(1, A.1), done(NEXT)]);
    fake.shows(&[A]);
    bench.refresh(&fake).unwrap();
    assert_eq!(fake.cookies(), [None]);
    assert_eq!(bench.events(), ["delete cn=b", "done"]);
}

/// A provider without a `vendorName` may be a slapd. A slapd ignores a cookie that it does not
/// understand, sends everything, and says that it told of every delete. The kind of its own cookie
/// gives it away.
#[test]
fn cookie_answered_with_another_kind_was_not_understood() {
    for (kept, is_sent) in [
        // The maker of this cookie may leave changes out, and shows nothing of that.
        ("h:389#me:ou=base,dc=example:(a=*)#7", false),
        ("opaque", true),
    ] {
        let mut bench = Bench::with("Somebody", kept, &[A, B]);
        let everything = vec![add(1, A.1), done(NEXT)];
        let fake = Fake::start("Somebody", vec![everything; 2]);
        fake.shows(&[A]);
        bench.refresh(&fake).unwrap();
        let sent = is_sent.then(|| Some(kept.to_owned()));
        let expected: Vec<_> = sent.into_iter().chain([None]).collect();
        assert_eq!(fake.cookies(), expected);
        assert_eq!(bench.events(), ["delete cn=b", "done"]);
        assert_eq!(bench.cookie().as_deref(), Some(NEXT));
    }
}

#[test]
fn p17_another_53_is_an_error() {
    let mut bench = Bench::with("", FIRST, &[A]);
    let busy = Step::Result(53, "Too many active synchronization sessions");
    let fake = Fake::plays([busy]);
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
    let kept = "h:389#me:ou=base,dc=example:(objectClass=*)#7";
    let unwilling = Step::Result(53, "the cookie is of another kind");
    let mut bench = Bench::with(DS389, kept, &[A]);
    let fake = Fake::start(DS389, vec![vec![unwilling.clone()], vec![unwilling]]);
    let error = bench.refresh(&fake).unwrap_err();
    assert_eq!(error.result_code(), Some(53));
    assert_eq!(fake.cookies().last(), Some(&None));
    assert!(fake.cookies().len() <= 2);
    assert_eq!(bench.cookie().as_deref(), Some(kept), "nothing was changed");
}

#[test]
fn provider_may_want_a_full_refresh_in_the_persist_stage() {
    let mut bench = Bench::with("", FIRST, &[A, B]);
    let until_refused = vec![
        persist(),
        delete_with(2, B.1, NEXT),
        Step::Result(4096, "start again"),
    ];
    let full = vec![
        add_as(1, A.1, "second"),
        persist_with(LAST),
        add_as(3, C.1, "live"),
    ];
    let fake = Fake::start("", vec![until_refused, full]);
    fake.describes(&[(1, A.1, "second"), (3, C.1, "live")]);
    let mut client = bench.connect(&fake);
    poll_until(&mut client, |told| told.heard("add cn=c")).unwrap();
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
    let fake = Fake::plays([
        present([1, 2]),
        add_as(2, B.1, "new"),
        done_by_presence(NEXT),
    ]);
    bench.refresh(&fake).unwrap();
    assert_eq!(fake.cookies().len(), 1);
    assert_eq!(bench.events(), ["add cn=b", "done"]);
}

#[test]
fn p12_an_unknown_present_id_that_is_never_sent_is_a_reason_to_begin_anew() {
    for strangers in [present([2]), Step::Strangers(10_001)] {
        let mut bench = Bench::with("", FIRST, &[A]);
        let first = vec![present([1]), strangers, Step::Phase(true, Some(NEXT), true)];
        let second = vec![
            add(1, A.1),
            add_as(2, B.1, "came along"),
            persist_with(NEXT),
        ];
        let fake = Fake::start("", vec![first, second]);
        let mut client = bench.connect(&fake);
        poll_until(&mut client, |told| told.heard("done")).unwrap();
        client.unbind().unwrap();
        assert_eq!(bench.events(), ["add cn=b", "done"]);
        assert_eq!(fake.cookies(), [Some(FIRST.to_owned()), None]);
        assert_eq!(fake.abandoned(), 1, "the first search is abandoned");
    }
}

/// B moves into the base with its child X, of which the provider does not tell.
#[test]
fn p12_a_child_that_came_into_the_base_with_its_parent_is_fetched() {
    const X_BELOW_B: &str = "cn=x,cn=b,ou=base,dc=example";
    let mut bench = Bench::with("", FIRST, &[A]);
    let fake = Fake::plays([add_as(2, B.1, "moved here"), done(NEXT)]);
    fake.describes(&[
        (1, A.1, text(1)),
        (2, B.1, "moved here"),
        (4, X_BELOW_B, "along"),
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
            builder.search(BASE, Scope::One, "(cn=a)", ["cn"])
        })
        .unwrap_err();
    assert_eq!(conflict.kind(), ErrorKind::UrlConflict);
    for part in ["scope", "filter", "attributes"] {
        assert!(conflict.to_string().contains(part), "{conflict}");
    }
    assert!(fake.cookies().is_empty(), "nothing was asked");
}

#[test]
fn entry_without_a_state_is_an_error() {
    let mut bench = Bench::with("", FIRST, &[A]);
    let fake = Fake::plays([Step::WithoutState(B.1), done(NEXT)]);
    let error = bench.refresh(&fake).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol);
    assert_eq!(bench.cookie().as_deref(), Some(FIRST));
}
