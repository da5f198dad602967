//! The memory that 100,000 entries take, at the first refresh and later.

mod common;

use std::time::Duration;

use common::outcome::{Data, command, people};
use syncrepl_testing::process::Run;
use syncrepl_testing::slapd::{Slapd, Variant};

const ENTRIES: usize = 100_000;
const AT_MOST_KIB: u64 = 32 * 1024;
const LONG: Duration = Duration::from_secs(240);

/// The peak of memory in a run, in KiB. It only grows, so the last value counts.
fn peak_of(run: &mut Run) -> u64 {
    let mut peak = 0;
    let deadline = std::time::Instant::now() + LONG;
    while run.try_exit().is_none() {
        peak = run.peak_memory_kib().unwrap_or(peak).max(peak);
        std::thread::sleep(Duration::from_millis(1));
        assert!(std::time::Instant::now() < deadline, "it does not end");
    }
    assert!(run.wait_exit(LONG).success(), "{}", run.stderr());
    peak
}

fn check(what: &str, peak: u64) {
    println!("{what}: {:.1} MB at its peak", peak as f64 / 1024.0);
    assert!(peak > 1024, "not measured");
    assert!(peak < AT_MOST_KIB, "{what}: {peak} KiB");
}

#[test]
fn memory_of_a_hundred_thousand_entries() {
    let server = Slapd::start(Variant::Plain);
    server.load(&people(ENTRIES));
    let options = |data: &Data, subcommand: &str, format: &str| {
        let mut arguments = data.sync(subcommand, &server.url());
        let json = arguments.iter().position(|word| word == "json");
        arguments[json.expect("a format")] = format.to_owned();
        arguments
    };

    let data = Data::new();
    let mut follow = Run::command(&mut command(&options(&data, "follow", "json")));
    follow.wait_for_line(|line| line.contains(r#""op":"commit""#), LONG);
    check(
        "first refresh and follow, as JSON",
        follow.peak_memory_kib().expect("it runs"),
    );
    follow.signal("TERM");
    assert!(follow.wait_exit(LONG).success(), "{}", follow.stderr());
    let lines = follow
        .lines()
        .iter()
        .filter(|line| line.contains(r#""op":"add""#))
        .count();
    assert_eq!(lines, ENTRIES + 2);
    drop(follow);

    for option in ["--reconcile", "-v"] {
        let mut arguments = options(&data, "refresh", "text");
        arguments.push(option.to_owned());
        let mut run = Run::command(&mut command(&arguments));
        check(&format!("refresh {option}"), peak_of(&mut run));
    }

    let first = Data::new();
    let mut run = Run::command(&mut command(&options(&first, "refresh", "none")));
    check("first refresh without output", peak_of(&mut run));
}
