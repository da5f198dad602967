//! `refresh --dry-run`: tells what would change, and changes nothing.

use std::fs;

use syncrepl_testing::reader::Reader;
use syncrepl_testing::slapd::{Slapd, Variant};

use crate::common::outcome::{self, Data, Outcome};
use crate::common::python;
use crate::{delete, delete_people, describe, dn, people, person, rename, unit};

/// The lines of JSON about changes.
fn changes(output: &str) -> Vec<&str> {
    let told = ["add", "change", "rename", "delete"].map(|op| format!(r#"{{"op":"{op}""#));
    let is_told = |line: &&str| told.iter().any(|start| line.starts_with(start.as_str()));
    output.lines().filter(is_told).collect()
}

fn names(folder: &std::path::Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder");
    let name = |entry: std::io::Result<fs::DirEntry>| {
        entry
            .expect("an entry")
            .file_name()
            .into_string()
            .expect("UTF-8")
    };
    entries.map(name).collect()
}

#[test]
fn tells_what_a_refresh_tells() {
    for variant in Variant::ALL {
        let server = Slapd::start(variant);
        server.ldapmodify(&people("people", 8)).expect("people");
        let data = Data::new();
        let first = data.refresh_with(&server, &[]);
        let ldif = describe("p1", "people", "new")
            + &rename(&dn("p2", "people"), "uid=q2", None)
            + &delete(&dn("p3", "people"))
            + &unit("more")
            + &person("p9", "more");
        server.ldapmodify(&ldif).expect("the changes apply");
        let state = || fs::read(data.path() + ".status").expect("the state of the last run");
        let before = state();
        let dry = data.unchanged(|| data.refresh_with(&server, &["--dry-run"]));
        dry.assert_done();
        assert_eq!(state(), before, "the copy is no more current than before");
        assert!(!dry.stdout.contains(r#""op":"commit""#), "{}", dry.stdout);
        assert!(!dry.stdout.contains(r#""op":"cookie""#), "{}", dry.stdout);
        let lines: Vec<_> = dry.stdout.lines().collect();
        assert!(lines[0].ends_with(r#","dry_run":true}"#), "{}", lines[0]);
        let told = changes(&dry.stdout);
        assert!(told.len() >= 6, "{}", dry.stdout);
        let end = format!(r#"{{"op":"dry_run","lines":{}}}"#, told.len());
        assert_eq!(lines.last(), Some(&end.as_str()));

        let real = data.refresh_with(&server, &[]);
        assert_eq!(changes(&real.assert_done().stdout), told);

        // A reader of all three, by the rule of the docs, holds the copy.
        let all = [first.stdout, dry.stdout, real.stdout].concat();
        let mut reader = Reader::new();
        reader.feed(&all);
        reader.assert_clean();
        let dump = data.dump();
        let held = python::read(all.as_bytes()).expect("it has the whole history");
        python::assert_same(&held, &dump);
        let nothing = data.refresh_with(&server, &["--dry-run"]);
        assert!(changes(&nothing.assert_done().stdout).is_empty());
    }
}

#[test]
fn other_formats_say_that_nothing_was_changed() {
    let server = Slapd::start(Variant::Plain);
    server.ldapmodify(&people("people", 3)).expect("people");
    let data = Data::of(&server);
    let ldif = delete(&dn("p0", "people")) + &describe("p1", "people", "new");
    server.ldapmodify(&ldif).expect("the changes apply");
    data.unchanged(|| {
        for (format, told, end) in [
            (
                "text",
                "DELETED RECORD: uid=p0,",
                "DRY RUN: nothing was changed\n",
            ),
            (
                "ldif",
                "changetype: delete",
                "# dry run: nothing was changed\n",
            ),
        ] {
            let dry = Outcome::run(&[
                "refresh",
                "--data",
                &data.path(),
                "-H",
                &server.url(),
                "--dry-run",
                "--format",
                format,
            ]);
            assert!(dry.assert_done().stdout.contains(told), "{}", dry.stdout);
            assert!(dry.stdout.ends_with(end), "{}", dry.stdout);
        }
        let none = data.refresh_with(&server, &["--dry-run", "--reconcile"]);
        assert_eq!(changes(&none.assert_done().stdout).len(), 2);
    });
}

/// Before the first refresh there is no file, and none is there after.
#[test]
fn no_file_is_left() {
    let server = Slapd::start(Variant::Plain);
    server.ldapmodify(&people("people", 3)).expect("people");
    let (data, temporary) = (Data::new(), Data::new());
    let run = |code: i32, words: &[&str]| {
        let mut arguments = data.refresh(&server);
        arguments.extend(words.iter().map(|&word| word.to_owned()));
        let mut command = outcome::command(&arguments);
        let outcome = Outcome::of(command.env("TMPDIR", temporary.folder.path()));
        assert_eq!(outcome.code, Some(code), "{}", outcome.stderr);
        assert!(names(temporary.folder.path()).is_empty());
        outcome
    };
    let first = run(0, &["--dry-run"]);
    assert_eq!(changes(&first.stdout).len(), 5);
    assert!(names(data.folder.path()).is_empty());
    run(
        3,
        &[
            "--dry-run",
            "-D",
            "cn=nobody,dc=example,dc=com",
            "-w",
            "wrong",
        ],
    );
    assert!(names(data.folder.path()).is_empty());
    // An empty file stays one.
    fs::write(data.path(), "").expect("a file");
    run(0, &["--dry-run"]);
    assert_eq!(names(data.folder.path()), ["copy.db"]);
    assert_eq!(fs::read(data.path()).expect("a file"), b"");
}

/// Where a guard would stop the refresh, the dry run shows what it would stop, and ends as the refresh does.
#[test]
fn shows_what_a_guard_stops() {
    let server = Slapd::start(Variant::Plain);
    server.ldapmodify(&people("people", 20)).expect("people");
    let data = Data::of(&server);
    server
        .ldapmodify(&delete_people("people", 0, 13))
        .expect("the deletes apply");
    data.unchanged(|| {
        let stopped = data.refresh_with(&server, &["--max-delete", "5"]);
        let command = format!(
            "`syncrepl refresh --data {} --dry-run`, with -y or -W as here, shows all",
            data.path()
        );
        let p9 = format!("; {}; and 3 more", dn("p9", "people"));
        let words = [
            "13 of 22 entries at once",
            "nothing was changed. They are uid=p0,ou=people",
            &p9,
            &command,
            "allow it once",
        ];
        stopped.assert_failed(6, &words);
        assert!(changes(&stopped.stdout).is_empty(), "{}", stopped.stdout);

        let dry = data.refresh_with(&server, &["--max-delete", "5", "--dry-run"]);
        dry.assert_failed(6, &words);
        assert_eq!(changes(&dry.stdout).len(), 13, "{}", dry.stdout);
        let last = dry.stdout.lines().last();
        assert_eq!(last, Some(r#"{"op":"dry_run","lines":13}"#));
        // As the message says: without the limit.
        let all = Outcome::run(&["refresh", "--data", &data.path(), "--dry-run"]);
        assert_eq!(changes(&all.assert_done().stdout).len(), 13);
    });
    data.refresh_with(&server, &["--max-delete", "13"])
        .assert_done();
}

/// The whole copy, left out by a server that was emptied.
#[test]
fn shows_the_whole_copy_that_would_go() {
    let server = Slapd::start(Variant::Plain);
    server.ldapmodify(&people("people", 3)).expect("people");
    let data = Data::new();
    let filter = "(objectClass=person)";
    data.refresh_with(&server, &[filter]).assert_done();
    server
        .ldapmodify(&delete_people("people", 0, 3))
        .expect("the deletes apply");
    data.unchanged(|| {
        let words = [
            "3 of 3 entries by leaving them out",
            "uid=p0,ou=people",
            "shows all",
        ];
        data.refresh_with(&server, &["--reconcile", filter])
            .assert_failed(6, &words);
        let dry = data.refresh_with(&server, &["--dry-run", "--reconcile", filter]);
        dry.assert_failed(6, &words);
        assert_eq!(changes(&dry.stdout).len(), 3, "{}", dry.stdout);
    });
}
