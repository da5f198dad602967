//! What protects a connection is remembered, and a copy that came over TLS is not refreshed in clear.

use std::path::Path;

use syncrepl_testing::process::Run;
use syncrepl_testing::slapd::{ADMIN, PASSWORD, Slapd, Variant};
use syncrepl_testing::tls::Certificates;
use tempfile::TempDir;

use crate::common::PATIENCE;
use crate::common::outcome::{Data, Outcome, command};
use crate::common::proxy::Proxy;
use crate::earlier::make_earlier;
use crate::{again, bound, setting, words};

struct Made {
    folder: TempDir,
    made: Certificates,
}

impl Made {
    fn new() -> Made {
        let folder = TempDir::new().expect("a temporary folder");
        let made = Certificates::make(folder.path());
        Made { folder, made }
    }

    fn server_with(&self, lines: &str) -> Slapd {
        let pair = &self.made.server;
        Slapd::builder(Variant::Plain)
            .tls(&self.made.ca, &pair.cert, &pair.key)
            .ldapi()
            .extra_global(lines)
            .start()
    }

    fn server(&self) -> Slapd {
        self.server_with("")
    }

    fn ca(&self) -> String {
        self.made.ca.display().to_string()
    }
}

/// A refresh that starts in this folder.
fn in_folder(folder: &Path, words: &[String]) -> Outcome {
    Outcome::of(command(words).current_dir(folder))
}

#[test]
fn starttls_and_ca_file_are_used_again() {
    let made = Made::new();
    let server = made.server();
    let data = Data::new();
    let name = made.made.ca.file_name().expect("a name").to_str();
    let first = [
        "-ZZ",
        "--ca-file",
        name.expect("text"),
        "-D",
        ADMIN,
        "-w",
        PASSWORD,
    ];
    let first = words(&data, &server.url(), &first);
    in_folder(made.folder.path(), &first).assert_done();
    assert_eq!(
        setting(&data, "syncrepl_encrypted").as_deref(),
        Some("starttls")
    );
    // All that goes to this one is heard.
    let heard = Proxy::to(&server);
    for url in [&server.url(), &heard.url()] {
        let url = url.replace("127.0.0.1", "localhost");
        // Started elsewhere; the file's name was relative. README: --data, -D and -y are enough.
        Outcome::run(&words(&data, &url, &["-w", PASSWORD])).assert_done();
        again(&data, &["-D", ADMIN, "-w", PASSWORD]).assert_done();
    }
    assert!(
        !heard.asked(PASSWORD.as_bytes()),
        "the password went in clear"
    );
    // A socket on this machine needs none, and changes nothing about it.
    Outcome::run(&words(&data, &server.ldapi_url(), &["-w", PASSWORD])).assert_done();
    assert_eq!(
        setting(&data, "syncrepl_encrypted").as_deref(),
        Some("starttls")
    );
    // doctor takes both from the file.
    Outcome::run(&words(&data, &server.url(), &["-w", PASSWORD])).assert_done();
    let doctor = Outcome::run(&["doctor", "--data", &data.path(), "-w", PASSWORD]);
    assert_eq!(doctor.code, Some(0), "{doctor:?}");
    assert!(doctor.stdout.contains("TLS: TLS"), "{doctor:?}");
    // An empty name makes the file forget, and this authority is not one of the machine's.
    let outcome = again(&data, &["-w", PASSWORD, "--ca-file", ""]);
    outcome.assert_failed(4, &["unknown authority"]);
    // That refresh failed, so it is remembered as before.
    again(&data, &["-w", PASSWORD]).assert_done();
}

