//! The SASL options `-Y`, `-U`, `-X` and `-R`. GSSAPI has a test target of its own, because it needs a
//! feature.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use syncrepl_testing::judge;
use syncrepl_testing::slapd::{ADMIN, PASSWORD, SUFFIX, Slapd, Variant};

use crate::common::outcome::{Data, Outcome};
use crate::run;

const ANN: &str = "uid=ann,ou=people,dc=example,dc=com";

/// A slapd that has `userPassword` in clear, which SCRAM needs. ann may act as bob.
fn server() -> Slapd {
    let server = Slapd::builder(Variant::Plain)
        .ldapi()
        .extra_global(
            "sasl-auxprops slapd\n\
             sasl-host localhost\n\
             password-hash {CLEARTEXT}\n\
             authz-policy to\n\
             authz-regexp uid=([^,@]*)(@[^,]*)?,cn=.*,cn=auth uid=$1,ou=people,dc=example,dc=com",
        )
        .extra_database(
            "access to attrs=userPassword by * auth\naccess to * by users read by * auth",
        )
        .start();
    let person = |uid: &str, password: &str, more: &str| {
        format!(
            "dn: uid={uid},ou=people,{SUFFIX}\nchangetype: add\nobjectClass: inetOrgPerson\n\
             uid: {uid}\ncn: {uid}\nsn: {uid}\nuserPassword: {password}\n{more}\n"
        )
    };
    let authz_to = format!("authzTo: dn.exact:uid=bob,ou=people,{SUFFIX}\n");
    server
        .ldapmodify(&format!(
            "dn: ou=people,{SUFFIX}\nchangetype: add\nobjectClass: organizationalUnit\nou: people\n\n\
             {}\n{}",
            person("ann", "geheim, =x", &authz_to),
            person("bob", "other", ""),
        ))
        .expect("people");
    server
}

