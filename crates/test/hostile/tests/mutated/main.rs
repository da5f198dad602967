//! Recorded streams, mutated, played to a whole consumer with a store in this process: no panic, no
//! hang, no more memory than is allowed, and no change to the copy by a stream that failed.
//!
//! `SYNCREPL_STREAMS=100000` plays more of them, `SYNCREPL_SEED` begins with that seed: each stream
//! has one of its own, so that a stream plays alone with `SYNCREPL_SEED=… SYNCREPL_STREAMS=1`.

mod bench;
mod told;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bench::{Bench, Outcome};
use syncrepl_testing::environment::number;

/// A stream that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(10);
/// The most memory this process may ever have used, in KiB.
const MOST_MEMORY: u64 = 256 << 10;

#[test]
fn recorded_streams_play_as_they_are() {
    let bench = Bench::new();
    let mut changes = BTreeMap::new();
    for (index, recorded) in bench.recorded().iter().enumerate() {
        let outcome = bench.plain(index);
        assert_eq!(
            outcome.error, None,
            "{} {}",
            recorded.provider, recorded.name
        );
        assert!(outcome.commits > 0);
        *changes.entry(&recorded.provider).or_insert(0) += outcome.changes;
    }
    assert_eq!(changes.len(), 4, "{changes:?}");
    assert!(
        changes.values().all(|&changes| changes >= 10),
        "{changes:?}"
    );
}

#[test]
fn a_mutated_stream_does_no_harm() {
    let count = number("SYNCREPL_STREAMS").unwrap_or(2000);
    let first = number("SYNCREPL_SEED").unwrap_or_else(|| fastrand::u64(..1 << 48));
    println!("SYNCREPL_SEED={first}");
    let bench = Bench::new();
    let now = watch();
    let mut errors: BTreeMap<String, u64> = BTreeMap::new();
    let (mut failed, mut changed, mut slowest) = (0, 0, Duration::ZERO);
    for seed in first..first + count {
        now.store(seed, Ordering::SeqCst);
        let _name = OnPanic(seed);
        let began = Instant::now();
        let Outcome { error, commits, .. } = bench.mutated(seed);
        slowest = slowest.max(began.elapsed());
        failed += u64::from(error.is_some());
        changed += u64::from(error.is_none() && commits > 0);
        *errors
            .entry(error.unwrap_or_else(|| "no error".to_owned()))
            .or_default() += 1;
    }
    now.store(u64::MAX, Ordering::SeqCst);
    let peak = peak_memory();
    println!(
        "{count} streams from seed {first}: {failed} failed, {changed} were taken, slowest {slowest:?}, at most {peak} KiB"
    );
    errors
        .iter()
        .for_each(|(error, count)| println!("{count:>7} {error}"));
    assert!(peak < MOST_MEMORY, "{peak} KiB");
    if count >= 1000 {
        // Neither all nor none: the mutations are neither too wild nor too tame.
        assert!(
            failed > count / 4 && changed > count / 50,
            "{failed} failed, {changed} taken"
        );
    }
}

/// Names the stream that was being played.
struct OnPanic(u64);

impl Drop for OnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("failed: SYNCREPL_SEED={} SYNCREPL_STREAMS=1", self.0);
        }
    }
}

/// Ends the process, with the seed, when one stream takes too long.
fn watch() -> std::sync::Arc<AtomicU64> {
    let now = std::sync::Arc::new(AtomicU64::new(u64::MAX));
    let watched = std::sync::Arc::clone(&now);
    std::thread::spawn(move || {
        let (mut last, mut since) = (u64::MAX, Instant::now());
        loop {
            // No test waits for this: it looks on from beside until the process ends.
            std::thread::sleep(Duration::from_millis(200));
            let seed = watched.load(Ordering::SeqCst);
            if seed != last {
                (last, since) = (seed, Instant::now());
            } else if seed != u64::MAX && since.elapsed() > PATIENCE {
                eprintln!("hangs: SYNCREPL_SEED={seed} SYNCREPL_STREAMS=1");
                std::process::exit(1);
            }
        }
    });
    now
}

/// The most memory that this process has used, in KiB.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("/proc");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    number
        .and_then(|number| number.parse().ok())
        .expect("VmHWM")
}
