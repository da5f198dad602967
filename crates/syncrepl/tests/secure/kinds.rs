//! Keys and signatures of other kinds than most servers have, and files of authorities in odd forms.

use std::fs;
use std::path::Path;

use syncrepl_testing::slapd::{SUFFIX, Slapd, Variant};
use syncrepl_testing::tls::kinds::{Kind, of_kinds, self_signed_of};
use syncrepl_testing::tls::{Pair, openssl};
use tempfile::TempDir;

use crate::common::outcome::{Data, Outcome, command};
use crate::{Made, file, ldaps};

const P256: Kind = Kind::Ecdsa("prime256v1");
const P384: Kind = Kind::Ecdsa("secp384r1");
const P521: Kind = Kind::Ecdsa("secp521r1");

fn server(ca: &Path, pair: &Pair, lines: &str) -> Slapd {
    Slapd::builder(Variant::Plain)
        .tls(ca, &pair.cert, &pair.key)
        .extra_global(lines)
        .start()
}

/// What ldapsearch says of the same server: both have to accept it.
fn ldapsearch_accepts(server: &Slapd, ca: &Path) -> bool {
    let mut search = std::process::Command::new("ldapsearch");
    search.args([
        "-x",
        "-H",
        &server.ldaps_url(),
        "-b",
        SUFFIX,
        "-s",
        "base",
        "1.1",
    ]);
    let output = search
        .env("LDAPTLS_CACERT", ca)
        .output()
        .expect("ldapsearch");
    output.status.success()
}

#[test]
fn keys_of_every_kind_work() {
    for (authority, kind) in [
        (P521, P521),
        (P256, P256),
        (P384, P384),
        (P521, P256),
        (P256, P521),
        (P256, Kind::Rsa(2048)),
        (P256, Kind::RsaPss),
        (P256, Kind::RsaPssSha256),
        (Kind::RsaPss, P256),
        (Kind::RsaPss, Kind::RsaPss),
        (Kind::Rsa(3072), P521),
    ] {
        println!("{kind:?} by {authority:?}");
        let folder = TempDir::new().expect("a temporary folder");
        let (ca, pair) = of_kinds(folder.path(), authority, kind);
        let server = server(&ca, &pair, "");
        assert!(ldapsearch_accepts(&server, &ca));
        Outcome::run(&ldaps(&Data::new(), &server, &ca)).assert_done();
    }
    for kind in [P521, P256, P384, Kind::RsaPss, Kind::RsaPssLongSalt] {
        println!("{kind:?} by itself");
        let folder = TempDir::new().expect("a temporary folder");
        let pair = self_signed_of(folder.path(), kind);
        let server = server(&pair.cert, &pair, "");
        Outcome::run(&ldaps(&Data::new(), &server, &pair.cert)).assert_done();
    }
}

/// The client shows a key on P-521.
#[test]
fn client_key_on_p521() {
    let folder = TempDir::new().expect("a temporary folder");
    let (ca, pair) = of_kinds(folder.path(), P521, P521);
    let server = server(&ca, &pair, "TLSVerifyClient demand");
    let data = Data::new();
    let mut words = ldaps(&data, &server, &ca);
    words.extend(file("--cert", &pair.cert));
    words.extend(file("--key", &pair.key));
    Outcome::run(&words).assert_done();
}

/// Kinds that are refused, in words.
#[test]
fn kinds_that_are_refused() {
    let only_1_2 = "TLSCipherSuite NORMAL:-VERS-ALL:+VERS-TLS1.2";
    for (authority, kind, lines, words) in [
        (
            Kind::RsaPssLongSalt,
            P256,
            "",
            &["is signed in a way", "RSA-PSS", "salt"][..],
        ),
        (Kind::Ed448, P256, "", &["is signed in a way", "Ed448"]),
        (
            P256,
            Kind::RsaPss,
            only_1_2,
            &["RSA-PSS key", "TLS 1.3 only"],
        ),
    ] {
        println!("{kind:?} by {authority:?}");
        let folder = TempDir::new().expect("a temporary folder");
        let (ca, pair) = of_kinds(folder.path(), authority, kind);
        let server = server(&ca, &pair, lines);
        let outcome = Outcome::run(&ldaps(&Data::new(), &server, &ca));
        outcome.assert_failed(4, words);
        assert_no_rust(&outcome.stderr);
    }
}

