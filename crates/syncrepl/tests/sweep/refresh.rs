//! `refresh` of 2,000 entries: a first one, and one that changes most of them.

use std::collections::BTreeMap;

use syncrepl_testing::judge::{self, Directory};
use syncrepl_testing::people::{changes, everyone};
use syncrepl_testing::slapd::{SUFFIX, Slapd, Variant};
use syncrepl_testing::strace::{Fault, Inject, Strace};
use syncrepl_testing::sweep::Sweep;

use crate::common::outcome::Outcome;
use crate::place::{End, Place};

/// How many entries there are, when the sweep visits all points and when it visits a few.
const PEOPLE: [usize; 2] = [2000, 400];

/// A refresh that can be run again and again from the same state.
struct Scene {
    sweep: Sweep,
    server: Slapd,
    strace: Strace,
    before: Place,
    dump_before: Option<String>,
    after: Directory,
}

impl Scene {
    /// A first refresh.
    fn first() -> Scene {
        let sweep = Sweep::new();
        let server = Slapd::start(Variant::Plain);
        server.load(&everyone(people(&sweep)));
        Scene::of(sweep, server, Place::new())
    }

    /// A refresh after most entries changed.
    fn changed() -> Scene {
        let sweep = Sweep::new();
        let people = people(&sweep);
        let server = Slapd::start(Variant::Plain);
        server.load(&everyone(people));
        let mut before = Place::new();
        before.recover(&server.url(), &search(&server), 0);
        server.ldapmodify(&changes(people, 0)).expect("changes");
        Scene::of(sweep, server, before)
    }

    fn of(sweep: Sweep, server: Slapd, before: Place) -> Scene {
        Scene {
            sweep,
            strace: Strace::new(),
            dump_before: before
                .data()
                .exists()
                .then(|| before.dump().expect("a copy")),
            after: search(&server),
            before,
            server,
        }
    }

    /// Its calls to the disk when nothing fails.
    fn calls(&self) -> BTreeMap<String, usize> {
        self.calls_and_commit().0
    }

    /// The same, with the number of the last write of the commit.
    fn calls_and_commit(&self) -> (BTreeMap<String, usize>, usize) {
        let mut place = self.before.copy();
        let run = place.start(&self.strace, "refresh", &self.server.url(), None);
        let end = place.ended(run, None, 0.0);
        assert_eq!((end.code, end.stderr.as_str()), (Some(0), ""));
        let calls = place.calls();
        // A page is two writes, and five entries fill more than a page.
        assert!(calls["pwrite64"] > people(&self.sweep) / 5, "{calls:?}");
        (calls, place.last_of_commit())
    }

    /// Runs with one fault. Gives how the run ended, and whether the copy is the new one.
    fn case(&self, inject: &Inject, torn: f64, watched: bool) -> (End, bool) {
        let mut place = self.before.copy();
        let deletes = place.reader.deletes().len();
        let watcher = (watched && self.dump_before.is_some()).then(|| place.watcher());
        let run = place.start(&self.strace, "refresh", &self.server.url(), Some(inject));
        let end = place.ended(run, Some(inject), torn);
        let dump = place.dump();
        let committed = self.is_after(dump.as_deref());
        place.recover(&self.server.url(), &self.after, deletes);
        drop(watcher);
        (end, committed)
    }

    /// Asserts that the copy is the old one or the new one. Says whether it is the new one.
    fn is_after(&self, dump: Option<&str>) -> bool {
        if dump == self.dump_before.as_deref() {
            return false;
        }
        let Some(dump) = dump else {
            panic!("the copy is gone");
        };
        let commit = judge::dump_commit(dump);
        let copy = judge::from_dump_json(dump);
        if self.dump_before.is_none() && commit == 0 {
            assert!(copy.is_empty());
            return false;
        }
        judge::assert_same("dump", &copy, "search", &self.after);
        assert_eq!(commit, self.before.reader.commit() + 1);
        true
    }
}

fn people(sweep: &Sweep) -> usize {
    PEOPLE[usize::from(!sweep.is_long())]
}

fn search(server: &Slapd) -> Directory {
    judge::search(&server.url(), "", "", SUFFIX, "sub", "(objectClass=*)", &[])
}

/// How many cases ended how.
#[derive(Default)]
struct Tally(BTreeMap<String, usize>);

impl Tally {
    fn count(&mut self, call: &str, end: &End, committed: bool) {
        let code = end
            .code
            .map_or("killed".to_owned(), |code| format!("exit {code}"));
        let copy = if committed { "after" } else { "before" };
        *self
            .0
            .entry(format!("{call}: {code}, copy as {copy}"))
            .or_default() += 1;
    }
}

impl Drop for Tally {
    fn drop(&mut self) {
        for (what, count) in &self.0 {
            println!("{count:5} {what}");
        }
    }
}

