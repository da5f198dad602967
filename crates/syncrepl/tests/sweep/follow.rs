//! `follow` through a persist stage of 200 changes. One data file has a long history, with a fault in
//! each round.

use std::collections::BTreeMap;

use syncrepl_testing::judge;
use syncrepl_testing::people::{changes, everyone, mark};
use syncrepl_testing::process::Run;
use syncrepl_testing::slapd::{SUFFIX, Slapd, Variant};
use syncrepl_testing::strace::{Fault, Inject, Strace};
use syncrepl_testing::sweep::Sweep;
use syncrepl_testing::wait_until;

use crate::common::PATIENCE;
use crate::place::{End, Place};

/// About how many changes a round has.
const PEOPLE: usize = 200;
/// `follow` groups changes by what has arrived, so a run may write more often than the one that was
/// counted. After this many runs in a row without a fault, no further write exists.
const SURVIVORS: usize = 5;

struct History {
    sweep: Sweep,
    server: Slapd,
    strace: Strace,
    place: Place,
    round: usize,
    /// The calls of the last run to the disk.
    calls: BTreeMap<String, usize>,
}

impl History {
    fn start(variant: Variant) -> History {
        let sweep = Sweep::new();
        let server = Slapd::start(variant);
        server.load(&everyone(PEOPLE));
        let mut history = History {
            sweep,
            server,
            strace: Strace::new(),
            place: Place::new(),
            round: 0,
            calls: BTreeMap::new(),
        };
        history.recover(0);
        history
    }

    fn recover(&mut self, deletes: usize) {
        let url = self.server.url();
        let expected = judge::search(&url, "", "", SUFFIX, "sub", "(objectClass=*)", &[]);
        self.place.recover(&url, &expected, deletes);
    }

    /// Follows through the changes of a round, until the fault, or until a stop when all are committed.
    fn round(&mut self, inject: Option<&Inject>, torn: f64) -> End {
        let deletes = self.place.reader.deletes().len();
        let url = self.server.url();
        let mut run = self.place.start(&self.strace, "follow", &url, inject);
        self.wait_for_commit(&mut run, r#""op":"refresh_done""#, inject);
        let ldif = changes(PEOPLE, self.round);
        self.server.ldapmodify(&ldif).expect("the changes apply");
        self.wait_for_commit(&mut run, &mark(self.round), inject);
        if run.try_exit().is_none() {
            run.signal("TERM");
        }
        let end = self.place.ended(run, inject, torn);
        self.calls = self.place.calls();
        self.round += 1;
        self.place.dump().expect("the copy");
        self.recover(deletes);
        end
    }

    /// Waits until the line was printed and committed, or until the run ends or waits for space that never
    /// comes.
    fn wait_for_commit(&self, run: &mut Run, word: &str, inject: Option<&Inject>) {
        let onward = inject.is_some_and(|inject| matches!(inject.fault, Fault::Onward(_)));
        wait_until(PATIENCE, || {
            let printed = self.place.printed();
            let after = printed.split_once(word).map(|(_, after)| after);
            after.is_some_and(|after| after.contains(r#""op":"commit""#))
                || run.try_exit().is_some()
                || onward && run.stderr().contains("trying again")
        });
    }

    fn calls(&mut self) -> BTreeMap<String, usize> {
        let end = self.round(None, 0.0);
        assert_eq!((end.code, end.stderr.as_str()), (Some(0), ""));
        let calls = self.calls.clone();
        assert!(calls["pwrite64"] > 40, "{calls:?}");
        // A commit writes a group of changes, and then the line that tells of the commit.
        assert!(calls["write"] > 4, "{calls:?}");
        calls
    }

    /// Visits the calls, with a fault for each. `judge` checks how each run ended.
    fn visit(
        &mut self,
        without: &[&str],
        few: usize,
        fault: impl Fn(&mut Sweep) -> Fault,
        judge: impl Fn(&Inject, &End),
    ) {
        let mut calls = self.calls();
        calls.retain(|call, _| !without.contains(&call.as_str()));
        let mut points = self.sweep.points(&calls, few);
        points.reverse();
        let (mut survivors, mut ends) = (0, BTreeMap::<_, usize>::new());
        while let Some((call, number)) = points.pop() {
            let fault = fault(&mut self.sweep);
            let inject = Inject {
                call,
                number,
                fault,
            };
            let torn = if self.sweep.rng.bool() {
                self.sweep.rng.f64()
            } else {
                0.0
            };
            println!("{inject:?}, {torn:.2} of it done");
            let end = self.round(Some(&inject), torn);
            judge(&inject, &end);
            survivors = if end.code == Some(0) {
                survivors + 1
            } else {
                0
            };
            let last = points.last().is_none_or(|(next, _)| *next != inject.call);
            if self.sweep.is_all() && last && survivors < SURVIVORS {
                points.push((inject.call.clone(), number + 1));
            } else if last {
                println!("{} numbers of {}", number, inject.call);
            }
            let code = end
                .code
                .map_or("killed".to_owned(), |code| format!("exit {code}"));
            *ends
                .entry(format!("{} {fault:?}: {code}", inject.call))
                .or_default() += 1;
        }
        for (what, count) in ends {
            println!("{count:5} {what}");
        }
    }
}

fn killed(variant: Variant) {
    let mut history = History::start(variant);
    let killed = |_: &Inject, end: &End| {
        assert!(end.code.is_none() || end.code == Some(0), "{}", end.stderr);
        assert_eq!(end.stderr, "");
    };
    history.visit(&[], 4, |_| Fault::Kill, killed);
}

#[test]
fn killed_at_every_write() {
    killed(Variant::SessionLog);
}

#[test]
fn every_write_failing() {
    let mut history = History::start(Variant::Plain);
    let fault = |sweep: &mut Sweep| match sweep.rng.u8(0..10) {
        0 => Fault::Onward("EIO"),
        1 => Fault::Once("EIO"),
        2 => Fault::Once("ENOSPC"),
        _ => Fault::Onward("ENOSPC"),
    };
    history.visit(&["write"], 4, fault, |inject, end| match end.code {
        // It waits for space, and goes on.
        Some(0) => waited(end),
        _ => end.assert_disk(inject),
    });
}

/// Asserts that each line tells of the disk and a wait, or that all is well again.
#[track_caller]
fn waited(end: &End) {
    for line in end.stderr.lines() {
        let disk = line.contains("disk") || line.contains("space");
        let waits = disk && line.contains("trying again");
        let still = line.contains("still the same") || line.contains("up to date again");
        assert!(waits || still, "{}", end.stderr);
    }
}

/// The reader of the output is gone: exit code 1. A full disk of the output is waited for. If only the last `commit` line is missing,
/// the run may not notice.
#[test]
fn output_failing() {
    let mut history = History::start(Variant::AccessLog);
    let mut others = history.calls();
    others.remove("write");
    let others: Vec<&str> = others.keys().map(String::as_str).collect();
    let fault = |sweep: &mut Sweep| match sweep.rng.u8(0..4) {
        0 => Fault::Once("ENOSPC"),
        1 => Fault::Once("EPIPE"),
        2 => Fault::Onward("EPIPE"),
        _ => Fault::Onward("ENOSPC"),
    };
    history.visit(&others, 4, fault, |_, end| match end.code {
        Some(0) => waited(end),
        code => assert_eq!(
            (code, end.stderr.lines().count()),
            (Some(1), 1),
            "{}",
            end.stderr
        ),
    });
}
