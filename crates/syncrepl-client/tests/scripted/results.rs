//! A result that is not success, or a Notice of Disconnection, before every message of every stage:
//! the copy is as it was before that stage or group, and nothing was deleted that is there.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use syncrepl_client::{Error, ErrorKind, Result, Store, Syncrepl, SyncreplMode};
use syncrepl_proto::sync::EntryState::{Add, Delete, Modify, Present};

use crate::fake::{Fake, Step};
use crate::{Bench, Told, copy};

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

/// A consumer of a fake that ends its searches so, one after the other; and what was told so far.
fn consumer(
    bench: &mut Bench,
    mode: SyncreplMode,
    reconcile: bool,
    scripts: Vec<Vec<Step>>,
) -> (Fake, Syncrepl<Told>) {
    let fake = Fake::start("", scripts);
    fake.shows(&LATER);
    let client = Syncrepl::builder(bench.data(), std::mem::take(&mut bench.told))
        .ldap_url(fake.url())
        .mode(mode)
        .reconcile(reconcile)
        .open();
    (fake, client.expect("the store opens"))
}

/// Connects and runs until it ends, or the last entry has come in the persist stage. What was not
/// committed is void.
fn run(client: &mut Syncrepl<Told>) -> Result<()> {
    let told = client.callback();
    told.map.clone_from(&told.committed);
    client.reconnect()?;
    loop {
        if !client.poll(Duration::from_secs(20))? {
            return Ok(());
        }
        if client.in_persist_stage() && client.callback().committed.contains_key(LAST.1) {
            return Ok(());
        }
    }
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
        _ => Step::Phase(present, Some(NEXT), true),
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

/// Each of these ends before each message, from message `first` on: what, where, and the scripts.
fn cases(
    way: &[Step],
    first: usize,
    wanted: impl Fn(&Step) -> bool,
) -> (Vec<(Step, usize)>, Vec<Vec<Step>>) {
    let mut cases = Vec::new();
    for end in ends().into_iter().filter(wanted) {
        cases.extend((first..way.len()).map(|position| (end.clone(), position)));
    }
    let script =
        |(end, position): &(Step, usize)| [&way[..*position], std::slice::from_ref(end)].concat();
    let scripts = cases.iter().map(script).collect();
    (cases, scripts)
}

fn without_last(data: &Path) -> BTreeMap<String, String> {
    let mut copied = copy(data);
    copied.remove(LAST.1);
    copied
}

#[test]
fn before_every_message_of_a_refresh_stage() {
    for mode in MODES {
        for (reconcile, way) in ways(mode) {
            let mut bench = Bench::with("", FIRST, &[A, B, C]);
            let (data, before) = (bench.data(), copy(&bench.data()));
            let own = |end: &Step| reconcile || !speaks_of_our_state(end);
            let (cases, mut scripts) = cases(&way, 0, own);
            scripts.push(way.clone());
            let (_fake, mut client) = consumer(&mut bench, mode, reconcile, scripts);
            for (end, position) in cases {
                let case = format!("{mode:?} {end:?} before message {position} of {way:?}");
                assert_means(&end, &run(&mut client).expect_err(&case));
                assert_eq!(copy(&data), before, "{case}");
                assert_eq!(client.callback().committed, before, "{case}");
                assert_eq!(bench.cookie().as_deref(), Some(FIRST), "{case}");
            }
            // And the one that is complete makes it good.
            client.callback().map.clone_from(&before);
            client.reconnect().expect("it connects");
            while bench.cookie().as_deref() == Some(FIRST) {
                client
                    .poll(Duration::from_secs(20))
                    .expect("a whole refresh");
            }
            assert_eq!(copy(&data), of(&LATER));
        }
    }
}

/// A 53 that speaks of the state which the cookie named: the refresh begins again without it.
#[test]
fn p09_before_every_message_of_a_refresh_stage() {
    for mode in MODES {
        for (_, way) in ways(mode).into_iter().filter(|(reconcile, _)| !reconcile) {
            for end in ends().into_iter().filter(speaks_of_our_state) {
                for position in 0..way.len() {
                    let mut bench = Bench::with("", FIRST, &[A, B, C]);
                    let script = [&way[..position], std::slice::from_ref(&end)].concat();
                    let scripts = vec![script, whole(mode)];
                    let (fake, mut client) = consumer(&mut bench, mode, false, scripts);
                    let case = format!("{mode:?} {end:?} before message {position} of {way:?}");
                    run(&mut client).unwrap_or_else(|error| panic!("{case}: {error}"));
                    assert_eq!(fake.cookies(), [Some(FIRST.to_owned()), None], "{case}");
                    assert_eq!(without_last(&bench.data()), of(&LATER), "{case}");
                }
            }
        }
    }
}

#[test]
fn before_every_message_of_a_first_refresh() {
    for mode in MODES {
        let mut bench = Bench::new();
        let (cases, mut scripts) = cases(&whole(mode)[..4], 0, |_| true);
        scripts.push(whole(mode));
        let (_fake, mut client) = consumer(&mut bench, mode, false, scripts);
        for (end, position) in cases {
            let case = format!("{mode:?} {end:?} before message {position}");
            assert_means(&end, &run(&mut client).expect_err(&case));
            assert!(copy(&bench.data()).is_empty(), "{case}");
            assert_eq!(bench.cookie(), None, "{case}");
            let status = Store::open(bench.data()).and_then(|store| store.status());
            assert_eq!(status.expect("a status").url, None, "{case}");
        }
        run(&mut client).expect("a whole refresh");
        assert_eq!(without_last(&bench.data()), of(&LATER));
    }
}

/// In the persist stage whole groups may have been committed before: the copy is what the messages
/// so far, or fewer of them, make it.
#[test]
fn before_every_message_of_a_persist_stage() {
    let way = [
        // The refresh stage undoes what the case before has left.
        Step::Entry(Add, A.0, A.1, "first"),
        Step::Entry(Add, B.0, B.1, "first"),
        Step::Ids(true, vec![D.0], None),
        Step::Phase(false, None, true),
        Step::EntryWith(Modify, A.0, A.1, "second", NEXT),
        Step::Entry(Delete, B.0, B.1, ""),
        Step::Cookie(NEXT),
        Step::Entry(Add, D.0, D.1, "first"),
        Step::Entry(Add, LAST.0, LAST.1, "first"),
    ];
    const LIVE: usize = 4;
    let states = [
        of(&[(1, A.1, "first"), (2, B.1, "first"), (3, C.1, "first")]),
        of(&[(1, A.1, "second"), (2, B.1, "first"), (3, C.1, "first")]),
        of(&[(1, A.1, "second"), (3, C.1, "first")]),
        of(&[(1, A.1, "second"), (3, C.1, "first")]),
        of(&LATER),
    ];
    let mut bench = Bench::with("", FIRST, &[A, B, C]);
    let (cases, mut scripts) = cases(&way, LIVE, |_| true);
    scripts.push(way.to_vec());
    let mode = SyncreplMode::RefreshAndPersist;
    let (_fake, mut client) = consumer(&mut bench, mode, false, scripts);
    for (end, position) in cases {
        let case = format!("{end:?} before message {position}");
        assert_means(&end, &run(&mut client).expect_err(&case));
        let copied = copy(&bench.data());
        assert_eq!(copied, client.callback().committed, "{case}");
        let possible = &states[..=position - LIVE];
        assert!(possible.contains(&copied), "{case}: {copied:?}");
    }
    run(&mut client).expect("the rest");
    assert_eq!(without_last(&bench.data()), of(&LATER));
}
