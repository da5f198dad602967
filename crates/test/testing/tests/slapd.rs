//! The fixtures of slapd work as the tests expect.

mod paused;

use std::net::TcpStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Command;

use syncrepl_testing::judge::{search, try_search};
use syncrepl_testing::slapd::{ADMIN, PASSWORD, SUFFIX};
use syncrepl_testing::tls::Certificates;
use syncrepl_testing::{Directory, Slapd, Variant, assert_same, tools};

const ANN: &str =
    "dn: cn=ann,dc=example,dc=com\nchangetype: add\nobjectClass: person\ncn: ann\nsn: a\n";

fn all(server: &Slapd) -> Directory {
    server.search(SUFFIX, "(objectClass=*)", &[])
}

/// The output and the complaints of an `ldapsearch` that asks for a sync.
fn sync(server: &Slapd, control: &str) -> String {
    let output = Command::new(tools::find("ldapsearch"))
        .args(["-x", "-H", &server.url(), "-b", SUFFIX, "-E", control])
        .output()
        .expect("running ldapsearch");
    let text = [output.stdout, output.stderr].concat();
    String::from_utf8_lossy(&text).into_owned()
}

#[test]
fn every_variant_starts_stops_and_remembers() {
    for variant in Variant::ALL {
        let server = Slapd::start(variant);
        server.ldapmodify(ANN).expect("adding ann");
        let before = all(&server);
        assert_eq!(before.len(), 2);
        let port = server.port();
        server.stop();
        assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
        assert!(try_search(&server.url(), "", "", SUFFIX, "base", "(cn=*)", &[]).is_err());
        server.start_again();
        assert_same("before", &before, "after a stop", &all(&server));
        server.kill();
        server.start_again();
        assert_eq!(server.port(), port);
        assert_same("before", &before, "after a kill", &all(&server));
        assert!(sync(&server, "!sync=ro").contains("SyncDone"));
        server.wipe();
        server.add_base();
        assert_eq!(all(&server).len(), 1);
    }
}

#[test]
fn it_ends_with_its_test() {
    let mut port = 0;
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        let server = Slapd::start(Variant::Plain);
        port = server.port();
        panic!("the test failed");
    }));
    assert!(outcome.is_err());
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
}

#[test]
fn a_paused_server_keeps_silent() {
    let server = Slapd::start(Variant::Plain);
    server.pause();
    paused::keeps_silent(server.port(), || server.resume());
    let found = try_search(&server.url(), "", "", SUFFIX, "base", "(dc=*)", &[]);
    assert_eq!(found.expect("an answer").len(), 1);
    server.pause();
    server.stop();
}

#[test]
fn a_refusal_names_the_record() {
    let server = Slapd::start(Variant::Plain);
    let again = format!("{ANN}\n{ANN}\n{}", ANN.replace("ann", "bob"));
    let error = server.ldapmodify(&again).expect_err("ann twice");
    assert!(
        error.contains("Already exists (68)") && error.contains("cn=ann,dc"),
        "{error}"
    );
    assert_eq!(all(&server).len(), 2);
    assert!(server.ldapmodify_all(&again).is_err());
    assert_eq!(all(&server).len(), 3);
}

#[test]
fn five_megabytes_get_in() {
    let server = Slapd::start(Variant::AccessLog);
    let value = [&[0xff, 0xd8, 0xff][..], &vec![7; 5_000_000], &[0xff, 0xd9]].concat();
    let person = ANN.replace("person", "inetOrgPerson");
    let photo = syncrepl_testing::ldif::line("jpegPhoto", &value);
    server
        .ldapmodify(&format!("{person}{photo}"))
        .expect("adding ann with a photo");
    let directory = all(&server);
    let uuid = directory.uuid_of("cn=ann,dc=example,dc=com").expect("ann");
    assert_eq!(directory.entries[uuid].attrs["jpegphoto"], [value].into());
}

#[test]
fn bulk_load_and_backup() {
    for variant in Variant::ALL {
        let server = Slapd::start(variant);
        server.load(&ANN.replace("changetype: add\n", ""));
        let before = all(&server);
        assert_eq!(before.len(), 2);
        server.backup("monday");
        server
            .ldapmodify(&ANN.replace("ann", "bob"))
            .expect("adding bob");
        assert_eq!(all(&server).len(), 3);
        server.restore("monday");
        assert_same("before", &before, "restored", &all(&server));
        assert_eq!(server.export().matches("\nentryUUID: ").count(), 2);
    }
}

