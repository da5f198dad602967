//! `--attrs-except`: attributes that the server sends, and the copy does not hold.

use syncrepl_testing::judge::{self, Directory};
use syncrepl_testing::process::Run;
use syncrepl_testing::slapd::{SUFFIX, Slapd, Variant};

use crate::common::PATIENCE;
use crate::common::outcome::{Data, Outcome, command, people};
use crate::{copy, run};

fn replace(uid: &str, name: &str, value: &str) -> String {
    format!(
        "dn: uid={uid},ou=people,{SUFFIX}\nchangetype: modify\nreplace: {name}\n{name}: {value}\n-\n\n"
    )
}

/// What a search shows, without these attributes.
fn shown(server: &Slapd, except: &[&str]) -> Directory {
    let mut shown = judge::search(&server.url(), "", "", SUFFIX, "sub", "(objectClass=*)", &[]);
    for entry in shown.entries.values_mut() {
        entry.attrs.retain(|name, _| {
            let bare = name.split(';').next().unwrap_or_default();
            !except.contains(&bare) && !except.contains(&name.as_str())
        });
    }
    shown
}

fn changes(outcome: &Outcome) -> usize {
    outcome.assert_done();
    outcome.stdout.matches(r#"{"op":"change""#).count()
}

#[test]
fn attributes_are_left_out() {
    for variant in Variant::ALL {
        let server = Slapd::start(variant);
        server.load(&people(5));
        server
            .ldapmodify(
                &(replace("p1", "sn;lang-de", "Eins") + &replace("p1", "title;lang-de", "Frau")),
            )
            .expect("options");
        let data = Data::new();
        let first = data.refresh_with(
            &server,
            &[
                "--attrs-except",
                "Mail,SN",
                "--attrs-except",
                "title;lang-fr",
            ],
        );
        first.assert_done();
        assert!(!first.stdout.contains("p1@example.com"), "{}", first.stdout);
        let except = ["mail", "sn"];
        judge::assert_same("dump", &copy(&data), "search", &shown(&server, &except));
        assert!(data.dump().contains("Frau"));

        // A change of what is left out tells nothing: neither in a refresh, nor when all is compared.
        server
            .ldapmodify(&replace("p1", "mail", "new@example.com"))
            .expect("a change");
        for words in [
            &[][..],
            &["--reconcile"],
            &["--attrs-except", "sn,mail,title;LANG-fr"],
        ] {
            assert_eq!(changes(&data.refresh_with(&server, words)), 0, "{words:?}");
        }
        server
            .ldapmodify(&(replace("p2", "mail", "x@example.com") + &replace("p2", "cn", "New")))
            .expect("a change");
        assert_eq!(changes(&data.refresh_with(&server, &[])), 1);

        // Nor by a search for everything beside the refresh.
        server
            .ldapmodify(
                &(replace("p0", "mail", "z@example.com") + &replace("p0", "description", "x")),
            )
            .expect("a change");
        assert_eq!(changes(&data.refresh_with(&server, &["--derived"])), 1);

        // Nor while it is followed. The change after it tells that the one before has come.
        let mut follower = Run::command(&mut command(&data.sync("follow", &server.url())));
        follower.wait_for_line(|line| line.contains(r#""op":"commit""#), PATIENCE);
        server
            .ldapmodify(
                &(replace("p3", "mail", "y@example.com") + &replace("p4", "description", "told")),
            )
            .expect("changes");
        follower.wait_for_line(|line| line.contains(r#""op":"change""#), PATIENCE);
        follower.signal("TERM");
        assert!(follower.wait_exit(PATIENCE).success());
        let told: Vec<_> = follower.lines();
        let told: Vec<_> = told
            .iter()
            .filter(|line| line.contains(r#""op":"change""#))
            .collect();
        assert!(told.len() == 1 && told[0].contains("uid=p4"), "{told:?}");
        judge::assert_same("dump", &copy(&data), "search", &shown(&server, &except));
    }
}

/// They are part of the search: another list is refused, and `adopt` takes the copy over.
#[test]
fn list_is_remembered() {
    let server = Slapd::start(Variant::Plain);
    server.load(&people(3));
    let data = Data::new();
    data.refresh_with(&server, &["--attrs-except", "mail"])
        .assert_done();
    let status = run(&data, "status", &[]).stdout;
    assert!(status.contains("x-attrs-except=mail"), "{status}");
    data.unchanged(|| {
        for list in ["", "mail,sn", "cn"] {
            data.refresh_with(&server, &["--attrs-except", list])
                .assert_failed(5, &["another search", "it leaves out mail", "adopt"]);
        }
    });
    let new = Data::new();
    let words = [
        "adopt",
        &new.path(),
        "--from",
        &data.path(),
        "--attrs-except",
        "",
    ];
    Outcome::run(&words).assert_done();
    let told = run(&new, "refresh", &["--format", "json"]);
    assert_eq!(changes(&told), 3);
    judge::assert_same("dump", &copy(&new), "search", &shown(&server, &[]));
    let stored = run(&new, "status", &[]).stdout;
    assert!(!stored.contains("x-attrs-except"), "{stored}");
    for list in ["*", "+", "2.5.4.3", "cn mail", "@person", "a=b"] {
        let wrong = Data::new();
        wrong
            .refresh_with(&server, &["--attrs-except", list])
            .assert_failed(2, &["attribute 1 to leave out", "not as an OID"]);
    }
}
