//! TLS from the first byte and by StartTLS, with the right authority, a wrong one, and without.

use std::path::Path;

use syncrepl_client::{Builder, Credentials, ErrorKind, StartTls, Syncrepl};
use syncrepl_testing::slapd::{ADMIN, PASSWORD, SUFFIX, Slapd, Variant};
use syncrepl_testing::tls::Certificates;
use tempfile::TempDir;

use crate::common::{Fixture, fails, refresh};

const BASE: &str = "dn: dc=example,dc=com\nobjectClass: organization\nobjectClass: dcObject\no: Example\ndc: example\n";

/// A server that refuses everything in clear.
fn server(certificates: &Certificates) -> Slapd {
    let pair = &certificates.server;
    let server = Slapd::builder(Variant::Plain)
        .tls(&certificates.ca, &pair.cert, &pair.key)
        .extra_global("security ssf=64")
        .empty()
        .start();
    server.load(BASE);
    server
}

fn trusting(fixture: &Fixture, ca: &Path, url: &str) -> Builder<()> {
    Syncrepl::builder(fixture.data(), ())
        .ldap_url(url)
        .ca_file(ca)
}

#[test]
fn trust_and_encryption_are_required() {
    let folder = TempDir::new().unwrap();
    let made = Certificates::make(folder.path());
    let fixture = Fixture::of(server(&made));
    let ldap = format!("{}/{SUFFIX}??sub", fixture.server.url());
    let ldaps = format!("{}/{SUFFIX}??sub", fixture.server.ldaps_url());

    fails(
        refresh(trusting(&fixture, &made.ca, &ldap)),
        ErrorKind::Refused,
        &["(13)", "StartTLS"],
    );
    for wrong in [
        trusting(&fixture, &made.other_ca, &ldaps),
        trusting(&fixture, &made.other_ca, &ldap).starttls(StartTls::Required),
        trusting(&fixture, &made.other_ca, &ldap).starttls(StartTls::IfPossible),
        // The platform does not know the test's authority.
        Syncrepl::builder(fixture.data(), ()).ldap_url(&ldaps),
    ] {
        let error = fails(refresh(wrong), ErrorKind::Tls, &["certificate"]);
        assert!(!error.is_retryable());
    }
    let missing = trusting(&fixture, &folder.path().join("missing.pem"), &ldaps);
    fails(refresh(missing), ErrorKind::InvalidInput, &["missing.pem"]);
    assert_eq!(fixture.store().count().unwrap(), 0);

    for right in [
        trusting(&fixture, &made.ca, &ldaps),
        trusting(&fixture, &made.ca, &ldap).starttls(StartTls::Required),
        trusting(&fixture, &made.ca, &ldap).starttls(StartTls::IfPossible),
        trusting(&fixture, &made.ca, &format!("{ldap}??StartTLS")),
        trusting(&fixture, &made.ca, &format!("{ldap}??!StartTLS")),
    ] {
        refresh(right).unwrap();
        assert_eq!(fixture.store().count().unwrap(), 1);
    }
}

#[test]
fn server_without_tls() {
    let fixture = Fixture::new();
    let required = fixture.builder(()).starttls(StartTls::Required);
    fails(refresh(required), ErrorKind::Tls, &["StartTLS"]);
    let url = format!("{}??!StartTLS", fixture.url());
    let required = Syncrepl::builder(fixture.data(), ()).ldap_url(url);
    fails(refresh(required), ErrorKind::Tls, &["StartTLS"]);
    // Credentials of any kind never go out in clear, even if only a URL gives them.
    for credentials in [
        Credentials::simple(ADMIN, PASSWORD),
        Credentials::scram("ann", "geheim"),
        Credentials::external(),
    ] {
        let possible = fixture
            .builder(())
            .credentials(credentials)
            .starttls(StartTls::IfPossible);
        fails(
            refresh(possible),
            ErrorKind::Tls,
            &["anonymous", "ldaps://"],
        );
    }
    let url = format!("{}??StartTLS,bindname=cn=a,X-BINDPW=b", fixture.url());
    let possible = Syncrepl::builder(fixture.data(), ()).ldap_url(url);
    fails(refresh(possible), ErrorKind::Tls, &["anonymous"]);
    fails(
        refresh(fixture.builder(()).require_tls(true)),
        ErrorKind::Tls,
        &["TLS is required", "nothing was sent"],
    );
    refresh(fixture.builder(()).starttls(StartTls::IfPossible)).unwrap();
    assert_eq!(fixture.store().count().unwrap(), 1);
}

#[test]
fn client_certificate_and_authority() {
    let folder = TempDir::new().unwrap();
    let made = Certificates::make(folder.path());
    let pair = &made.self_signed;
    let demanding = Slapd::builder(Variant::Plain)
        .tls(&made.ca, &pair.cert, &pair.key)
        .extra_global("TLSVerifyClient demand")
        .start();
    let fixture = Fixture::of(demanding);
    let ldaps = format!("{}/{SUFFIX}??sub", fixture.server.ldaps_url());
    fails(
        refresh(trusting(&fixture, &pair.cert, &ldaps)),
        ErrorKind::Unreachable,
        &["client certificate", "got none"],
    );
    let client = |builder: Builder<()>| {
        builder
            .client_certificate(&made.client.cert, &made.client.key)
            .credentials(Credentials::external())
    };
    fails(
        refresh(client(trusting(&fixture, &made.ca, &ldaps))),
        ErrorKind::Tls,
        &["self-signed"],
    );
    refresh(client(trusting(&fixture, &pair.cert, &ldaps))).unwrap();
    let status = fixture.store().status().unwrap();
    assert_eq!(
        status.authzid.as_deref(),
        Some("dn:cn=client,dc=example,dc=com")
    );
    let anybody = trusting(&fixture, &made.ca, &ldaps).dangerous_accept_any_certificate(true);
    refresh(client(anybody)).unwrap();
}
