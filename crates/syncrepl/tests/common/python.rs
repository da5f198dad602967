//! The reader that docs/callbacks.md shows, run by `python3` as it stands there.
#![allow(dead_code)] // each test target uses its part

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::{Map, Value};
use syncrepl_testing::judge;

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
        let map: Map<String, Value> = serde_json::from_slice(&end.stdout).expect("a map");
        return Some(map.into_iter().map(normal).collect());
    }
    assert!(said.contains("begin anew from a dump"), "{said}");
    None
}

/// Asserts that the reader holds what a dump shows.
#[track_caller]
pub fn assert_same(held: &Map<String, Value>, dump: &str) {
    let copy = of_dump(dump);
    let differs = |dn: &&String| held.get(*dn) != copy.get(*dn);
    let first = held.keys().chain(copy.keys()).find(differs);
    let show = |map: &Map<String, Value>| first.and_then(|dn| map.get(dn).cloned());
    assert_eq!(
        (first, show(held)),
        (None, show(&copy)),
        "the Python reader"
    );
}

/// The entries of a dump, by DN.
fn of_dump(dump: &str) -> Map<String, Value> {
    let entry = |line: &str| {
        let mut entry: Value = serde_json::from_str(line).expect("JSON");
        let dn = entry["dn"].as_str().expect("a DN").to_owned();
        (dn, entry["attrs"].take())
    };
    dump.lines().skip(1).map(entry).map(normal).collect()
}

/// An entry in one of its spellings: the order of values, the case of names and the spelling of a DN
/// are stored and told to nobody.
fn normal((dn, attrs): (String, Value)) -> (String, Value) {
    let attrs = attrs.as_object().expect("attributes").iter();
    let attrs = attrs.map(|(name, values)| {
        let mut values = values.as_array().expect("values").clone();
        values.sort_by_key(Value::to_string);
        (name.to_lowercase(), Value::Array(values))
    });
    (judge::normal_dn(&dn), Value::Object(attrs.collect()))
}
