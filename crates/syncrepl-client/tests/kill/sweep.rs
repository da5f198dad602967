//! `strace` kills the child at every write to the disk. At all times the own table equals the copy,
//! and after the next refresh both equal a fresh search. An ordinary run visits a few of the writes,
//! `SYNCREPL_SWEEP=all` all of them.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use syncrepl_client::Store;
use syncrepl_testing::judge;
use syncrepl_testing::people::{changes, everyone, mark};
use syncrepl_testing::process::Run;
use syncrepl_testing::slapd::{Slapd, Variant};
use syncrepl_testing::strace::{self, Fault, Inject, Strace};
use syncrepl_testing::sweep::Sweep;
use syncrepl_testing::wait_until;

use super::{Kept, PATIENCE, PERSIST, REFRESH, kept};

/// The number of people in a refresh, when all points are visited and when a few are.
const REFRESHED: [usize; 2] = [2000, 300];
/// The number of people in a round of the persist stage.
const PERSISTED: usize = 200;
/// After this many runs in a row that no kill reached, there are no further points.
const SURVIVORS: usize = 5;

impl Kept<'_> {
    fn log(&self) -> PathBuf {
        self.folder.path().join("strace.log")
    }

    fn files(&self) -> Vec<PathBuf> {
        let beside = ["", "-wal", "-shm", "-journal", ".lock"];
        let file = |end| self.folder.path().join(format!("copy.db{end}"));
        let mut files: Vec<_> = beside.map(file).into();
        files.push(self.folder.path().to_owned());
        files
    }

    /// A copy of the data file in another folder.
    fn again(&self) -> Kept<'_> {
        let again = Kept::of(self.server);
        for file in self.files().iter().filter(|file| file.is_file()) {
            let name = file.file_name().expect("a name");
            fs::copy(file, again.folder.path().join(name)).expect("a copy");
        }
        again
    }

    fn start_traced(&self, strace: &Strace, mode: &str, inject: Option<&Inject>) -> Run {
        let mut command = self.command(mode);
        command.env("SQLITE_TMPDIR", self.folder.path());
        let traced = &mut strace.command(&command, &self.files(), &self.log(), inject);
        Run::command(traced)
    }

    /// The calls by which the stage changes the disk. Its output is no part of that.
    fn calls(&self) -> BTreeMap<String, usize> {
        let mut calls = strace::calls(&self.log(), &self.files());
        calls.remove("write");
        assert!(calls["pwrite64"] > 40, "{calls:?}");
        calls
    }

    /// Whether an entry of the own table contains this text.
    fn holds(&self, text: &str) -> bool {
        let store = Store::open(self.data()).expect("the store opens");
        let sql = "SELECT count(*) FROM mine WHERE attrs LIKE '%' || ?1 || '%'";
        let count =
            store.read(|cursor| Ok(cursor.query_map(sql, [text], |row| row.get::<_, i64>(0))?));
        count.expect("the own table") == [1]
    }

    /// Neither the own table nor the copy is ahead of the other.
    fn assert_together(&self) {
        if !has_table(self) {
            return;
        }
        let (mine, copy) = kept(&self.data());
        judge::assert_same("own table", &mine, "copy", &copy);
    }
}

/// Whether the table is there. A child that is killed early leaves no store, or no table in it.
fn has_table(kept: &Kept<'_>) -> bool {
    let Ok(store) = Store::open(kept.data()) else {
        return false;
    };
    let sql = "SELECT count(*) FROM sqlite_schema WHERE name = 'mine'";
    let count = store.read(|cursor| Ok(cursor.query_map(sql, [], |row| row.get::<_, i64>(0))?));
    count.expect("the store can be read") == [1]
}

/// A kill at this call, and how much of that write reaches the disk.
fn kill(sweep: &mut Sweep, call: String, number: usize) -> (Inject, f64) {
    let torn = if sweep.rng.bool() {
        sweep.rng.f64()
    } else {
        0.0
    };
    println!("killed at {call} {number}, {torn:.2} of it done");
    let inject = Inject {
        call,
        number,
        fault: Fault::Kill,
    };
    (inject, torn)
}

#[test]
fn in_a_refresh() {
    let (mut sweep, strace) = (Sweep::new(), Strace::new());
    let people = REFRESHED[usize::from(!sweep.is_long())];
    let server = Slapd::start(Variant::Plain);
    server.load(&everyone(people));
    let first = Kept::of(&server);
    let changed = first.again();
    changed.refresh();
    for before in [&first, &changed] {
        let count = before.again();
        let mut run = count.start_traced(&strace, REFRESH, None);
        assert!(run.wait_exit(PATIENCE).success(), "{}", run.stderr());
        for (call, number) in sweep.points(&count.calls(), 2) {
            let (inject, torn) = kill(&mut sweep, call, number);
            let kept = before.again();
            let mut run = kept.start_traced(&strace, REFRESH, Some(&inject));
            assert_eq!(run.wait_exit(PATIENCE).code(), None, "it was not killed");
            strace::tear(&kept.log(), torn);
            kept.assert_together();
            kept.refresh();
            kept.assert_equal();
        }
        if before.data() == first.data() {
            server.ldapmodify(&changes(people, 0)).expect("changes");
        }
    }
}

#[test]
fn in_the_persist_stage() {
    let (mut sweep, strace) = (Sweep::new(), Strace::new());
    let server = Slapd::start(Variant::SessionLog);
    server.load(&everyone(PERSISTED));
    let kept = Kept::of(&server);
    kept.refresh();
    let mut round = 0;
    let mut follow = |inject: Option<&Inject>, torn: f64| -> bool {
        let mut run = kept.start_traced(&strace, PERSIST, inject);
        wait_until(PATIENCE, || {
            let told = run.output();
            let after = told.split_once("refresh done").map(|(_, after)| after);
            run.try_exit().is_some() || after.is_some_and(|after| after.contains("committed"))
        });
        server
            .ldapmodify(&changes(PERSISTED, round))
            .expect("changes");
        wait_until(PATIENCE, || {
            run.try_exit().is_some() || kept.holds(&mark(round))
        });
        let survived = run.try_exit().is_none();
        run.kill9();
        if inject.is_some() && !survived {
            strace::tear(&kept.log(), torn);
        }
        kept.assert_together();
        kept.refresh();
        kept.assert_equal();
        round += 1;
        survived
    };
    assert!(follow(None, 0.0), "it ended by itself");
    let mut points = sweep.points(&kept.calls(), 4);
    points.reverse();
    let mut survivors = 0;
    while let Some((call, number)) = points.pop() {
        let (inject, torn) = kill(&mut sweep, call, number);
        survivors = if follow(Some(&inject), torn) {
            survivors + 1
        } else {
            0
        };
        let last = points.last().is_none_or(|(next, _)| *next != inject.call);
        // The consumer groups the changes that have arrived, so another run may write more often.
        if sweep.is_all() && last && survivors < SURVIVORS {
            points.push((inject.call, number + 1));
        } else if last {
            println!("{number} numbers of {}", inject.call);
        }
    }
}
