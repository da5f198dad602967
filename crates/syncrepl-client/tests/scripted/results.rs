//! A result that is not success, or a Notice of Disconnection, before every message of every stage:
//! the copy is as it was before that stage or group, and nothing was deleted that is there.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use syncrepl_client::{Error, ErrorKind, Result, Store, Syncrepl, SyncreplMode};
use syncrepl_proto::sync::EntryState::Present;

use crate::bench::{Bench, Told, copy};
use crate::fake::{Fake, Step};
use crate::story::*;

/// The directory in the end: A changed, B gone, D new.
const LATER: [(u8, &str, &str); 3] = [(1, A.1, "second"), (3, C.1, text(3)), (4, D.1, text(4))];

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

/// Whether the provider spoke of the state that the cookie named.
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

/// A consumer of a fake that answers its searches with these scripts, one after the other.
fn consumer(
    bench: &mut Bench,
    mode: SyncreplMode,
    reconcile: bool,
    scripts: Vec<Vec<Step>>,
) -> (Fake, Syncrepl<Told>) {
    let fake = Fake::start("", scripts);
    let then = [(9, Z, text(9))];
    fake.describes(&[LATER.as_slice(), &then].concat());
    let client = Syncrepl::builder(bench.data(), std::mem::take(&mut bench.told))
        .ldap_url(fake.url())
        .mode(mode)
        .reconcile(reconcile)
        .open();
    (fake, client.expect("the store opens"))
}

/// Connects and runs until it ends, or until the entry Z has come in the persist stage. Voids first
/// what was told and not committed.
fn run(client: &mut Syncrepl<Told>) -> Result<()> {
    client.callback().map.roll_back();
    client.reconnect()?;
    loop {
        if !client.poll(Duration::from_secs(20))? {
            return Ok(());
        }
        if client.in_persist_stage() && client.callback().holds(Z) {
            return Ok(());
        }
    }
}

/// A whole refresh. In the mode that persists the entry Z follows, by which a test sees the end of
/// the script.
fn whole(mode: SyncreplMode) -> Vec<Step> {
    let entries = LATER.iter();
    let mut script: Vec<_> = entries.map(|(n, dn, text)| add_as(*n, dn, text)).collect();
    script.push(end_of(mode, false));
    if mode == SyncreplMode::RefreshAndPersist {
        script.push(add(9, Z));
    }
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
        Step::Ids(true, vec![2], Some(NEXT)),
        delete(2, B.1),
        add_as(1, A.1, "second"),
        add(4, D.1),
        end_of(mode, false),
    ];
    let presents = vec![
        add_as(1, A.1, "second"),
        present([1]),
        Step::Entry(Present, 3, C.1, ""),
        add(4, D.1),
        end_of(mode, true),
    ];
    let full = whole(mode)[..4].to_vec();
    [(false, deletes), (false, presents), (true, full)]
}

const MODES: [SyncreplMode; 2] = [SyncreplMode::RefreshOnly, SyncreplMode::RefreshAndPersist];

/// Each wanted end before each message, from message `first` on: the end, its position, and the
/// scripts.
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

/// The copy without Z.
fn without_last(data: &Path) -> BTreeMap<String, String> {
    let mut copied = copy(data);
    copied.remove(Z);
    copied
}

#[test]
fn refresh_stage_ends_before_any_message() {
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
                assert_eq!(*client.callback().map.committed(), before, "{case}");
                assert_eq!(bench.cookie().as_deref(), Some(FIRST), "{case}");
            }
            // A whole refresh then brings the copy up to date.
            client.callback().map.roll_back();
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
fn p09_refresh_stage_refused_for_its_cookie_before_any_message() {
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
fn first_refresh_ends_before_any_message() {
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

/// In the persist stage the consumer may have committed whole groups before the end: the copy is what
/// the messages so far, or fewer of them, make it.
#[test]
fn persist_stage_ends_before_any_message() {
    let way = [
        // The refresh stage undoes the changes of the case before.
        add(1, A.1),
        add(2, B.1),
        deleted([4]),
        persist(),
        modify_with(1, A.1, "second", NEXT),
        delete(2, B.1),
        cookie(NEXT),
        add(4, D.1),
        add(9, Z),
    ];
    const LIVE: usize = 4;
    let states = [
        of(&[(1, A.1, text(1)), (2, B.1, text(2)), (3, C.1, text(3))]),
        of(&[(1, A.1, "second"), (2, B.1, text(2)), (3, C.1, text(3))]),
        of(&[(1, A.1, "second"), (3, C.1, text(3))]),
        of(&[(1, A.1, "second"), (3, C.1, text(3))]),
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
        assert_eq!(copied, *client.callback().map.committed(), "{case}");
        let possible = &states[..=position - LIVE];
        assert!(possible.contains(&copied), "{case}: {copied:?}");
    }
    run(&mut client).expect("the rest");
    assert_eq!(without_last(&bench.data()), of(&LATER));
}