/// The file of authorities has gone: the message says that the data file named it.
#[test]
fn remembered_file_is_gone() {
    let made = Made::new();
    let server = made.server();
    let data = Data::new();
    let other = made.folder.path().join("moved.pem");
    std::fs::copy(&made.made.ca, &other).expect("a copy");
    let named = other.display().to_string();
    let first = words(&data, &server.ldaps_url(), &["--ca-file", &named]);
    Outcome::run(&first).assert_done();
    std::fs::remove_file(&other).expect("it is removed");
    again(&data, &[]).assert_failed(2, &["moved.pem", "as the data file remembers"]);
    again(&data, &["--ca-file", &made.ca()]).assert_done();
    again(&data, &[]).assert_done();
}

/// What ldap.conf and the environment name is read there again, and not remembered.
#[test]
fn configuration_is_not_remembered() {
    let made = Made::new();
    let server = made.server();
    let data = Data::new();
    let first = words(&data, &server.ldaps_url(), &[]);
    let mut configured = command(&first);
    Outcome::of(configured.env("LDAPTLS_CACERT", &made.made.ca)).assert_done();
    again(&data, &[]).assert_failed(4, &["unknown authority"]);
    // An option is, and goes before the environment.
    again(&data, &["--ca-file", &made.ca()]).assert_done();
    let path = data.path();
    let mut other = command(&["refresh", "--data", &path]);
    Outcome::of(other.env("LDAPTLS_CACERT", &made.made.other_ca)).assert_done();
}

/// A server without TLS, by a connection that is heard.
#[test]
fn refused_starttls_sends_nothing() {
    let made = Made::new();
    let (server, plain) = (made.server(), Slapd::start(Variant::Plain));
    let data = Data::new();
    let bind = ["-D", ADMIN, "-w", PASSWORD];
    let ca = made.ca();
    let first = [&["-Z", "--ca-file", &ca], &bind[..]].concat();
    Outcome::run(&words(&data, &server.url(), &first)).assert_done();
    let heard = Proxy::to(&plain);
    for more in [
        &[][..],
        &["-Z"],
        &["-ZZ"],
        &["-Z", "-D", "", "--as-new-identity"],
    ] {
        let bind = if more.contains(&"-D") { &[] } else { &bind[..] };
        let all = words(&data, &heard.url(), &[bind, more].concat());
        let outcome = data.unchanged(|| Outcome::run(&all));
        outcome.assert_failed(4, &["refused StartTLS", "nothing was sent"]);
        assert!(!heard.asked(PASSWORD.as_bytes()) && !heard.asked(b"cn=admin"));
        assert_eq!(heard.sync_searches(), 0);
    }
    // The two servers are not the same directory, so everything is another one.
    let lifted = [&bind[..], &["--allow-clear", "--max-delete", "100%"]].concat();
    Outcome::run(&words(&data, &heard.url(), &lifted)).assert_done();
    assert_eq!(setting(&data, "syncrepl_encrypted"), None);
    assert_eq!(setting(&data, "syncrepl_starttls"), None);
    again(&data, &bind).assert_done();
}

#[test]
fn copy_by_ldaps_is_not_refreshed_in_clear() {
    let made = Made::new();
    let server = made.server();
    for earlier in [false, true] {
        let data = Data::new();
        let ca = made.ca();
        let ca = ["--ca-file", &ca];
        Outcome::run(&words(&data, &server.ldaps_url(), &ca)).assert_done();
        if earlier {
            make_earlier(&data);
        } else {
            again(&data, &[]).assert_done();
        }
        let clear = words(&data, &server.url(), &[]);
        for subcommand in ["refresh", "follow", "doctor"] {
            let mut clear = clear.clone();
            clear[0] = subcommand.to_owned();
            clear.retain(|word| subcommand != "doctor" || word != "--format" && word != "json");
            data.unchanged(|| Outcome::run(&clear))
                .assert_failed(2, &["made over TLS", &server.url(), "-ZZ", "--allow-clear"]);
        }
        for more in [&["-ZZ"][..], &["-Z"]] {
            Outcome::run(&words(&data, &server.url(), &[more, &ca].concat())).assert_done();
            assert_eq!(
                setting(&data, "syncrepl_encrypted").as_deref(),
                Some("starttls")
            );
        }
        let lifted = words(&data, &server.url(), &["--allow-clear"]);
        Outcome::run(&lifted).assert_done();
        again(&data, &[]).assert_done();
        assert_eq!(setting(&data, "syncrepl_encrypted"), None);
    }
}

