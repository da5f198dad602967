//! Nothing is deleted by implication unless the provider is known to tell what is present, the
//! stage ended successfully, and the entry is not to be found.

use syncrepl_client::{ErrorKind, MaxDelete, SyncreplMode};
use syncrepl_proto::sync::EntryState::{Add, Present};

use crate::Bench;
use crate::fake::{Fake, Step};

const A: (u8, &str) = (1, "cn=a,ou=base,dc=example");
const B: (u8, &str) = (2, "cn=b,ou=base,dc=example");
const C: (u8, &str) = (3, "cn=c,ou=base,dc=example");
const SLAPD: &str = "rid=000,csn=20261121205328.954658Z#000000#000#000000";
const NEXT: &str = "rid=000,csn=20261121205329.954658Z#000000#000#000000";
const DS389: &str = "localhost:389#cn=reader:ou=base,dc=example:(objectClass=*)#7";

#[test]
fn p01_389_says_refresh_deletes_false_after_changes_only() {
    for vendor in ["389 Project", "Apache Software Foundation"] {
        let mut bench = Bench::with(vendor, DS389, &[A, B, C]);
        let fake = Fake::start(
            vendor,
            vec![vec![
                Step::Entry(Add, 1, A.1, "second"),
                Step::Done(Some(DS389), false),
            ]],
        );
        bench.refresh(&fake).unwrap();
        assert_eq!(bench.events(), ["change cn=a", "done"], "{vendor}");
        assert_eq!(fake.cookies(), [Some(DS389.to_owned())]);
    }
}

#[test]
fn p01_an_unknown_provider_is_believed_only_if_it_names_what_is_present() {
    let vendor = "Somebody";
    let mut bench = Bench::with(vendor, "opaque", &[A, B, C]);
    let silent = Fake::start(vendor, vec![vec![Step::Done(Some("opaque"), false)]]);
    bench.refresh(&silent).unwrap();
    assert_eq!(bench.events(), ["done"]);
    let naming = Fake::start(
        vendor,
        vec![vec![
            Step::Ids(false, vec![1, 3], None),
            Step::Done(Some("opaque"), false),
        ]],
    );
    naming.shows(&[(1, A.1, "first"), (3, C.1, "first")]);
    bench.refresh(&naming).unwrap();
    assert_eq!(bench.events(), ["delete cn=b", "done"]);
}

#[test]
fn p02_without_a_cookie_what_came_is_all_there_is() {
    let mut bench = Bench::with("", SLAPD, &[A, B, C]);
    let script = vec![
        Step::Entry(Add, 1, A.1, "first"),
        Step::Done(Some(NEXT), true),
    ];
    let fake = Fake::start("", vec![script]);
    fake.shows(&[(1, A.1, "first")]);
    bench
        .run(&fake, SyncreplMode::RefreshOnly, |builder| {
            builder.reconcile(true)
        })
        .unwrap();
    assert_eq!(fake.cookies(), [None]);
    assert_eq!(bench.events(), ["delete cn=c", "delete cn=b", "done"]);
}

#[test]
fn a_present_phase_deletes_what_it_does_not_name() {
    let mut bench = Bench::with("", SLAPD, &[A, B, C]);
    let script = vec![
        Step::Entry(Present, 1, A.1, ""),
        Step::Ids(false, vec![3], None),
        Step::Done(Some(NEXT), false),
    ];
    let fake = Fake::start("", vec![script]);
    fake.shows(&[(1, A.1, "first"), (3, C.1, "first")]);
    bench.refresh(&fake).unwrap();
    assert_eq!(bench.events(), ["delete cn=b", "done"]);
    assert_eq!(bench.cookie().as_deref(), Some(NEXT));
}

#[test]
fn a_present_phase_then_a_delete_phase_deletes_by_both() {
    let mut bench = Bench::with("", SLAPD, &[A, B, C]);
    let script = vec![
        Step::Ids(false, vec![1, 3], None),
        Step::Phase(true, None, false),
        Step::Ids(true, vec![3], None),
        Step::Done(Some(NEXT), true),
    ];
    let fake = Fake::start("", vec![script]);
    fake.shows(&[(1, A.1, "first")]);
    bench.refresh(&fake).unwrap();
    assert_eq!(bench.events(), ["delete cn=c", "delete cn=b", "done"]);
}