fn kills(mut scene: Scene, few: usize) {
    let mut tally = Tally::default();
    let (calls, commit) = scene.calls_and_commit();
    let mut points = scene.sweep.points(&calls, few);
    // The writes around the commit: always.
    points.extend((commit - 1..=commit + 1).map(|number| ("pwrite64".to_owned(), number)));
    for (call, number) in points {
        let torn = if scene.sweep.rng.bool() {
            scene.sweep.rng.f64()
        } else {
            0.0
        };
        let watched = scene.sweep.rng.u8(0..4) == 0;
        println!("killed at {call} {number}, {torn:.2} of it done, watched: {watched}");
        let inject = Inject {
            call,
            number,
            fault: Fault::Kill,
        };
        let (end, committed) = scene.case(&inject, torn, watched);
        // While a reader is there, SQLite does not empty the log: fewer writes.
        let survived = watched && end.code == Some(0) && committed;
        assert!(
            end.code.is_none() || survived,
            "it was not killed: {}",
            end.stderr
        );
        tally.count(&inject.call, &end, committed);
    }
}

#[test]
fn first_killed_at_every_write() {
    kills(Scene::first(), 3);
}

#[test]
fn killed_at_every_write() {
    kills(Scene::changed(), 4);
}

/// All writes fail from one on, as on a full disk; or one write alone.
fn failures(mut scene: Scene, few: usize) {
    let mut tally = Tally::default();
    let mut calls = scene.calls();
    // The output has its own test, below.
    calls.remove("write");
    for (call, number) in scene.sweep.points(&calls, few) {
        let mut faults = vec![Fault::Onward("ENOSPC")];
        let others = [
            Fault::Onward("EIO"),
            Fault::Once("EIO"),
            Fault::Once("ENOSPC"),
        ];
        // Visit all where there are few.
        if calls[&call] < 50 && scene.sweep.is_long() {
            faults.extend(others);
        } else if number % 10 == 0 || !scene.sweep.is_long() {
            faults.extend(scene.sweep.rng.choice(others));
        }
        for fault in faults {
            let inject = Inject {
                call: call.clone(),
                number,
                fault,
            };
            println!("{inject:?}");
            let (end, committed) = scene.case(&inject, 0.0, false);
            if end.code == Some(0) {
                assert!(committed && end.stderr.is_empty(), "{}", end.stderr);
            } else {
                end.assert_disk(&inject);
                assert!(!committed, "exit 5, and yet it was committed");
            }
            tally.count(&format!("{call} {fault:?}"), &end, committed);
        }
    }
}

#[test]
fn first_with_every_write_failing() {
    failures(Scene::first(), 3);
}

#[test]
fn every_write_failing() {
    failures(Scene::changed(), 4);
}

/// The output file cannot be written, or its reader is gone: exit code 1. A reader has what was
/// committed, or gets it by the reading rule.
#[test]
fn output_failing() {
    let mut scene = Scene::changed();
    let mut tally = Tally::default();
    let last = scene.calls()["write"];
    for number in scene.sweep.numbers(last, 4) {
        let errors = ["ENOSPC", "EPIPE", "EIO"];
        let some = scene.sweep.rng.usize(..errors.len());
        for error in errors
            .iter()
            .skip(if scene.sweep.is_long() { 0 } else { some })
        {
            for fault in [Fault::Onward(error), Fault::Once(error)] {
                let inject = Inject {
                    call: "write".to_owned(),
                    number,
                    fault,
                };
                println!("{inject:?}");
                let (end, committed) = scene.case(&inject, 0.0, false);
                // Only the commit line may be missing.
                assert!(!committed || number >= last, "committed without a reader");
                if end.code != Some(0) {
                    assert_eq!(
                        (end.code, end.stderr.lines().count()),
                        (Some(1), 1),
                        "{}",
                        end.stderr
                    );
                }
                assert!(end.code == Some(1) || committed);
                tally.count(&format!("{fault:?}"), &end, committed);
            }
        }
    }
}

/// A failed refresh leaves no files behind.
#[test]
fn failed_refresh_leaves_no_files() {
    let scene = Scene::changed();
    let mut place = scene.before.copy();
    let inject = Inject {
        call: "pwrite64".to_owned(),
        number: 50,
        fault: Fault::Onward("ENOSPC"),
    };
    let run = place.start(&scene.strace, "refresh", &scene.server.url(), Some(&inject));
    place.ended(run, Some(&inject), 0.0).assert_disk(&inject);
    let mut left: Vec<_> = std::fs::read_dir(place.folder.path())
        .expect("the folder")
        .map(|file| {
            file.expect("a file")
                .file_name()
                .into_string()
                .expect("a name")
        })
        .filter(|name| name.starts_with("copy"))
        .collect();
    left.sort();
    assert_eq!(left, ["copy.db", "copy.db.lock", "copy.db.status"]);
    Outcome::run(&place.arguments("refresh", &scene.server.url())).assert_done();
}
