//! The code in `docs/callbacks.md` does what the text says.

use std::io::Write;
use std::process::{Command, Output, Stdio};

const CALLBACKS: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../docs/callbacks.md"
));

/// Two runs that were killed and one that was not. The first died between a commit and its line,
/// the second inside a line, before its commit.
const RECORDED: &str = r#"{"op":"start","commit":0,"store":"s","tag":null,"previous":null,"lines":0,"next":"a"}
{"op":"bind","authzid":""}
{"op":"add","uuid":"1","dn":"uid=ann","attrs":{"uid":["ann"]}}
{"op":"add","uuid":"2","dn":"uid=bob","attrs":{"uid":["bob"]}}
{"op":"refresh_done","entries":2}
{"op":"cookie","cookie":{"base64":"AA=="}}
{"op":"commit","commit":1,"tag":"a","lines":2}
{"op":"add","uuid":"3","dn":"uid=cyd","attrs":{"uid":["cyd"]}}
{"op":"delete","uuid":"2","dn":"uid=bob","old":{"uid":["bob"]}}
{"op":"start","commit":2,"store":"s","tag":"a","previous":"a","lines":2,"next":"b"}
{"op":"bind","authzid":""}
{"op":"add","uuid":"4","dn":"uid=dan","attrs":{"uid":["dan"]}}
{"op":"delete","uuid":"1","dn":"uid=a
{"op":"start","commit":2,"store":"s","tag":"a","previous":"a","lines":2,"next":"c"}
{"op":"bind","authzid":""}
{"op":"rename","uuid":"1","old_dn":"uid=ann","dn":"uid=anna"}
{"op":"change","uuid":"1","dn":"uid=anna","old":{"uid":["ann"]},"attrs":{"jpegPhoto":[{"base64":"/w=="}],"uid":["anna"]}}
{"op":"commit","commit":3,"tag":"c","lines":2}
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
    assert_eq!(until("\"tag\":\"a\",\"lines\":2}\n"), both);
    assert_eq!(until(r#""attrs":{"uid":["cyd"]}}"#), both);
}

#[test]
fn reader_reports_missed_output() {
    let from = RECORDED.find(r#"{"op":"start","commit":2"#).unwrap();
    let (before, after) = RECORDED.split_at(from);
    let lost = |line: &str| RECORDED.replacen(line, "", 1);
    for recorded in [
        after.to_owned(),
        // All of a commit, one of its lines, its tag.
        before.to_owned() + &after.replace(r#""commit":2,"#, r#""commit":3,"#),
        lost(r#"{"op":"add","uuid":"3","dn":"uid=cyd","attrs":{"uid":["cyd"]}}"#),
        lost(r#"{"op":"rename","uuid":"1","old_dn":"uid=ann","dn":"uid=anna"}"#),
        RECORDED.replacen(
            r#""commit":2,"store":"s","tag":"a","#,
            r#""commit":2,"store":"s","tag":"z","#,
            1,
        ),
        RECORDED.replacen(r#""commit":2,"store":"s""#, r#""commit":2,"store":"t""#, 1),
        RECORDED.replacen(r#""previous":"a""#, r#""previous":"z""#, 1),
        // What an earlier version printed.
        "{\"op\":\"start\",\"commit\":0}\n{\"op\":\"commit\",\"commit\":1}\n".to_owned(),
    ] {
        assert_ne!(recorded, RECORDED);
        let output = run(&recorded);
        assert!(!output.status.success(), "{recorded}");
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(stderr.contains("begin anew from a dump"), "{stderr}");
        assert!(!stderr.contains("Traceback"), "{stderr}");
    }
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
