//! Where to connect to, how, and as whom.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use syncrepl_testing::slapd::{ADMIN, PASSWORD, SUFFIX, Slapd, Variant};
use syncrepl_testing::tls::Certificates;
use tempfile::TempDir;

use crate::common::outcome::{Data, Outcome, assert_message, command};
use crate::run;

/// The identity of the bind, from the line that tells it.
fn bound(outcome: &Outcome) -> String {
    let line = outcome
        .stdout
        .lines()
        .find(|line| line.contains(r#""op":"bind""#));
    line.expect("a bind line").to_owned()
}

const BOUND_AS_ADMIN: &str = r#"{"op":"bind","authzid":"dn:cn=admin,dc=example,dc=com"}"#;

#[test]
fn several_servers() {
    let (down, up) = (Slapd::start(Variant::Plain), Slapd::start(Variant::Plain));
    down.stop();
    let both = format!("{} {}", down.url(), up.url());
    let bare = up.url().replace("ldap://", "");
    for hosts in [
        &["-H", &both][..],
        &["-H", &down.url(), "-H", &up.url()],
        &["-H", &bare],
    ] {
        let data = Data::new();
        let mut words = vec!["-b", SUFFIX];
        words.extend(hosts);
        run(&data, "refresh", &words).assert_done();
    }
    let neither = format!("{} ldap://nobody.invalid", down.url());
    let data = Data::new();
    let refused = run(&data, "refresh", &["-H", &neither, "-b", SUFFIX]);
    refused.assert_failed(4, &["no server can be used", &down.url(), "nobody.invalid"]);
}

#[test]
fn local_socket() {
    let server = Slapd::builder(Variant::Plain).ldapi().start();
    let ldapi = server.ldapi_url();
    let words = ["-H", &ldapi, "-b", SUFFIX];
    let data = Data::new();
    assert_eq!(
        bound(run(&data, "refresh", &words).assert_done()),
        r#"{"op":"bind","authzid":""}"#
    );
    let external = [&words[..], &["-Y", "external", "--as-new-identity"]].concat();
    let outcome = run(&data, "refresh", &external);
    assert!(bound(outcome.assert_done()).contains("cn=peercred,cn=external,cn=auth"));
}

fn secret(folder: &Path, content: &str, mode: u32) -> String {
    let path = folder.join("password");
    fs::write(&path, content).expect("writing a file");
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("permissions");
    path.display().to_string()
}

#[test]
fn bind_identities() {
    let server = Slapd::start(Variant::Plain);
    let data = Data::of(&server);
    let words = ["-D", ADMIN, "-w", PASSWORD, "--as-new-identity"];
    assert_eq!(
        bound(data.refresh_with(&server, &words).assert_done()),
        BOUND_AS_ADMIN
    );

    let good = secret(data.folder.path(), PASSWORD, 0o600);
    let outcome = data.refresh_with(&server, &["-D", ADMIN, "-y", &good]);
    assert_eq!(bound(outcome.assert_done()), BOUND_AS_ADMIN);

    let readable = secret(data.folder.path(), PASSWORD, 0o644);
    let outcome = data.refresh_with(&server, &["-D", ADMIN, "-y", &readable]);
    assert_eq!(outcome.code, Some(0));
    assert_message(
        &outcome.stderr,
        &["warning", "others can read", "chmod 600"],
    );
    // The mode of a systemd credential may show the mask of an ACL in the bits of the group.
    let folder = data.folder.path();
    let lent = secret(folder, PASSWORD, 0o440);
    let mut words = data.refresh(&server);
    words.extend(["-D", ADMIN, "-y", &lent].map(str::to_owned));
    let outcome = Outcome::of(command(&words).env("CREDENTIALS_DIRECTORY", folder));
    assert_eq!(bound(outcome.assert_done()), BOUND_AS_ADMIN);

    let ended = secret(data.folder.path(), &format!("{PASSWORD}\n"), 0o600);
    let outcome = data.refresh_with(&server, &["-D", ADMIN, "-y", &ended]);
    assert_eq!(outcome.code, Some(3));
    let lines: Vec<&str> = outcome.stderr.lines().collect();
    assert_eq!(lines.len(), 2);
    assert_message(lines[0], &["ends in a line end", "printf"]);
    assert_message(lines[1], &["invalidCredentials (49)"]);

    let url = format!(
        "{}/{SUFFIX}??sub??bindname=cn=admin%2Cdc=example%2Cdc=com,X-BINDPW={PASSWORD}",
        server.url()
    );
    let other = Data::new();
    assert_eq!(
        bound(run(&other, "refresh", &[&url]).assert_done()),
        BOUND_AS_ADMIN
    );
    let bytes = fs::read(other.path()).expect("the file");
    let secret = PASSWORD.as_bytes();
    assert!(!bytes.windows(secret.len()).any(|window| window == secret));
}

#[test]
fn encrypted() {
    let folder = TempDir::new().expect("a temporary folder");
    let certificates = Certificates::make(folder.path());
    let pair = &certificates.server;
    let server = Slapd::builder(Variant::Plain)
        .tls(&certificates.ca, &pair.cert, &pair.key)
        .extra_global("security ssf=128")
        .empty()
        .start();
    let ca = certificates.ca.display().to_string();
    let add = std::process::Command::new(syncrepl_testing::tools::find("ldapadd"))
        .args([
            "-x",
            "-ZZ",
            "-H",
            &server.url(),
            "-D",
            ADMIN,
            "-w",
            PASSWORD,
            "-f",
        ])
        .arg(base_entry(folder.path()))
        .env("LDAPTLS_CACERT", &ca)
        .output()
        .expect("ldapadd starts");
    assert!(add.status.success(), "{add:?}");

    let data = Data::new();
    // The server refuses everything in clear, so a run that succeeds was encrypted.
    data.refresh_with(&server, &[])
        .assert_failed(3, &["confidentialityRequired (13)", "StartTLS"]);
    for starttls in ["-Z", "-ZZ"] {
        data.refresh_with(&server, &[starttls, "--ca-file", &ca])
            .assert_done();
    }
    let mut ldaps = data.sync("refresh", &server.ldaps_url());
    Outcome::of(command(&ldaps).env("LDAPTLS_CACERT", &ca)).assert_done();
    // The option overrides the environment.
    ldaps.extend(["--ca-file".to_owned(), ca]);
    let other = &certificates.other_ca;
    Outcome::of(command(&ldaps).env("LDAPTLS_CACERT", other)).assert_done();
}

fn base_entry(folder: &Path) -> std::path::PathBuf {
    let path = folder.join("base.ldif");
    let ldif = format!(
        "dn: {SUFFIX}\nobjectClass: organization\nobjectClass: dcObject\no: x\ndc: example\n"
    );
    fs::write(&path, ldif).expect("writing a file");
    path
}

/// `-Z` goes on in clear where the server has no TLS, and warns once.
#[test]
fn starttls_if_possible() {
    let server = Slapd::start(Variant::Plain);
    let outcome = Data::new().refresh_with(&server, &["-Z"]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    assert_eq!(outcome.stderr.lines().count(), 1, "{}", outcome.stderr);
    assert!(
        outcome.stderr.contains("refused StartTLS"),
        "{}",
        outcome.stderr
    );
    assert!(outcome.stderr.contains("in clear"));
}
