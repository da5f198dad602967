//! A few hundred seeds in every run of the tests, always the same ones. `SYNCREPL_SEEDS` is how
//! many; `just simulate` runs seeds that nobody has seen.

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
        commits += outcome.commits;
        told += outcome.told;
    }
    assert!(commits > 0 && told > 0, "nothing happened");
}

fn count() -> u64 {
    let wanted = std::env::var("SYNCREPL_SEEDS").ok();
    wanted.map_or(300, |wanted| wanted.parse().expect("a number"))
}

#[test]
fn the_same_seeds_every_time() {
    run(0..count());
}

/// Each of these once found a fault that few others find.
#[test]
fn seeds_that_found_something() {
    run([
        1_003_615,  // a search for everything has the scope of the search
        1_004_581,  // a hidden parent that got its name while everything was sent
        7_000_974,  // elsewhere between two searches
        7_002_003,  // a parent renamed after its child was sent, its old name taken
        1_002_331,  // left the base and came back with others below it
        1_002_302,  // below a name that was taken after the child was sent
        1_003_164,  // the same, and the child was sent in that stage
        50_001_389, // named as present, gone with its parent before the stage ended
        50_002_255, // sent before the case of its parent's name changed
        50_002_291, // told live below a name that its parent had
        50_003_795, // came along with who was found before the provider told of it
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
