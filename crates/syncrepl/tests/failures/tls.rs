//! TLS cannot be had, or the server is not the right one.

use syncrepl_testing::slapd::{Slapd, Variant};
use syncrepl_testing::tls::{Certificates, Pair};
use tempfile::TempDir;

use crate::common::outcome::{Data, Outcome};

struct Encrypted {
    _folder: TempDir,
    certificates: Certificates,
    server: Slapd,
}

fn server_with(choose: impl Fn(&Certificates) -> &Pair) -> Encrypted {
    let folder = TempDir::new().expect("a temporary folder");
    let certificates = Certificates::make(folder.path());
    let Pair { cert, key } = choose(&certificates);
    let server = Slapd::builder(Variant::Plain)
        .tls(&certificates.ca, cert, key)
        .start();
    Encrypted {
        server,
        certificates,
        _folder: folder,
    }
}

impl Encrypted {
    /// The server's URLs by ldaps and by StartTLS.
    fn refuses(&self, ca: &std::path::Path, words: &[&str]) {
        let data = Data::new();
        let ca = ca.display().to_string();
        let mut ldaps = data.sync("refresh", &self.server.ldaps_url());
        ldaps.extend(["--ca-file", &ca].map(str::to_owned));
        Outcome::run(&ldaps).assert_failed(4, words);
        for starttls in ["-Z", "-ZZ"] {
            data.refresh_with(&self.server, &[starttls, "--ca-file", &ca])
                .assert_failed(4, words);
        }
        // A wrong certificate stays wrong: `follow` does not try again.
        ldaps[0] = "follow".to_owned();
        Outcome::run(&ldaps).assert_failed(4, words);
    }
}

#[test]
fn untrusted_authority() {
    let encrypted = server_with(|certificates| &certificates.server);
    let words = ["unknown authority", "--ca-file"];
    encrypted.refuses(&encrypted.certificates.other_ca, &words);
    let data = Data::new();
    // The platform's authorities did not sign it either.
    Outcome::run(&data.sync("refresh", &encrypted.server.ldaps_url()))
        .assert_failed(4, &["certificate", "--ca-file"]);
}

#[test]
fn certificate_for_another_name() {
    let encrypted = server_with(|certificates| &certificates.wrong_name);
    let words = ["does not match", "elsewhere.example", "connect by a name"];
    encrypted.refuses(&encrypted.certificates.ca, &words);
}

#[test]
fn expired_certificate() {
    let encrypted = server_with(|certificates| &certificates.expired);
    encrypted.refuses(&encrypted.certificates.ca, &["has expired", "renew it"]);
}

#[test]
fn starttls_where_there_is_none() {
    let server = Slapd::start(Variant::Plain);
    let data = Data::of(&server);
    data.unchanged(|| {
        data.refresh_with(&server, &["-ZZ"])
            .assert_failed(4, &["refused StartTLS", "set TLS up on the provider"]);
        let mut follow = data.sync("follow", &server.url());
        follow.push("-ZZ".to_owned());
        Outcome::run(&follow).assert_failed(4, &["refused StartTLS"]);
    });
}

#[test]
fn unusable_ca_file() {
    let server = Slapd::start(Variant::Plain);
    let data = Data::new();
    let path = data.folder.path().join("ca.pem").display().to_string();
    let options = ["-ZZ", "--ca-file", &path];
    data.refresh_with(&server, &options)
        .assert_failed(2, &["ca.pem", "cannot be read"]);
    std::fs::write(&path, "no certificate\n").expect("writing a file");
    data.refresh_with(&server, &options)
        .assert_failed(2, &["ca.pem", "holds no certificate", "PEM"]);
}

#[test]
fn plain_to_tls_and_tls_to_plain() {
    let encrypted = server_with(|certificates| &certificates.server);
    let data = Data::new();
    let plain = encrypted.server.ldaps_url().replace("ldaps", "ldap");
    Outcome::run(&data.sync("refresh", &plain)).assert_failed(4, &["ldaps://"]);
    let tls = encrypted.server.url().replace("ldap:", "ldaps:");
    let mut refresh = data.sync("refresh", &tls);
    let ca = encrypted.certificates.ca.display().to_string();
    refresh.extend(["--ca-file".to_owned(), ca]);
    Outcome::run(&refresh).assert_failed(4, &["plain LDAP", "StartTLS"]);
}
