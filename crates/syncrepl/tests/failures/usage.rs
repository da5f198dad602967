//! Command lines that ask for something that cannot be done.

use syncrepl_testing::slapd::{Slapd, Variant};

use crate::common::outcome::{Data, Outcome};

/// Wrong usage that clap finds. It prints a message and a hint in its own form.
fn refused(arguments: &[&str], words: &[&str]) {
    let outcome = Outcome::run(arguments);
    println!("{}", outcome.stderr);
    assert_eq!(outcome.code, Some(2), "{arguments:?}: {}", outcome.stderr);
    assert_eq!(outcome.stderr.matches("error: ").count(), 1);
    for word in words {
        assert!(outcome.stderr.contains(word), "no {word:?}");
    }
    assert_eq!(outcome.stdout, "");
}

#[test]
fn unknown_or_conflicting_options() {
    refused(&["refresh", "--data", "x", "--dta"], &["--dta", "--help"]);
    refused(&["refresh", "ldap://h"], &["--data"]);
    refused(&["refersh", "--data", "x"], &["refersh", "refresh"]);
    refused(
        &["refresh", "--data", "x", "-s", "tree"],
        &["word 5", "-s", "base"],
    );
    refused(&["dump", "--data", "x", "--format", "text"], &["ldif"]);
    let max_delete = ["refresh", "--data", "x", "--max-delete", "120%"];
    refused(&max_delete, &["--max-delete", "0% to 100%"]);
    refused(&["refresh", "--data", "x", "-w", "a", "-W"], &["-w", "-W"]);
    refused(
        &["refresh", "--data", "x", "--heartbeat", "9x"],
        &["no unit", "90m"],
    );
}

#[test]
fn unusable_arguments() {
    let data = Data::new();
    let path = data.path();
    let with = |arguments: &[&str]| {
        let mut all = vec!["refresh", "--data", &path];
        all.extend(arguments);
        Outcome::run(&all)
    };
    for (arguments, words) in [
        (&["-D", "cn=a", "-b", "dc=x"][..], &["-D", "-W", "-y"][..]),
        (&["-w", "secret", "-b", "dc=x"], &["-D"]),
        (&["-b", "dc=x", "ldap://h/dc=x"], &["leave out", "-b"]),
        (&["-H", "ldap://h"], &["no base DN", "-b"]),
        (&[], &["no LDAP URL"]),
        (&["ldap://h:port/dc=x"], &["LDAP URL", "port"]),
        (&["ldap://h/dc=x??sub??!x-foo"], &["x-foo", "not known"]),
        (&["-b", "dc=x", "-Y", "OTP"], &["EXTERNAL"]),
        (
            &["-b", "dc=x", "-D", "cn=a", "-y", "/nonexistent"],
            &["/nonexistent"],
        ),
    ] {
        with(arguments).assert_failed(2, words);
        assert!(
            !data.folder.path().join("copy.db").exists(),
            "{arguments:?}"
        );
    }
}

#[test]
fn filter_with_a_typo() {
    let server = Slapd::start(Variant::Plain);
    let data = Data::of(&server);
    data.unchanged(|| {
        for (filter, words) in [
            ("(objectClass=person", &["(objectClass=person", "20"][..]),
            ("(&(cn=a)(cn=b)))", &["(&(cn=a)(cn=b)))", "16"]),
            ("(cn=\\zz)", &["\\zz", "byte"]),
        ] {
            data.refresh_with(&server, &[filter])
                .assert_failed(2, words);
        }
    });
}
