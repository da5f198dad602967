//! The provider refuses, or cannot be reached.

use std::net::{Ipv4Addr, TcpListener};

use syncrepl_testing::slapd::{ADMIN, Slapd, Variant};

use crate::common::outcome::{Data, Outcome, people};

#[test]
fn wrong_password() {
    let server = Slapd::start(Variant::Plain);
    let data = Data::of(&server);
    data.unchanged(|| {
        data.refresh_with(&server, &["-D", ADMIN, "-w", "not it"])
            .assert_failed(
                3,
                &["bind DN or password", "invalidCredentials (49)", "locked"],
            );
    });
    // `follow` does not try again: repeated wrong passwords lock accounts.
    let mut follow = data.sync("follow", &server.url());
    follow.extend(["-D", ADMIN, "-w", "not it"].map(str::to_owned));
    Outcome::run(&follow).assert_failed(3, &["invalidCredentials (49)"]);
}

#[test]
fn no_such_base() {
    let server = Slapd::start(Variant::Plain);
    for base in ["ou=nowhere,dc=example,dc=com", "dc=example,dc=org"] {
        let data = Data::new();
        let arguments = ["refresh", "--data", &data.path(), "-H", &server.url()];
        let mut arguments = arguments.to_vec();
        arguments.extend(["-b", base]);
        Outcome::run(&arguments)
            .assert_failed(3, &["no such base", "noSuchObject (32)", "namingContexts"]);
    }
}

#[test]
fn no_server() {
    let server = Slapd::start(Variant::Plain);
    let data = Data::of(&server);
    server.stop();
    data.unchanged(|| {
        data.refresh_with(&server, &[])
            .assert_failed(4, &["cannot connect to", &server.url(), "running?"]);
    });
}

#[test]
fn no_such_host() {
    let data = Data::new();
    Outcome::run(&data.sync("refresh", "ldap://nobody.invalid")).assert_failed(
        4,
        &["nobody.invalid", "cannot be resolved", "is the name right"],
    );
}

#[test]
fn not_an_ldap_server() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let url = format!("ldap://{}", listener.local_addr().expect("its address"));
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            use std::io::{Read, Write};
            let mut client = client;
            // Only the bytes matter; the command may have gone away.
            let _ = client.read(&mut [0; 64]);
            let _ = client.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        }
    });
    Outcome::run(&Data::new().sync("refresh", &url))
        .assert_failed(1, &["cannot be read", "is there an LDAP server"]);
}

#[test]
fn insufficient_access() {
    let server = Slapd::builder(Variant::Plain)
        .extra_database("access to dn.base=\"\" by * read\naccess to * by * disclose")
        .start();
    Outcome::run(&Data::new().refresh(&server))
        .assert_failed(3, &["(50)", "nobody is bound", "grant this identity"]);
}

#[test]
fn synchronization_is_not_switched_on() {
    let folder = tempfile::TempDir::new().expect("a temporary folder");
    let server = Slapd::builder(Variant::Plain)
        .extra_global(&format!(
            "database mdb\nsuffix dc=bare\nrootdn cn=admin,dc=bare\nrootpw secret\ndirectory {}\n",
            folder.path().display()
        ))
        .start();
    let data = Data::new();
    let arguments = ["refresh", "--data", &data.path(), "-H", &server.url()];
    let mut arguments = arguments.to_vec();
    arguments.extend(["-b", "dc=bare"]);
    Outcome::run(&arguments).assert_failed(
        3,
        &[
            "unavailableCriticalExtension (12)",
            "overlay syncprov",
            "moduleload syncprov",
        ],
    );
}

#[test]
fn size_limit() {
    let server = Slapd::builder(Variant::Plain)
        .extra_database("limits anonymous size=10")
        .start();
    let data = Data::of(&server);
    server.load(&people(20));
    data.unchanged(|| {
        let outcome = data.refresh_with(&server, &[]);
        outcome.assert_failed(
            3,
            &["sizeLimitExceeded (4)", "raise the size limit", "limits"],
        );
        assert!(!outcome.stdout.contains(r#""op":"commit""#));
    });
    // The failed run did no harm to an identity without that limit.
    let admin = ["-D", ADMIN, "-w", "secret", "--as-new-identity"];
    data.refresh_with(&server, &admin).assert_done();
}
