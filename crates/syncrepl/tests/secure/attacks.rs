//! An attacker strips StartTLS, puts bytes before the handshake, or shows a certificate of their own. The
//! command sends no credential.

use syncrepl_testing::process::Run;
use syncrepl_testing::slapd::{ADMIN, PASSWORD, SUFFIX, Slapd};
use syncrepl_testing::wait_until;

use crate::attacker::{Attacker, Decoy, PATIENCE, Victim, bind_response, start_tls_response};
use crate::common::outcome::{Data, Outcome, command, people};
use crate::{Made, file};

const AS_ADMIN: [&str; 4] = ["-D", ADMIN, "-w", PASSWORD];

fn refresh(data: &Data, url: &str, words: &[&str]) -> Vec<String> {
    let mut all = data.sync("refresh", url);
    all.extend(words.iter().map(|&word| word.to_owned()));
    all
}

/// Refreshes with a password, against this answer to StartTLS: by -Z, by -ZZ, and by a mechanism that does
/// not send the password itself. Each fails with these words, and nothing leaks.
#[track_caller]
fn fails_without_a_leak(
    words: &[&str],
    answer: impl Fn(&mut Victim) + Clone + Send + Sync + 'static,
) {
    let scram = ["-Y", "SCRAM-SHA-256", "-U", "ann", "-w", PASSWORD];
    for (starttls, credentials) in [
        ("-Z", &AS_ADMIN[..]),
        ("-ZZ", &AS_ADMIN[..]),
        ("-Z", &scram[..]),
    ] {
        let answer = answer.clone();
        let attacker = Attacker::new(move |mut victim, _| {
            victim.start_tls();
            answer(&mut victim);
            victim.hear_all();
        });
        let data = Data::new();
        let mut arguments = refresh(&data, &attacker.url("ldap"), credentials);
        // SASL and -x exclude each other.
        arguments.retain(|word| word != "-x");
        arguments.push(starttls.to_owned());
        Outcome::run(&arguments).assert_failed(4, words);
        attacker.assert_nothing_leaked(&[PASSWORD, ADMIN, "SCRAM", "ann"]);
        assert_eq!(attacker.connections(), 1);
    }
}

#[test]
fn starttls_stripped() {
    // protocolError, as from a server that does not know it, unavailable and referral.
    for code in [2, 52, 10] {
        fails_without_a_leak(
            &["refused StartTLS", "set TLS up on the provider"],
            move |victim| {
                victim.send(&start_tls_response(code));
            },
        );
    }
}

/// Where -Z does not go on, its message names the option that does.
#[test]
fn starttls_stripped_in_words() {
    let attacker = Attacker::new(|mut victim, _| {
        victim.start_tls();
        victim.send(&start_tls_response(2));
        victim.hear_all();
    });
    let data = Data::new();
    for subcommand in ["refresh", "follow"] {
        let mut words = refresh(&data, &attacker.url("ldap"), &AS_ADMIN);
        words[0] = subcommand.to_owned();
        words.push("-Z".to_owned());
        let outcome = Outcome::run(&words);
        outcome.assert_failed(4, &["refused StartTLS", "anonymous", "-ZZ", "ldaps://"]);
    }
    attacker.assert_nothing_leaked(&[PASSWORD, ADMIN]);
}

#[test]
fn bytes_before_the_handshake() {
    let behind = ["in clear after it agreed to StartTLS", "tampering"];
    fails_without_a_leak(&behind, |victim| {
        victim.send(&[start_tls_response(0), bind_response(2)].concat());
    });
    // Less than a whole message.
    fails_without_a_leak(&behind, |victim| {
        victim.send(&[&start_tls_response(0)[..], &[0x30]].concat());
    });
    // Before the answer to StartTLS: an answer to a later request.
    fails_without_a_leak(&["StartTLS"], |victim| {
        victim.send(&[bind_response(2), start_tls_response(0)].concat());
    });
    // In place of the server's first TLS record.
    fails_without_a_leak(&["is not TLS"], |victim| {
        victim.send(&start_tls_response(0));
        victim.hear();
        victim.send(&bind_response(2));
    });
    fails_without_a_leak(&["TLS"], |victim| {
        victim.send(&start_tls_response(0));
        // An empty ServerHello.
        let mut hello = vec![0x16, 3, 3, 0, 42, 2, 0, 0, 38, 3, 3];
        hello.resize(47, 0);
        victim.send(&hello);
    });
}

