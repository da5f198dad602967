//! The consumer deletes an entry by implication only if the provider is known to tell what is
//! present, the stage ended with success, and a search does not find the entry.

use syncrepl_client::{ErrorKind, MaxDelete, SyncreplMode};
use syncrepl_proto::sync::EntryState::Present;

use crate::bench::Bench;
use crate::fake::{Fake, Step};
use crate::story::*;

const X_BELOW_A: (u8, &str) = (4, "cn=x,cn=a,ou=base,dc=example");
const Y_BELOW_A: (u8, &str) = (5, "cn=y,cn=a,ou=base,dc=example");

/// A copy of A, B and C from a slapd.
fn copy_of_three() -> Bench {
    Bench::with("", FIRST, &[A, B, C])
}

/// The copy is as [`copy_of_three`] made it.
#[track_caller]
fn assert_unchanged(bench: &Bench) {
    let three = [A, B, C].map(|(n, dn)| (dn.to_owned(), text(n).to_owned()));
    assert_eq!(*bench.told.map.now(), three.into());
    assert_eq!(bench.cookie().as_deref(), Some(FIRST));
}

/// 389-ds says refreshDeletes=FALSE although it sends changes only. ApacheDS does the same.
#[test]
fn p01_389_says_refresh_deletes_false_after_changes_only() {
    for vendor in [DS389, APACHE] {
        let mut bench = Bench::with(vendor, DS389_COOKIE, &[A, B, C]);
        let script = vec![add_as(1, A.1, "second"), done_by_presence(DS389_COOKIE)];
        let fake = Fake::start(vendor, vec![script]);
        bench.refresh(&fake).unwrap();
        assert_eq!(bench.events(), ["change cn=a", "done"], "{vendor}");
        assert_eq!(fake.cookies(), [Some(DS389_COOKIE.to_owned())]);
    }
}

#[test]
fn p01_an_unknown_provider_is_believed_only_if_it_names_what_is_present() {
    let vendor = "Somebody";
    let mut bench = Bench::with(vendor, "opaque", &[A, B, C]);
    let silent = Fake::start(vendor, vec![vec![done_by_presence("opaque")]]);
    bench.refresh(&silent).unwrap();
    assert_eq!(bench.events(), ["done"]);
    let naming = Fake::start(
        vendor,
        vec![vec![present([1, 3]), done_by_presence("opaque")]],
    );
    naming.shows(&[A, C]);
    bench.refresh(&naming).unwrap();
    assert_eq!(bench.events(), ["delete cn=b", "done"]);
}

/// refreshDeletes=FALSE, and the provider names no entry as present: perhaps the rest is gone,
/// perhaps not. The consumer asks for everything and compares.
#[test]
fn unknown_provider_that_names_no_entry_is_compared_in_full() {
    let mut bench = Bench::with("Somebody", "one", &[A, B]);
    let changes = vec![add_as(1, A.1, "second"), done_by_presence("two")];
    let fake = Fake::start("Somebody", vec![changes.clone(), changes]);
    fake.describes(&[(1, A.1, "second")]);
    bench.refresh(&fake).unwrap();
    assert_eq!(fake.cookies(), [Some("one".to_owned()), None]);
    assert_eq!(bench.events(), ["change cn=a", "delete cn=b", "done"]);

    let nothing_new = vec![done_by_presence("two")];
    let fake = Fake::start("Somebody", vec![nothing_new]);
    bench.refresh(&fake).unwrap();
    assert_eq!(fake.cookies(), [Some("two".to_owned())], "no comparison");
    assert_eq!(bench.events(), ["done"]);
}

#[test]
fn p02_a_refresh_without_a_cookie_sends_everything_there_is() {
    let mut bench = copy_of_three();
    let fake = Fake::plays([add(1, A.1), done(NEXT)]);
    fake.shows(&[A]);
    bench
        .run(&fake, SyncreplMode::RefreshOnly, |builder| {
            builder.reconcile(true)
        })
        .unwrap();
    assert_eq!(fake.cookies(), [None]);
    assert_eq!(bench.events(), ["delete cn=c", "delete cn=b", "done"]);
}

#[test]
fn present_phase_deletes_the_entry_that_it_does_not_name() {
    let mut bench = copy_of_three();
    let fake = Fake::plays([
        Step::Entry(Present, 1, A.1, ""),
        present([3]),
        done_by_presence(NEXT),
    ]);
    fake.shows(&[A, C]);
    bench.refresh(&fake).unwrap();
    assert_eq!(bench.events(), ["delete cn=b", "done"]);
    assert_eq!(bench.cookie().as_deref(), Some(NEXT));
}

/// The present phase does not name B, the delete phase names C.
#[test]
fn present_phase_and_delete_phase_both_delete() {
    let mut bench = copy_of_three();
    let fake = Fake::plays([
        present([1, 3]),
        Step::Phase(true, None, false),
        deleted([3]),
        done(NEXT),
    ]);
    fake.shows(&[A]);
    bench.refresh(&fake).unwrap();
    assert_eq!(bench.events(), ["delete cn=c", "delete cn=b", "done"]);
}

#[test]
fn stream_cut_anywhere_deletes_nothing() {
    let whole = [
        present([1]),
        add_as(3, C.1, "second"),
        Step::Ids(true, vec![2], Some(NEXT)),
        Step::Phase(true, Some(NEXT), false),
    ];
    for length in 0..=whole.len() {
        let mut bench = copy_of_three();
        let script = [&whole[..length], &[Step::Cut]].concat();
        let error = bench.refresh(&Fake::plays(script)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unreachable);
        assert!(error.is_retryable());
        assert_unchanged(&bench);
    }
}

