//! A client certificate: the command shows it to a server that asks. With SASL EXTERNAL it is the
//! identity of the bind.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use syncrepl_testing::slapd::Slapd;
use syncrepl_testing::tls::{Pair, openssl};

use crate::common::outcome::{Data, Outcome, command};
use crate::{Made, bound, file, ldaps};

/// A server that demands a certificate, and maps the client's to an entry.
const DEMANDING: &str = "TLSVerifyClient demand\nauthz-regexp ^cn=([^,]+),dc=example,dc=com$ \
    uid=$1,ou=people,dc=example,dc=com";

/// A refresh by EXTERNAL with this certificate and key.
fn external(data: &Data, server: &Slapd, ca: &Path, pair: &Pair) -> Vec<String> {
    let mut words = ldaps(data, server, ca);
    words.retain(|word| word != "-x");
    words.extend(["-Y", "EXTERNAL"].map(str::to_owned));
    words.extend(file("--cert", &pair.cert));
    words.extend(file("--key", &pair.key));
    words
}

/// The file in another form, made by `openssl` with these arguments.
fn converted(from: &Path, name: &str, words: &[&str]) -> PathBuf {
    let to = from.with_file_name(name);
    openssl(words, &[("-in", from), ("-out", &to)]);
    fs::set_permissions(&to, Permissions::from_mode(0o600)).expect("permissions");
    to
}

#[test]
fn client_certificate() {
    let made = Made::new();
    let server = made.server_with_lines(DEMANDING);
    let data = Data::new();
    let client = &made.made.client;
    let expected = "dn:uid=client,ou=people,dc=example,dc=com";
    let words = external(&data, &server, &made.made.ca, client);
    assert_eq!(bound(Outcome::run(&words).assert_done()), expected);

    // By StartTLS too, and from the environment.
    let mut starttls = words.clone();
    let position = starttls.iter().position(|word| word == "-H").expect("-H");
    starttls[position + 1] = server.url();
    starttls.push("-ZZ".to_owned());
    assert_eq!(bound(Outcome::run(&starttls).assert_done()), expected);
    let mut environment = ldaps(&data, &server, &made.made.ca);
    environment.retain(|word| word != "-x");
    environment.extend(["-Y", "EXTERNAL"].map(str::to_owned));
    let mut environment = command(&environment);
    environment
        .env("LDAPTLS_CERT", &client.cert)
        .env("LDAPTLS_KEY", &client.key);
    assert_eq!(bound(Outcome::of(&mut environment).assert_done()), expected);

    // An intermediate authority signed it.
    let mut chained = external(&data, &server, &made.made.ca, &made.made.chained_client());
    chained.push("--as-new-identity".to_owned());
    assert_eq!(
        bound(Outcome::run(&chained).assert_done()),
        "dn:uid=chained,ou=people,dc=example,dc=com"
    );
    // Without EXTERNAL the connection works, and the bind is anonymous.
    let mut anonymous = words;
    let position = anonymous.iter().position(|word| word == "-Y").expect("-Y");
    anonymous.drain(position..position + 2);
    anonymous.extend(["-D", "", "--as-new-identity"].map(str::to_owned));
    assert_eq!(bound(Outcome::run(&anonymous).assert_done()), "");
}

#[test]
fn none_or_the_wrong_one() {
    let made = Made::new();
    for version in ["1.2", "1.3"] {
        let lines = format!("{DEMANDING}\nTLSCipherSuite NORMAL:-VERS-ALL:+VERS-TLS{version}");
        let server = made.server_with_lines(&lines);
        let data = Data::new();
        Outcome::run(&ldaps(&data, &server, &made.made.ca))
            .assert_failed(4, &["client certificate", "--cert", "--key"]);
        // The server does not know its authority.
        let stranger = &made.made.self_signed;
        let words = external(&data, &server, &made.made.ca, stranger);
        let outcome = Outcome::run(&words);
        outcome.assert_failed(4, &["client certificate", "may not accept", "--cert"]);
    }
}

