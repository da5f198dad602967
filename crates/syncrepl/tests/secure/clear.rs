//! Connections in clear, and what the command sends over them.

use syncrepl_testing::slapd::{ADMIN, PASSWORD, Slapd, Variant};

use crate::attacker::Attacker;
use crate::common::outcome::{Data, Outcome};
use crate::{Made, bound, file};

/// This machine by an address that is not loopback.
fn from_outside(server: &Slapd) -> String {
    server.url().replace("127.0.0.1", "0.0.0.0")
}

#[test]
fn password_to_another_host() {
    let server = Slapd::start(Variant::Plain);
    let data = Data::new();
    let mut words = data.sync("refresh", &from_outside(&server));
    // Without a password there is no warning.
    Outcome::run(&words).assert_done();
    words.extend(["-D", ADMIN, "-w", PASSWORD, "--as-new-identity"].map(str::to_owned));
    let outcome = Outcome::run(&words);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    assert_eq!(outcome.stderr.lines().count(), 1, "{}", outcome.stderr);
    assert!(
        outcome.stderr.contains("the password goes to"),
        "{}",
        outcome.stderr
    );
    assert!(outcome.stderr.contains("unencrypted"));
    // To this machine the password may go in clear.
    data.refresh_with(&server, &["-D", ADMIN, "-w", PASSWORD])
        .assert_done();

    words.push("--require-tls".to_owned());
    Outcome::run(&words).assert_failed(
        4,
        &["TLS is required", "-ZZ", "ldaps://", "nothing was sent"],
    );
}

#[test]
fn tls_required() {
    let made = Made::new();
    let server = made.server(&made.made.server);
    let port = server.port();
    let attacker = Attacker::new(move |victim, _| victim.join(port));
    let data = Data::new();
    // --require-tls also covers this machine and an anonymous bind: no connection is made.
    for words in [&[][..], &["-D", ADMIN, "-w", PASSWORD]] {
        let mut all = data.sync("refresh", &attacker.url("ldap"));
        all.extend(words.iter().map(|&word| word.to_owned()));
        all.push("--require-tls".to_owned());
        Outcome::run(&all).assert_failed(4, &["TLS is required", "-ZZ"]);
        assert_eq!(attacker.connections(), 0);
    }
    let ca = file("--ca-file", &made.made.ca);
    for (url, starttls) in [
        (server.ldaps_url(), None),
        (server.url(), Some("-Z")),
        (server.url(), Some("-ZZ")),
    ] {
        let mut all = data.sync("refresh", &url);
        all.extend(ca.clone());
        all.push("--require-tls".to_owned());
        all.extend(starttls.map(str::to_owned));
        Outcome::run(&all).assert_done();
    }
    // -Z does not go on in clear then, for any bind.
    let plain = Slapd::builder(Variant::Plain).ldapi().start();
    plain_refuses(&plain, &["-Z", "--require-tls"]);
    // A local socket leaves no network, so it is allowed.
    let mut all = Data::new().sync("refresh", &plain.ldapi_url());
    let fresh = Data::new();
    all[2] = fresh.path();
    all.push("--require-tls".to_owned());
    assert_eq!(bound(Outcome::run(&all).assert_done()), "");
}

#[track_caller]
fn plain_refuses(server: &Slapd, words: &[&str]) {
    Data::new()
        .refresh_with(server, words)
        .assert_failed(4, &["refused StartTLS"]);
}

/// A server without TLS. With any credentials -Z ends the run.
#[test]
fn starttls_if_possible_with_credentials() {
    let server = Slapd::start(Variant::Plain);
    let outcome = Data::new().refresh_with(&server, &["-Z", "-D", ADMIN, "-w", PASSWORD]);
    outcome.assert_failed(
        4,
        &[
            "refused StartTLS",
            "only an anonymous bind",
            "-ZZ",
            "ldaps://",
        ],
    );
    let outcome = Data::new().refresh_with(&server, &["-Z"]);
    assert_eq!(outcome.code, Some(0));
    assert!(outcome.stderr.contains("goes on in clear"));
    assert_eq!(outcome.stderr.lines().count(), 1);
}
