//! Passwords, keys, certificates, and what a user may not do.

use std::fs;

use syncrepl_relay::Trouble;
use syncrepl_testing::Nats;
use syncrepl_testing::tls::Certificates;

use crate::driver::{Driver, assert_once};

#[test]
fn wrong_password_needs_a_person_and_the_right_one_goes() {
    let nats = Nats::with("authorization { user: ann, password: right }");
    let file = nats.folder().join("password");
    let keys = format!(
        r#"{{"create": true, "user": "ann", "password_file": "{}"}}"#,
        file.display()
    );
    let mut driver = Driver::new(&nats.target("LDAP", "p"), &keys);
    driver.needs_a_person("secret");
    fs::write(&file, "wrong-secret\n").unwrap();
    let error = driver.needs_a_person("login");
    assert!(!error.to_string().contains("wrong-secret"));
    // The same sink reads it anew.
    fs::write(&file, "right\n").unwrap();
    driver.deliver(3);
    assert_once(&nats.judge().login("ann", "right").read("LDAP"), 3);
}

#[test]
fn token_and_key_log_in() {
    // A pair from NATS's own documentation.
    let seed = "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY";
    let public = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4";
    let users = format!("authorization {{ users: [{{ nkey: {public} }}] }}");
    for (server, key, secret) in [
        ("authorization { token: word }", "token_file", "word"),
        (users.as_str(), "nkey_file", seed),
    ] {
        let nats = Nats::with(server);
        let file = nats.folder().join("secret");
        fs::write(&file, secret).unwrap();
        let keys = format!(r#"{{"create": true, "{key}": "{}"}}"#, file.display());
        Driver::new(&nats.target("LDAP", "p"), &keys).deliver(3);
        Driver::new(&nats.target("LDAP", "p"), "{}").needs_a_person("login");
    }
}

#[test]
fn user_without_permission_needs_a_person_at_once() {
    let nats = Nats::with(
        "authorization { users: [
            { user: all, password: all },
            { user: none, password: p, permissions { publish: \"x\" } },
            { user: reads, password: p, permissions { publish: \"$JS.API.>\" } } ] }",
    );
    nats.judge()
        .login("all", "all")
        .make("LDAP", "p", serde_json::json!({}));
    let file = nats.folder().join("password");
    fs::write(&file, "p").unwrap();
    let driver = |user: &str| {
        let keys = format!(
            r#"{{"user": "{user}", "password_file": "{}"}}"#,
            file.display()
        );
        Driver::new(&nats.target("LDAP", "p"), &keys)
    };
    driver("none").needs_a_person("permission");
    let mut reads = driver("reads");
    reads.open().unwrap();
    let error = reads.send(&[crate::driver::event(1)]).unwrap_err();
    assert_eq!(
        (error.trouble(), error.reason()),
        (Trouble::Manual, "permission")
    );
}

#[test]
fn only_a_server_that_is_verified_hears_anything() {
    let folder = tempfile::tempdir().unwrap();
    let certificates = Certificates::make(folder.path());
    let server = &certificates.server;
    let tls = format!(
        "tls {{ cert_file: \"{}\", key_file: \"{}\" }}",
        server.cert.display(),
        server.key.display()
    );
    let nats = Nats::with(&tls);
    let keys =
        |ca: &std::path::Path| format!(r#"{{"create": true, "ca_file": "{}"}}"#, ca.display());
    Driver::new(&nats.target("LDAP", "p"), &keys(&certificates.other_ca)).needs_a_person("tls");
    Driver::new(&nats.target("LDAP", "p"), &keys(&certificates.ca)).deliver(3);
    // A server without TLS is told nothing.
    let clear = Nats::start();
    let mut driver = Driver::new(&clear.target("LDAP", "p"), &keys(&certificates.ca));
    let error = driver.open().unwrap_err();
    assert_eq!(error.trouble(), Trouble::Manual, "{error}");
}
