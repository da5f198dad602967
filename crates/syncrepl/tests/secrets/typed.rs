//! A password that was typed in a wrong place: no message shows it, and no file keeps it.

use std::fs;

use syncrepl_testing::slapd::SUFFIX;

use crate::common::outcome::{Data, Outcome, command};
use crate::{GEHEIM, contains, server};

/// Runs a command that has to fail. Neither its output nor its folder may show the password.
fn fails(data: &Data, words: &[&str], variables: &[(&str, &str)], said: &[&str]) {
    let path = data.path();
    let named = words.iter().any(|word| word.starts_with("--data"));
    for subcommand in ["refresh", "doctor"] {
        let mut all = vec![subcommand, "-vv"];
        if !named && subcommand != "doctor" {
            all.extend(["--data", &path]);
        }
        all.extend(words);
        let mut run = command(&all);
        run.envs(variables.iter().copied());
        run.env("RUST_LOG", "trace").current_dir(data.folder.path());
        let outcome = Outcome::of(&mut run);
        let shown = format!("{}{}", outcome.stdout, outcome.stderr);
        println!("{shown}");
        assert!(!matches!(outcome.code, Some(0) | None), "{all:?}");
        assert!(!shown.contains(GEHEIM), "{all:?}: {shown}");
        for word in said {
            assert!(shown.contains(word), "{all:?}: no {word:?} in {shown}");
        }
        for file in fs::read_dir(data.folder.path()).expect("a folder") {
            let path = file.expect("a file").path();
            let is_typed = path.ends_with(".ldaprc");
            let bytes = fs::read(&path).unwrap_or_default();
            assert!(is_typed || !contains(&bytes, GEHEIM), "{path:?}");
        }
    }
}

/// Every spelling of the extension, behind every spelling of a scheme.
fn urls() -> Vec<String> {
    let mut urls = Vec::new();
    for scheme in [
        "http://", "", "LDAP//", "ldap:", "ldap:/", "//", "xldap://", "ldap ://",
    ] {
        urls.push(format!(
            "{scheme}127.0.0.1:1/dc=e?cn?sub?(cn=a)?bindname=cn=admin,X-BINDPW={GEHEIM}"
        ));
    }
    for name in ["x-bindpw", "X%2DBINDPW", "%58-bind%70W", "!X-BindPW"] {
        urls.push(format!(
            "http://127.0.0.1:1/dc=e?cn?sub?(cn=a)?{name}={GEHEIM}"
        ));
    }
    urls.push(format!("http://admin:{GEHEIM}@127.0.0.1:1/dc=e"));
    urls.push(format!("X-BINDPW={GEHEIM}"));
    urls
}

#[test]
fn urls_that_are_none() {
    let here = ["-H", "ldap://127.0.0.1:1", "-b", "dc=e"];
    for url in &urls() {
        let data = Data::new();
        fails(
            &data,
            &[&here[..], &[url]].concat(),
            &[],
            &["ldap://, ldaps:// or ldapi://"],
        );
        fails(
            &data,
            &[&here[..], &["(cn=a)", url]].concat(),
            &[],
            &["attribute"],
        );
        fails(&data, &["-H", "ldap://127.0.0.1:1", "-b", url], &[], &[]);
        fails(
            &data,
            &[
                "-H",
                "ldap://127.0.0.1:1",
                "-b",
                "dc=e",
                "-D",
                url,
                "-w",
                "x",
            ],
            &[],
            &[],
        );
    }
}

/// As a server, the text may name a host that does not exist. The message names the host, and no more.
#[test]
fn servers_that_are_none() {
    for url in urls()
        .iter()
        .filter(|url| url.contains("://") || url.contains("127"))
    {
        let data = Data::new();
        fails(
            &data,
            &["-H", url, "-b", "dc=e", "--connect-timeout", "1s"],
            &[("LDAPNOINIT", "")],
            &[],
        );
        let variables = [("LDAPURI", url.as_str()), ("LDAPBASE", "dc=e")];
        fails(&data, &["--connect-timeout", "1s"], &variables, &[]);
        let variables = [("LDAPURI", "ldap://127.0.0.1:1"), ("LDAPBASE", url)];
        fails(&data, &[], &variables, &[]);
        fs::write(
            data.folder.path().join(".ldaprc"),
            format!("# x\nBASE dc=e\nURI {url}\n"),
        )
        .expect("a file");
        let home = data.folder.path().display().to_string();
        fails(&data, &["--connect-timeout", "1s"], &[("HOME", &home)], &[]);
    }
}

