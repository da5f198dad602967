//! A few thousand seeds, the same in every run of the tests, in parts that run side by side.
//! `SYNCREPL_SEEDS` sets the number in each part; `just simulate` runs seeds that nobody has seen.

use syncrepl_simulation::{Settings, folder, simulate};

fn run(seeds: impl Iterator<Item = u64>) {
    let folder = folder().expect("a folder");
    let (mut commits, mut told) = (0, 0);
    for seed in seeds {
        let outcome = simulate(seed, folder.path(), Settings::default());
        assert!(
            outcome.findings.is_empty(),
            "just simulate --seed {seed}: {:?}",
            outcome.findings
        );
        commits += outcome.counts.commits;
        told += outcome.counts.told;
    }
    assert!(commits > 0 && told > 0, "nothing happened");
}

fn count() -> u64 {
    let wanted = std::env::var("SYNCREPL_SEEDS").ok();
    wanted.map_or(1000, |wanted| wanted.parse().expect("a number"))
}

fn part(number: u64) {
    run(number * count()..(number + 1) * count());
}

#[test]
fn the_same_seeds_every_time() {
    part(0);
}

#[test]
fn the_same_seeds_every_time_second_part() {
    part(1);
}

#[test]
fn the_same_seeds_every_time_third_part() {
    part(2);
}

#[test]
fn a_seed_replays_to_the_letter() {
    let traced = Settings {
        traced: true,
        ..Settings::default()
    };
    for seed in 1..4 {
        let traces = [(); 2].map(|()| {
            let folder = folder().expect("a folder");
            simulate(seed, folder.path(), traced).trace
        });
        assert!(traces[0].len() > 10 && traces[0] == traces[1], "{seed}");
    }
}
