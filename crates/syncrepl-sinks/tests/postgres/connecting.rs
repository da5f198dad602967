//! Coming in: passwords, certificates, and what the configuration refuses.

use std::path::Path;

use serde_json::{Value, json};
use syncrepl_relay::{Sink, SinkError, Trouble};
use syncrepl_sinks::Unfit;
use syncrepl_testing::Postgres;
use syncrepl_testing::postgres::PASSWORD;
use syncrepl_testing::tls::Certificates;

use crate::common::{deliver, owner, target};

fn open(to: &str, keys: &Value) -> Result<Box<dyn Sink>, Unfit> {
    syncrepl_sinks::open(&target(to, keys))
}

#[track_caller]
fn unfit(to: &str, keys: &Value) -> String {
    match open(to, keys) {
        Ok(_) => panic!("{to} is taken"),
        Err(unfit) => unfit.to_string(),
    }
}

#[track_caller]
fn manual(sink: &mut dyn Sink, reason: &str) -> SinkError {
    let error = sink.open(&owner()).unwrap_err();
    assert_eq!(
        (error.trouble(), error.reason()),
        (Trouble::Manual, reason),
        "{error}"
    );
    error
}

#[test]
fn wrong_password_then_the_right_one() {
    let server = Postgres::start();
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("password");
    let mut sink = open(
        &server.url(),
        &json!({"create": true, "password_file": file}),
    )
    .unwrap();
    manual(&mut *sink, "secret");
    std::fs::write(&file, "canary-7f3a\n").expect("the password");
    let error = manual(&mut *sink, "credentials");
    assert!(!format!("{error} {error:?}").contains("canary"), "{error}");
    assert!(error.to_string().contains("28P01"), "{error}");
    std::fs::write(&file, format!("{PASSWORD}\n")).expect("the password");
    deliver(&mut *sink, &[], 1).unwrap();
    let mut without = open(&server.url(), &json!({})).unwrap();
    let error = manual(&mut *without, "credentials");
    assert!(error.to_string().contains("password_file"), "{error}");
}

#[test]
fn unknown_names_need_a_person() {
    let server = Postgres::start();
    let url = server.socket_url();
    let mut sink = open(&url.replace("/app", "/none"), &json!({})).unwrap();
    manual(&mut *sink, "database");
    let mut sink = open(&url.replace("user=sync", "user=none"), &json!({})).unwrap();
    manual(&mut *sink, "credentials");
    let mut sink = open(&url, &json!({"schema": "none"})).unwrap();
    let error = manual(&mut *sink, "table");
    assert!(
        error
            .to_string()
            .contains("CREATE SCHEMA IF NOT EXISTS \"none\"; CREATE TABLE"),
        "{error}"
    );
}

#[test]
fn server_that_is_down_passes() {
    let server = Postgres::start();
    let mut sink = crate::common::sink(&server);
    deliver(&mut *sink, &[], 1).unwrap();
    server.stop();
    for url in [server.url(), server.socket_url()] {
        let mut sink = open(&url, &json!({})).unwrap();
        let error = sink.open(&owner()).unwrap_err();
        assert_eq!(
            (error.trouble(), error.reason()),
            (Trouble::Passing, "network"),
            "{error}"
        );
    }
    let error = sink.send(&syncrepl_relay::Batch {
        events: &[crate::common::added(1, 1, "Ann")],
        before: &syncrepl_relay::Position::START,
        attempts: 0,
    });
    assert_eq!(error.unwrap_err().trouble(), Trouble::Passing);
}

#[test]
fn tls_is_verified() {
    let folder = tempfile::tempdir().expect("a folder");
    let certificates = Certificates::make(folder.path());
    let server = Postgres::builder().tls(&certificates).start();
    let password = folder.path().join("password");
    std::fs::write(&password, PASSWORD).expect("the password");
    let with = |ca: &Path| json!({"create": true, "password_file": password, "ca_file": ca});
    let mut sink = open(&server.url(), &with(&certificates.ca)).unwrap();
    deliver(&mut *sink, &[], 1).unwrap();
    let encrypted = "SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE ssl AND usename = 'sync'";
    assert_eq!(server.psql(encrypted), "1");
    let mut sink = open(&server.url(), &with(&certificates.other_ca)).unwrap();
    let error = manual(&mut *sink, "tls");
    assert!(error.to_string().contains("ca_file"), "{error}");
    let clear = Postgres::start();
    let mut sink = open(&clear.url(), &with(&certificates.ca)).unwrap();
    let error = manual(&mut *sink, "tls");
    assert!(error.to_string().contains("does not offer TLS"), "{error}");
}

