//! `syncrepl doctor`: each line, on a server where it applies. `doctor` ends as a refresh does.

#[path = "../common/mod.rs"]
mod common;

mod answers;
mod ds389;
mod encrypted;
mod refused;
mod report;

use syncrepl_testing::slapd::SUFFIX;

use common::outcome::{Data, Outcome};

/// Runs `doctor` on the suffix of the server at `url`.
fn doctor(url: &str, words: &[&str]) -> Outcome {
    doctor_of(url, SUFFIX, words)
}

fn doctor_of(url: &str, base: &str, words: &[&str]) -> Outcome {
    Outcome::run(&[&["doctor", "-H", url, "-b", base], words].concat())
}

/// Asserts that a line begins with this sign and this topic, and that it or the advice below it contains
/// these words.
#[track_caller]
fn assert_line(outcome: &Outcome, sign: &str, topic: &str, words: &[&str]) {
    let begins = format!("{sign} {topic}");
    let mut lines = outcome.stdout.lines();
    let Some(first) = lines.find(|line| line.starts_with(&begins)) else {
        panic!("no line {begins:?} in:\n{}", outcome.stdout);
    };
    let advice: Vec<&str> = lines
        .take_while(|line| line.is_empty() || line.starts_with("    "))
        .collect();
    let whole = format!("{first}\n{}", advice.join("\n"));
    for word in words {
        assert!(whole.contains(word), "no {word:?} in:\n{whole}");
    }
}

/// The signs of all lines that have one.
fn signs(outcome: &Outcome) -> String {
    let signs = outcome
        .stdout
        .lines()
        .filter_map(|line| line.chars().next());
    signs
        .filter(|sign| ['✔', '!', '✘'].contains(sign))
        .collect()
}

/// Asserts that `doctor` predicts success, and that a refresh succeeds.
#[track_caller]
fn assert_works(outcome: &Outcome, url: &str, words: &[&str]) {
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert_eq!(outcome.stderr, "");
    assert!(!signs(outcome).contains('✘'), "{}", outcome.stdout);
    let refreshed = refresh(url, SUFFIX, words);
    assert_eq!(refreshed.code, Some(0), "{refreshed:?}");
}

/// Asserts that `doctor` predicts this exit code, and that a refresh ends with it and with one message that
/// contains these words.
#[track_caller]
fn assert_fails(outcome: &Outcome, code: i32, refreshed: &Outcome, words: &[&str]) {
    println!("{}", outcome.stdout);
    assert_eq!(outcome.code, Some(code), "{outcome:?}");
    assert!(signs(outcome).ends_with('✘'), "{}", outcome.stdout);
    assert_eq!(
        outcome.stderr,
        format!(
            "syncrepl: a refresh would end with exit code {code}, because of the lines marked ✘\n"
        )
    );
    refreshed.assert_failed(code, words);
}

fn refresh(url: &str, base: &str, words: &[&str]) -> Outcome {
    let data = Data::new();
    let path = data.path();
    let all = [&["refresh", "--data", &path, "-H", url, "-b", base], words].concat();
    Outcome::run(&all)
}

fn person(uid: &str) -> String {
    format!(
        "dn: uid={uid},{SUFFIX}\nchangetype: add\nobjectClass: inetOrgPerson\nuid: {uid}\ncn: {uid}\n\
         sn: {uid}\n\n"
    )
}
