//! Servers with which a refresh fails. `doctor` and `refresh` end alike, and both say why and what to do.

use std::process::Command;

use syncrepl_testing::slapd::{ADMIN, PASSWORD, SUFFIX, Slapd, Variant};
use syncrepl_testing::tools;

use crate::common::outcome::Outcome;
use crate::{assert_fails, assert_line, assert_works, doctor, doctor_of, person, refresh};

#[test]
fn no_server() {
    let server = Slapd::start(Variant::Plain);
    server.stop();
    let url = server.url();
    let outcome = doctor(&url, &[]);
    assert_fails(
        &outcome,
        4,
        &refresh(&url, SUFFIX, &[]),
        &["cannot connect"],
    );
    assert_line(
        &outcome,
        "✘",
        "reachable:",
        &["cannot connect", "is the provider running?"],
    );
}

#[test]
fn wrong_password() {
    let url_of = Slapd::start(Variant::Plain);
    let url = url_of.url();
    let words = ["-D", ADMIN, "-w", "wrong"];
    let outcome = doctor(&url, &words);
    assert_fails(
        &outcome,
        3,
        &refresh(&url, SUFFIX, &words),
        &["invalidCredentials (49)"],
    );
    assert_line(
        &outcome,
        "✘",
        "bind:",
        &["wrong bind DN or password", "does not tell which"],
    );
}

#[test]
fn no_such_base() {
    let server = Slapd::start(Variant::Plain);
    let url = server.url();
    let inside = format!("ou=nowhere,{SUFFIX}");
    for (base, advice) in [
        ("dc=wrong", &["this server holds: dc=example,dc=com"][..]),
        (
            &inside,
            &["holds dc=example,dc=com", "no such entry", "may not see it"],
        ),
    ] {
        let outcome = doctor_of(&url, base, &[]);
        let words = ["no such base", "(32)", "namingContexts"];
        assert_fails(&outcome, 3, &refresh(&url, base, &[]), &words);
        assert_line(&outcome, "✘", "base:", advice);
    }
}

/// Three access rules under which a bind succeeds and nothing can be read.
#[test]
fn bind_that_may_read_nothing() {
    for (rule, words) in [
        ("none", &["(32)", "may not see it"][..]),
        ("auth", &["(50)", "grant this identity the right"]),
        ("compare", &["(50)", "grant this identity the right"]),
    ] {
        let access = format!("access to attrs=userPassword by * auth\naccess to * by * {rule}");
        let server = Slapd::builder(Variant::Plain)
            .extra_database(&access)
            .start();
        let reader = format!(
            "dn: cn=reader,{SUFFIX}\nchangetype: add\nobjectClass: person\ncn: reader\nsn: reader\n\
             userPassword: geheim\n"
        );
        server.ldapmodify(&reader).expect("a reader");
        let (url, reader) = (server.url(), format!("cn=reader,{SUFFIX}"));
        let bind = ["-D", &reader, "-w", "geheim"];
        let outcome = doctor(&url, &bind);
        assert_fails(&outcome, 3, &refresh(&url, SUFFIX, &bind), words);
        assert_line(&outcome, "✔", "bind:", &["dn:cn=reader"]);
        assert_line(&outcome, "✘", "base:", &["access to dn.subtree"]);
        if rule == "auth" {
            let outcome = doctor(&url, &[]);
            assert_fails(
                &outcome,
                3,
                &refresh(&url, SUFFIX, &[]),
                &["nobody is bound"],
            );
            assert_line(&outcome, "✘", "base:", &["nobody is bound", "-D, -W"]);
        }
    }
}

