//! The connection against a real slapd.

use std::path::PathBuf;

use syncrepl_proto::message::{Scope, SearchRequest};

use super::super::operations::ANY_ENTRY;
use super::fixture::{BASE, LOCALHOST, PEOPLE, ROOT, Slapd, With};
use super::*;

fn everything() -> SearchRequest<'static> {
    SearchRequest {
        base: BASE,
        scope: Scope::Subtree,
        size_limit: 0,
        time_limit: 0,
        types_only: false,
        filter: ANY_ENTRY,
        attributes: Vec::new(),
    }
}

/// The number of entries that a search of the whole tree returns.
fn count(connection: &mut Connection) -> Result<usize> {
    let mut entries = 0;
    connection.search(&everything(), &[], |entry| {
        let size: usize = entry
            .attributes
            .values("description")
            .map(<[u8]>::len)
            .sum();
        assert!(size == 10_000 || entry.dn == BASE);
        entries += 1;
        Ok(())
    })?;
    Ok(entries)
}

#[test]
fn binds_and_operations() {
    let slapd = Slapd::start(With::Clear);
    let mut connection = slapd.plain();
    assert!(connection.is_loopback() && !connection.is_encrypted());
    connection.bind(&Credentials::Anonymous).unwrap();
    assert_eq!(connection.who_am_i().unwrap().as_deref(), Some(""));
    let refused = connection.bind(&Credentials::simple(ROOT, "wrong"));
    let error = fails(refused, ErrorKind::Refused, &["wrong bind DN or password"]);
    assert_eq!(error.result_code(), Some(49));

    // A refusal does not break the connection.
    let limited = count(&mut connection);
    let error = fails(limited, ErrorKind::Refused, &["sizeLimitExceeded", BASE]);
    assert_eq!(error.result_code(), Some(4));

    connection
        .bind(&Credentials::simple(ROOT, "secret"))
        .unwrap();
    let me = connection.who_am_i().unwrap();
    assert_eq!(me, Some(format!("dn:{ROOT}")));
    assert_eq!(count(&mut connection).unwrap(), PEOPLE + 1);

    let nowhere = SearchRequest {
        base: "dc=nowhere",
        ..everything()
    };
    let refused = connection.search(&nowhere, &[], |_| Ok(()));
    let error = fails(
        refused,
        ErrorKind::Refused,
        &["dc=nowhere", "namingContexts"],
    );
    assert_eq!(error.result_code(), Some(32));

    let root = connection.root_dse().unwrap();
    assert_eq!(root.naming_contexts, [BASE]);
    assert!(
        root.object_classes
            .iter()
            .any(|class| class == "OpenLDAProotDSE")
    );
    assert!(
        root.supported_extensions
            .iter()
            .any(|oid| oid == "1.3.6.1.4.1.4203.1.11.3")
    );
    assert!(!root.supported_controls.is_empty());
    assert_eq!(root.vendor_name, None);
    connection.unbind();
}

#[test]
fn external_on_local_socket() {
    let slapd = Slapd::start(With::Clear);
    let server = Server::ldapi(slapd.path("ldapi"));
    let options = ConnectOptions {
        starttls: StartTls::IfPossible,
        ..ConnectOptions::default()
    };
    let mut connection = open(&server, &options).unwrap();
    assert!(connection.is_loopback() && !connection.is_encrypted());
    connection.bind(&Credentials::external()).unwrap();
    let me = connection.who_am_i().unwrap().unwrap();
    assert!(me.ends_with("cn=peercred,cn=external,cn=auth"), "{me}");

    let mut tcp = slapd.plain();
    let refused = tcp.bind(&Credentials::external());
    fails(refused, ErrorKind::Refused, &["SASL EXTERNAL"]);
}

#[test]
fn bound_connection_operations() {
    let slapd = Slapd::start(With::Clear);
    let mut connection = slapd.plain();
    connection
        .bind(&Credentials::simple(ROOT, "secret"))
        .unwrap();
    let mut ldap = BoundLdap::new(&mut connection);
    assert_eq!(ldap.whoami().unwrap(), format!("dn:{ROOT}"));
    assert_eq!(ldap.server().port(), Some(slapd.ldap));

    let mut calls = 0;
    let failed = ldap.search(BASE, Scope::One, "(sn=p)", &["cn"], |dn, attributes| {
        calls += 1;
        assert!(dn.ends_with(BASE));
        assert_eq!(attributes.iter().count(), 1);
        Err("enough".into())
    });
    fails(failed, ErrorKind::Callback, &["enough"]);
    assert_eq!(calls, 1);

    let unfit = ldap.search(BASE, Scope::One, "(sn=p", &[], |_, _| Ok(()));
    fails(unfit, ErrorKind::InvalidInput, &["filter"]);
    // The search whose callback failed has ended, so other operations go on.
    let schema = ldap.read_schema().unwrap();
    let values = |name: &str| {
        let found = schema.iter().find(|(attribute, _)| attribute == name);
        found.map_or(0, |(_, values)| values.len())
    };
    assert!(values("attributeTypes") > 20 && values("objectClasses") > 10);
    connection.unbind();
}

