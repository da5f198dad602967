//! The form of the report. `doctor` changes nothing.

use std::process::{Command, Stdio};

use syncrepl_testing::process::Run;
use syncrepl_testing::slapd::{PASSWORD, SUFFIX, Slapd, Variant};

use crate::common::outcome::{Data, Outcome, clean, command};
use crate::common::{PATIENCE, SYNCREPL};
use crate::{assert_line, doctor};

/// A server sends a name that would turn the direction of writing and clear the screen.
#[test]
fn server_cannot_steer_the_terminal() {
    let server = Slapd::start(Variant::Plain);
    let name = "cn=x\u{202e}\u{9b}2Jy,dc=example,dc=com";
    let entry = format!(
        "dn: {name}\nchangetype: add\nobjectClass: person\nsn: x\nuserPassword: {PASSWORD}\n"
    );
    server.ldapmodify(&entry).expect("an entry");
    let outcome = doctor(&server.url(), &["-D", name, "-w", PASSWORD]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert_line(&outcome, "✔", "bind:", &["cn=x\\u{202e}"]);
    let control = |c: char| c.is_control() && c != '\n' || c == '\u{202e}';
    assert!(!outcome.stdout.contains(control), "{:?}", outcome.stdout);
}

#[test]
fn colour_on_a_terminal_only() {
    let server = Slapd::start(Variant::Plain);
    let line = format!("{SYNCREPL} doctor -H {} -b {SUFFIX}", server.url());
    for (no_color, coloured) in [("", true), ("1", false)] {
        let mut script = Command::new("script");
        let output = clean(&mut script)
            .args(["-qec", &line, "/dev/null"])
            .env("TERM", "xterm")
            .env("NO_COLOR", no_color)
            .stdin(Stdio::null())
            .output()
            .expect("script starts");
        let shown = String::from_utf8_lossy(&output.stdout);
        assert_eq!(
            shown.contains("\u{1b}[32m✔\u{1b}[0m bind:"),
            coloured,
            "{shown}"
        );
        assert_eq!(shown.contains('\u{1b}'), coloured, "{shown}");
        assert!(shown.contains("✔"));
    }
    assert!(!doctor(&server.url(), &[]).stdout.contains('\u{1b}'));
}

/// The data file knows its search. `doctor` only reads it, even while `follow` holds it.
#[test]
fn search_of_a_copy() {
    let server = Slapd::start(Variant::Plain);
    let data = Data::of(&server);
    let path = data.path();
    let follow = Run::command(&mut command(&data.sync("follow", &server.url())));
    follow.wait_for_line(|line| line.contains(r#""op":"commit""#), PATIENCE);
    let of_copy = data.unchanged(|| Outcome::run(&["doctor", "--data", &path]));
    assert_eq!((of_copy.code, of_copy.stderr.as_str()), (Some(0), ""));
    assert_line(&of_copy, "✔", "base:", &[SUFFIX]);
    // Another server may hold the same directory. Another search is refused.
    let words = ["doctor", "--data", &path, "-b", "dc=other"];
    Outcome::run(&words).assert_failed(5, &["another search"]);
    let none = format!("{path}.no");
    Outcome::run(&["doctor", "--data", &none])
        .assert_failed(2, &["there is no file", "copy.db.no"]);
    assert!(!std::path::Path::new(&none).exists());
    Outcome::run(&["doctor"]).assert_failed(2, &["no LDAP URL"]);
}

/// An unknown vendor: the provider in memory, under a name of its own.
#[test]
fn unknown_server() {
    let provider = syncrepl_provider::Provider::builder()
        .suffix(SUFFIX)
        .vendor_name("Acme\u{1b}[2J Directory")
        .start()
        .expect("the provider starts");
    let (name, password) = provider.root();
    let outcome = doctor(&provider.url(), &["-D", &name, "-w", &password]);
    println!("{}", outcome.stdout);
    let words = ["one that was not tested", "Acme\\u{1b}[2J Directory"];
    assert_line(&outcome, "!", "server:", &words);
    assert!(!outcome.stdout.contains('\u{1b}'), "{:?}", outcome.stdout);
}

#[test]
fn as_a_url() {
    let server = Slapd::start(Variant::Plain);
    let url = format!("{}/{SUFFIX}??sub", server.url());
    let outcome = Outcome::run(&["doctor", &url]);
    assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""));
    assert_line(&outcome, "✔", "base:", &[SUFFIX]);
}

/// The reader goes away. That ends `doctor` without a word, and is no verdict on the server.
#[test]
fn reader_goes_away() {
    let server = Slapd::start(Variant::Plain);
    let mut run = Run::unread(&mut command(&["doctor", "-H", &server.url(), "-b", SUFFIX]));
    run.close_stdout();
    assert_eq!(run.wait_exit(PATIENCE).code(), Some(1), "{}", run.stderr());
    assert_eq!(run.stderr(), "");
}