#[test]
fn certificate_stands_for_a_password() {
    let folder = tempfile::tempdir().expect("a folder");
    let certificates = Certificates::make(folder.path());
    let server = Postgres::builder().tls(&certificates).start();
    let url = server.url().replace("sync@", "certified@");
    let mut keys = json!({"create": true, "ca_file": certificates.ca});
    let mut without = open(&url, &keys).unwrap();
    manual(&mut *without, "credentials");
    keys["cert_file"] = json!(certificates.client.cert);
    keys["key_file"] = json!(certificates.client.key);
    server.psql("GRANT CREATE ON SCHEMA public TO certified");
    let mut sink = open(&url, &keys).unwrap();
    deliver(&mut *sink, &[], 1).unwrap();
}

#[test]
fn secrets_and_clear_text_are_refused_in_the_configuration() {
    for to in [
        "postgresql://sync:canary@localhost/app",
        "postgresql://sync@localhost/app?password=canary",
        "postgresql://sync:can@ary@localhost/app",
        "postgresql://sync:canary@[::1/app",
    ] {
        let text = unfit(to, &json!({}));
        assert!(!text.contains("canary") && !text.contains("ary@"), "{text}");
    }
    let far = "postgresql://sync@db.example.com/app";
    for (to, keys, words) in [
        (far, json!({"password": "x"}), "unknown field `password`"),
        (far, json!({"cert_file": "x"}), "give both"),
        (
            far,
            json!({"allow_clear": true, "ca_file": "x"}),
            "beside what asks for TLS",
        ),
        (far, json!({"timeout": "0s"}), "write a time such as 30s"),
        (far, json!({"table": "x".repeat(64)}), "at most 63 bytes"),
        (far, json!({"table": "entry_values"}), "are the same"),
        (far, json!({"columns": {"uuid": "uid"}}), "is there anyway"),
        (
            far,
            json!({"columns": {"login": "[]"}}),
            "names no attribute",
        ),
        (
            far,
            json!({"mode": "events", "columns": {"login": "uid"}}),
            "knows no columns",
        ),
        (
            "postgresql://sync@db.example.com/app?sslmode=disable",
            json!({}),
            "allow_clear = true",
        ),
        (
            "postgresql://sync@db.example.com/app?sslmode=verify-full",
            json!({}),
            "always verified",
        ),
        (
            "postgresql://sync@db.example.com/app?sslrootcert=x",
            json!({}),
            "`sslrootcert`",
        ),
        ("postgresql:///app", json!({}), "names no host"),
    ] {
        let text = unfit(to, &keys);
        assert!(text.contains(words), "{to} {keys}: {text}");
    }
    assert!(open(far, &json!({})).is_ok());
}

#[test]
fn targets_of_one_table_are_one_place() {
    let place = |to: &str, keys: Value| {
        let target = target(to, &keys);
        (syncrepl_sinks::of(to).expect("a kind").place)(&target).expect("a place")
    };
    let one = place("postgresql://sync@DB.example.com/app", json!({}));
    assert_eq!(
        one,
        place(
            "postgres://other@db.example.com:5432/app",
            json!({"create": true})
        )
    );
    for (to, keys) in [
        (
            "postgresql://sync@db.example.com/app",
            json!({"table": "others"}),
        ),
        (
            "postgresql://sync@db.example.com/app",
            json!({"schema": "others"}),
        ),
        ("postgresql://sync@db.example.com/other", json!({})),
        ("postgresql://sync@db.example.com:5433/app", json!({})),
    ] {
        assert_ne!(one, place(to, keys));
    }
}
