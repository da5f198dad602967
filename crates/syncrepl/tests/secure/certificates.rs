//! Good and bad certificates of real servers. For a bad one the message says what is wrong.

use std::path::Path;

use crate::common::outcome::{Data, Outcome, command};
use crate::{Made, file, ldaps};

#[test]
fn not_yet_valid() {
    let made = Made::new();
    let server = made.server(&made.made.not_yet_valid());
    Outcome::run(&ldaps(&Data::new(), &server, &made.made.ca)).assert_failed(
        4,
        &[
            "is not valid yet",
            "from 2090-01-01 00:00 UTC",
            "set the clock",
        ],
    );
}

#[test]
fn expired_since() {
    let made = Made::new();
    let server = made.server(&made.made.expired);
    Outcome::run(&ldaps(&Data::new(), &server, &made.made.ca)).assert_failed(
        4,
        &["has expired", "until 2021-01-01 00:00 UTC", "renew it"],
    );
}

#[test]
fn common_name_only() {
    let made = Made::new();
    let server = made.server(&made.made.common_name_only());
    let data = Data::new();
    let mut words = ldaps(&data, &server, &made.made.ca);
    // The common name does not count, even if it fits.
    words
        .iter_mut()
        .for_each(|word| *word = word.replace("127.0.0.1", "localhost"));
    Outcome::run(&words).assert_failed(
        4,
        &["common name only (CN=localhost)", "subjectAltName=DNS:"],
    );
}

/// The user trusts the server's certificate itself. Its name and its dates are still checked.
#[test]
fn self_signed() {
    let made = Made::new();
    let check = |pair: &syncrepl_testing::tls::Pair, ca: &Path, words: &[&str]| {
        let server = made.server(pair);
        let outcome = Outcome::run(&ldaps(&Data::new(), &server, ca));
        match words {
            [] => drop(outcome.assert_done()),
            words => drop(outcome.assert_failed(4, words)),
        }
    };
    let good = &made.made.self_signed;
    check(good, &good.cert, &[]);
    check(good, &made.made.ca, &["self-signed", "--ca-file"]);
    let elsewhere = made.made.self_signed_elsewhere();
    check(
        &elsewhere,
        &elsewhere.cert,
        &["does not match", "elsewhere.example"],
    );
    // A certificate of the same name with another key.
    check(&elsewhere, &good.cert, &["self-signed"]);
    let expired = made.made.self_signed_expired();
    check(&expired, &expired.cert, &["has expired", "2021-01-01"]);
    // A trusted server certificate is no authority for others.
    check(&made.made.server, &good.cert, &["unknown authority"]);
}

#[test]
fn both_versions_of_tls() {
    let made = Made::new();
    for only in ["1.2", "1.3"] {
        let lines = format!("TLSCipherSuite NORMAL:-VERS-ALL:+VERS-TLS{only}");
        let server = made.server_with_lines(&lines);
        let data = Data::new();
        let mut starttls = data.refresh(&server);
        starttls.extend(file("--ca-file", &made.made.ca));
        starttls.push("-ZZ".to_owned());
        for mut words in [ldaps(&data, &server, &made.made.ca), starttls] {
            words.push("-vv".to_owned());
            let outcome = Outcome::run(&words);
            assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
            let agreed = format!("speaks TLS {only}, TLS");
            assert!(outcome.stderr.contains(&agreed), "{}", outcome.stderr);
        }
    }
    let old = "TLSCipherSuite NORMAL:-VERS-ALL:+VERS-TLS1.1";
    let server = made.server_with_lines(old);
    Outcome::run(&ldaps(&Data::new(), &server, &made.made.ca)).assert_failed(4, &["1.2 or 1.3"]);
}

/// Without a file the command trusts the authorities of the machine only. Debian's own `ldap.conf` names
/// the same file.
#[test]
fn authorities_of_the_platform() {
    let made = Made::new();
    let server = made.server(&made.made.server);
    let data = Data::new();
    let words = data.sync("refresh", &server.ldaps_url());
    let platform = |path: &Path| {
        let mut command = command(&words);
        command.env("LDAPNOINIT", "1").env("SSL_CERT_FILE", path);
        Outcome::of(&mut command)
    };
    platform(&made.made.other_ca).assert_failed(4, &["unknown authority", "--ca-file"]);
    platform(&made.made.ca).assert_done();
}

/// `--tls-insecure` warns at every run, and excludes `--ca-file`.
#[test]
fn no_check_at_all() {
    let made = Made::new();
    let server = made.server(&made.made.expired);
    let data = Data::new();
    let mut words = data.sync("refresh", &server.ldaps_url());
    words.push("--tls-insecure".to_owned());
    for _ in 0..2 {
        let outcome = Outcome::run(&words);
        assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
        assert!(
            outcome
                .stderr
                .starts_with("syncrepl: WARNING: --tls-insecure")
        );
        assert!(
            outcome
                .stderr
                .contains(&format!("{} is NOT CHECKED", server.ldaps_url()))
        );
        // RUST_LOG can switch the log off, but not this warning.
        let outcome = Outcome::of(command(&words).env("RUST_LOG", "off"));
        assert_eq!(outcome.code, Some(0));
        assert_eq!(outcome.stderr.lines().count(), 1, "{}", outcome.stderr);
        assert!(outcome.stderr.contains("NOT CHECKED"));
    }
    words.extend(file("--ca-file", &made.made.ca));
    assert_eq!(Outcome::run(&words).code, Some(2));
}