/// The test follows the advice word for word, and then a refresh works.
#[test]
fn no_syncprov() {
    let server = Slapd::builder(Variant::Plain)
        .without_syncprov()
        .extra_syncprov("database config\nrootpw secret")
        .start();
    let url = server.url();
    let outcome = doctor(&url, &[]);
    let words = ["(12)", "overlay syncprov", "moduleload syncprov"];
    assert_fails(&outcome, 3, &refresh(&url, SUFFIX, &[]), &words);
    let advice = [
        "overlay syncprov",
        "moduleload syncprov",
        "olcOverlay: syncprov",
    ];
    assert_line(&outcome, "✘", "sync control: not advertised", &advice);

    let ldif = ldif_in(&outcome);
    let input = server.folder().join("advice.ldif");
    std::fs::write(&input, ldif).expect("writing the advice");
    let done = Command::new(tools::find("ldapmodify"))
        .args(["-x", "-H", &url, "-D", "cn=config", "-w", PASSWORD, "-f"])
        .arg(&input)
        .output()
        .expect("ldapmodify starts");
    assert!(done.status.success(), "{done:?}");
    // slapd sends its first cookie after the first change.
    server.ldapmodify(&person("ann")).expect("a change");
    assert_works(&doctor(&url, &[]), &url, &[]);

    // The module is loaded, maybe for another database.
    let server = Slapd::builder(Variant::Plain)
        .without_syncprov()
        .extra_global("moduleload syncprov")
        .start();
    let outcome = doctor(&server.url(), &[]);
    assert_line(
        &outcome,
        "✘",
        "sync control: advertised, but not answered",
        &advice,
    );
}

/// The lines of advice that are LDIF: indented by eight, and empty lines between them.
fn ldif_in(outcome: &Outcome) -> String {
    let mut ldif = String::new();
    for line in outcome.stdout.lines() {
        match line.strip_prefix("        ") {
            Some(rest) if !rest.starts_with(' ') => ldif += &format!("{rest}\n"),
            None if line.trim().is_empty() && !ldif.is_empty() => ldif += "\n",
            _ => {}
        }
    }
    ldif
}

#[test]
fn limits() {
    let server = Slapd::builder(Variant::Plain)
        .extra_database("limits * size=2")
        .start();
    server
        .ldapmodify(&["ann", "bob"].map(person).concat())
        .expect("people");
    let url = server.url();
    let outcome = doctor(&url, &[]);
    assert_fails(
        &outcome,
        3,
        &refresh(&url, SUFFIX, &[]),
        &["sizeLimitExceeded (4)"],
    );
    assert_line(
        &outcome,
        "✘",
        "limits:",
        &["sizeLimitExceeded", "size=unlimited", "olcLimits"],
    );
    let words = ["-D", ADMIN, "-w", PASSWORD];
    assert_works(&doctor(&url, &words), &url, &words);
}

/// A replica without contextCSN.
#[test]
fn not_ready() {
    for replica in [Slapd::half_loaded(), Slapd::empty_replica()] {
        let url = replica.url();
        let outcome = doctor(&url, &[]);
        assert_fails(
            &outcome,
            4,
            &refresh(&url, SUFFIX, &[]),
            &["without a cookie"],
        );
        assert_line(
            &outcome,
            "✘",
            "state:",
            &["contextCSN", "replica", "another server"],
        );
    }
}

/// The first server cannot be used. The next one decides, as for a refresh.
#[test]
fn several_servers() {
    let (down, up) = (Slapd::start(Variant::Plain), Slapd::start(Variant::Plain));
    down.stop();
    let both = format!("{} {}", down.url(), up.url());
    let outcome = doctor(&both, &[]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert_line(&outcome, "✘", "reachable:", &[&down.url()]);
    assert_line(&outcome, "✔", "reachable:", &[&up.url()]);
    let headings: Vec<_> = outcome
        .stdout
        .lines()
        .filter(|line| line.starts_with("ldap"))
        .collect();
    assert_eq!(headings, [down.url(), up.url()]);
    // After a refusal no other server is tried.
    let words = ["-D", ADMIN, "-w", "wrong"];
    let three = format!("{both} {}", down.url());
    let outcome = doctor(&three, &words);
    assert_fails(&outcome, 3, &refresh(&three, SUFFIX, &words), &["(49)"]);
}
