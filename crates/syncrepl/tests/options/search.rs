//! The search: base, scope, filter and attributes, given in parts, as a URL, or by the data file.

use syncrepl_testing::judge;
use syncrepl_testing::slapd::{ADMIN, PASSWORD, SUFFIX, Slapd, Variant};

use crate::common::outcome::{Data, Outcome, assert_message, people};
use crate::{copy, run};

fn server() -> Slapd {
    let server = Slapd::start(Variant::Plain);
    server.load(&people(12));
    server
}

#[test]
fn scopes() {
    let server = server();
    for (scope, count) in [("base", 1), ("one", 1), ("sub", 14)] {
        let data = Data::new();
        data.refresh_with(&server, &["-s", scope]).assert_done();
        assert_eq!(copy(&data).len(), count, "{scope}");
        // The file knows its search, so the next refresh need not name it.
        run(&data, "refresh", &[]).assert_done();
        assert_eq!(copy(&data).len(), count, "{scope}");
    }
}

#[test]
fn url_or_parts_or_nothing() {
    let server = server();
    let url = format!("{}/{SUFFIX}?cn,mail?sub?(objectClass=person)", server.url());
    let filter = "(objectClass=person)";
    let parts = [
        "-H",
        &server.url(),
        "-b",
        SUFFIX,
        "-s",
        "sub",
        filter,
        "cn",
        "mail",
    ];
    for (first, others) in [(&[url.as_str()][..], &parts[..]), (&parts, &[&url])] {
        let data = Data::new();
        run(&data, "refresh", first).assert_done();
        assert_eq!(copy(&data).len(), 12);
        for words in [others, &[], &[filter, "mail", "CN"], &["-H", &server.url()]] {
            let quiet = run(&data, "refresh", words);
            assert!(
                !quiet.assert_done().stdout.contains(r#""op":"add""#),
                "{words:?}"
            );
        }
        assert_eq!(copy(&data).len(), 12);
    }
}

#[test]
fn url_without_scope_is_one_entry() {
    let server = server();
    let data = Data::new();
    let url = format!("{}/{SUFFIX}", server.url());
    let outcome = run(&data, "refresh", &[&url]);
    assert_eq!(outcome.code, Some(0));
    assert_message(
        &outcome.stderr,
        &["warning", "no scope", "one entry", "sub"],
    );
    assert_eq!(copy(&data).len(), 1);
    // The warning comes when the user gives the URL, not when the file does.
    run(&data, "refresh", &[]).assert_done();
    run(&data, "refresh", &[&format!("{url}??base")]).assert_done();
}

#[test]
fn attributes() {
    let server = server();
    for attributes in [
        &["1.1"][..],
        &["*"],
        &["+"],
        &["*", "+"],
        &["entryUUID", "cn"],
        &["mail", "nonexistent"],
        &["@person"],
        &["cn;lang-de", "sn"],
        &["2.5.4.3", "@2.5.6.6"],
        &["*", "modifyTimestamp"],
    ] {
        println!("{attributes:?}");
        let data = Data::new();
        let words = [&["(objectClass=*)"], attributes].concat();
        data.refresh_with(&server, &words).assert_done();
        let search = judge::search(
            &server.url(),
            "",
            "",
            SUFFIX,
            "sub",
            "(objectClass=*)",
            attributes,
        );
        judge::assert_same("dump", &copy(&data), "search", &search);
        let again = data.refresh_with(&server, &words);
        assert!(!again.assert_done().stdout.contains(r#""op":"change""#));
        let compared = data.refresh_with(&server, &[&["--reconcile"], &words[..]].concat());
        assert!(!compared.assert_done().stdout.contains(r#""op":"change""#));
    }
}

/// A provider ignores what is no attribute description. Such a list is refused before anything is written.
#[test]
fn attributes_in_one_word() {
    let server = server();
    let data = Data::new();
    for word in [
        "cn,mail", "cn mail", "", " cn", "cn ", "a:b", "ou/x", "cn;", "cn;;x", "1cn", "cn\tmail",
        "@", "cn=a", "**",
    ] {
        for words in [&[word][..], &["sn", word], &[word, "*"]] {
            let words = [&["(objectClass=*)"], words].concat();
            let outcome = data.refresh_with(&server, &words);
            outcome.assert_failed(2, &["attribute", "write them as separate words"]);
            let number = words
                .iter()
                .position(|given| *given == word)
                .unwrap_or_default();
            assert!(outcome.stderr.contains(&format!("attribute {number} of")));
        }
        let doctor = [
            "doctor",
            "-H",
            &server.url(),
            "-b",
            SUFFIX,
            "(objectClass=*)",
            word,
        ];
        assert_eq!(Outcome::run(&doctor).code, Some(2), "{word:?}");
    }
    for list in ["cn%2Cmail", "a:b", "ou/x", "cn%20mail", "cn,,mail"] {
        let url = format!("{}/{SUFFIX}?{list}?sub", server.url());
        run(&data, "refresh", &[&url]).assert_failed(2, &["LDAP URL", "attribute"]);
    }
    let left: Vec<_> = std::fs::read_dir(data.folder.path())
        .expect("a folder")
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

/// A run stores its search, and the next run can read it.
#[test]
fn stored_search_can_be_read() {
    let server = server();
    let base = format!("ou=people , {SUFFIX}");
    for words in [
        &[
            "-b",
            &base,
            "(|(uid=p1)(cn=a,b c?*d%25\\2a\\28))",
            "cn;lang-de",
            "2.5.4.3",
            "@person",
            "+",
            "*",
        ][..],
        &["-b", SUFFIX, "(|(uid=p1)(cn;lang-de=\\c3\\a9\\00))", "1.1"],
        &["-b", SUFFIX, "(|(uid=p1)(cn:2.5.13.2:=Person))", "mail"],
    ] {
        let data = Data::new();
        let url = server.url();
        run(&data, "refresh", &[&["-H", &url], words].concat()).assert_done();
        let copied = copy(&data);
        for again in [&[][..], &["-H", &url], &[&["-H", &url], words].concat()] {
            run(&data, "refresh", again).assert_done();
        }
        assert_eq!(copy(&data).entries, copied.entries);
    }
    let data = Data::new();
    for (words, message) in [
        (&["-b", "a:b"][..], &["base", "cannot be used"][..]),
        (&["-b", SUFFIX, "(cn;=a)"], &["filter", "attribute"]),
        (&["-b", SUFFIX, "(1cn=a)"], &["filter", "attribute"]),
        (&["-b", SUFFIX, "(cn:1x:=a)"], &["filter", "rule"]),
    ] {
        run(&data, "refresh", &[&["-H", &server.url()], words].concat()).assert_failed(2, message);
    }
}

/// A reconcile finds records that the file has lost and the provider does not send again.
#[test]
fn reconcile() {
    let server = server();
    let data = Data::of(&server);
    syncrepl_client::rusqlite::Connection::open(data.path())
        .and_then(|db| db.execute("DELETE FROM syncrepl_records WHERE dn LIKE 'uid=p7,%'", []))
        .expect("a record is lost");
    let refresh = data.refresh_with(&server, &[]);
    assert!(!refresh.assert_done().stdout.contains(r#""op":"add""#));
    let compared = data.refresh_with(&server, &["--reconcile"]);
    assert_eq!(
        compared
            .assert_done()
            .stdout
            .matches(r#""op":"add""#)
            .count(),
        1
    );
    assert!(!compared.stdout.contains(r#""op":"change""#));
    let search = judge::search(&server.url(), "", "", SUFFIX, "sub", "(objectClass=*)", &[]);
    judge::assert_same("dump", &copy(&data), "search", &search);
}

/// The next run binds as an identity that may see less. It compares everything, and tells of hidden entries
/// as deleted.
#[test]
fn another_identity_is_compared() {
    let server = Slapd::builder(Variant::Plain)
        .extra_database(&format!(
            "access to dn.base=\"uid=p3,ou=people,{SUFFIX}\" by * none\naccess to * by * read"
        ))
        .start();
    server.load(&people(5));
    let data = Data::new();
    let all = data.refresh_with(&server, &["-D", ADMIN, "-w", PASSWORD]);
    assert_eq!(all.assert_done().stdout.matches(r#""op":"add""#).count(), 7);
    let less = data.refresh_with(&server, &["-D", "", "--as-new-identity"]);
    assert_eq!(
        less.assert_done()
            .stdout
            .matches(r#""op":"delete""#)
            .count(),
        1
    );
    assert!(less.stdout.contains(r#""op":"delete","uuid":""#));
    assert_eq!(copy(&data).len(), 6);
}

#[test]
fn max_delete() {
    let server = server();
    let data = Data::of(&server);
    let deletes: String = (0..6)
        .map(|number| format!("dn: uid=p{number},ou=people,{SUFFIX}\nchangetype: delete\n\n"))
        .collect();
    server.ldapmodify(&deletes).expect("the deletes apply");
    data.unchanged(|| {
        for limit in ["5", "0", "42%"] {
            data.refresh_with(&server, &["--max-delete", limit])
                .assert_failed(
                    6,
                    &["6 of 14 entries", "nothing was changed", "--max-delete"],
                );
        }
    });
    data.refresh_with(&server, &["--max-delete", "43%"])
        .assert_done();
    assert_eq!(copy(&data).len(), 8);
}
