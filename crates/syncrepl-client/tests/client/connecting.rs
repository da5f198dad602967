//! The builder: every way to give server, identity and search, and every error in them.

use std::time::Duration;

use syncrepl_client::{Builder, Credentials, ErrorKind, Fault, Scope, Syncrepl};
use syncrepl_testing::slapd::{ADMIN, PASSWORD, SUFFIX, Slapd};

use crate::common::{Fixture, Tape, dn, fails, records, refresh};

fn client(fixture: &Fixture, url: impl Into<String>) -> Builder<()> {
    Syncrepl::builder(fixture.data(), ()).ldap_url(url)
}

#[test]
fn url_gives_whole_search() {
    let fixture = Fixture::with(&["ann", "bob"]);
    let url = format!(
        "{}/ou=people,{SUFFIX}?cn,MAIL?one?(uid=ann)",
        fixture.server.url()
    );
    refresh(client(&fixture, &url)).unwrap();
    let store = fixture.store();
    let copied = records(&store);
    assert_eq!(copied.len(), 1);
    let entry = copied.entries.values().next().unwrap();
    assert_eq!(entry.dn, dn("ann"));
    assert_eq!(entry.attrs.keys().collect::<Vec<_>>(), ["cn", "mail"]);
    let status = store.status().unwrap();
    assert_eq!(status.url.unwrap().to_string(), url);
    assert_eq!(status.provider.as_deref(), Some("OpenLDAP"));
    assert!(status.last_refresh.unwrap().ends_with('Z'));
}

#[test]
fn url_without_scope_means_one_entry() {
    let fixture = Fixture::with(&["ann"]);
    refresh(client(
        &fixture,
        format!("{}/{SUFFIX}", fixture.server.url()),
    ))
    .unwrap();
    assert_eq!(fixture.store().count().unwrap(), 1);
}

#[test]
fn search_in_parts() {
    let fixture = Fixture::with(&["ann", "bob"]);
    let in_parts = |filter: &str| {
        client(&fixture, fixture.server.url()).search(
            format!("ou=people,{SUFFIX}"),
            Scope::One,
            filter,
            ["cn"],
        )
    };
    refresh(in_parts("")).unwrap();
    assert_eq!(fixture.store().count().unwrap(), 2);
    // The default filter, spelled out: the same search.
    refresh(in_parts("(objectClass=*)")).unwrap();
    let wrong = refresh(in_parts("(uid=ann"));
    let error = fails(wrong, ErrorKind::InvalidInput, &["the filter (uid=ann"]);
    assert_eq!(error.fault(), Fault::You);
}

#[test]
fn url_names_user() {
    let fixture = Fixture::with(&["ann"]);
    let user = "bindname=cn=admin%2Cdc=example%2Cdc=com";
    let url = format!("{}????{user},X-BINDPW={PASSWORD}", fixture.url());
    // The filter and one more ? stand before the extensions.
    let url = url.replace("??sub????", "??sub??");
    refresh(client(&fixture, &url)).unwrap();
    let status = fixture.store().status().unwrap();
    assert_eq!(status.authzid, Some(format!("dn:{ADMIN}")));
    assert!(!status.url.unwrap().to_string().contains("bindname"));
    let raw = std::fs::read(fixture.data()).unwrap();
    assert!(
        !raw.windows(PASSWORD.len() + 1)
            .any(|w| w == format!("={PASSWORD}").as_bytes())
    );

    // The builder's settings come before those of the URL.
    let nobody = client(&fixture, &url).credentials(Credentials::Anonymous);
    refresh(nobody.allow_new_identity(true)).unwrap();
    assert_eq!(
        fixture.store().status().unwrap().authzid.as_deref(),
        Some("")
    );

    let wrong = url.replace(PASSWORD, "wrong-word");
    let error = fails(
        refresh(client(&fixture, wrong)),
        ErrorKind::Refused,
        &["(49)"],
    );
    assert!(!error.to_string().contains("wrong-word"));
    assert!(!error.is_retryable());
}

#[test]
fn unusable_urls_fail() {
    let fixture = Fixture::with(&[]);
    let server = fixture.server.url();
    for (url, words) in [
        (
            format!("{server}/{SUFFIX}??sub??!x-moon=full"),
            "\"x-moon\"",
        ),
        (format!("{server}/{SUFFIX}??sub??x-mech=PLAIN"), "PLAIN"),
        (format!("{server}/{SUFFIX}??sub?(uid=a"), "filter"),
        (format!("{server}/{SUFFIX}??tree"), "scope"),
        (format!("{server}/nonsense??sub"), "DN"),
        ("http://localhost/".to_owned(), "LDAP URL"),
    ] {
        let opened = client(&fixture, &url).open();
        fails(opened.map(drop), ErrorKind::InvalidInput, &[words]);
        assert!(!fixture.data().exists(), "{url} left a file");
    }
    // The client ignores an extension that is not critical.
    let url = format!("{server}/{SUFFIX}??sub??x-moon=full");
    refresh(client(&fixture, url)).unwrap();
}

#[test]
fn store_supplies_missing_url() {
    let fixture = Fixture::with(&["ann"]);
    let nothing = || Syncrepl::builder(fixture.data(), ());
    fails(
        refresh(nothing()),
        ErrorKind::InvalidInput,
        &["no LDAP URL"],
    );
    fixture.refresh(());
    refresh(nothing()).unwrap();
    assert_eq!(fixture.store().status().unwrap().commit, 2);
}

