//! `adopt`: another search takes over a copy, and tells only what differs.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use syncrepl_testing::judge;
use syncrepl_testing::process::Run;
use syncrepl_testing::reader::Reader;
use syncrepl_testing::slapd::{SUFFIX, Slapd, Variant};

use crate::common::outcome::{Data, Outcome, command, people};
use crate::common::{PATIENCE, python};
use crate::{copy, run};

const PERSON: &str = "(objectClass=person)";

/// Makes the file of `new` from that of `old`.
fn adopt(new: &Data, old: &Data, words: &[&str]) -> Outcome {
    let (new, old) = (new.path(), old.path());
    Outcome::run(&[&["adopt", &new, "--from", &old], words].concat())
}

fn count(outcome: &Outcome, op: &str) -> usize {
    outcome.stdout.matches(&format!(r#"{{"op":"{op}""#)).count()
}

fn names(data: &Data) -> Vec<String> {
    let entries = fs::read_dir(data.folder.path()).expect("a folder");
    let names = entries.map(|entry| entry.expect("an entry").file_name().into_string());
    let mut names: Vec<_> = names.map(|name| name.expect("UTF-8")).collect();
    names.sort();
    names
}

/// The old copy is being followed meanwhile. The reader of the new one begins from its dump.
#[test]
fn only_real_differences_are_told() {
    for variant in Variant::ALL {
        let server = Slapd::start(variant);
        server.load(&people(12));
        let (old, new) = (Data::new(), Data::new());
        let first = old.refresh_with(&server, &[]);
        first.assert_done();
        let mut follower = Run::command(&mut command(&old.sync("follow", &server.url())));
        follower.wait_for_line(|line| line.contains(r#""op":"commit""#), PATIENCE);
        let before = old.dump();

        adopt(&new, &old, &[PERSON, "cn", "mail"]).assert_done();
        assert_eq!(old.dump(), before, "the old copy changed");
        assert_eq!(names(&new), ["copy.db"]);
        let mode = fs::metadata(new.path())
            .expect("a file")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        let adopted = new.dump();
        assert_eq!(copy(&new).entries, copy(&old).entries);
        let store = |dump: &str| {
            let id = dump.split(r#""store":""#).nth(1).expect("a start line");
            id[..36].to_owned()
        };
        assert_ne!(store(&adopted), store(&before), "it is another store");
        let status = run(&new, "status", &[]).stdout;
        assert!(status.contains("(objectClass=person)"), "{status}");
        for line in ["cookie:       none yet", "last refresh: none yet"] {
            assert!(status.contains(line), "{status}");
        }

        let told = run(&new, "refresh", &["--format", "json"]);
        told.assert_done();
        // Two entries are no people, and twelve lose what is neither cn nor mail.
        assert_eq!(
            (
                count(&told, "add"),
                count(&told, "delete"),
                count(&told, "change")
            ),
            (0, 2, 12)
        );
        let url = server.url();
        let search = judge::search(&url, "", "", SUFFIX, "sub", PERSON, &["cn", "mail"]);
        judge::assert_same("dump", &copy(&new), "search", &search);
        let quiet = run(&new, "refresh", &["--format", "json"]);
        assert_eq!(count(&quiet, "delete") + count(&quiet, "change"), 0);

        let whole = [adopted, told.stdout.clone()].concat();
        let held = python::read(whole.as_bytes()).expect("it has the whole history");
        python::assert_same(&held, &new.dump());
        // A reader of the old copy sees that this is another one.
        let mut reader = Reader::new();
        reader.feed(&first.stdout);
        reader.feed(&told.stdout);
        assert!(reader.lost().is_some());

        // The old copy goes on.
        server
            .ldapmodify(&format!(
                "dn: uid=p1,ou=people,{SUFFIX}\nchangetype: delete\n\n"
            ))
            .expect("the delete applies");
        follower.wait_for_line(|line| line.contains(r#""op":"delete""#), PATIENCE);
        follower.signal("TERM");
        assert!(follower.wait_exit(PATIENCE).success());
    }
}

/// More entries and attributes than before, another base, another scope: each from what is left out, in parts or
/// as a URL. The server is down when the file is made.
#[test]
fn any_part_of_the_search_may_differ() {
    let server = Slapd::start(Variant::Plain);
    server.load(&people(12));
    let old = Data::new();
    let (uids, any) = ("(|(uid=p1)(uid=p2))", "(objectClass=*)");
    old.refresh_with(&server, &[uids, "cn"]).assert_done();
    let below = format!("ou=people,{SUFFIX}");
    let url = format!("{}/{below}?cn?one?(uid=p1*)", server.url());
    for (words, base, scope, filter, attributes, adds) in [
        (
            &[PERSON, "cn", "sn"][..],
            SUFFIX,
            "sub",
            PERSON,
            &["cn", "sn"][..],
            10,
        ),
        (&["-b", &below], &below, "sub", uids, &["cn"], 0),
        (&["-s", "one", any, "cn"], SUFFIX, "one", any, &["cn"], 1),
        (&[&url], &below, "one", "(uid=p1*)", &["cn"], 2),
    ] {
        println!("{words:?}");
        let new = Data::new();
        server.stop();
        adopt(&new, &old, words).assert_done();
        server.start_again();
        // One at the top alone would delete the whole copy, which has to be allowed.
        let told = run(
            &new,
            "refresh",
            &["--format", "json", "--max-delete", "100%"],
        );
        told.assert_done();
        assert_eq!(count(&told, "add"), adds);
        let search = judge::search(&server.url(), "", "", base, scope, filter, attributes);
        judge::assert_same("dump", &copy(&new), "search", &search);
    }
}

#[test]
fn file_that_is_there_is_left_alone() {
    let server = Slapd::start(Variant::Plain);
    server.load(&people(3));
    let (old, new) = (Data::of(&server), Data::new());
    for end in ["", "-wal"] {
        let there = format!("{}{end}", new.path());
        fs::write(&there, "mine").expect("a file");
        adopt(&new, &old, &[PERSON]).assert_failed(2, &["exists already", "does not exist yet"]);
        assert_eq!(fs::read(&there).expect("a file"), b"mine");
        fs::remove_file(&there).expect("it is there");
        assert!(names(&new).is_empty(), "{:?}", names(&new));
    }
    old.unchanged(|| {
        adopt(&old, &old, &[PERSON])
            .assert_failed(2, &["exists already"])
            .code
    });
    adopt(&new, &new, &[PERSON]).assert_failed(5, &["there is no store"]);
    adopt(&new, &old, &["(cn="]).assert_failed(2, &["filter"]);
    adopt(&new, &old, &[PERSON, "cn,mail"]).assert_failed(2, &["attribute"]);
    assert!(names(&new).is_empty());
}

/// A forgotten filter is refused, and the message says what could be done.
#[test]
fn error_of_another_search_names_adopt() {
    let server = Slapd::start(Variant::Plain);
    server.load(&people(3));
    let data = Data::of(&server);
    data.refresh_with(&server, &[PERSON]).assert_failed(
        5,
        &["another search", "`syncrepl adopt NEW-FILE --from FILE`"],
    );
}