/// Refreshes a new copy, which has to equal what `ldapsearch` shows. Gives the identity of the bind.
#[track_caller]
fn bound_as(server: &Slapd, url: &str, words: &[&str]) -> String {
    let data = Data::new();
    let all = [&["-H", url, "-b", SUFFIX, "--format", "json"], words].concat();
    let outcome = run(&data, "refresh", &all);
    outcome.assert_done();
    let shown = judge::search(
        &server.url(),
        ANN,
        "geheim, =x",
        SUFFIX,
        "sub",
        "(objectClass=*)",
        &[],
    );
    assert_eq!(shown.len(), 4);
    judge::assert_same("dump", &crate::copy(&data), "search", &shown);
    let line = outcome
        .stdout
        .lines()
        .find(|line| line.contains(r#""op":"bind""#));
    let line = line.expect("a bind line");
    let authzid = line.strip_prefix(r#"{"op":"bind","authzid":""#);
    authzid
        .expect("an authzid")
        .trim_end_matches("\"}")
        .to_owned()
}

#[test]
fn scram() {
    let server = server();
    let url = server.url();
    let ann = format!("dn:{ANN}");
    for mechanism in ["SCRAM-SHA-256", "scram-sha-1", "SCRAM-SHA-512"] {
        let words = ["-Y", mechanism, "-U", "ann", "-w", "geheim, =x"];
        assert_eq!(bound_as(&server, &url, &words), ann, "{mechanism}");
    }
    let data = Data::new();
    let file = data.folder.path().join("password");
    fs::write(&file, "geheim, =x").expect("writing a file");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("permissions");
    let file = file.display().to_string();
    let words = ["-Y", "SCRAM-SHA-256", "-U", "ann", "-y", &file];
    assert_eq!(bound_as(&server, &url, &words), ann);
    let realm = [&words[..], &["-R", "example.com"]].concat();
    assert_eq!(bound_as(&server, &url, &realm), ann);

    // ann may act as bob, and as no other user.
    for authzid in ["u:bob".to_owned(), format!("dn:uid=bob,ou=people,{SUFFIX}")] {
        let words = [&words[..], &["-X", &authzid]].concat();
        let bob = format!("dn:uid=bob,ou=people,{SUFFIX}");
        assert_eq!(bound_as(&server, &url, &words), bob, "{authzid}");
    }
    let admin = format!("dn:{ADMIN}");
    let words = [&["-H", &url, "-b", SUFFIX, "-X", &admin], &words[..]].concat();
    run(&data, "refresh", &words).assert_failed(
        3,
        &[
            "SASL SCRAM-SHA-256 bind",
            "insufficientAccessRights (50)",
            "-X",
        ],
    );
}

/// The extension `x-mech` in the URL works as in the library.
#[test]
fn scram_in_the_url() {
    let server = server();
    let url = format!(
        "{}/{SUFFIX}??sub??x-mech=SCRAM-SHA-256,bindname=ann,X-BINDPW=geheim%2C%20=x",
        server.url()
    );
    let data = Data::new();
    let outcome = run(&data, "refresh", &["--format", "json", &url]);
    assert!(outcome.assert_done().stdout.contains(&format!("dn:{ANN}")));
    let bytes = fs::read(data.path()).expect("the file");
    assert!(!bytes.windows(6).any(|window| window == b"geheim"));
}

#[test]
fn scram_refused() {
    let server = server();
    let url = server.url();
    let data = Data::new();
    let with = |subcommand: &str, words: &[&str]| {
        let all = [&["-H", &url, "-b", SUFFIX], words].concat();
        run(&data, subcommand, &all)
    };
    // A wrong password stays wrong: `follow` does not try again.
    for subcommand in ["refresh", "follow"] {
        let words = ["-Y", "SCRAM-SHA-256", "-U", "ann", "-w", "wrong"];
        with(subcommand, &words).assert_failed(
            3,
            &[
                "SCRAM-SHA-256",
                "name or password",
                "invalidCredentials (49)",
            ],
        );
    }
    let nobody = ["-Y", "SCRAM-SHA-1", "-U", "nobody", "-w", "x"];
    // Result code 80 in a bind is permanent, though it may pass elsewhere.
    for subcommand in ["refresh", "follow"] {
        with(subcommand, &nobody).assert_failed(
            3,
            &["SCRAM-SHA-1", "(80)", "OpenLDAP: it answers so to a name"],
        );
    }
}

/// The provider does not have the mechanism. The message names those that it has.
#[test]
fn mechanism_not_offered() {
    let server = server();
    let data = Data::new();
    let words = ["-H", &server.url(), "-b", SUFFIX, "-Y", "EXTERNAL"];
    run(&data, "refresh", &words).assert_failed(
        3,
        &[
            "authMethodNotSupported (7)",
            "supportedSASLMechanisms",
            "SCRAM-SHA-256",
        ],
    );
}

/// EXTERNAL over a local socket: the user of the process, and an identity that it may act as.
#[test]
fn external() {
    let server = server();
    let url = server.ldapi_url();
    let data = Data::new();
    let words = [
        "--format", "json", "-H", &url, "-b", SUFFIX, "-Y", "EXTERNAL",
    ];
    let outcome = run(&data, "refresh", &words);
    let me = "cn=peercred,cn=external,cn=auth";
    assert!(outcome.assert_done().stdout.contains(me));
    let as_ann = [&words[..], &["-X", "u:ann"]].concat();
    run(&data, "refresh", &as_ann).assert_failed(3, &["SASL EXTERNAL bind", "-X"]);
}

#[test]
fn contradicting_options() {
    let data = Data::new();
    let file = data.path();
    let refused = |words: &[&str], say: &[&str]| {
        let all = [
            &["refresh", "--data", &file, "-b", "dc=x", "-H", "ldap://h"],
            words,
        ]
        .concat();
        Outcome::run(&all).assert_failed(2, say);
        assert!(!data.folder.path().join("copy.db").exists(), "{words:?}");
    };
    refused(&["-U", "ann"], &["-U", "-Y", "-D"]);
    refused(&["-X", "u:ann"], &["-X", "-Y"]);
    refused(&["-R", "realm"], &["-R", "-Y"]);
    let all = ["EXTERNAL", "SCRAM-SHA-256", "SCRAM-SHA-1", "GSSAPI"];
    refused(
        &["-Y", "OTP"],
        &[&["OTP is not supported"][..], &all].concat(),
    );
    refused(
        &["-Y", "PLAIN"],
        &[&["PLAIN", "simple bind", "-D"][..], &all].concat(),
    );
    refused(&["-Y", "SCRAM-SHA-256-PLUS"], &["-PLUS", "channel binding"]);
    refused(&["-Y", "DIGEST-MD5"], &["obsolete", "SCRAM"]);
    refused(&["-Y", "SCRAM-SHA-256", "-w", PASSWORD], &["-U", "no DN"]);
    refused(
        &["-Y", "SCRAM-SHA-256", "-U", "ann"],
        &["password", "-W", "-y"],
    );
    refused(
        &["-Y", "SCRAM-SHA-256", "-U", "ann", "-w", ""],
        &["password"],
    );
    refused(&["-Y", "EXTERNAL", "-U", "ann"], &["leave out", "-X"]);
    refused(&["-Y", "EXTERNAL", "-X", "ann"], &["dn:", "u:"]);
    refused(&["-Y", "EXTERNAL", "-w", "x"], &["no password"]);
    if cfg!(not(feature = "gssapi")) {
        let how = ["--features gssapi", "libkrb5-dev", "libclang-dev"];
        refused(&["-Y", "GSSAPI"], &how);
        refused(
            &["ldap://h/dc=x??sub??bindname=GSSAPI"],
            &["an LDAP URL names server, base and scope"],
        );
        Outcome::run(&[
            "refresh",
            "--data",
            &file,
            "ldap://h/dc=x??sub??bindname=GSSAPI",
        ])
        .assert_failed(2, &how);
    }
}