/// In one list, too: the second server would be spoken to when the first one is down.
#[test]
fn list_with_one_server_in_clear() {
    let made = Made::new();
    let server = made.server();
    let data = Data::new();
    let list = format!("{} {}", server.ldaps_url(), server.url());
    let ca = made.ca();
    Outcome::run(&words(&data, &list, &["--ca-file", &ca]))
        .assert_failed(2, &[&server.url(), "-ZZ", "--allow-clear"]);
    Outcome::run(&words(&data, &list, &["--ca-file", &ca, "-ZZ"])).assert_done();
    again(&data, &[]).assert_done();
    let local = format!("{} {}", server.ldaps_url(), server.ldapi_url());
    Outcome::run(&words(&data, &local, &[])).assert_done();
}

/// The first refresh of a run came over TLS by -Z. Then the server refuses StartTLS.
#[test]
fn follow_does_not_go_on_in_clear() {
    let made = Made::new();
    let (server, plain) = (made.server(), Slapd::start(Variant::Plain));
    let data = Data::new();
    let list = format!("{} {}", server.url(), plain.url());
    let options = ["-Z", "--ca-file", &made.ca(), "--refused-for", "2s"];
    let mut all = words(&data, &list, &options);
    all[0] = "follow".to_owned();
    let mut follow = Run::command(&mut command(&all));
    follow.wait_for_line(|line| line.contains(r#""op":"commit""#), PATIENCE);
    server.stop();
    assert_eq!(follow.wait_exit(PATIENCE).code(), Some(4));
    let stderr = follow.stderr();
    assert!(stderr.contains("refused StartTLS"), "{stderr}");
    let binds = follow.output().matches(r#""op":"bind""#).count();
    assert_eq!(binds, 1, "the second server was not bound to");
}

/// By SASL EXTERNAL the certificate says who it is.
#[test]
fn client_certificate_is_used_again() {
    let made = Made::new();
    let server = made.server_with("TLSVerifyClient demand");
    let data = Data::new();
    let (client, ca) = (&made.made.client, made.ca());
    let pair = |pair: &syncrepl_testing::tls::Pair| {
        [&pair.cert, &pair.key].map(|path| path.display().to_string())
    };
    let [cert, key] = pair(client);
    let all = [
        "-Y",
        "EXTERNAL",
        "--ca-file",
        &ca,
        "--cert",
        &cert,
        "--key",
        &key,
    ];
    Outcome::run(&words(&data, &server.ldaps_url(), &all)).assert_done();
    let outcome = again(&data, &[]);
    assert_eq!(
        bound(outcome.assert_done()),
        "dn:cn=client,dc=example,dc=com"
    );
    // Somebody else's certificate is somebody else.
    let [cert, key] = pair(&made.made.chained_client());
    let outcome = data.unchanged(|| again(&data, &["--cert", &cert, "--key", &key]));
    outcome.assert_failed(5, &["cn=client", "cn=chained"]);
    let new = ["--cert", &cert, "--key", &key, "--as-new-identity"];
    again(&data, &new).assert_done();
    let outcome = again(&data, &[]);
    assert_eq!(
        bound(outcome.assert_done()),
        "dn:cn=chained,dc=example,dc=com"
    );
    assert!(
        !setting(&data, "syncrepl_key")
            .expect("a path")
            .contains("PRIVATE")
    );
    // Forgotten, the server wants one.
    let outcome = again(&data, &["--cert", "", "--key", ""]);
    outcome.assert_failed(4, &["client certificate", "--cert"]);
}