#[test]
fn another_search_is_refused() {
    let fixture = Fixture::with(&["ann"]);
    let server = fixture.server.url();
    let url = format!("{server}/{SUFFIX}?cn,sn?sub?(uid=*)");
    refresh(client(&fixture, &url)).unwrap();
    let base = format!("{server}/ou=people,{SUFFIX}?cn,sn?sub?(uid=*)");
    for (other, words) in [
        (base, &["base", SUFFIX][..]),
        (url.replace("?sub?", "?one?"), &["scope", "sub"]),
        (url.replace("uid=*", "uid=a*"), &["filter", "(uid=*)"]),
        (url.replace("cn,sn", "cn"), &["attributes", "cn sn"]),
        (
            format!("{server}/??base"),
            &["base", "scope", "filter", "attributes"],
        ),
    ] {
        let error = fails(
            client(&fixture, other).open().map(drop),
            ErrorKind::UrlConflict,
            words,
        );
        assert_eq!(error.fault(), Fault::You);
    }
    // Another spelling of the same search is the same search.
    let spelled = url
        .replace("cn,sn", "SN,cn")
        .replace("dc=example,", "DC=Example,%20");
    refresh(client(&fixture, spelled)).unwrap();
}

#[test]
fn second_server_follows_dead_first() {
    let fixture = Fixture::with(&["ann"]);
    let tape = Tape::new();
    let both = Syncrepl::builder(fixture.data(), tape.callback())
        .ldap_url(format!("ldap://127.0.0.1:1/{SUFFIX}??sub"))
        .ldap_url(fixture.server.url())
        .connect_timeout(Duration::from_secs(5));
    refresh(both).unwrap();
    assert_eq!(tape.count("bind"), 1);
    assert_eq!(fixture.store().count().unwrap(), 3);
}

#[test]
fn refusals_have_kinds() {
    let fixture = Fixture::with(&["ann"]);
    let nobody = client(&fixture, format!("ldap://127.0.0.1:1/{SUFFIX}??sub"));
    let error = fails(
        refresh(nobody),
        ErrorKind::Unreachable,
        &["ldap://127.0.0.1:1"],
    );
    assert!(error.is_retryable());
    assert_eq!(error.fault(), Fault::Network);

    let nowhere = client(
        &fixture,
        format!("{}/dc=nowhere??sub", fixture.server.url()),
    );
    let error = fails(
        refresh(nowhere),
        ErrorKind::Refused,
        &["noSuchObject", "namingContexts"],
    );
    assert_eq!(error.result_code(), Some(32));
    assert!(!error.is_retryable());

    // Without a base the search is of the root DSE, which no database synchronizes.
    let no_base = refresh(client(&fixture, format!("{}/??sub", fixture.server.url())));
    assert!(matches!(
        no_base.unwrap_err().kind(),
        ErrorKind::Refused | ErrorKind::Protocol | ErrorKind::NotReady
    ));

    let wrong = fixture
        .builder(())
        .credentials(Credentials::simple(ADMIN, "wrong-word"));
    let error = fails(
        refresh(wrong),
        ErrorKind::Refused,
        &["wrong bind DN or password"],
    );
    assert_eq!(error.result_code(), Some(49));
    assert_eq!(error.fault(), Fault::Server);
    assert_eq!(fixture.store().count().unwrap(), 0);
}

#[test]
fn local_socket() {
    let server = Slapd::builder(syncrepl_testing::Variant::Plain)
        .ldapi()
        .start();
    let fixture = Fixture::of(server);
    let url = format!("{}/{SUFFIX}??sub", fixture.server.ldapi_url());
    refresh(client(&fixture, &url)).unwrap();
    assert_eq!(fixture.store().count().unwrap(), 1);
    // By EXTERNAL the identity is that of the user at the other end of the socket.
    let external = client(&fixture, format!("{url}??x-mech=EXTERNAL"));
    refresh(external.allow_new_identity(true)).unwrap();
    let authzid = fixture.store().status().unwrap().authzid.unwrap();
    assert!(
        authzid.ends_with("cn=peercred,cn=external,cn=auth"),
        "{authzid}"
    );
}

#[test]
fn too_large_entry_fails() {
    let fixture = Fixture::with(&["ann"]);
    fixture.change(&crate::common::describe("ann", &"x".repeat(100_000)));
    let small = refresh(fixture.builder(()).max_message_size(50_000));
    let error = fails(small, ErrorKind::Protocol, &["largest message size"]);
    assert!(!error.is_retryable());
    assert_eq!(fixture.store().count().unwrap(), 0);
    refresh(fixture.builder(()).max_message_size(200_000)).unwrap();
}

/// The builder refuses a word that is no attribute description. It writes nothing, and does not quote the word.
#[test]
fn attributes_of_the_builder() {
    let fixture = Fixture::with(&["ann"]);
    let in_parts = |base: &str, attribute: &str| {
        client(&fixture, fixture.server.url()).search(base, Scope::Subtree, "", ["sn", attribute])
    };
    for attribute in ["cn,mail", "cn mail", "", " cn", "a:b", "ou/x"] {
        let words = ["attribute 2 of the list", "write them as separate words"];
        fails(
            refresh(in_parts(SUFFIX, attribute)),
            ErrorKind::InvalidInput,
            &words,
        );
    }
    let error = refresh(in_parts("geheim", "cn")).expect_err("no DN");
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(!format!("{error} {error:?}").contains("geheim"), "{error}");
    assert!(!fixture.data().exists());
    for attribute in ["@person", "cn;lang-de", "2.5.4.3", "1.1", "+", "*"] {
        let fixture = Fixture::with(&["ann"]);
        let url = fixture.server.url();
        let consumer = || client(&fixture, &url).search(SUFFIX, Scope::Subtree, "", [attribute]);
        refresh(consumer()).unwrap();
        refresh(consumer()).unwrap();
        // The store knows its search.
        refresh(Syncrepl::builder(fixture.data(), ())).unwrap();
    }
}