#[test]
fn a_stream_cut_anywhere_deletes_nothing() {
    let whole = [
        Step::Ids(false, vec![1], None),
        Step::Entry(Add, 3, C.1, "second"),
        Step::Ids(true, vec![2], Some(NEXT)),
        Step::Phase(true, Some(NEXT), false),
    ];
    for length in 0..=whole.len() {
        let mut bench = Bench::with("", SLAPD, &[A, B, C]);
        let before = bench.told.map.clone();
        let mut script = whole[..length].to_vec();
        script.push(Step::Cut);
        let error = bench.refresh(&Fake::start("", vec![script])).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unreachable);
        assert!(error.is_retryable());
        assert_eq!(bench.told.map, before);
        assert_eq!(bench.cookie().as_deref(), Some(SLAPD));
    }
}

#[test]
fn a_limit_or_an_error_deletes_nothing() {
    for code in [3, 4, 11, 51, 52, 53, 80] {
        let mut bench = Bench::with("", SLAPD, &[A, B, C]);
        let before = bench.told.map.clone();
        let script = vec![
            Step::Ids(false, vec![1], Some(NEXT)),
            Step::Result(code, "no"),
        ];
        let error = bench.refresh(&Fake::start("", vec![script])).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Refused);
        assert_eq!(error.result_code(), Some(code));
        assert_eq!(bench.told.map, before);
        assert_eq!(bench.cookie().as_deref(), Some(SLAPD));
    }
}

#[test]
fn what_is_left_out_but_still_shown_is_not_deleted() {
    let mut bench = Bench::with("", SLAPD, &[A, B, C]);
    // The present list is cut short; the full refresh that follows is not.
    let short = vec![
        Step::Ids(false, vec![1], None),
        Step::Done(Some(NEXT), false),
    ];
    let full = vec![
        Step::Entry(Add, 1, A.1, "first"),
        Step::Entry(Add, 2, B.1, "second"),
        Step::Done(Some(NEXT), true),
    ];
    let fake = Fake::start("", vec![short, full]);
    fake.shows(&[(1, A.1, "first"), (2, B.1, "second")]);
    bench.refresh(&fake).unwrap();
    assert_eq!(fake.cookies(), [Some(SLAPD.to_owned()), None]);
    assert_eq!(bench.events(), ["change cn=b", "delete cn=c", "done"]);
}

#[test]
fn what_a_full_refresh_leaves_out_and_still_shows_stops_it() {
    let mut bench = Bench::with("", SLAPD, &[A, B, C]);
    let before = bench.told.map.clone();
    let script = vec![
        Step::Entry(Add, 1, A.1, "first"),
        Step::Done(Some(NEXT), true),
    ];
    let fake = Fake::start("", vec![script; 4]);
    fake.shows(&[(1, A.1, "first"), (2, B.1, "first"), (3, C.1, "first")]);
    let result = bench.run(&fake, SyncreplMode::RefreshOnly, |builder| {
        builder.reconcile(true)
    });
    assert_eq!(result.unwrap_err().kind(), ErrorKind::Guard);
    assert_eq!(bench.told.map, before);
    assert_eq!(bench.cookie().as_deref(), Some(SLAPD));
}

#[test]
fn the_whole_copy_is_never_deleted_by_implication() {
    let mut bench = Bench::with("", SLAPD, &[A, B, C]);
    let before = bench.told.map.clone();
    let script = vec![Step::Done(Some(NEXT), false)];
    let error = bench
        .refresh(&Fake::start("", vec![script.clone()]))
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Guard);
    assert!(error.to_string().contains("--max-delete"), "{error}");
    assert_eq!(bench.told.map, before);
    let fake = Fake::start("", vec![script]);
    let allow = MaxDelete::Percent(100);
    bench
        .run(&fake, SyncreplMode::RefreshOnly, |builder| {
            builder.max_delete(allow)
        })
        .unwrap();
    assert!(bench.told.map.is_empty());
}

#[test]
fn max_delete_counts_deletes_by_word_too() {
    for (limit, passes) in [
        (MaxDelete::Count(1), false),
        (MaxDelete::Count(2), true),
        (MaxDelete::Percent(66), false),
        (MaxDelete::Percent(67), true),
    ] {
        let mut bench = Bench::with("", SLAPD, &[A, B, C]);
        let script = vec![
            Step::Ids(true, vec![1, 2], None),
            Step::Done(Some(NEXT), true),
        ];
        let fake = Fake::start("", vec![script]);
        let result = bench.run(&fake, SyncreplMode::RefreshOnly, |builder| {
            builder.max_delete(limit)
        });
        match result {
            Ok(()) => assert!(passes, "{limit:?}"),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Guard);
                assert!(!passes, "{limit:?}");
            }
        }
    }
}