#[test]
fn anonymous_and_users_see_what_they_may() {
    let server = Slapd::builder(Variant::SessionLog)
        .extra_database("access to attrs=sn by self read by * none\naccess to * by * read")
        .extra_global("require LDAPv3")
        .sessionlog(5)
        .start();
    server.ldapmodify(ANN).expect("adding ann");
    let anonymous = search(&server.url(), "", "", SUFFIX, "one", "(cn=*)", &[]);
    assert!(
        anonymous
            .entries
            .values()
            .all(|entry| !entry.attrs.contains_key("sn"))
    );
    let asked = search(
        &server.url(),
        ADMIN,
        PASSWORD,
        SUFFIX,
        "one",
        "(cn=*)",
        &["SN", "entryuuid"],
    );
    let entry = asked.entries.values().next().expect("ann");
    assert_eq!(entry.attrs.keys().collect::<Vec<_>>(), ["entryuuid", "sn"]);
    let denied = try_search(&server.url(), ADMIN, "wrong", SUFFIX, "one", "(cn=*)", &[]);
    assert!(denied.is_err_and(|e| e.contains("Invalid credentials (49)")));
}

#[test]
fn references_come_apart_from_entries() {
    let server = Slapd::start(Variant::Plain);
    server
        .ldapmodify(
            "dn: cn=r,dc=example,dc=com\nchangetype: add\nobjectClass: referral\n\
             objectClass: extensibleObject\ncn: r\nref: ldap://127.0.0.1:1/dc=elsewhere\n",
        )
        .expect("adding a referral object");
    let directory = all(&server);
    assert_eq!(directory.len(), 1);
    assert!(
        directory
            .references
            .first()
            .is_some_and(|url| url.starts_with("ldap://127.0.0.1:1/"))
    );
}

#[test]
fn a_half_loaded_replica_shows_entries_and_synchronizes_none() {
    let server = Slapd::half_loaded();
    assert_eq!(all(&server).len(), 3);
    let without_cookie = sync(&server, "!sync=ro");
    assert!(
        without_cookie.contains("result: 0 Success"),
        "{without_cookie}"
    );
    assert!(!without_cookie.contains("\ndn:"), "{without_cookie}");
    assert!(!without_cookie.contains("csn="), "{without_cookie}");
    let cookie = "rid=000,csn=20240101000000.000000Z#000000#000#000000";
    let with_cookie = sync(&server, &format!("!sync=ro/{cookie}"));
    assert!(with_cookie.contains("result: 53"), "{with_cookie}");
    assert!(
        with_cookie.contains("consumer has state info but provider doesn't"),
        "{with_cookie}"
    );
    // A restart changes nothing of this.
    server.stop();
    server.start_again();
    assert!(!sync(&server, "!sync=ro").contains("csn="));
}

#[test]
fn an_empty_replica_has_nothing() {
    let server = Slapd::empty_replica();
    let answer = sync(&server, "!sync=ro");
    assert!(
        !answer.contains("\ndn:") && !answer.contains("csn="),
        "{answer}"
    );
    println!("{answer}");
}

/// Whether `ldapwhoami` gets an answer, trusting that CA.
fn connects(server: &Slapd, ca: &std::path::Path, url: &str, starttls: bool) -> bool {
    let output = Command::new(tools::find("ldapwhoami"))
        .args(["-x", "-H", url])
        .args(starttls.then_some("-ZZ"))
        .env("LDAPTLS_CACERT", ca)
        .env("LDAPTLS_REQCERT", "demand")
        .output()
        .expect("running ldapwhoami");
    assert!(server.pid().is_some());
    output.status.success()
}

#[test]
fn tls_in_all_its_forms() {
    let folder = tempfile::tempdir().expect("a folder");
    let made = Certificates::make(folder.path());
    for (pair, good) in [
        (&made.server, true),
        (&made.self_signed, false),
        (&made.expired, false),
        (&made.wrong_name, false),
    ] {
        let server = Slapd::builder(Variant::Plain)
            .tls(&made.ca, &pair.cert, &pair.key)
            .ldapi()
            .start();
        assert_eq!(
            connects(&server, &made.ca, &server.ldaps_url(), false),
            good,
            "{pair:?}"
        );
        assert_eq!(
            connects(&server, &made.ca, &server.url(), true),
            good,
            "{pair:?}"
        );
        assert!(
            !connects(&server, &made.other_ca, &server.ldaps_url(), false),
            "{pair:?}"
        );
        assert!(
            connects(&server, &made.ca, &server.ldapi_url(), false),
            "ldapi"
        );
    }
    let chain = Command::new("openssl")
        .args(["verify", "-x509_strict", "-CAfile"])
        .args([
            &made.ca,
            &made.server.cert,
            &made.client.cert,
            &made.wrong_name.cert,
        ])
        .output()
        .expect("running openssl");
    assert!(
        chain.status.success(),
        "{}",
        String::from_utf8_lossy(&chain.stderr)
    );
}
