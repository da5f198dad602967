//! What is different on a terminal: `script` provides one.

use std::io::Write;
use std::process::{Command, Stdio};

use syncrepl_testing::slapd::{ADMIN, PASSWORD, SUFFIX, Slapd, Variant};

use crate::common::SYNCREPL;
use crate::common::outcome::{Data, clean, people};

/// Everything that appears on the terminal, and the exit code. `redirect` is for a shell.
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
    let (shown, code) = on_terminal(&arguments, "", "", false);
    assert_eq!(code, 0, "{shown}");
    assert!(shown.contains("NEW RECORD: dc=example,dc=com"), "{shown}");
    // Into a pipe it is JSON.
    let (shown, _) = on_terminal(&arguments, "| cat", "", false);
    assert!(shown.contains(r#"{"op":"start","commit":1}"#), "{shown}");
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
fn a_password_is_asked_for_and_not_shown() {
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
    let (shown, code) = on_terminal(&arguments, "", &format!("{PASSWORD}\n"), false);
    assert_eq!(code, 0, "{shown}");
    assert!(shown.contains("Enter LDAP Password:"), "{shown}");
    assert!(
        shown.contains("BOUND: dn:cn=admin,dc=example,dc=com"),
        "{shown}"
    );
}

#[test]
fn progress() {
    let server = Slapd::start(Variant::Plain);
    // Enough for the line to be looked at a few times.
    server.load(&people(12_000));
    let arguments = |data: &Data| {
        let url = server.url();
        [
            "refresh",
            "--data",
            &data.path(),
            "-H",
            &url,
            "-b",
            SUFFIX,
            "--format",
            "json",
        ]
        .map(str::to_owned)
    };
    for (redirect, expected) in [
        ("> /dev/null", true),
        // Where the changes themselves are shown, a line would be torn apart.
        ("", false),
        ("2> /dev/null", false),
    ] {
        let data = Data::new();
        let words = arguments(&data);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let (shown, code) = on_terminal(&words, redirect, "", false);
        assert_eq!(code, 0, "{shown}");
        let progress = shown.contains("refresh: ") && shown.contains(" entries, ");
        assert_eq!(progress, expected, "{redirect}: {}", shown.len());
    }
}
