//! Password hashes that a search brings: the command warns once, and the log masks them.

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
fn one_warning_about_hashes() {
    let server = server();
    for words in [&["(uid=*)"][..], &["(uid=*)", "*"], &["(uid=*)", "cn", "*"]] {
        let data = Data::new();
        let first = refresh(&data, &server, words);
        let [warning] = warnings(&first)[..] else {
            panic!("{}", first.stderr);
        };
        assert_eq!(first.stderr.lines().count(), 1, "{}", first.stderr);
        for word in [
            "syncrepl: warning: ",
            "(userPassword)",
            &data.path(),
            "cn mail objectClass sn uid",
        ] {
            assert!(warning.contains(word), "no {word}: {warning}");
        }
        // One warning, also when more hashes come.
        let change = format!(
            "dn: uid=bob,ou=people,{SUFFIX}\nchangetype: modify\nreplace: userPassword\nuserPassword: {BOB}2\n"
        );
        server.ldapmodify(&change).expect("a change");
        refresh(&data, &server, words).assert_done();
        refresh(&data, &server, &[words, &["--reconcile"]].concat()).assert_done();
    }
}

/// The advice in the warning works. A user who names the attribute gets no warning.
#[test]
fn named_attributes_get_no_warning() {
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

/// A refresh that is rolled back stores no hash. The warning comes with the next that succeeds.
#[test]
fn warning_comes_with_the_first_commit() {
    let server = server();
    let data = Data::new();
    let mut words = data.refresh(&server);
    words.extend(["-D", ANN, "-w", GEHEIM, "(uid=*)"].map(str::to_owned));
    // The reader of the output is gone.
    let mut run = Run::unread(&mut command(&words));
    run.close_stdout();
    assert_eq!(run.wait_exit(PATIENCE).code(), Some(1), "{}", run.stderr());
    assert!(!run.stderr().contains("hashes"), "{}", run.stderr());
    let outcome = Outcome::run(&words);
    assert_eq!(warnings(&outcome).len(), 1, "{}", outcome.stderr);
}

#[test]
fn protocol_log_masks_hashes() {
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
    // The copy has the hash; otherwise the checks above would prove nothing.
    assert!(data.dump().contains("userPassword"));
}
