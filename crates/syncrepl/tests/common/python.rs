//! The reader that docs/callbacks.md shows, run by `python3` as it stands there.
#![allow(dead_code)] // each test target uses its part

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::{Map, Value};

const CALLBACKS: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../docs/callbacks.md"
));

/// What the reader holds after this output, by DN. `None`: it says that it has to begin from a dump.
#[track_caller]
pub fn read(output: &[u8]) -> Option<Map<String, Value>> {
    let (_, code) = CALLBACKS.split_once("```python\n").expect("the code");
    let (code, _) = code.split_once("```").expect("its end");
    let mut python = Command::new("python3")
        .args(["-c", code])
        // A reader must not depend on the encoding of its terminal.
        .env("LC_ALL", "C")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("python3 starts");
    // It may end before it has read everything.
    let mut stdin = python.stdin.take().expect("a pipe");
    let bytes = output.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&bytes).ok());
    let end = python.wait_with_output().expect("python3 ends");
    writer.join().expect("the pipe is written");
    let said = String::from_utf8_lossy(&end.stderr);
    assert!(!said.contains("Traceback"), "{said}");
    if end.status.success() {
        let map = serde_json::from_slice(&end.stdout).expect("a map");
        return Some(map);
    }
    assert!(said.contains("begin anew from a dump"), "{said}");
    None
}

/// The entries of a dump, by DN.
pub fn of_dump(dump: &str) -> Map<String, Value> {
    let entry = |line: &str| {
        let mut entry: Value = serde_json::from_str(line).expect("JSON");
        let dn = entry["dn"].as_str().expect("a DN").to_owned();
        (dn, entry["attrs"].take())
    };
    dump.lines().skip(1).map(entry).collect()
}