#[test]
fn ldaps() {
    let slapd = Slapd::start(LOCALHOST);
    let credentials = Credentials::simple(ROOT, "secret");
    for host in ["localhost", "127.0.0.1"] {
        let server = Server::ldaps(host, slapd.ldaps);
        let mut connection = open(&server, &slapd.trusting()).unwrap();
        assert!(connection.is_encrypted() && connection.is_loopback());
        connection.bind(&credentials).unwrap();
        assert_eq!(count(&mut connection).unwrap(), PEOPLE + 1);
        connection.unbind();
    }
    let server = Server::ldaps("localhost", slapd.ldaps);
    let with = |file: PathBuf| ConnectOptions {
        ca_file: Some(file),
        ..ConnectOptions::default()
    };
    let unknown = open(&server, &with(slapd.path("other.pem")));
    fails(unknown, ErrorKind::Tls, &["unknown authority", "--ca-file"]);
    let unknown = open(&server, &ConnectOptions::default());
    fails(unknown, ErrorKind::Tls, &["--ca-file"]);
    let missing = open(&server, &with(slapd.path("nowhere.pem")));
    fails(
        missing,
        ErrorKind::InvalidInput,
        &["nowhere.pem", "cannot be read"],
    );
    std::fs::write(slapd.path("empty.pem"), "").unwrap();
    let empty = open(&server, &with(slapd.path("empty.pem")));
    fails(empty, ErrorKind::InvalidInput, &["holds no certificate"]);

    let swapped = open(&Server::ldaps("localhost", slapd.ldap), &slapd.trusting());
    fails(
        swapped,
        ErrorKind::Unreachable,
        &["instead of starting TLS", "plain LDAP"],
    );
    let mut swapped = open(
        &Server::ldap("localhost", slapd.ldaps),
        &ConnectOptions::default(),
    )
    .unwrap();
    let error = swapped.bind(&credentials).unwrap_err();
    assert!(error.to_string().contains("ldaps://"), "{error}");
}

#[test]
fn certificate_for_another_name_fails() {
    let slapd = Slapd::start(With::Tls("DNS:ldap.example.net"));
    let options = slapd.trusting();
    let opened = open(&Server::ldaps("localhost", slapd.ldaps), &options);
    fails(
        opened,
        ErrorKind::Tls,
        &["does not match", "ldap.example.net"],
    );
    for starttls in [StartTls::Required, StartTls::IfPossible] {
        let options = ConnectOptions {
            starttls,
            ..options.clone()
        };
        let opened = open(&Server::ldap("localhost", slapd.ldap), &options);
        fails(opened, ErrorKind::Tls, &["does not match"]);
    }
}

#[test]
fn starttls() {
    let slapd = Slapd::start(LOCALHOST);
    for starttls in [StartTls::Required, StartTls::IfPossible] {
        let options = ConnectOptions {
            starttls,
            ..slapd.trusting()
        };
        let mut connection = open(&Server::ldap("localhost", slapd.ldap), &options).unwrap();
        assert!(connection.is_encrypted());
        connection
            .bind(&Credentials::simple(ROOT, "secret"))
            .unwrap();
        assert_eq!(count(&mut connection).unwrap(), PEOPLE + 1);
    }

    let clear = Slapd::start(With::Clear);
    let server = Server::ldap("localhost", clear.ldap);
    let options = |starttls| ConnectOptions {
        starttls,
        ..slapd.trusting()
    };
    let refused = open(&server, &options(StartTls::Required));
    let error = fails(refused, ErrorKind::Tls, &["StartTLS"]);
    assert!(error.result_code().is_some());
    let mut connection = open(&server, &options(StartTls::IfPossible)).unwrap();
    assert!(!connection.is_encrypted());
    connection.bind(&Credentials::Anonymous).unwrap();
}
