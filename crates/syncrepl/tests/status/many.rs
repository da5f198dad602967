//! Several files at once, and files without a run.

use serde_json::Value;
use syncrepl_testing::slapd::{Slapd, Variant};

use crate::common::PATIENCE;
use crate::common::outcome::{Data, Outcome};
use crate::{follow, status, wait_for_state};

#[test]
fn each_file_gets_a_line() {
    let server = Slapd::start(Variant::Plain);
    let (one, other) = (Data::of(&server), Data::new());
    let mut run = follow(&other, &server.url());
    wait_for_state(&other, "following");
    let both = ["status", "--data", &one.path(), "--data", &other.path()];
    let text = Outcome::run(&both);
    text.assert_done();
    let lines: Vec<&str> = text.stdout.lines().collect();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].starts_with(&one.path()) && lines[0].contains("stopped"));
    assert!(lines[1].starts_with(&other.path()) && lines[1].contains("following"));
    let json = Outcome::run(&[&both[..], &["--format", "json"]].concat());
    let of = |line: &str| serde_json::from_str::<Value>(line).expect("JSON");
    let files: Vec<_> = json
        .stdout
        .lines()
        .map(|line| of(line)["data"].clone())
        .collect();
    assert_eq!(files, [one.path(), other.path()]);
    // One that cannot be read does not hide the others, and the worst decides.
    let empty = Data::new();
    let none = empty.path();
    let some = [
        "status",
        "--data",
        &none,
        "--data",
        &other.path(),
        "--data",
        &one.path(),
    ];
    let outcome = Outcome::run(&[&some[..], &["--max-age", "1ms"]].concat());
    assert_eq!(outcome.code, Some(5), "{outcome:?}");
    assert_eq!(outcome.stdout.lines().count(), 2, "{outcome:?}");
    assert!(outcome.stderr.contains("there is no store"), "{outcome:?}");
    assert!(
        outcome.stderr.contains("not confirmed to be current"),
        "{outcome:?}"
    );
    run.signal("TERM");
    assert!(run.wait_exit(PATIENCE).success());
}

/// A copy whose state went away is what it was, and as current as its last refresh.
#[test]
fn copy_without_a_state() {
    let server = Slapd::start(Variant::Plain);
    let data = Data::of(&server);
    std::fs::remove_file(data.path() + ".status").expect("the state");
    let told = status(&data);
    assert_eq!(
        (&told["state"], &told["entries"]),
        (&"unknown".into(), &1.into())
    );
    assert!(told["confirmed"].is_string(), "{told}");
    std::fs::write(
        data.path() + ".status",
        "syncrepl-status 1\ncheck 0\nstate following\n",
    )
    .expect("a state that is not whole");
    assert_eq!(status(&data)["state"], "unknown");
}
