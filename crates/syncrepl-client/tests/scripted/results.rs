//! A result that is not success, or a Notice of Disconnection, before every message of every stage:
//! the copy is as it was before that stage or group, and nothing was deleted that is there.

use std::collections::BTreeMap;

use syncrepl_client::{Error, ErrorKind, Result, Store, Syncrepl, SyncreplMode};
use syncrepl_proto::sync::EntryState::{Add, Delete, Modify, Present};

use crate::fake::{Fake, Step};
use crate::{Bench, copy};

const A: (u8, &str) = (1, "cn=a,ou=base,dc=example");
const B: (u8, &str) = (2, "cn=b,ou=base,dc=example");
const C: (u8, &str) = (3, "cn=c,ou=base,dc=example");
const D: (u8, &str) = (4, "cn=d,ou=base,dc=example");
const FIRST: &str = "rid=000,csn=20261121205328.954658Z#000000#000#000000";
const NEXT: &str = "rid=000,csn=20261121205329.954658Z#000000#000#000000";

/// What there is after everything: A changed, B gone, D new.
const LATER: [(u8, &str, &str); 3] = [(1, A.1, "second"), (3, C.1, "first"), (4, D.1, "first")];

/// Every end that a search, or a connection, may come to.
fn ends() -> Vec<Step> {
    let mut ends = [3, 4, 11, 51, 52, 80]
        .map(|code| Step::Result(code, ""))
        .to_vec();
    ends.extend(
        [
            "consumer state is newer than provider!",
            "consumer has state info but provider doesn't!",
            "Too many active synchronization sessions",
            "shadow context; no update referral",
            "",
        ]
        .map(|text| Step::Result(53, text)),
    );
    ends.extend([2, 51, 52, 80].map(Step::Notice));
    ends.push(Step::Cut);
    ends
}

/// Whether the provider spoke of what the consumer knows.
fn speaks_of_our_state(end: &Step) -> bool {
    matches!(end, Step::Result(53, text) if text.starts_with("consumer "))
}

#[track_caller]
fn assert_means(end: &Step, error: &Error) {
    let (kind, code, again) = match end {
        Step::Result(code @ (3 | 4 | 11), _) => (ErrorKind::Refused, Some(*code), false),
        Step::Result(code, _) => (ErrorKind::Refused, Some(*code), true),
        Step::Notice(code @ (51 | 52)) => (ErrorKind::Unreachable, Some(*code), true),
        Step::Notice(code) => (ErrorKind::Refused, Some(*code), *code == 80),
        _ => (ErrorKind::Unreachable, None, true),
    };
    let found = (error.kind(), error.result_code(), error.is_retryable());
    assert_eq!(found, (kind, code, again), "{end:?}: {error}");
}

fn of(entries: &[(u8, &str, &str)]) -> BTreeMap<String, String> {
    let pairs = entries.iter();
    pairs
        .map(|(_, dn, text)| ((*dn).to_owned(), (*text).to_owned()))
        .collect()
}

/// Runs until it ends, or is in the persist stage with nothing left to say.
fn run(bench: &mut Bench, fake: &Fake, mode: SyncreplMode, reconcile: bool) -> Result<()> {
    let mut client = Syncrepl::builder(bench.data(), &mut bench.told)
        .ldap_url(fake.url())
        .mode(mode)
        .reconcile(reconcile)
        .connect()?;
    let stop = client.stop_handle();
    while client.poll(std::time::Duration::from_secs(20))? {
        if client.in_persist_stage() && client.callback().map.contains_key(LAST.1) {
            stop.please_stop();
        }
    }
    client.unbind()
}

/// An entry by which the end of a script is seen.
const LAST: (u8, &str) = (9, "cn=z,ou=base,dc=example");

fn whole(mode: SyncreplMode) -> Vec<Step> {
    let mut script: Vec<_> = LATER
        .iter()
        .map(|(number, dn, text)| Step::Entry(Add, *number, dn, text))
        .collect();
    script.push(end_of(mode, false));
    script.push(Step::Entry(Add, LAST.0, LAST.1, "first"));
    script.truncate(if mode == SyncreplMode::RefreshOnly {
        4
    } else {
        5
    });
    script
}

fn end_of(mode: SyncreplMode, present: bool) -> Step {
    match mode {
        SyncreplMode::RefreshOnly => Step::Done(Some(NEXT), !present),
        SyncreplMode::RefreshAndPersist => Step::Phase(present, Some(NEXT), true),
    }
}

/// The ways to bring a copy of A, B and C up to date: with a delete phase, with a present phase, and
/// without a cookie.
fn ways(mode: SyncreplMode) -> [(bool, Vec<Step>); 3] {
    let deletes = vec![
        Step::Ids(true, vec![B.0], Some(NEXT)),
        Step::Entry(Delete, B.0, B.1, ""),
        Step::Entry(Add, A.0, A.1, "second"),
        Step::Entry(Add, D.0, D.1, "first"),
        end_of(mode, false),
    ];
    let present = vec![
        Step::Entry(Add, A.0, A.1, "second"),
        Step::Ids(false, vec![A.0], None),
        Step::Entry(Present, C.0, C.1, ""),
        Step::Entry(Add, D.0, D.1, "first"),
        end_of(mode, true),
    ];
    let full = whole(mode)[..4].to_vec();
    [(false, deletes), (false, present), (true, full)]
}