#[test]
fn forms_of_keys() {
    let made = Made::new();
    let server = made.server_with_lines(DEMANDING);
    let data = Data::new();
    let client = &made.made.client;
    let expected = "dn:uid=client,ou=people,dc=example,dc=com";
    let bound_with = |key: PathBuf, cert: PathBuf| {
        let pair = Pair { cert, key };
        let words = external(&data, &server, &made.made.ca, &pair);
        assert_eq!(bound(Outcome::run(&words).assert_done()), expected);
    };
    let pem = fs::read_to_string(&client.key).expect("the key");
    assert!(pem.starts_with("-----BEGIN PRIVATE KEY-----"), "PKCS#8");
    let sec1 = converted(&client.key, "sec1.key", &["ec"]);
    let pem = fs::read_to_string(&sec1).expect("the key");
    assert!(pem.starts_with("-----BEGIN EC PRIVATE KEY-----"), "SEC1");
    bound_with(sec1.clone(), client.cert.clone());
    // Certificate and key in one file.
    let both = client.cert.with_file_name("both.pem");
    let certificate = fs::read_to_string(&client.cert).expect("the certificate");
    fs::write(&both, pem + &certificate).expect("writing a file");
    fs::set_permissions(&both, Permissions::from_mode(0o600)).expect("permissions");
    bound_with(both.clone(), both);
    let rsa = made.made.rsa_client();
    let pem = fs::read_to_string(&rsa.key).expect("the key");
    assert!(pem.starts_with("-----BEGIN RSA PRIVATE KEY-----"), "PKCS#1");
    bound_with(rsa.key.clone(), rsa.cert);

    // A key with a passphrase, in the newer form and in the older.
    let newer = converted(
        &client.key,
        "pkcs8.key",
        &["pkcs8", "-topk8", "-passout", "pass:word"],
    );
    let older = converted(
        &rsa.key,
        "older.key",
        &["rsa", "-traditional", "-aes128", "-passout", "pass:word"],
    );
    for key in [newer, older] {
        let pair = Pair {
            cert: client.cert.clone(),
            key,
        };
        Outcome::run(&external(&data, &server, &made.made.ca, &pair)).assert_failed(
            2,
            &["is encrypted with a passphrase", "openssl pkey -in KEY"],
        );
    }
}

#[test]
fn files_that_do_not_do() {
    let made = Made::new();
    let server = made.server_with_lines(DEMANDING);
    let data = Data::new();
    let client = &made.made.client;
    let with = |cert: &Path, key: &Path| {
        let pair = Pair {
            cert: cert.to_owned(),
            key: key.to_owned(),
        };
        Outcome::run(&external(&data, &server, &made.made.ca, &pair))
    };
    let missing = client.key.with_file_name("missing");
    with(&missing, &client.key)
        .assert_failed(2, &["client certificate", "missing", "cannot be read"]);
    with(&client.cert, &missing).assert_failed(2, &["client key", "missing", "cannot be read"]);
    with(&client.key, &client.key).assert_failed(2, &["holds no certificate", "PEM"]);
    fs::set_permissions(&client.cert, Permissions::from_mode(0o600)).expect("permissions");
    with(&client.cert, &client.cert).assert_failed(2, &["holds no private key", "PEM"]);
    with(&client.cert, &made.made.server.key).assert_failed(2, &["does not belong to"]);

    let mut half = ldaps(&data, &server, &made.made.ca);
    half.extend(file("--cert", &client.cert));
    Outcome::run(&half).assert_failed(2, &["needs its key", "--key"]);
    let mut half = ldaps(&data, &server, &made.made.ca);
    half.extend(file("--key", &client.key));
    Outcome::run(&half).assert_failed(2, &["needs its client certificate", "--cert"]);

    fs::set_permissions(&client.key, Permissions::from_mode(0o644)).expect("permissions");
    let outcome = with(&client.cert, &client.key);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    assert_eq!(outcome.stderr.lines().count(), 1, "{}", outcome.stderr);
    crate::common::outcome::assert_message(
        &outcome.stderr,
        &["others can read the key", "client.key", "chmod 600"],
    );
}
