//! Password hashes that a search brings: warned of once, and kept out of the log.

use syncrepl_testing::judge;
use syncrepl_testing::process::Run;
use syncrepl_testing::slapd::{SUFFIX, Slapd};

use crate::common::PATIENCE;
use crate::common::outcome::{Data, Outcome, command};
use crate::{ANN, BOB, GEHEIM, server};

fn refresh(data: &Data, server: &Slapd, words: &[&str]) -> Outcome {
    let words = [&["-D", ANN, "-w", GEHEIM], words].concat();
    let outcome = data.refresh_with(server, &words);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    outcome
}

fn warnings(outcome: &Outcome) -> Vec<&str> {
    let lines = outcome.stderr.lines();
    lines
        .filter(|line| line.contains("password hashes"))
        .collect()
}

#[test]
fn hashes_are_warned_of_once() {
    let server = server();
    for words in [&["(uid=*)"][..], &["(uid=*)", "*"], &["(uid=*)", "cn", "*"]] {
        let data = Data::new();
        let first = refresh(&data, &server, words);
        let [warning] = warnings(&first)[..] else {
            panic!("{}", first.stderr);
        };
        assert_eq!(first.stderr.lines().count(), 1, "{}", first.stderr);
        for word in [
            "WARN",
            "(userPassword)",
            &data.path(),
            "cn mail objectClass sn uid",
        ] {
            assert!(warning.contains(word), "no {word}: {warning}");
        }
        // Told once, also when others come.
        let change = format!(
            "dn: uid=bob,ou=people,{SUFFIX}\nchangetype: modify\nreplace: userPassword\nuserPassword: {BOB}2\n"
        );
        server.ldapmodify(&change).expect("a change");
        refresh(&data, &server, words).assert_done();
        refresh(&data, &server, &[words, &["--reconcile"]].concat()).assert_done();
    }
}

/// The advice works, and who asks by name is not told.
#[test]
fn what_was_asked_for_is_not_warned_of() {
    let server = server();
    let data = Data::new();
    refresh(
        &data,
        &server,
        &["(uid=*)", "cn", "mail", "objectClass", "sn", "uid"],
    )
    .assert_done();
    assert!(!data.dump().contains("userPassword"));
    let data = Data::new();
    refresh(&data, &server, &["(uid=*)", "uid", "userpassword"]).assert_done();
    let held = judge::from_dump_json(&data.dump());
    assert_eq!(held.len(), 3);
    assert!(data.dump().contains("userPassword"));
}

/// A refresh that is rolled back has brought nothing; the next one that succeeds tells.
#[test]
fn what_was_not_stored_is_told_later() {
    let server = server();
    let data = Data::new();
    let mut words = data.refresh(&server);
    words.extend(["-D", ANN, "-w", GEHEIM, "(uid=*)"].map(str::to_owned));
    // Nobody reads the output.
    let mut run = Run::unread(&mut command(&words));
    run.close_stdout();
    assert_eq!(run.wait_exit(PATIENCE).code(), Some(1), "{}", run.stderr());
    assert!(!run.stderr().contains("hashes"), "{}", run.stderr());
    let outcome = Outcome::run(&words);
    assert_eq!(warnings(&outcome).len(), 1, "{}", outcome.stderr);
}

#[test]
fn the_log_of_the_protocol_masks_them() {
    let server = server();
    let data = Data::new();
    let words = ["-v", "-v", "(|(uid=*)(userPassword=filtered-for))"];
    let outcome = refresh(&data, &server, &words);
    let log = &outcome.stderr;
    for shown in [
        "-> 1 BindRequest \"uid=ann,ou=people,dc=example,dc=com\" simple ***",
        "<- 1 BindResponse 0 success",
        "sync request RefreshOnly",
        "userPassword: ***",
        "mail: \"bob@example.com\"",
        "sync state Add",
        "sync done",
    ] {
        assert!(log.contains(shown), "no {shown:?}: {log}");
    }
    for secret in [BOB, GEHEIM, "filtered-for"] {
        assert!(!log.contains(secret), "{log}");
    }
    // It is in the copy, or the rest would show nothing.
    assert!(data.dump().contains("userPassword"));
}