/// A server that shows the certificate of its authority.
#[test]
fn authority_as_server() {
    let folder = TempDir::new().expect("a temporary folder");
    let (ca, lower) = of_kinds(folder.path(), P256, P256);
    let extensions = folder.path().join("ca.ext");
    let here = "subjectAltName=DNS:localhost,IP:127.0.0.1";
    fs::write(
        &extensions,
        format!("{here}\nbasicConstraints=critical,CA:TRUE\n"),
    )
    .expect("a file");
    let key = ca.with_extension("key");
    openssl(
        &["x509", "-req", "-days", "30", "-CAcreateserial"],
        &[
            ("-in", &folder.path().join("kind.csr")),
            ("-CA", &ca),
            ("-CAkey", &key),
            ("-extfile", &extensions),
            ("-out", &lower.cert),
        ],
    );
    let server = server(&ca, &lower, "");
    let outcome = Outcome::run(&ldaps(&Data::new(), &server, &ca));
    outcome.assert_failed(4, &["that of an authority (CA:TRUE)", "--ca-file"]);
    assert_no_rust(&outcome.stderr);
    Outcome::run(&ldaps(&Data::new(), &server, &lower.cert)).assert_done();
}

/// No list of numbers, no name of Rust.
fn assert_no_rust(text: &str) {
    for sign in ["[", "{", "Context", "AsEnd", "Unsupported", "Other"] {
        assert!(!text.contains(sign), "{text}");
    }
}

#[test]
fn files_of_authorities() {
    let made = Made::new();
    let server = made.server(&made.made.server);
    let pem = fs::read_to_string(&made.made.ca).expect("the authority");
    let folder = TempDir::new().expect("a temporary folder");
    let odd = folder.path().join("ca.pem");
    let with = |bytes: &[u8]| {
        fs::write(&odd, bytes).expect("a file");
        Outcome::run(&ldaps(&Data::new(), &server, &odd))
    };
    with(format!("\u{feff}{pem}").as_bytes()).assert_done();
    with(format!("\u{feff}# ours\r\n{}", pem.replace('\n', "\r\n")).as_bytes()).assert_done();
    let utf_16: Vec<u8> = [0xfeff]
        .into_iter()
        .chain(pem.encode_utf16())
        .flat_map(u16::to_le_bytes)
        .collect();
    let one_line = pem.replace('\n', "");
    for (bytes, words) in [
        (
            one_line.as_bytes(),
            &["has its PEM on one line", "line end"][..],
        ),
        (
            pem.replace('\n', " ").as_bytes(),
            &["has its PEM on one line"],
        ),
        (
            pem.replace('\n', "\\n").as_bytes(),
            &["has its PEM on one line"],
        ),
        (&utf_16, &["UTF-16", "iconv"]),
        (b"", &["holds no certificate", "PEM"]),
        (&pem.as_bytes()[..pem.len() / 2], &["is cut off"]),
        (pem.replacen("MII", "M!I", 1).as_bytes(), &["not base64"]),
    ] {
        let outcome = with(bytes);
        outcome.assert_failed(2, words);
        assert!(outcome.stderr.contains("the CA file"), "{}", outcome.stderr);
        assert_no_rust(&outcome.stderr);
    }
    let der = folder.path().join("der");
    openssl(
        &["x509", "-outform", "der"],
        &[("-in", &made.made.ca), ("-out", &der)],
    );
    with(&fs::read(&der).expect("DER")).assert_failed(2, &["is in DER form", "-inform der"]);
}

/// The error names the setting that was passed over, and the place of one that cannot be used.
#[test]
fn settings_are_named() {
    let made = Made::new();
    let server = made.server(&made.made.server);
    let words = |data: &Data| data.sync("refresh", &server.ldaps_url());
    let data = Data::new();
    let outcome = Outcome::of(command(&words(&data)).env("LDAPTLS_CACERTDIR", "/etc/ssl/certs"));
    outcome.assert_failed(
        4,
        &[
            "unknown authority",
            "LDAPTLS_CACERTDIR is not honoured",
            "--ca-file",
        ],
    );
    let home = data.folder.path();
    fs::write(
        home.join(".ldaprc"),
        "# ours\nTLS_CACERTDIR /etc/ssl/certs\n",
    )
    .expect("a file");
    let outcome = Outcome::of(command(&words(&data)).env("HOME", home));
    outcome.assert_failed(4, &["TLS_CACERTDIR in ", ".ldaprc, line 2", "not honoured"]);
    // Where it does not matter, nothing is said of it.
    let trusted = ldaps(&data, &server, &made.made.ca);
    Outcome::of(command(&trusted).env("HOME", home)).assert_done();

    for line in [
        "TLS_CACERT /nonexistent",
        "TLS_CERT /nonexistent\nTLS_KEY /nonexistent",
    ] {
        fs::write(home.join(".ldaprc"), format!("# ours\n{line}\n")).expect("a file");
        if line.starts_with("TLS_CACERT") {
            // What the data file remembers goes before it.
            Outcome::of(command(&words(&data)).env("HOME", home)).assert_done();
        }
        let fresh = Data::new();
        let outcome = Outcome::of(command(&words(&fresh)).env("HOME", home));
        let (option, _) = line.split_once(' ').expect("an option");
        outcome.assert_failed(2, &["/nonexistent", option, ".ldaprc, line 2"]);
    }
}
