//! Behaviour that differs on a terminal. `script` provides one.

use std::io::Write;
use std::process::{Command, Stdio};

use syncrepl_testing::slapd::{ADMIN, PASSWORD, SUFFIX, Slapd, Variant};

use crate::common::SYNCREPL;
use crate::common::outcome::{Data, clean, people};

/// Enough entries that a refresh is still running at the first look at it.
const PEOPLE: usize = 10_000;

/// All bytes that appear on the terminal, and the exit code. A shell reads `redirect`.
fn on_terminal(arguments: &[&str], redirect: &str, typed: &str, no_color: bool) -> (String, i32) {
    let mut line = SYNCREPL.to_owned();
    for argument in arguments {
        line += &format!(" '{argument}'");
    }
    let mut command = Command::new("script");
    clean(&mut command).env("TERM", "xterm");
    if no_color {
        command.env("NO_COLOR", "1");
    }
    let mut child = command
        .args(["-qec", &format!("{line} {redirect}"), "/dev/null"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("script starts");
    let mut input = child.stdin.take().expect("a pipe");
    input.write_all(typed.as_bytes()).expect("typing");
    let output = child.wait_with_output().expect("script ends");
    drop(input);
    let code = output.status.code().expect("a code");
    (String::from_utf8_lossy(&output.stdout).into_owned(), code)
}

#[test]
fn text_is_the_default() {
    let server = Slapd::start(Variant::Plain);
    let data = Data::new();
    let arguments = [
        "refresh",
        "--data",
        &data.path(),
        "-H",
        &server.url(),
        "-b",
        SUFFIX,
    ];
    let (shown, code) = on_terminal(&arguments, "", "", true);
    assert_eq!(code, 0, "{shown}");
    assert!(shown.contains("NEW RECORD: dc=example,dc=com"), "{shown}");
    // In a pipe the default is JSON.
    let (shown, _) = on_terminal(&arguments, "| cat", "", false);
    assert!(shown.contains(r#"{"op":"start","commit":1,"#), "{shown}");
}

#[test]
fn colour_can_be_switched_off() {
    let data = Data::new();
    let arguments = ["refresh", "--data", &data.path()];
    let (shown, code) = on_terminal(&arguments, "", "", false);
    assert_eq!(code, 2, "{shown}");
    assert!(
        shown.contains("\u{1b}[1;31msyncrepl:\u{1b}[0m no LDAP URL"),
        "{shown:?}"
    );
    let (shown, _) = on_terminal(&arguments, "", "", true);
    assert!(shown.contains("syncrepl: no LDAP URL"), "{shown:?}");
    assert!(!shown.contains('\u{1b}'), "{shown:?}");
}

#[test]
fn password_prompt_without_echo() {
    let server = Slapd::start(Variant::Plain);
    let data = Data::new();
    let arguments = [
        "refresh",
        "--data",
        &data.path(),
        "-H",
        &server.url(),
        "-b",
        SUFFIX,
        "-D",
        ADMIN,
        "-W",
    ];
    let (shown, code) = on_terminal(&arguments, "", &format!("{PASSWORD}\n"), true);
    assert_eq!(code, 0, "{shown}");
    assert!(shown.contains("Enter LDAP Password:"), "{shown}");
    assert!(
        shown.contains("BOUND: dn:cn=admin,dc=example,dc=com"),
        "{shown}"
    );
}

/// The text that a terminal shows after all lines were printed.
fn seen(shown: &str) -> Vec<String> {
    let mut lines = Vec::new();
    for line in shown.split('\n') {
        let (mut cells, mut at) = (Vec::new(), 0);
        let mut rest = line.chars();
        while let Some(c) = rest.next() {
            match c {
                '\r' => at = 0,
                '\u{1b}' => {
                    let sequence: String =
                        rest.by_ref().take_while(|c| !c.is_alphabetic()).collect();
                    // Of the sequences in use, only "erase the line" has a 2.
                    if sequence == "[2" {
                        cells.clear();
                    }
                }
                _ => {
                    cells.resize(cells.len().max(at + 1), ' ');
                    cells[at] = c;
                    at += 1;
                }
            }
        }
        lines.push(cells.into_iter().collect());
    }
    lines
}

/// A refresh on a terminal: all that it writes there.
fn refresh_on_terminal(
    data: &Data,
    server: &Slapd,
    format: &str,
    more: &[&str],
    redirect: &str,
) -> String {
    let (path, url) = (data.path(), server.url());
    let words = [
        "refresh", "--data", &path, "-H", &url, "-b", SUFFIX, "--format", format,
    ];
    let (shown, code) = on_terminal(&[&words[..], more].concat(), redirect, "", false);
    assert_eq!(code, 0, "{shown}");
    shown
}

#[test]
fn progress() {
    let server = Slapd::start(Variant::Plain);
    server.load(&people(PEOPLE));
    for (redirect, expected) in [("> /dev/null", true), ("", true), ("2> /dev/null", false)] {
        let shown = refresh_on_terminal(&Data::new(), &server, "json", &[], redirect);
        let progress = shown.contains("refresh: ") && shown.contains(" entries, ");
        assert_eq!(progress, expected, "{redirect}: {}", shown.len());
        assert!(!shown.contains("of about"), "nothing was known yet");
    }
}

/// Changes and the progress line share a terminal, and neither tears a line of the other.
#[test]
fn output_and_progress_share_a_terminal() {
    let server = Slapd::start(Variant::Plain);
    server.load(&people(PEOPLE));
    let data = Data::new();
    let shown = refresh_on_terminal(&data, &server, "json", &[], "");
    assert!(shown.contains("refresh: "), "no progress line");
    let seen_lines = seen(&shown);
    let mut adds = 0;
    for line in seen_lines.iter().filter(|line| !line.trim().is_empty()) {
        let value: serde_json::Value =
            serde_json::from_str(line).unwrap_or_else(|error| panic!("torn ({error}): {line:?}"));
        adds += usize::from(value["op"] == "add");
    }
    assert_eq!(adds, PEOPLE + 2);
}

/// A reconcile reads much and prints little. The progress line says how far it is, and of how many.
#[test]
fn quiet_reconcile_shows_progress() {
    let server = Slapd::start(Variant::Plain);
    server.load(&people(PEOPLE));
    let data = Data::of(&server);
    for format in ["text", "ldif"] {
        let shown = refresh_on_terminal(&data, &server, format, &["--reconcile"], "");
        assert!(shown.contains(" of about 10,002 entries, "), "{shown:?}");
        let left: Vec<String> = seen(&shown)
            .into_iter()
            .filter(|line| !line.trim().is_empty())
            .collect();
        let expected: &[&str] = match format {
            "text" => &["BOUND: ", "REFRESH DONE: 10002 entries"],
            _ => &[],
        };
        assert_eq!(left.len(), expected.len(), "{left:?}");
        for (line, beginning) in left.iter().zip(expected) {
            assert!(line.starts_with(beginning), "{line:?}");
        }
    }
}

/// What comes and goes is told apart by its colour, unless colours are switched off.
#[test]
fn changes_have_colours() {
    let server = Slapd::start(Variant::Plain);
    let (path, url) = (Data::new(), server.url());
    let data = path.path();
    let words = ["refresh", "--data", &data, "-H", &url, "-b", SUFFIX];
    let describe = |text: &str| {
        let base = format!("dn: {SUFFIX}\nchangetype: modify\nreplace: description\n");
        server.ldapmodify(&format!("{base}description: {text}\n"))
    };
    let (shown, _) = on_terminal(&words, "", "", false);
    let kind = "\u{1b}[1;32mNEW RECORD:\u{1b}[0m dc=example,dc=com";
    assert!(shown.contains(kind), "{shown:?}");
    describe("one").expect("a change");
    on_terminal(&words, "", "", false);
    describe("two").expect("a change");
    let (shown, _) = on_terminal(&words, "", "", false);
    for painted in [
        "\u{1b}[1;33mCHANGED RECORD:\u{1b}[0m dc=example,dc=com",
        "\u{1b}[1;31m  -description: one\u{1b}[0m",
        "\u{1b}[1;32m  +description: two\u{1b}[0m",
    ] {
        assert!(shown.contains(painted), "{shown:?}");
    }
    describe("three").expect("a change");
    let (shown, _) = on_terminal(&words, "", "", true);
    assert!(shown.contains("+description: three"), "{shown:?}");
    assert!(!shown.contains('\u{1b}'), "{shown:?}");
    let file = path.folder.path().join("out").display().to_string();
    describe("four").expect("a change");
    let more = ["--format", "text", "--output", &file];
    on_terminal(&[&words[..], &more].concat(), "", "", false);
    let text = std::fs::read_to_string(file).expect("the output");
    assert!(text.contains("  +description: four\n"), "{text:?}");
}

/// A warning comes in a line of its own, and the rate is a whole number.
#[test]
fn warning_beside_the_progress_line() {
    let server = Slapd::start(Variant::Plain);
    let secret = people(PEOPLE).replacen("sn: Number 0", "sn: Number 0\nuserPassword: x", 1);
    server.load(&secret);
    let admin = ["-D", ADMIN, "-w", PASSWORD];
    let shown = refresh_on_terminal(&Data::new(), &server, "none", &admin, "");
    let rates = shown.split(" entries, ").skip(1);
    let rates: Vec<&str> = rates.filter_map(|rest| rest.split("/s").next()).collect();
    assert!(!rates.is_empty(), "no progress line");
    for rate in rates {
        assert!(
            rate.chars().all(|c| c.is_ascii_digit() || c == ','),
            "{rate}"
        );
    }
    let lines: Vec<String> = seen(&shown)
        .into_iter()
        .filter(|line| line.contains("password hashes"))
        .collect();
    let [line] = &lines[..] else {
        panic!("{shown:?}");
    };
    assert!(
        line.starts_with("syncrepl: warning: the search brings"),
        "{line:?}"
    );
    assert!(!line.contains("refresh: "), "{line:?}");
}
