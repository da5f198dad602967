//! Servers that are empty or half loaded. Nothing is deleted because of their answers, and the message
//! says why.

mod common;

use common::outcome::{Data, Outcome, assert_message, command, people};
use common::{PATIENCE, proxy::Proxy};
use syncrepl_testing::judge;
use syncrepl_testing::process::Run;
use syncrepl_testing::slapd::{SUFFIX, Slapd, Variant};

const PEOPLE: usize = 30;

fn healthy() -> Slapd {
    let server = Slapd::start(Variant::Plain);
    server.load(&people(PEOPLE));
    server
}

/// A replica that holds the first entries of the server.
fn half_of(server: &Slapd) -> Slapd {
    let all = server.export();
    let some: Vec<&str> = all.split("\n\n").take(PEOPLE / 2).collect();
    // Without contextCSN: a replica gets that last.
    let some = some.join("\n\n").replace("contextCSN", "description");
    Slapd::half_loaded_with(&(some + "\n"))
}

fn assert_no_delete(outcome: &Outcome) {
    assert!(!outcome.stdout.contains(r#""op":"delete""#));
}

fn refuses(server: &Slapd, replica: &Slapd, words: &[&str]) {
    let (existing, new) = (Data::of(server), Data::new());
    existing.unchanged(|| {
        let outcome = existing.refresh_with(replica, &[]);
        assert_no_delete(outcome.assert_failed(4, words));
        let outcome = existing.refresh_with(replica, &["--reconcile"]);
        assert_no_delete(outcome.assert_failed(4, words));
    });
    let outcome = new.refresh_with(replica, &[]);
    assert_no_delete(outcome.assert_failed(4, words));
    assert!(!outcome.stdout.contains(r#""op":"commit""#));
    for data in [&existing, &new] {
        follow_finds_the_other(data, server, replica, words);
        data.refresh_with(server, &[]).assert_done();
        let copy = judge::from_dump_json(&data.dump());
        let search = judge::search(&server.url(), "", "", SUFFIX, "sub", "(objectClass=*)", &[]);
        judge::assert_same("dump", &copy, "search", &search);
    }
}

/// `follow` says why it cannot use the first server, and goes on with the second.
fn follow_finds_the_other(data: &Data, server: &Slapd, replica: &Slapd, words: &[&str]) {
    let both = format!("{} {}", replica.url(), server.url());
    let mut follow = Run::command(&mut command(&data.sync("follow", &both)));
    follow.wait_for_line(|line| line.contains(r#""op":"commit""#), PATIENCE);
    follow.signal("TERM");
    assert!(follow.wait_exit(PATIENCE).success(), "{}", follow.stderr());
    println!("{}", follow.stderr());
    let stderr = follow.stderr();
    let lines: Vec<&str> = stderr.lines().collect();
    let [why, connected] = lines[..] else {
        panic!("two lines on stderr, not: {stderr}");
    };
    assert_message(why, words);
    assert_message(why, &[&replica.url(), "trying"]);
    assert_message(connected, &[&server.url(), "up to date again"]);
    assert!(!follow.output().contains(r#""op":"delete""#));
}

#[test]
fn half_loaded_server() {
    let server = healthy();
    let replica = half_of(&server);
    refuses(
        &server,
        &replica,
        &["proves nothing", "has not finished loading"],
    );
}

#[test]
fn empty_replica() {
    let server = healthy();
    let replica = Slapd::empty_replica();
    refuses(&server, &replica, &["nothing", "has not finished loading"]);
}

/// With one server only, `follow` waits until it is ready.
#[test]
fn follow_waits_until_it_is_ready() {
    let server = healthy();
    let data = Data::of(&server);
    server.backup("full");
    server.wipe();
    let mut follow = Run::command(&mut command(&data.sync("follow", &server.url())));
    follow.wait_for_stderr(|line| line.contains("trying again in"), PATIENCE);
    server.restore("full");
    follow.wait_for_line(|line| line.contains(r#""op":"commit""#), PATIENCE);
    follow.signal("TERM");
    assert!(follow.wait_exit(PATIENCE).success());
    for line in follow.stderr().lines() {
        assert_message(line, &[]);
    }
    assert!(!follow.output().contains(r#""op":"delete""#));
}

/// `refresh` tries each server once.
#[test]
fn refresh_finds_the_other() {
    let server = healthy();
    for replica in [half_of(&server), Slapd::empty_replica()] {
        for data in [Data::of(&server), Data::new()] {
            let both = format!("{} {}", replica.url(), server.url());
            let outcome = Outcome::run(&data.sync("refresh", &both));
            assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
            assert_no_delete(&outcome);
            assert_eq!(outcome.stderr.lines().count(), 1, "{}", outcome.stderr);
            assert_message(
                &outcome.stderr,
                &[&replica.url(), "has not finished loading"],
            );
            let neither = format!("{} {}", replica.url(), replica.url());
            let outcome = Outcome::run(&data.sync("refresh", &neither));
            assert_eq!(outcome.code, Some(4), "{}", outcome.stderr);
        }
    }
}

/// A server that was emptied, and has only its suffix entry. It answers like a complete one.
#[test]
fn wiped() {
    let server = healthy();
    for options in [&[][..], &["--reconcile"], &["--max-delete", "99%"]] {
        let data = Data::of(&server);
        server.backup("full");
        server.wipe();
        server.add_base();
        data.unchanged(|| {
            let outcome = data.refresh_with(&server, options);
            let figures = format!("{} of {}", PEOPLE + 2, PEOPLE + 2);
            outcome.assert_failed(6, &[&figures, "nothing was changed", "--max-delete"]);
            // `follow` ends too, and does not try again.
            let mut follow = data.sync("follow", &server.url());
            follow.extend(options.iter().map(|&option| option.to_owned()));
            Outcome::run(&follow).assert_failed(6, &[&figures]);
        });
        let allowed = data.refresh_with(&server, &["--max-delete", "100%"]);
        assert_eq!(
            allowed
                .assert_done()
                .stdout
                .matches(r#""op":"delete""#)
                .count(),
            PEOPLE + 2
        );
        assert_eq!(judge::from_dump_json(&data.dump()).len(), 1);
        server.restore("full");
    }
}

/// The connection is cut at many points of a refresh that would delete. No cut leads to a delete.
#[test]
fn cut_anywhere() {
    let server = healthy();
    let data = Data::of(&server);
    let deletes: String = (0..PEOPLE / 2)
        .map(|number| format!("dn: uid=p{number},ou=people,{SUFFIX}\nchangetype: delete\n\n"))
        .collect();
    server.ldapmodify(&deletes).expect("the deletes apply");
    let whole = Proxy::to(&server);
    let copy = Data::new();
    std::fs::copy(data.path(), copy.path()).expect("a copy");
    Outcome::run(&copy.sync("refresh", &whole.url())).assert_done();
    let length = whole.first_answered_bytes();
    assert!(length > 200);
    data.unchanged(|| {
        for part in 0..10 {
            // The last bytes are the result itself.
            let cut = (length - 1) * part / 9;
            let proxy = Proxy::cutting(&server, &[cut]);
            let outcome = Outcome::run(&data.sync("refresh", &proxy.url()));
            outcome.assert_failed(4, &[]);
            assert!(!outcome.stdout.contains(r#""op":"commit""#));
        }
    });
}
