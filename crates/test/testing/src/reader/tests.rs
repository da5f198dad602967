//! The reading rule, followed and broken.

use super::*;

const START: &str = r#"{"op":"start","commit":0}"#;
const ANN: &str = r#"{"op":"add","uuid":"A","dn":"cn=ann","attrs":{"cn":["ann"]}}"#;
const BOB: &str = r#"{"op":"add","uuid":"b","dn":"cn=bob","attrs":{"cn":["bob"]}}"#;

fn read(lines: &[&str]) -> Reader {
    let mut reader = Reader::new();
    lines.iter().for_each(|line| reader.feed_line(line));
    reader
}

fn commit(number: u64) -> String {
    format!(r#"{{"op":"commit","commit":{number}}}"#)
}

fn start(number: u64) -> String {
    format!(r#"{{"op":"start","commit":{number}}}"#)
}

/// Ann and Bob are there after commit 1; then these lines and commit 2.
fn after(lines: &[&str]) -> Reader {
    let (one, two) = (commit(1), commit(2));
    let mut all = vec![START, ANN, BOB, &one];
    all.extend(lines);
    all.push(&two);
    read(&all)
}

#[track_caller]
fn broken(reader: &Reader, by: &str) {
    let violations = reader.violations();
    assert!(
        violations.len() == 1 && violations[0].contains(by),
        "expected one violation with {by:?}: {violations:#?}"
    );
}

#[test]
fn good_output_is_followed() {
    let reader = after(&[
        r#"{"op":"bind","authzid":""}"#,
        r#"{"op":"rename","uuid":"a","old_dn":"cn=ann","dn":"cn=zoe"}"#,
        r#"{"op":"change","uuid":"a","dn":"cn=zoe","old":{"CN":["ann"]},"attrs":{"cn":["zoe"]}}"#,
        r#"{"op":"delete","uuid":"b","dn":"cn=bob","old":{"cn":["bob"]}}"#,
        r#"{"op":"add","uuid":"c","dn":"cn=bob","attrs":{"cn":["bob"]}}"#,
        r#"{"op":"refresh_done","entries":2}"#,
        r#"{"op":"cookie","cookie":{"base64":"AA=="}}"#,
    ]);
    reader.assert_clean();
    assert_eq!(reader.commit(), 2);
    assert_eq!(reader.deletes(), [("b".to_owned(), "cn=bob".to_owned(), 8)]);
    assert_eq!(reader.events_since(2).len(), 4);
    let directory = reader.directory();
    assert_eq!(directory.len(), 2);
    assert_eq!(directory.uuid_of("cn=bob"), Some("c"));
    assert_eq!(directory.entries["a"].attrs["cn"], [b"zoe".to_vec()].into());
}

#[test]
fn uncommitted_lines_do_not_count() {
    let reader = read(&[START, ANN]);
    reader.assert_clean();
    assert_eq!((reader.directory().len(), reader.provisional()), (0, 1));
}

#[test]
fn uncommitted_lines_are_dropped_at_the_same_start() {
    let reader = read(&[START, ANN, START, BOB, &commit(1), ANN, &start(1)]);
    reader.assert_clean();
    assert_eq!(reader.directory().uuid_of("cn=bob"), Some("b"));
    assert_eq!(reader.directory().len(), 1);
}

#[test]
fn uncommitted_lines_count_at_the_next_start() {
    let reader = read(&[START, ANN, &start(1), BOB, &commit(2)]);
    reader.assert_clean();
    assert_eq!((reader.directory().len(), reader.commit()), (2, 2));
}

#[test]
fn a_start_further_on_is_missed_output() {
    broken(
        &read(&[START, ANN, &commit(1), BOB, &start(3)]),
        "missed output",
    );
    broken(&read(&[&start(2)]), "missed output");
    let mut reader = Reader::from_dump(concat!(
        "{\"op\":\"start\",\"commit\":9}\n",
        "{\"uuid\":\"a\",\"dn\":\"cn=ann\",\"attrs\":{\"cn\":[\"ann\"]}}\n"
    ));
    reader.feed(&format!("{}\n{BOB}\n{}\n", start(9), commit(10)));
    reader.assert_clean();
    assert_eq!(reader.directory().len(), 2);
}

#[test]
fn commits_come_one_by_one() {
    broken(&read(&[START, ANN, &commit(2)]), "follows commit 0");
    broken(&after(&[&start(0), &commit(1)]), "went back");
}

#[test]
fn a_torn_line_is_forgiven_before_a_start_and_at_the_end() {
    let glued = format!(r#"{{"op":"commit","com{}"#, start(1));
    let reader = read(&[START, ANN, &glued, BOB, &commit(2), r#"{"op":"ad"#]);
    reader.assert_clean();
    assert_eq!(reader.directory().len(), 2);
    let next_line = read(&[START, r#"{"op":"ad"#, START, ANN, &commit(1)]);
    next_line.assert_clean();
    let whole_but_glued = read(&[&format!("{START}{START}"), ANN, &commit(1)]);
    whole_but_glued.assert_clean();
    assert_eq!(whole_but_glued.directory().len(), 1);
}

#[test]
fn a_torn_line_in_the_middle_is_a_violation() {
    broken(
        &read(&[START, r#"{"op":"ad"#, ANN, &commit(1)]),
        "torn line",
    );
}

#[test]
fn events_that_a_map_cannot_apply() {
    for (line, by) in [
        (
            r#"{"op":"add","uuid":"c","dn":"cn=ann","attrs":{}}"#,
            "which a holds",
        ),
        (
            r#"{"op":"add","uuid":"a","dn":"cn=new","attrs":{}}"#,
            "twice",
        ),
        (
            r#"{"op":"rename","uuid":"c","old_dn":"cn=c","dn":"cn=new"}"#,
            "not there",
        ),
        (
            r#"{"op":"rename","uuid":"a","old_dn":"cn=ann","dn":"cn=bob"}"#,
            "which b holds",
        ),
        (
            r#"{"op":"rename","uuid":"a","old_dn":"cn=bob","dn":"cn=new"}"#,
            "which is b",
        ),
        (
            r#"{"op":"change","uuid":"c","dn":"cn=c","old":{},"attrs":{"cn":["c"]}}"#,
            "not there",
        ),
        (
            r#"{"op":"change","uuid":"b","dn":"cn=ann","old":{},"attrs":{"cn":["c"]}}"#,
            "which is a",
        ),
        (
            r#"{"op":"change","uuid":"a","dn":"cn=ann","old":{},"attrs":{"cn":["c"]}}"#,
            "old is not",
        ),
        (
            r#"{"op":"change","uuid":"a","dn":"cn=ann","old":{"cn":["ann"]},"attrs":{"CN":["ann"]}}"#,
            "of nothing",
        ),
        (
            r#"{"op":"delete","uuid":"c","dn":"cn=c","old":{}}"#,
            "not there",
        ),
        (
            r#"{"op":"delete","uuid":"b","dn":"cn=ann","old":{"cn":["ann"]}}"#,
            "which is a",
        ),
        (
            r#"{"op":"delete","uuid":"a","dn":"cn=ann","old":{"cn":["bob"]}}"#,
            "old is not",
        ),
        (
            r#"{"op":"delete","uuid":"a","dn":"CN=ann","old":{"cn":["ann"]}}"#,
            "not there",
        ),
    ] {
        broken(&after(&[line]), by);
    }
}

#[test]
fn lines_that_say_too_little() {
    for (line, by) in [
        (r#"{"op":"refresh_done","entries":3}"#, "the map has 2"),
        (r#"{"op":"delete","uuid":"a","dn":"cn=ann"}"#, "old"),
        (r#"{"op":"add","dn":"cn=new","attrs":{}}"#, "no uuid"),
        (r#"{"op":"vanish"}"#, "no such op"),
        (r#"{"cn":"x"}"#, "without op"),
    ] {
        broken(&after(&[line]), by);
    }
}

#[test]
#[should_panic(expected = "not there")]
fn assert_clean_panics_with_the_violation() {
    after(&[r#"{"op":"delete","uuid":"c","dn":"cn=c","old":{}}"#]).assert_clean();
}