const MODES: [SyncreplMode; 2] = [SyncreplMode::RefreshOnly, SyncreplMode::RefreshAndPersist];

#[test]
fn before_every_message_of_a_refresh_stage() {
    for mode in MODES {
        for (reconcile, way) in ways(mode) {
            let mut bench = Bench::with("", FIRST, &[A, B, C]);
            let before = copy(&bench.data());
            for (end, position) in ends()
                .into_iter()
                .flat_map(|end| (0..way.len()).map(move |position| (end.clone(), position)))
            {
                let case = format!("{mode:?} {end:?} before message {position} of {way:?}");
                let mut script = way[..position].to_vec();
                script.push(end.clone());
                let fake = Fake::start("", vec![script, whole(mode)]);
                fake.shows(&LATER);
                let result = run(&mut bench, &fake, mode, reconcile);
                if speaks_of_our_state(&end) && !reconcile {
                    // It begins again by itself, without the cookie.
                    result.unwrap_or_else(|error| panic!("{case}: {error}"));
                    assert_eq!(fake.cookies(), [Some(FIRST.to_owned()), None], "{case}");
                    let mut copied = copy(&bench.data());
                    copied.remove(LAST.1);
                    assert_eq!(copied, of(&LATER), "{case}");
                    bench = Bench::with("", FIRST, &[A, B, C]);
                    continue;
                }
                assert_means(&end, &result.expect_err(&case));
                assert_eq!(copy(&bench.data()), before, "{case}");
                assert_eq!(bench.told.committed, before, "{case}");
                assert_eq!(bench.cookie().as_deref(), Some(FIRST), "{case}");
                bench.told.map.clone_from(&before);
            }
            // And the next one that is complete makes it good.
            let fake = Fake::start("", vec![whole(mode)]);
            fake.shows(&LATER);
            run(&mut bench, &fake, mode, true).expect("a whole refresh");
            let mut copied = copy(&bench.data());
            copied.remove(LAST.1);
            assert_eq!(copied, of(&LATER));
        }
    }
}

#[test]
fn before_every_message_of_a_first_refresh() {
    for mode in MODES {
        let way = &whole(mode)[..4];
        for end in ends() {
            for position in 0..way.len() {
                let mut bench = Bench::new();
                let mut script = way[..position].to_vec();
                script.push(end.clone());
                let fake = Fake::start("", vec![script]);
                let error = run(&mut bench, &fake, mode, false).expect_err("it ended early");
                assert_means(&end, &error);
                assert!(
                    copy(&bench.data()).is_empty(),
                    "{end:?} before message {position}"
                );
                assert_eq!(bench.cookie(), None);
                let url = Store::open(bench.data()).and_then(|store| store.status());
                assert_eq!(url.expect("a status").url, None);
            }
        }
    }
}

/// In the persist stage whole groups may have been committed before: the copy is what the messages
/// so far, or fewer of them, make it.
#[test]
fn before_every_message_of_a_persist_stage() {
    let way = [
        Step::Phase(false, None, true),
        Step::EntryWith(Modify, A.0, A.1, "second", NEXT),
        Step::Entry(Delete, B.0, B.1, ""),
        Step::Cookie(NEXT),
        Step::Entry(Add, D.0, D.1, "first"),
    ];
    let first = of(&[(1, A.1, "first"), (2, B.1, "first"), (3, C.1, "first")]);
    let mut states = vec![first.clone()];
    states.push(of(&[
        (1, A.1, "second"),
        (2, B.1, "first"),
        (3, C.1, "first"),
    ]));
    states.push(of(&[(1, A.1, "second"), (3, C.1, "first")]));
    states.push(states[2].clone());
    states.push(of(&LATER));
    for end in ends() {
        let mut bench = Bench::with("", FIRST, &[A, B, C]);
        for position in 1..=way.len() {
            let case = format!("{end:?} before message {position}");
            let mut script = way[..position].to_vec();
            script.push(end.clone());
            let fake = Fake::start("", vec![script]);
            fake.shows(&[(1, A.1, "second"), (3, C.1, "first")]);
            let result = run(&mut bench, &fake, SyncreplMode::RefreshAndPersist, false);
            assert_means(&end, &result.expect_err(&case));
            let copied = copy(&bench.data());
            assert_eq!(copied, bench.told.committed, "{case}");
            assert!(states[..position].contains(&copied), "{case}: {copied:?}");
            if copied != first {
                bench = Bench::with("", FIRST, &[A, B, C]);
            }
            bench.told.map.clone_from(&first);
        }
    }
}
