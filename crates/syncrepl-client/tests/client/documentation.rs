//! The code in `docs/callbacks.md` does what the text says.

use std::io::Write;
use std::process::{Command, Output, Stdio};

const CALLBACKS: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../docs/callbacks.md"
));

/// Two runs that were killed and one that was not. The first died between a commit and its line,
/// the second inside a line, before its commit.
const RECORDED: &str = r#"{"op":"start","commit":0}
{"op":"bind","authzid":""}
{"op":"add","uuid":"1","dn":"uid=ann","attrs":{"uid":["ann"]}}
{"op":"add","uuid":"2","dn":"uid=bob","attrs":{"uid":["bob"]}}
{"op":"refresh_done","entries":2}
{"op":"cookie","cookie":{"base64":"AA=="}}
{"op":"commit","commit":1}
{"op":"add","uuid":"3","dn":"uid=cyd","attrs":{"uid":["cyd"]}}
{"op":"delete","uuid":"2","dn":"uid=bob","old":{"uid":["bob"]}}
{"op":"start","commit":2}
{"op":"bind","authzid":""}
{"op":"add","uuid":"4","dn":"uid=dan","attrs":{"uid":["dan"]}}
{"op":"delete","uuid":"1","dn":"uid=a
{"op":"start","commit":2}
{"op":"bind","authzid":""}
{"op":"rename","uuid":"1","old_dn":"uid=ann","dn":"uid=anna"}
{"op":"change","uuid":"1","dn":"uid=anna","old":{"uid":["ann"]},"attrs":{"jpegPhoto":[{"base64":"/w=="}],"uid":["anna"]}}
{"op":"commit","commit":3}
{"op":"delete","uuid":"3","dn":"uid=cyd","old":{"uid":["cyd"]}}
"#;

fn block(language: &str) -> &'static str {
    let (_, rest) = CALLBACKS.split_once(&format!("```{language}\n")).unwrap();
    rest.split_once("```").unwrap().0
}

fn read(recorded: &str) -> String {
    let output = run(recorded);
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

fn run(recorded: &str) -> Output {
    let mut python = Command::new("python3")
        .args(["-c", block("python")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("python3 runs");
    let mut stdin = python.stdin.take().unwrap();
    stdin.write_all(recorded.as_bytes()).unwrap();
    drop(stdin);
    python.wait_with_output().unwrap()
}

#[test]
fn reading_rule_in_python() {
    let expected = r#"{"uid=anna": {"jpegPhoto": [{"base64": "/w=="}], "uid": ["anna"]}, "uid=cyd": {"uid": ["cyd"]}}"#;
    assert_eq!(read(RECORDED), expected);
    // The next run may have begun on the line that was cut short.
    let joined = RECORDED.replace("\"dn\":\"uid=a\n", "\"dn\":\"uid=a");
    assert_ne!(joined, RECORDED);
    assert_eq!(read(&joined), expected);
    // At every earlier end the result is what had been committed by then.
    let until = |line: &str| {
        let end = RECORDED.find(line).unwrap() + line.len();
        read(&RECORDED[..end])
    };
    let both = r#"{"uid=ann": {"uid": ["ann"]}, "uid=bob": {"uid": ["bob"]}}"#;
    assert_eq!(until(r#"{"op":"refresh_done","entries":2}"#), "{}");
    assert_eq!(until("{\"op\":\"commit\",\"commit\":1}\n"), both);
    assert_eq!(until(r#""attrs":{"uid":["cyd"]}}"#), both);
}

#[test]
fn reader_reports_missed_output() {
    let from = RECORDED.find(r#"{"op":"start","commit":2}"#).unwrap();
    let output = run(&RECORDED[from..]);
    assert!(!output.status.success());
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("begin from a dump"), "{stderr}");
}

#[test]
fn first_refresh_as_shown() {
    let fixture = crate::common::Fixture::with(&["ann"]);
    let tape = crate::common::Tape::new();
    fixture.refresh(tape.callback());
    let names = |line: &str| {
        let word = line.split([' ', '\n']).next().unwrap_or_default();
        match word {
            "bind" => "bind_complete",
            "add" => "record_add",
            "cookie" => "cookie_change",
            "pending" => "commit_pending",
            word => return word.to_owned(),
        }
        .to_owned()
    };
    let told: Vec<_> = tape.lines().iter().map(|line| names(line)).collect();
    let shown: Vec<_> = block("").lines().map(names).collect();
    assert_eq!(shown, told);
}
