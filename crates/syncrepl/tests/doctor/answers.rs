//! Servers with which a refresh works, and the lines about what could be better.

use syncrepl_testing::slapd::{ADMIN, PASSWORD, SUFFIX, Slapd, Variant};

use crate::{assert_line, assert_works, doctor, person, signs};

const AS_ADMIN: [&str; 4] = ["-D", ADMIN, "-w", PASSWORD];

fn with_people(server: Slapd) -> Slapd {
    let people = ["ann", "bob", "cyd"].map(person).concat();
    server.ldapmodify(&people).expect("people");
    server
}

#[test]
fn all_is_well() {
    let server = Slapd::builder(Variant::SessionLog)
        .extra_syncprov("")
        .start();
    let server = with_people(server);
    let url = server.url();
    let outcome = doctor(&url, &AS_ADMIN);
    assert_works(&outcome, &url, &AS_ADMIN);
    for (topic, words) in [
        ("reachable:", &[url.as_str()][..]),
        ("TLS: none; it does not leave this machine", &[]),
        ("bind:", &["dn:cn=admin,dc=example,dc=com"]),
        ("server: OpenLDAP", &[]),
        ("base:", &[SUFFIX, "is there"]),
        ("sync control: advertised, and answers", &[]),
        ("limits: none", &["4 entries and 0 references"]),
        ("entryUUID: entries have it", &[]),
        ("filter: it hides no container", &[]),
        ("secrets: no password hash", &[]),
        (
            "session log: after a break the server sends what changed",
            &[],
        ),
        ("cancel: the server knows it", &[]),
    ] {
        assert_line(&outcome, "✔", topic, words);
    }
    // slapd shows its clock in the database monitor only.
    assert_line(&outcome, "!", "clock: unknown", &["not in our future"]);
    assert_eq!(signs(&outcome), "✔✔✔✔✔✔✔✔✔✔✔✔!");
}

#[test]
fn attributes_that_are_not_told() {
    let server = with_people(Slapd::start(Variant::Plain));
    let url = server.url();
    for (words, named) in [
        (&["(objectClass=*)", "cn", "memberOf"][..], "memberOf"),
        (&["(objectClass=*)", "*", "+"], "hasSubordinates"),
        (&["(hasSubordinates=TRUE)"], "hasSubordinates"),
        (&["(objectClass=*)", "*", "auditContext"], "auditContext"),
    ] {
        let outcome = doctor(&url, words);
        assert_line(&outcome, "!", "attributes:", &[named]);
    }
}

#[test]
fn clocks() {
    let server = Slapd::builder(Variant::Plain)
        .extra_syncprov("database monitor")
        .start();
    let outcome = doctor(&server.url(), &[]);
    assert_line(&outcome, "✔", "clock: as ours", &[]);

    let server = Slapd::builder(Variant::Plain).empty().start();
    server.load(&format!(
        "dn: {SUFFIX}\nobjectClass: organization\nobjectClass: dcObject\no: x\ndc: example\n\
         entryCSN: 20900101000000.000000Z#000000#000#000000\n"
    ));
    let outcome = doctor(&server.url(), &[]);
    assert_works(&outcome, &server.url(), &[]);
    assert_line(
        &outcome,
        "!",
        "clock:",
        &["ahead of ours", "2090-01-01 00:00 UTC", "NTP"],
    );
}

/// The way a server answers shows how much it remembers.
#[test]
fn session_logs() {
    let plain = with_people(Slapd::start(Variant::Plain));
    let outcome = doctor(&plain.url(), &[]);
    assert_works(&outcome, &plain.url(), &[]);
    let words = ["ids of all entries", "olcSpSessionlog", "restart"];
    assert_line(&outcome, "!", "session log: none", &words);

    let log = with_people(Slapd::start(Variant::SessionLog));
    let good = "session log: after a break";
    assert_line(&doctor(&log.url(), &[]), "✔", good, &[]);
    // The session log is in memory only.
    log.stop();
    log.start_again();
    assert_line(&doctor(&log.url(), &[]), "!", "session log: none", &words);

    let log = with_people(Slapd::start(Variant::AccessLog));
    assert_line(&doctor(&log.url(), &AS_ADMIN), "✔", good, &[]);
    let outcome = doctor(&log.url(), &[]);
    assert_line(&outcome, "!", "session log: none", &["may not read cn=log"]);

    // The last change was outside the search. The change before it shows the same.
    let log = with_people(Slapd::start(Variant::SessionLog));
    let words = ["(uid=b*)"];
    log.ldapmodify(&["bea", "bix", "dan"].map(person).concat())
        .expect("more people");
    assert_line(&doctor(&log.url(), &words), "✔", good, &[]);

    let single = Slapd::start(Variant::SessionLog);
    let outcome = doctor(&single.url(), &[]);
    assert_line(
        &outcome,
        "!",
        "session log: it cannot be seen",
        &["no two changes", "cn=config"],
    );
}