#[test]
fn other_options() {
    let url = format!("ldap://127.0.0.1:1/dc=e????bindname=cn=a,X-BINDPW={GEHEIM}");
    for option in [
        "--ca-file",
        "--cert",
        "--key",
        "-y",
        "--format",
        "-s",
        "-Y",
        "--max-delete",
    ] {
        let data = Data::new();
        let words = [
            "-H",
            "ldaps://127.0.0.1:1",
            "-b",
            "dc=e",
            "-D",
            "cn=a",
            option,
            &url,
        ];
        fails(&data, &words, &[], &[]);
    }
    let data = Data::new();
    let words = [
        &format!("--data=/nonexistent/{url}"),
        "-H",
        "ldap://127.0.0.1:1",
        "-b",
        "dc=e",
    ];
    fails(&data, &words, &[], &[]);
}

/// A password on its own, where clap or this command refuses the word.
#[test]
fn password_alone() {
    let attribute = format!("{GEHEIM}!");
    let option = format!("--{GEHEIM}");
    let with = format!("--{GEHEIM}=x");
    for words in [
        &[GEHEIM][..],
        &["(cn=a)", &attribute],
        &[&option],
        &[&with],
        &["-w", &option],
        &["-s", GEHEIM],
        &["--format", GEHEIM],
        &["--max-delete", GEHEIM],
        &["--max-delete", &format!("{GEHEIM}%")],
        &["--heartbeat", GEHEIM],
        &["--connect-timeout", &format!("1{GEHEIM}")],
        &["--reconcile-every", GEHEIM],
        &[&format!("--reconcile={GEHEIM}")],
        &[&format!("-x{GEHEIM}")],
        &["-Y", GEHEIM],
        &["-w", "x", GEHEIM, GEHEIM],
        &[&format!("(userPassword={GEHEIM}"), "cn"],
        &[&format!("(&(cn=a)(userPassword;x-a={GEHEIM})")],
    ] {
        let data = Data::new();
        fails(
            &data,
            &[&["-H", "ldap://127.0.0.1:1", "-b", "dc=e"], words].concat(),
            &[],
            &[],
        );
    }
    let outcome = Outcome::run(&[GEHEIM, "--data", "x"]);
    assert_eq!(outcome.code, Some(2));
    assert!(!outcome.stderr.contains(GEHEIM) && outcome.stderr.contains("word 1"));
}

/// A name that steers a terminal is shown escaped, whoever gave it.
#[test]
fn names_that_steer() {
    let name = "a\u{1b}[31m\u{34f}\u{115f}\u{202e}\n\u{9b}b";
    for words in [
        &["dump", "--data", &format!("/nonexistent/{name}")][..],
        &[
            "refresh",
            "--data",
            &format!("/nonexistent/{name}"),
            "ldap://127.0.0.1:1/dc=e??sub",
        ],
        &[
            "refresh",
            "--data",
            "x",
            "-H",
            "ldaps://127.0.0.1:1",
            "-b",
            "dc=e",
            "--ca-file",
            name,
        ],
        &[
            "refresh", "--data", "x", "-b", "dc=e", "-D", "cn=a", "-y", name,
        ],
        &[
            "doctor",
            "-H",
            "ldap://127.0.0.1:1",
            "-b",
            &format!("cn={name}"),
        ],
        &["refresh", "--data", "x", "-b", "dc=e", name],
        &[name],
    ] {
        let folder = Data::new().folder;
        let outcome = Outcome::of(command(words).current_dir(folder.path()));
        assert!(!matches!(outcome.code, Some(0) | None), "{words:?}");
        let shown = outcome.stdout + &outcome.stderr;
        let wild = |c: &char| *c != '\n' && !syncrepl_proto::text::is_printable(*c);
        assert_eq!(shown.chars().find(wild), None, "{shown:?}");
        assert!(
            !shown.contains("\n\u{9b}b") && !shown.contains("\nb"),
            "{shown:?}"
        );
    }
}

/// The store holds a copy of a search with a secret in its filter; another search is refused.
#[test]
fn filter_of_the_copy() {
    let server = server();
    let data = Data::new();
    let url = server.url();
    let filter = format!("(|(uid=ann)(userPassword={GEHEIM}))");
    let bind = ["-D", crate::ANN, "-w", GEHEIM, "-H", &url, "-b", SUFFIX];
    let path = data.path();
    let refresh = |filter: &str| {
        Outcome::run(&[&["refresh", "--data", &path], &bind[..], &[filter, "cn"]].concat())
    };
    assert_eq!(refresh(&filter).code, Some(0));
    let outcome = refresh("(cn=a)");
    assert_eq!(outcome.code, Some(5));
    assert!(
        outcome.stderr.contains("its filter is (***)"),
        "{}",
        outcome.stderr
    );
    assert!(!outcome.stderr.contains(GEHEIM), "{}", outcome.stderr);
}
