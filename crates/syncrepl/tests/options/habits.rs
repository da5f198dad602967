//! What users of `ldapsearch` and `slapadd` type by habit.

use std::panic::{AssertUnwindSafe, catch_unwind};

use syncrepl_testing::judge;
use syncrepl_testing::slapd::{ADMIN, SUFFIX, Slapd, Variant};

use crate::common::outcome::{Data, Outcome, people};
use crate::{copy, run};

fn server() -> Slapd {
    let server = Slapd::builder(Variant::Plain).ldapi().start();
    server.load(&people(5));
    server
}

/// As `ldapsearch` does: the first word is a filter only if it looks like one.
#[test]
fn attributes_without_a_filter() {
    let server = server();
    let url = server.url();
    for attributes in [&["cn", "mail"][..], &["1.1"], &["*", "+"], &["cn;lang-de"]] {
        let data = Data::new();
        let words = [&["-H", &url, "-b", SUFFIX], attributes].concat();
        run(&data, "refresh", &words).assert_done();
        let search = judge::search(&url, "", "", SUFFIX, "sub", "(objectClass=*)", attributes);
        judge::assert_same("dump", &copy(&data), "search", &search);
        run(&data, "refresh", &words).assert_done();
        run(&data, "refresh", &[]).assert_done();
    }
    let doctor = Outcome::run(&["doctor", "-H", &url, "-b", SUFFIX, "cn", "mail"]);
    assert_eq!(doctor.code, Some(0), "{}", doctor.stdout);
}

#[test]
fn options_that_change_nothing() {
    let server = server();
    let url = server.url();
    let data = Data::of(&server);
    for words in [
        &["-x", "-LLL"][..],
        &["-Q", "-L", "-L"],
        &["-o", "ldif-wrap=no", "-o", "ldif_wrap=78"],
        &["-oldif-wrap=no", "-e", "ppolicy", "-e!ppolicy"],
    ] {
        let all = [&["-H", &url, "-b", SUFFIX], words].concat();
        run(&data, "refresh", &all).assert_done();
        let doctor = [&["doctor", "-H", &url, "-b", SUFFIX], words].concat();
        assert_eq!(Outcome::run(&doctor).code, Some(0), "{words:?}");
    }
    for (words, said) in [
        (["-o", "nettimeout=5"], "--connect-timeout"),
        (["-e", "manageDSAit"], "only ppolicy is known"),
    ] {
        let outcome = run(&data, "refresh", &words);
        assert_eq!(outcome.code, Some(2));
        assert!(outcome.stderr.contains(said), "{}", outcome.stderr);
    }
}

/// Scripts give -D and -Y alike. The mechanism counts.
#[test]
fn bind_dn_beside_a_mechanism() {
    let server = server();
    let ldapi = server.ldapi_url();
    let data = Data::new();
    let words = [
        "-H", &ldapi, "-b", SUFFIX, "-Y", "EXTERNAL", "-Q", "-D", ADMIN,
    ];
    let outcome = run(
        &data,
        "refresh",
        &[&words[..], &["--format", "json"]].concat(),
    );
    outcome.assert_done();
    let bound = outcome
        .stdout
        .contains(r#"{"op":"bind","authzid":"dn:gidNumber="#);
    assert!(bound, "{}", outcome.stdout);
}

/// What was meant as an LDAP URL gets a message about that, and no file.
#[test]
fn urls_that_are_none() {
    let data = Data::new();
    let begins = "a URL begins with ldap://, ldaps:// or ldapi://";
    let scheme = "the LDAP URL has a scheme that is not known";
    let word = "the first word is neither a filter nor an LDAP URL";
    for (words, said) in [
        (&["https://h/dc=e"][..], scheme),
        (&["ldapx://h/dc=e??sub"], scheme),
        (&["-H", "ldap://h", "-b", "dc=e", "http://h/dc=e"], scheme),
        (&["ldap.example.com/dc=e??sub"], word),
        (&["ldap.example.com"], word),
        (&["ldap.example.com:389"], word),
        (&["localhost"], word),
        (&["-b", "dc=e", "ldap.example.com", "cn"], word),
        (&["ldap:/h/dc=e"], word),
        (&["-H", "ldap:h", "-b", "dc=e"], "-H is no LDAP URL"),
        (&["-H", "//h", "-b", "dc=e"], "-H is no LDAP URL"),
        (
            &["-H", "ldapx://h", "-b", "dc=e"],
            "the LDAP URL cannot be used",
        ),
    ] {
        println!("{words:?}");
        let outcome = run(&data, "refresh", words);
        assert_eq!(outcome.code, Some(2), "{}", outcome.stderr);
        for words in [said, &begins[2..]] {
            assert!(outcome.stderr.contains(words), "{}", outcome.stderr);
        }
    }
    assert_eq!(
        std::fs::read_dir(data.folder.path())
            .expect("a folder")
            .count(),
        0
    );
}

/// slapadd reads a dump without its first line, and refuses one with it.
#[test]
fn dump_for_slapadd() {
    let server = server();
    let data = Data::new();
    let below = format!("ou=people,{SUFFIX}");
    run(&data, "refresh", &["-H", &server.url(), "-b", &below]).assert_done();
    let whole = run(&data, "dump", &[]).assert_done().stdout.clone();
    let bare = run(&data, "dump", &["--no-version"])
        .assert_done()
        .stdout
        .clone();
    assert_eq!(whole, format!("version: 1\n{bare}"));

    let other = Slapd::start(Variant::Plain);
    let refused = catch_unwind(AssertUnwindSafe(|| other.load(&whole)));
    assert!(refused.is_err(), "slapadd reads the line by now");
    let other = Slapd::start(Variant::Plain);
    other.load(&bare);
    let search = judge::search(&other.url(), "", "", &below, "sub", "(objectClass=*)", &[]);
    let copied = copy(&data).by_dn();
    assert_eq!(search.by_dn(), copied);
    assert_eq!(copied.len(), 6);
}