#[test]
fn hidden_entry_uuid() {
    for (rule, text) in [
        ("none", "entryUUID: entries may not be searched for by it"),
        ("search", "entryUUID: it may be searched for, but not read"),
    ] {
        let access = format!("access to attrs=entryUUID by * {rule}\naccess to * by * read");
        let server = Slapd::builder(Variant::Plain)
            .extra_database(&access)
            .start();
        let server = with_people(server);
        let outcome = doctor(&server.url(), &[]);
        assert_works(&outcome, &server.url(), &[]);
        assert_line(&outcome, "!", text, &["grant", "index", "by its name"]);
    }
}

#[test]
fn filters_that_hide_containers() {
    let unit = format!("ou=people,{SUFFIX}");
    let access = format!("access to dn.base={unit} by * search\naccess to * by * read");
    let (open, hidden) = (
        Slapd::start(Variant::Plain),
        Slapd::builder(Variant::Plain)
            .extra_database(&access)
            .start(),
    );
    for server in [&open, &hidden] {
        let below = person("ann").replace("uid=ann,", "uid=ann,ou=people,");
        server
            .ldapmodify(&format!(
                "dn: {unit}\nchangetype: add\nobjectClass: organizationalUnit\nou: people\n\n{below}"
            ))
            .expect("people");
    }
    let words = ["(uid=*)"];
    let outcome = doctor(&open.url(), &words);
    assert_works(&outcome, &open.url(), &words);
    assert_line(
        &outcome,
        "✔",
        "filter: it may hide containers; when one is renamed",
        &["looked up"],
    );
    let outcome = doctor(&hidden.url(), &words);
    assert_works(&outcome, &hidden.url(), &words);
    assert_line(
        &outcome,
        "!",
        "filter: it may hide containers",
        &["may not see", &unit, "--reconcile-every"],
    );
    let outcome = doctor(&with_people(open).url(), &["(uid=bob)"]);
    assert_line(
        &outcome,
        "✔",
        "filter: it may hide containers; none is between",
        &[],
    );
}

#[test]
fn password_hashes() {
    let server = with_people(Slapd::start(Variant::Plain));
    let change = format!(
        "dn: uid=ann,{SUFFIX}\nchangetype: modify\nadd: userPassword\nuserPassword: {{SSHA}}x\n"
    );
    server.ldapmodify(&change).expect("a password");
    let url = server.url();
    let text = "secrets: the search brings password hashes";
    assert_line(
        &doctor(&url, &[]),
        "!",
        text,
        &["userPassword", "name the attributes"],
    );
    assert_line(&doctor(&url, &["(uid=*)", "cn", "*"]), "!", text, &[]);
    assert!(!doctor(&url, &["(uid=*)", "cn"]).stdout.contains("secrets"));
    let bob = doctor(&url, &["(uid=bob)"]);
    assert_line(&bob, "✔", "secrets: no password hash", &[]);
}

/// An empty result is no failure, but seldom intended. `doctor` and `refresh` both say so, once.
#[test]
fn empty_result() {
    let server = with_people(Slapd::start(Variant::Plain));
    let url = server.url();
    let outcome = doctor(&url, &["(uid=nobody)"]);
    assert_line(
        &outcome,
        "!",
        "entries: the search shows none to an anonymous user",
        &["is the filter right"],
    );

    let blind = Slapd::builder(Variant::Plain)
        .extra_database("access to * by * search")
        .start();
    let blind = with_people(blind);
    let outcome = doctor(&blind.url(), &[]);
    assert_works(&outcome, &blind.url(), &[]);
    assert_line(&outcome, "!", "base:", &["not shown to this identity"]);
    let words = [
        "with any filter",
        "grant this identity to read",
        "access to dn.subtree",
    ];
    assert_line(&outcome, "!", "entries: the search shows none", &words);

    let data = crate::Data::new();
    let first = data.refresh_with(&blind, &[]);
    assert_eq!(first.code, Some(0));
    assert_eq!(first.stderr.lines().count(), 1, "{}", first.stderr);
    for word in [
        "shows no entry to an anonymous user",
        "filter",
        "may this identity read",
        "doctor",
    ] {
        assert!(first.stderr.contains(word), "no {word:?}: {}", first.stderr);
    }
    data.refresh_with(&blind, &[]).assert_done();
}