#[test]
fn limit_or_error_deletes_nothing() {
    for code in [3, 4, 11, 51, 52, 53, 80] {
        let mut bench = copy_of_three();
        let fake = Fake::plays([
            Step::Ids(false, vec![1], Some(NEXT)),
            Step::Result(code, "no"),
        ]);
        let error = bench.refresh(&fake).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Refused);
        assert_eq!(error.result_code(), Some(code));
        assert_unchanged(&bench);
    }
}

/// The list of present entries is cut short: it leaves out B, which a search shows. So the consumer
/// asks for everything; that refresh is whole.
#[test]
fn entry_that_is_left_out_but_shown_is_not_deleted() {
    let mut bench = copy_of_three();
    let short = vec![present([1]), done_by_presence(NEXT)];
    let full = vec![add(1, A.1), add_as(2, B.1, "second"), done(NEXT)];
    let fake = Fake::start("", vec![short, full]);
    fake.describes(&[(1, A.1, text(1)), (2, B.1, "second")]);
    bench.refresh(&fake).unwrap();
    assert_eq!(fake.cookies(), [Some(FIRST.to_owned()), None]);
    assert_eq!(bench.events(), ["change cn=b", "delete cn=c", "done"]);
}

#[test]
fn full_refresh_that_leaves_out_shown_entries_fails() {
    let mut bench = copy_of_three();
    let short = vec![add(1, A.1), done(NEXT)];
    let fake = Fake::start("", vec![short; 4]);
    fake.shows(&[A, B, C]);
    let result = bench.run(&fake, SyncreplMode::RefreshOnly, |builder| {
        builder.reconcile(true)
    });
    assert_eq!(result.unwrap_err().kind(), ErrorKind::Guard);
    assert_unchanged(&bench);
}

#[test]
fn whole_copy_is_never_deleted_by_implication() {
    let mut bench = copy_of_three();
    let nothing_present = [done_by_presence(NEXT)];
    let error = bench
        .refresh(&Fake::plays(nothing_present.clone()))
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Guard);
    assert!(error.to_string().contains("--max-delete"), "{error}");
    assert_unchanged(&bench);

    let allow = MaxDelete::Percent(100);
    let fake = Fake::plays(nothing_present);
    bench
        .run(&fake, SyncreplMode::RefreshOnly, |builder| {
            builder.max_delete(allow)
        })
        .unwrap();
    assert!(bench.told.map.now().is_empty());
}

/// The provider names two of three entries as deleted.
#[test]
fn max_delete_counts_named_deletes_too() {
    for (limit, passes) in [
        (MaxDelete::Count(1), false),
        (MaxDelete::Count(2), true),
        (MaxDelete::Percent(66), false),
        (MaxDelete::Percent(67), true),
    ] {
        let mut bench = copy_of_three();
        let fake = Fake::plays([deleted([1, 2]), done(NEXT)]);
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

/// The provider does not know the cookie, and then answers a search without one without a cookie and
/// without an entry, as a replica whose first load has not begun.
#[test]
fn p30_no_cookie_sent_and_none_received_proves_nothing() {
    let mut bench = copy_of_three();
    let unready = "consumer has state info but provider doesn't!";
    let fake = Fake::start(
        "",
        vec![
            vec![Step::Result(53, unready)],
            vec![Step::Done(None, true)],
        ],
    );
    let error = bench.refresh(&fake).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotReady);
    assert!(error.is_retryable());
    assert_eq!(fake.cookies(), [Some(FIRST.to_owned()), None]);
    assert_unchanged(&bench);
}

#[test]
fn delete_of_an_unknown_entry_is_no_event() {
    let mut bench = Bench::with("", FIRST, &[A]);
    bench
        .refresh(&Fake::plays([deleted([8, 9]), done(NEXT)]))
        .unwrap();
    assert_eq!(bench.events(), ["done"]);
}

#[test]
fn entry_named_deleted_and_sent_again_was_not_deleted() {
    let mut bench = Bench::with("", FIRST, &[A, B]);
    let script = [deleted([1]), add_as(1, A.1, "second"), done(NEXT)];
    bench.refresh(&Fake::plays(script)).unwrap();
    assert_eq!(bench.events(), ["change cn=a", "done"]);
}

/// A is deleted. A search shows its child X where it was, and not its child Y.
#[test]
fn p13_below_a_deleted_parent_one_child_stays_and_one_is_gone() {
    let mut bench = Bench::with("", FIRST, &[A, B, X_BELOW_A, Y_BELOW_A]);
    bench.refresh_from([deleted([1]), done(NEXT)], &[B, X_BELOW_A]);
    assert_eq!(bench.events(), ["delete cn=y,cn=a", "delete cn=a", "done"]);
}

/// A is deleted, and its child X moved below B. The provider refuses to search by entryUUID, so a
/// search for the old DN of X finds nothing; that does not mean that X is gone.
#[test]
fn child_that_moved_away_from_its_deleted_parent_is_not_gone() {
    let mut bench = Bench::with("", FIRST, &[A, B, X_BELOW_A, Y_BELOW_A]);
    let fake = Fake::plays([deleted([1]), done(NEXT)]);
    fake.shows(&[B, (4, "cn=x,cn=b,ou=base,dc=example")]);
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
