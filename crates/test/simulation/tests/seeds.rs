//! A few thousand seeds in every run of the tests, always the same ones, in parts that run side by
//! side. `SYNCREPL_SEEDS` is how many a part has; `just simulate` runs seeds that nobody has seen.

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

/// Each of these once found a fault that few others find.
#[test]
fn seeds_that_found_something() {
    run([
        72_003_524, // below a name that another took after the child was sent
        72_005_464, // renamed to the same name in another spelling
        72_009_275, // found in a silent second, told, and not committed
        72_009_997, // names that pass from one to the next in a persist stage
        72_010_695, // a child that stayed with the name when its parent left it
        82_043_629, // gone early with a parent that was back before its leave was told
        82_055_446, // back with others in one group of 389-ds
        84_079_503, // waits for a name below a parent that moves and leaves in the same group
    ]
    .into_iter());
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
