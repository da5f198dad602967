//! `ldap.conf`, `~/.ldaprc` and the environment. The command reads them as other LDAP programs do.

use std::fs;
use std::path::Path;

use syncrepl_testing::slapd::{SUFFIX, Slapd, Variant};

use crate::common::outcome::{Data, Outcome, assert_message, command};
use crate::{Made, bound, file};

/// `refresh` with further arguments, in a home with this `.ldaprc`.
fn at_home(data: &Data, words: &[&str], ldaprc: &str) -> Outcome {
    fs::write(data.folder.path().join(".ldaprc"), ldaprc).expect("writing .ldaprc");
    let path = data.path();
    let mut all = vec!["refresh", "--format", "json", "--data", &path];
    all.extend(words);
    Outcome::of(command(&all).env("HOME", data.folder.path()))
}

#[test]
fn where_to_and_what() {
    let (server, other) = (Slapd::start(Variant::Plain), Slapd::start(Variant::Plain));
    other
        .ldapmodify(&format!(
            "dn: ou=x,{SUFFIX}\nchangetype: add\nobjectClass: organizationalUnit\nou: x\n"
        ))
        .expect("an entry");
    let down = Slapd::start(Variant::Plain);
    down.stop();
    let data = Data::new();
    let ldaprc = format!("URI {} {}\nBASE {SUFFIX}\n", down.url(), server.url());
    at_home(&data, &[], &ldaprc).assert_done();
    let entries = data.dump().lines().count();
    // The data file overrides a file in the home folder.
    let elsewhere = format!("URI {}\nBASE dc=elsewhere\n", down.url());
    let kept = Data::new();
    Outcome::run(&kept.refresh(&server)).assert_done();
    at_home(&kept, &[], &elsewhere).assert_done();
    // The command line overrides both.
    let named = Data::new();
    at_home(&named, &["-H", &other.url(), "-b", SUFFIX], &elsewhere).assert_done();
    assert_eq!(named.dump().lines().count(), entries + 1);
    let url = format!("{}/{SUFFIX}??sub", other.url());
    let by_url = Data::new();
    at_home(&by_url, &[&url], &elsewhere).assert_done();
    // The environment overrides files.
    let environment = Data::new();
    fs::write(environment.folder.path().join(".ldaprc"), &elsewhere).expect("writing .ldaprc");
    let path = environment.path();
    let mut refresh = command(&["refresh", "--format", "json", "--data", &path]);
    refresh
        .env("HOME", environment.folder.path())
        .env("LDAPURI", other.url())
        .env("LDAPBASE", SUFFIX);
    Outcome::of(&mut refresh).assert_done();
    assert_eq!(environment.dump().lines().count(), entries + 1);
    // LDAPNOINIT switches all of it off.
    let nothing = Data::new();
    fs::write(nothing.folder.path().join(".ldaprc"), &ldaprc).expect("writing .ldaprc");
    let path = nothing.path();
    let mut refresh = command(&["refresh", "--data", &path]);
    refresh
        .env("HOME", nothing.folder.path())
        .env("LDAPNOINIT", "");
    assert_eq!(Outcome::of(&mut refresh).code, Some(2));
}

#[test]
fn authorities_and_client_certificate() {
    let made = Made::new();
    let server = made.server_with_lines("TLSVerifyClient demand");
    let client = &made.made.client;
    let lines = |ca: &Path| {
        format!(
            "TLS_CACERT {}\nTLS_CERT {}\nTLS_KEY {}\n",
            ca.display(),
            client.cert.display(),
            client.key.display()
        )
    };
    let ldaps = server.ldaps_url();
    let external = ["-H", &ldaps, "-b", SUFFIX, "-Y", "EXTERNAL"];
    let data = Data::new();
    let outcome = at_home(&data, &external, &lines(&made.made.ca));
    assert_eq!(
        bound(outcome.assert_done()),
        "dn:cn=client,dc=example,dc=com"
    );
    let wrong = at_home(&data, &external, &lines(&made.made.other_ca));
    wrong.assert_failed(4, &["unknown authority"]);
    let option = file("--ca-file", &made.made.ca);
    let right = [&external[..], &[&option[0], &option[1]]].concat();
    at_home(&data, &right, &lines(&made.made.other_ca)).assert_done();
}

/// `TLS_REQCERT never` is not honoured, and there is one warning. There is none where --tls-insecure is
/// given or TLS is not asked for.
#[test]
fn checks_cannot_be_switched_off() {
    let made = Made::new();
    let server = made.server(&made.made.wrong_name);
    let ldaps = server.ldaps_url();
    let words = ["-H", &ldaps, "-b", SUFFIX];
    for value in ["never", "allow", "NEVER"] {
        let data = Data::new();
        let outcome = at_home(&data, &words, &format!("TLS_REQCERT {value}\n"));
        assert_eq!(outcome.code, Some(4), "{}", outcome.stderr);
        let lines: Vec<&str> = outcome.stderr.lines().collect();
        assert_eq!(lines.len(), 2, "{}", outcome.stderr);
        let line = format!("TLS_REQCERT {value} in ");
        assert_message(
            lines[0],
            &[
                &line,
                ".ldaprc",
                "is not honoured",
                "--ca-file",
                "--tls-insecure",
            ],
        );
        assert_message(lines[1], &["certificate"]);
    }
    let data = Data::new();
    let mut all = data.sync("refresh", &ldaps);
    let outcome = Outcome::of(command(&all).env("LDAPTLS_REQCERT", "never"));
    assert_eq!((outcome.code, outcome.stderr.lines().count()), (Some(4), 2));
    assert!(
        outcome
            .stderr
            .contains("LDAPTLS_REQCERT=never is not honoured")
    );
    let outcome = Outcome::of(command(&all).env("LDAPTLS_REQCERT", "demand"));
    assert_eq!((outcome.code, outcome.stderr.lines().count()), (Some(4), 1));

    let plain = data.refresh(&server);
    Outcome::of(command(&plain).env("LDAPTLS_REQCERT", "never")).assert_done();
    all.push("--tls-insecure".to_owned());
    let outcome = Outcome::of(command(&all).env("LDAPTLS_REQCERT", "never"));
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    assert!(!outcome.stderr.contains("honoured"));
}
