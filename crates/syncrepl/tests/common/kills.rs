//! `kill -9` at random moments, while the directory keeps changing.

use std::time::{Duration, Instant};

use syncrepl_testing::process::Run;
use syncrepl_testing::slapd::SUFFIX;
use syncrepl_testing::sweep::Sweep;
use syncrepl_testing::target::Target;
use syncrepl_testing::workload::{Options, Workload, while_changing};

use super::Copied;

/// Kills two hundred times with `SYNCREPL_SWEEP=all`, six times without. At the end no entry may exist that
/// was told as deleted, so no entry may leave `filter` and match it again.
pub fn killed_at_random_moments(server: &(impl Target + Sync), options: Options, filter: &str) {
    let mut sweep = Sweep::new();
    let options = Options {
        // An entry of megabytes would not arrive between two kills.
        big_value: false,
        ..options
    };
    let mut workload = Workload::new(sweep.rng.u64(..), options);
    workload.populate(server, 60);
    let mut copy = Copied::of(server, SUFFIX, filter);
    copy.refresh();
    let mut alive = 0;
    let (mut kills, wanted) = (0, sweep.count(6, 200));
    while kills < wanted {
        let deletes = copy.reader.deletes().len();
        // Sometimes the next kill comes before a look at the copy.
        let row = sweep.rng.usize(1..=3).min(wanted - kills);
        while_changing(server, &mut workload, || {
            for _ in 0..row {
                let subcommand = if sweep.rng.u8(0..3) == 0 {
                    "refresh"
                } else {
                    "follow"
                };
                let until = Instant::now() + Duration::from_millis(sweep.rng.u64(0..400));
                let mut run = Run::command(&mut copy.command(subcommand));
                // No wait for a condition: the moment of the kill is what the test draws.
                std::thread::sleep(until.saturating_duration_since(Instant::now()));
                alive += usize::from(run.try_exit().is_none());
                run.kill9();
                assert_eq!(run.stderr(), "");
                copy.feed(&run.output());
                copy.reader.assert_clean();
            }
        });
        kills += row;
        copy.dump();
        copy.refresh();
        copy.assert_equal();
        copy.assert_no_phantom_delete(deletes);
    }
    copy.assert_quiet();
    copy.assert_python_equal();
    println!("{kills} kills, {alive} of them before its end");
    assert!(alive > 0);
}
