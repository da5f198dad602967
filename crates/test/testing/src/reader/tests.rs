//! The reading rule, followed and broken.

use super::*;

const START: &str =
    r#"{"op":"start","commit":0,"store":"s","tag":null,"previous":null,"lines":0,"next":"r1"}"#;
const ANN: &str = r#"{"op":"add","uuid":"A","dn":"cn=ann","attrs":{"cn":["ann"]}}"#;
const BOB: &str = r#"{"op":"add","uuid":"b","dn":"cn=bob","attrs":{"cn":["bob"]}}"#;

fn read(lines: &[&str]) -> Reader {
    let mut reader = Reader::new();
    lines.iter().for_each(|line| reader.feed_line(line));
    reader
}

/// A commit of run 1, the one after `START`.
fn commit(number: u64, lines: usize) -> String {
    format!(r#"{{"op":"commit","commit":{number},"tag":"r1","lines":{lines}}}"#)
}

/// A start of run 2, after a commit of run 1.
fn start(number: u64, lines: usize) -> String {
    let previous = match number {
        1 => "null",
        _ => r#""r1""#,
    };
    format!(
        r#"{{"op":"start","commit":{number},"store":"s","tag":"r1","previous":{previous},"lines":{lines},"next":"r2"}}"#
    )
}

/// A commit of run 2.
fn second(number: u64, lines: usize) -> String {
    commit(number, lines).replace("r1", "r2")
}

/// Ann and Bob are there after commit 1; then these lines and commit 2.
fn after(lines: &[&str]) -> Reader {
    let changes = |line: &&&str| line.contains(r#""uuid""#);
    let (one, two) = (
        commit(1, 2),
        commit(2, lines.iter().filter(changes).count()),
    );
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
    let again = START.replace("r1", "r0");
    let reader = read(&[&again, ANN, START, BOB, &commit(1, 1), ANN, &start(1, 1)]);
    reader.assert_clean();
    assert_eq!(reader.directory().uuid_of("cn=bob"), Some("b"));
    assert_eq!(reader.directory().len(), 1);
}

#[test]
fn uncommitted_lines_count_at_the_next_start() {
    let reader = read(&[START, ANN, &start(1, 1), BOB, &second(2, 1)]);
    reader.assert_clean();
    assert_eq!((reader.directory().len(), reader.commit()), (2, 2));
}

#[track_caller]
fn lost(lines: &[&str], by: &str) {
    let reader = read(lines);
    let why = reader.lost().expect("the reader has to begin anew");
    assert!(why.contains(by), "{by:?} is not in {why:?}");
    assert_eq!(reader.violations(), [""; 0]);
}

#[test]
fn reader_that_holds_fewer_lines_begins_anew() {
    lost(&[START, ANN, &start(1, 2)], "number of lines");
    lost(&[START, ANN, &start(1, 0)], "number of lines");
    lost(&[START, ANN, BOB, &commit(1, 3)], "number of lines");
    lost(
        &[START, ANN, &commit(1, 1), &start(1, 2)],
        "number of lines",
    );
}

#[test]
fn lines_of_another_attempt_are_not_applied() {
    // Another run made the commit, from the same one before it, with as many lines.
    let other = start(1, 1).replace("r1", "r9");
    lost(&[START, ANN, &other], "number of lines");
    lost(&[START, ANN, &second(1, 1)], "another tag");
    // A commit without changes is made without us.
    let empty = start(1, 0).replace("r1", "r9");
    let reader = read(&[START, ANN, &empty, BOB, &second(2, 1)]);
    reader.assert_clean();
    assert_eq!(reader.directory().len(), 1);
}

#[test]
fn another_history_is_no_continuation() {
    let committed = [START, ANN, &commit(1, 1)];
    let then = |line: &str| [&committed[..], &[line]].concat().join("\n");
    let lost = |line: String, by: &str| lost(&then(&line).lines().collect::<Vec<_>>(), by);
    lost(START.to_owned(), "went back");
    lost(start(1, 1).replace("r1", "r9"), "went back");
    lost(start(2, 0).replace("r1", "r9"), "follows another");
    lost(start(1, 1).replace(r#""s""#, r#""t""#), "another store");
    lost(start(2, 0).replace(r#""s""#, r#""t""#), "another store");
    lost(start(3, 0), "missed output");
    lost(commit(3, 0), "missed output");
    lost(commit(1, 0), "went back");
}

#[test]
fn reader_of_nothing_begins_with_any_empty_copy() {
    let other = START.replace(r#""s""#, r#""t""#).replace("r1", "r0");
    let reader = read(&[&other, ANN, START, BOB, &commit(1, 1)]);
    reader.assert_clean();
    assert_eq!(reader.directory().uuid_of("cn=bob"), Some("b"));
    lost(&[&start(2, 1)], "missed output");
}

#[test]
fn reader_begins_with_a_dump() {
    let begin = start(9, 1);
    let (facts, _) = begin.split_once(r#","next""#).unwrap();
    let ann = r#"{"uuid":"a","dn":"cn=ann","attrs":{"cn":["ann"]}}"#;
    let mut reader = Reader::from_dump(&format!("{facts},\"entries\":1}}\n{ann}\n"));
    reader.feed(&format!("{begin}\n{BOB}\n{}\n", second(10, 1)));
    reader.assert_clean();
    assert_eq!(reader.directory().len(), 2);
}

#[test]
fn a_torn_line_is_forgiven_before_a_start_and_at_the_end() {
    let glued = format!(r#"{{"op":"commit","com{}"#, start(1, 1));
    let reader = read(&[START, ANN, &glued, BOB, &second(2, 1), r#"{"op":"ad"#]);
    reader.assert_clean();
    assert_eq!(reader.directory().len(), 2);
    let next_line = read(&[START, r#"{"op":"ad"#, START, ANN, &commit(1, 1)]);
    next_line.assert_clean();
    let whole_but_glued = read(&[&format!("{START}{START}"), ANN, &commit(1, 1)]);
    whole_but_glued.assert_clean();
    assert_eq!(whole_but_glued.directory().len(), 1);
}

#[test]
fn a_torn_line_in_the_middle_is_a_violation() {
    broken(
        &read(&[START, r#"{"op":"ad"#, ANN, &commit(1, 1)]),
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
fn changes_by_their_values() {
    let change = |changes: &str| {
        format!(r#"{{"op":"change","uuid":"a","dn":"cn=ann","changes":{{{changes}}}}}"#)
    };
    let sn =
        change(r#""sn":{"added":["a",{"base64":"/w=="}]},"CN":{"added":["A"],"removed":["ann"]}"#);
    let gone = change(r#""SN":{"removed":["a",{"base64":"/w=="}]}"#);
    let reader = after(&[&sn, &gone]);
    reader.assert_clean();
    let expected = BTreeMap::from([("cn".to_owned(), [b"A".to_vec()].into())]);
    assert_eq!(reader.directory().entries["a"].attrs, expected);
    for (changes, by) in [
        (r#""cn":{"removed":["bob"]}"#, "lacks a value that went"),
        (r#""CN":{"added":["ann"]}"#, "has a value that came"),
        (r#""sn":{"removed":["x"]}"#, "lacks"),
    ] {
        broken(&after(&[&change(changes)]), by);
    }
    for (changes, by) in [
        ("", "of nothing"),
        (r#""cn":{}"#, "nothing of cn"),
        (r#""cn":{"added":[]}"#, "no values"),
        (r#""cn":{"added":["x","x"]}"#, "one twice"),
        (r#""cn":{"added":["x"]},"CN":{"added":["y"]}"#, "twice"),
        (r#""cn":{"replaced":["x"]}"#, "has replaced"),
        (r#""cn":{"added":["x"]}},"old":{"cn":["ann"]"#, "beside old"),
    ] {
        broken(&read(&[START, &change(changes)]), by);
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
