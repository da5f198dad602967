//! A reader, or the command, is killed in the middle of the lines of a commit.

use syncrepl_testing::slapd::{SUFFIX, Slapd, Variant};

use crate::common::outcome::people;
use crate::common::python;
use crate::place::{Place, Read, lines};

/// Renames the unit, and with it the forty people below.
fn rename_unit(server: &Slapd, from: &str, to: &str) {
    let ldif =
        format!("dn: ou={from},{SUFFIX}\nchangetype: modrdn\nnewrdn: ou={to}\ndeleteoldrdn: 1\n");
    server.ldapmodify(&ldif).expect("the rename applies");
}

fn server() -> Slapd {
    let server = Slapd::start(Variant::Plain);
    server.load(&people(40));
    server
}

/// The reader takes ten of forty-one renames into its file. All of them are committed.
#[test]
fn reader_killed_inside_a_commit() {
    let server = server();
    let mut place = Place::of(&server);
    rename_unit(&server, "people", "staff");
    // start, bind, the rename of the unit and the change of its `ou`, nine more renames
    place.refresh_into_head(13);
    let taken = String::from_utf8_lossy(&place.read).into_owned();
    assert_eq!(taken.matches(r#""op":"rename""#).count(), 10);
    place.refresh();
    assert_eq!(place.readers(), Read::Anew);
}

/// The reader is killed anywhere in the output of a commit, also inside a line or a letter, and its file
/// goes on with the next run. Only one that holds all lines can go on.
#[test]
fn reader_killed_anywhere() {
    let server = server();
    server
        .ldapmodify(&format!(
            "dn: uid=p0,ou=people,{SUFFIX}\nchangetype: modify\nreplace: sn\nsn: Müller\n"
        ))
        .expect("the change applies");
    let mut place = Place::of(&server);
    rename_unit(&server, "people", "Büro");
    let second = place.output();
    place.describe("Clerk");
    let third = place.output();
    assert_eq!(second.matches(r#""op":"rename""#).count(), 41);
    let all = second
        .rfind(r#"{"op":"refresh_done""#)
        .expect("the end of the changes");
    let first = std::mem::take(&mut place.read);
    let accent = second.find('ü').expect("a letter of two bytes");
    let ends: Vec<usize> = second.match_indices('\n').map(|(at, _)| at + 1).collect();
    let (most, last) = ends.split_at(ends.len() - 5);
    let ends = most.iter().step_by(8).chain(last).copied();
    let inside = [0, 1, 7, accent, accent + 1, all - 1, second.len() - 1];
    for cut in ends.chain(inside) {
        let read = [
            first.as_slice(),
            &second.as_bytes()[..cut],
            third.as_bytes(),
        ]
        .concat();
        let expected = if cut >= all - 1 {
            Read::Equal
        } else {
            Read::Anew
        };
        assert_eq!(place.readers_of(&read), expected, "cut at {cut}");
        // The reader may be killed again, before it has read what the third run changed.
        let at = third.find(r#"{"op":"change""#).expect("the change");
        let read = [&read[..first.len() + cut + at], third.as_bytes()].concat();
        assert_eq!(place.readers_of(&read), expected, "cut at {cut} and {at}");
    }
}

/// The command is killed before it commits, so its lines are void. Then the same number is committed while
/// nobody reads, with as many lines that say something else.
#[test]
fn lines_of_another_attempt() {
    let server = server();
    let mut place = Place::of(&server);
    let before = place.keep("before");
    place.describe("Clerk");
    let printed = place.output();
    let uncommitted = &printed[..printed.rfind(r#"{"op":"commit""#).expect("its commit")];
    place.read.extend(uncommitted.as_bytes());
    // What a kill before the commit leaves.
    place.put_back(&before);
    let held = place.read.clone();
    place.refresh();
    assert_eq!(place.readers(), Read::Equal, "the next run tells it again");

    place.put_back(&before);
    place.describe("Head");
    place.refresh_unread();
    place.read = held;
    place.refresh();
    assert_eq!(place.readers(), Read::Anew);
}

/// The command is killed between its commit and the line that says so.
#[test]
fn commit_without_its_line() {
    let server = server();
    let mut place = Place::of(&server);
    rename_unit(&server, "people", "staff");
    let printed = place.output();
    let held = &printed[..printed.rfind(r#"{"op":"commit""#).expect("its commit")];
    place.read.extend(held.as_bytes());
    place.refresh();
    assert_eq!(place.readers(), Read::Equal);
    // Two commits later it is too late.
    place.describe("Clerk");
    place.read.extend(held.as_bytes());
    place.refresh_unread();
    place.refresh();
    assert_eq!(place.readers(), Read::Anew);
}

/// Refreshes that change nothing are commits too. A reader need not have seen one of them, but two.
#[test]
fn commit_of_no_lines_is_not_missed() {
    let server = server();
    let mut place = Place::of(&server);
    place.refresh_unread();
    place.refresh();
    assert_eq!(place.readers(), Read::Equal);
    place.refresh_into_head(1);
    place.refresh();
    assert_eq!(place.readers(), Read::Equal);
    place.refresh_unread();
    place.refresh_unread();
    place.refresh();
    assert_eq!(place.readers(), Read::Anew);
}

/// What stands in a reader's file besides whole lines of this version.
#[test]
fn odd_lines_are_passed_over() {
    let server = server();
    let mut place = Place::of(&server);
    for odd in [
        "\n\n",
        "{\"op\":\"later\",\"entries\":7}\n",
        "17\n",
        "[]\n",
        "null\n",
        "{\"op\":[]}\n",
        "{\"op\":\"sta",
    ] {
        place.read.extend(odd.as_bytes());
        assert!(python::read(&place.read).is_some(), "{odd:?}");
    }
    place.refresh();
    place.read.extend([0; 40]);
    let held = python::read(&place.read).expect("it reads");
    python::assert_same(&held, &place.data.dump());
}

/// A reader that has to begin anew puts a dump before the output to come.
#[test]
fn reader_begins_from_a_dump() {
    let server = server();
    let mut place = Place::of(&server);
    place.describe("Clerk");
    place.refresh_unread();
    let dump = place.data.dump();
    place.read = dump.clone().into_bytes();
    assert_eq!(place.readers(), Read::Equal);
    place.describe("Head");
    let output = place.output();
    place.read.extend(output.as_bytes());
    assert_eq!(place.readers(), Read::Equal);
    // A reader that is killed while it takes the dump.
    for cut in [dump.len() / 2, dump.len() - 2] {
        let torn = [&dump.as_bytes()[..cut], output.as_bytes()].concat();
        assert_eq!(python::read(&torn), None);
        assert_eq!(python::read(&torn[..cut]), None);
    }
    let torn = [lines(&dump, 9), output].concat();
    assert_eq!(python::read(torn.as_bytes()), None);
}