#[test]
fn p30_no_cookie_sent_and_none_received_proves_nothing() {
    let mut bench = Bench::with("", SLAPD, &[A, B, C]);
    let before = bench.told.map.clone();
    let unready = "consumer has state info but provider doesn't!";
    let scripts = vec![
        vec![Step::Result(53, unready)],
        vec![Step::Done(None, true)],
    ];
    let fake = Fake::start("", scripts);
    let error = bench.refresh(&fake).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotReady);
    assert!(error.is_retryable());
    assert_eq!(fake.cookies(), [Some(SLAPD.to_owned()), None]);
    assert_eq!(bench.told.map, before);
    assert_eq!(bench.cookie().as_deref(), Some(SLAPD));
}

#[test]
fn an_unknown_delete_is_no_event() {
    let mut bench = Bench::with("", SLAPD, &[A]);
    let script = vec![
        Step::Ids(true, vec![8, 9], None),
        Step::Done(Some(NEXT), true),
    ];
    bench.refresh(&Fake::start("", vec![script])).unwrap();
    assert_eq!(bench.events(), ["done"]);
}

#[test]
fn an_entry_named_deleted_and_sent_again_was_not_deleted() {
    let mut bench = Bench::with("", SLAPD, &[A, B]);
    let script = vec![
        Step::Ids(true, vec![1], None),
        Step::Entry(Add, 1, A.1, "second"),
        Step::Done(Some(NEXT), true),
    ];
    bench.refresh(&Fake::start("", vec![script])).unwrap();
    assert_eq!(bench.events(), ["change cn=a", "done"]);
}

#[test]
fn p13_below_a_parent_that_went_some_stay_and_some_are_gone() {
    const CHILD: (u8, &str) = (4, "cn=x,cn=a,ou=base,dc=example");
    const OTHER: (u8, &str) = (5, "cn=y,cn=a,ou=base,dc=example");
    let mut bench = Bench::with("", SLAPD, &[A, B, CHILD, OTHER]);
    let script = vec![Step::Ids(true, vec![1], None), Step::Done(Some(NEXT), true)];
    let fake = Fake::start("", vec![script]);
    fake.shows(&[(2, B.1, "first"), (4, CHILD.1, "first")]);
    bench.refresh(&fake).unwrap();
    assert_eq!(bench.events(), ["delete cn=y,cn=a", "delete cn=a", "done"]);
}

/// Who was below a parent that went may be anywhere, and who cannot be found by entryUUID is not
/// gone because another DN is his now.
#[test]
fn below_a_parent_that_went_nobody_is_gone_who_moved() {
    const CHILD: (u8, &str) = (4, "cn=x,cn=a,ou=base,dc=example");
    const OTHER: (u8, &str) = (5, "cn=y,cn=a,ou=base,dc=example");
    let mut bench = Bench::with("", SLAPD, &[A, B, CHILD, OTHER]);
    let script = vec![Step::Ids(true, vec![1], None), Step::Done(Some(NEXT), true)];
    let fake = Fake::start("", vec![script]);
    fake.shows(&[
        (2, B.1, "first"),
        (4, "cn=x,cn=b,ou=base,dc=example", "first"),
    ]);
    fake.refuses_to_search_entry_uuid();
    bench.refresh(&fake).unwrap();
    assert_eq!(
        bench.events(),
        [
            "delete cn=y,cn=a",
            "delete cn=a",
            "rename cn=x,cn=a cn=x,cn=b",
            "done"
        ]
    );
}

/// refreshDeletes=FALSE and nobody named: it may mean that the rest is gone, or nothing.
#[test]
fn an_unknown_provider_that_names_nobody_is_compared_with_in_full() {
    let mut bench = Bench::with("Somebody", "one", &[A, B]);
    let changes = vec![
        Step::Entry(Add, 1, A.1, "second"),
        Step::Done(Some("two"), false),
    ];
    let fake = Fake::start("Somebody", vec![changes.clone(), changes]);
    fake.shows(&[(1, A.1, "second")]);
    bench.refresh(&fake).unwrap();
    assert_eq!(fake.cookies(), [Some("one".to_owned()), None]);
    assert_eq!(bench.events(), ["change cn=a", "delete cn=b", "done"]);
    // Nothing changed: nothing is asked.
    let fake = Fake::start("Somebody", vec![vec![Step::Done(Some("two"), false)]]);
    bench.refresh(&fake).unwrap();
    assert_eq!(fake.cookies(), [Some("two".to_owned())]);
    assert_eq!(bench.events(), ["done"]);
}