/// The attacker's certificate is of an untrusted authority, self-signed, or good for another name.
#[test]
fn another_certificate() {
    let made = Made::new();
    let folder = tempfile::TempDir::new().expect("a temporary folder");
    let ca = made.made.ca.display().to_string();
    for (pair, words) in [
        (&made.made.self_signed, ["self-signed", "--ca-file"]),
        (
            &made.made.wrong_name,
            ["does not match", "elsewhere.example"],
        ),
    ] {
        let decoy = Decoy::new(folder.path(), pair);
        let port = decoy.port;
        let at_once = Attacker::new(move |victim, _| victim.join(port));
        let after_starttls = Attacker::new(move |mut victim, _| {
            victim.start_tls();
            victim.send(&start_tls_response(0));
            victim.join(port);
        });
        for (attacker, scheme, starttls) in [
            (&at_once, "ldaps", None),
            (&after_starttls, "ldap", Some("-Z")),
            (&after_starttls, "ldap", Some("-ZZ")),
        ] {
            let data = Data::new();
            let mut arguments = refresh(&data, &attacker.url(scheme), &AS_ADMIN);
            arguments.extend(["--ca-file", &ca].map(str::to_owned));
            arguments.extend(starttls.map(str::to_owned));
            Outcome::run(&arguments).assert_failed(4, &words);
            attacker.assert_nothing_leaked(&[PASSWORD, ADMIN]);
        }
        assert!(!decoy.was_told(PASSWORD) && !decoy.was_told("admin"));

        // The control: without the check the attacker receives the password.
        let data = Data::new();
        let mut arguments = refresh(&data, &at_once.url("ldaps"), &AS_ADMIN);
        arguments.push("--tls-insecure".to_owned());
        let mut run = Run::command(&mut command(&arguments));
        wait_until(PATIENCE, || decoy.was_told(PASSWORD));
        run.kill9();
        assert!(!at_once.heard(PASSWORD.as_bytes()), "it was encrypted");
        assert!(run.stderr().contains("NOT CHECKED"), "{}", run.stderr());
    }
}

/// A server with three entries, and a copy of one more that was deleted. The command asks for that one on
/// a second connection.
fn with_an_absence(made: &Made) -> (Slapd, Data) {
    let server = made.server(&made.made.server);
    server
        .ldapmodify(
            &people(2)
                .replace("\nobjectClass: org", "\nchangetype: add\nobjectClass: org")
                .replace(
                    "\nobjectClass: inetOrg",
                    "\nchangetype: add\nobjectClass: inetOrg",
                ),
        )
        .expect("people");
    let data = Data::of(&server);
    let gone = format!("dn: uid=p1,ou=people,{SUFFIX}\nchangetype: delete\n");
    server.ldapmodify(&gone).expect("one less");
    (server, data)
}

/// The second connection follows the same rules: it is never in clear beside an encrypted one.
#[test]
fn second_connection() {
    let made = Made::new();
    let (server, data) = with_an_absence(&made);
    let port = server.port();
    let ca = file("--ca-file", &made.made.ca);
    let words = |attacker: &Attacker, more: &[&str]| {
        let mut words = refresh(&data, &attacker.url("ldap"), more);
        words.extend(ca.clone());
        words
    };
    let only_the_first = Attacker::new(move |mut victim, number| {
        if number % 2 == 0 {
            return victim.join(port);
        }
        victim.start_tls();
        victim.send(&start_tls_response(2));
        victim.hear_all();
    });
    data.unchanged(|| {
        let as_admin = [&["-Z", "--as-new-identity"][..], &AS_ADMIN].concat();
        for (round, more) in [&["-Z"][..], &["-ZZ"], &as_admin].into_iter().enumerate() {
            Outcome::run(&words(&only_the_first, more)).assert_failed(4, &["refused StartTLS"]);
            assert_eq!(only_the_first.connections(), 2 * (round + 1));
        }
    });
    only_the_first.assert_nothing_leaked(&[PASSWORD, ADMIN, "uid=p0"]);

    // Without an attack it succeeds, and all of it is encrypted.
    let honest = Attacker::new(move |victim, _| victim.join(port));
    let more = [&["-Z", "--as-new-identity"][..], &AS_ADMIN].concat();
    let outcome = Outcome::run(&words(&honest, &more));
    assert!(outcome.assert_done().stdout.contains(r#""op":"delete""#));
    assert_eq!(honest.connections(), 2);
    honest.assert_nothing_leaked(&[PASSWORD, ADMIN, "uid=p0"]);
}
