//! The lines about TLS.

use std::path::Path;

use syncrepl_testing::slapd::{ADMIN, PASSWORD, SUFFIX, Slapd, Variant};
use syncrepl_testing::tls::{Certificates, Pair};
use tempfile::TempDir;

use crate::{assert_fails, assert_line, assert_works, doctor, refresh};

fn server(made: &Certificates, pair: &Pair) -> Slapd {
    Slapd::builder(Variant::Plain)
        .tls(&made.ca, &pair.cert, &pair.key)
        .start()
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path")
}

#[test]
fn encrypted_connections() {
    let folder = TempDir::new().expect("a temporary folder");
    let made = Certificates::make(folder.path());
    let good = server(&made, &made.server);
    let trusted = ["--ca-file", text(&made.ca)];
    let ldaps = good.ldaps_url();
    let starttls = [&trusted[..], &["-ZZ"]].concat();
    for (url, words) in [(&ldaps, &trusted[..]), (&good.url(), &starttls)] {
        let outcome = doctor(url, words);
        assert_works(&outcome, url, words);
        let seen = ["TLS 1.3", "localhost, 127.0.0.1, ::1", "valid until 20"];
        assert_line(&outcome, "✔", "TLS:", &seen);
    }
    // Without a check no line calls the certificate good.
    let insecure = ["--tls-insecure", "-D", ADMIN, "-w", PASSWORD];
    let expired = server(&made, &made.expired);
    let outcome = doctor(&expired.ldaps_url(), &insecure);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    let seen = ["NOT CHECKED", "valid until 2021-01-01", "--ca-file"];
    assert_line(&outcome, "!", "TLS:", &seen);

    let soon = server(&made, &made.ends_soon());
    let outcome = doctor(&soon.ldaps_url(), &trusted);
    assert_works(&outcome, &soon.ldaps_url(), &trusted);
    assert_line(&outcome, "!", "TLS:", &[" days from now", "renewed"]);
}

#[test]
fn checks_that_fail() {
    let folder = TempDir::new().expect("a temporary folder");
    let made = Certificates::make(folder.path());
    let good = server(&made, &made.server);
    let (expired, elsewhere) = (
        server(&made, &made.expired),
        server(&made, &made.wrong_name),
    );
    let [ca, other] = [text(&made.ca), text(&made.other_ca)];
    for (server, ca, words) in [
        (&good, other, &["unknown authority", "--ca-file"][..]),
        (&expired, ca, &["has expired", "2021-01-01"]),
        (&elsewhere, ca, &["elsewhere.example"]),
    ] {
        let url = server.ldaps_url();
        let options = ["--ca-file", ca];
        let outcome = doctor(&url, &options);
        assert_fails(&outcome, 4, &refresh(&url, SUFFIX, &options), words);
        assert_line(&outcome, "✘", "TLS:", words);
    }
    let plain = Slapd::start(Variant::Plain);
    let outcome = doctor(&plain.url(), &["-ZZ"]);
    assert_fails(
        &outcome,
        4,
        &refresh(&plain.url(), SUFFIX, &["-ZZ"]),
        &["refused StartTLS"],
    );
    assert_line(&outcome, "✘", "TLS:", &["StartTLS", "set TLS up"]);
    let outcome = doctor(&plain.url(), &["--require-tls"]);
    assert_line(&outcome, "✘", "TLS:", &["TLS is required", "-ZZ"]);
}

/// An address of this machine that is not loopback counts as another host.
#[test]
fn in_clear() {
    let server = Slapd::start(Variant::Plain);
    let url = server.url().replace("127.0.0.1", "0.0.0.0");
    let outcome = doctor(&url, &[]);
    assert_works(&outcome, &url, &[]);
    let text = "TLS: none: all that is copied goes in clear";
    assert_line(&outcome, "!", text, &["-ZZ", "ldaps://", "--require-tls"]);
    let outcome = doctor(&url, &["-D", ADMIN, "-w", PASSWORD]);
    assert_line(&outcome, "!", "TLS: none: the password and all", &["-ZZ"]);
}

#[test]
fn local_socket() {
    let server = Slapd::builder(Variant::Plain).ldapi().start();
    let words = ["-Y", "EXTERNAL"];
    let outcome = doctor(&server.ldapi_url(), &words);
    assert_works(&outcome, &server.ldapi_url(), &words);
    assert_line(
        &outcome,
        "✔",
        "TLS: none, and none needed: a local socket",
        &[],
    );
    assert_line(&outcome, "✔", "bind:", &["cn=peercred,cn=external,cn=auth"]);
}
