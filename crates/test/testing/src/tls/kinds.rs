//! Certificates with keys and signatures of other kinds than most servers have.

use std::fs;
use std::path::{Path, PathBuf};

use super::{CA, HERE, Pair, openssl, pair};

/// The kind of a key and of what it signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// ECDSA on this curve, with SHA-512: `secp521r1`, `secp384r1`, `prime256v1`.
    Ecdsa(&'static str),
    /// RSA with this many bits.
    Rsa(u32),
    /// An RSA key for PSS only. Its signatures have a salt as long as their hash.
    RsaPss,
    /// The same, with signatures that have the longest salt there can be.
    RsaPssLongSalt,
    /// The same, for SHA-256 alone.
    RsaPssSha256,
    /// Ed448, which hardly anybody has.
    Ed448,
}

/// An authority with a key of one kind, and the certificate of a server for localhost, 127.0.0.1 and ::1
/// with a key of another kind. Gives the authority's certificate, and the server's with its key.
///
/// # Panics
/// When `openssl` is missing or refuses.
pub fn of_kinds(folder: &Path, authority: Kind, server: Kind) -> (PathBuf, Pair) {
    let ca = signed_by_itself(folder, "kind-ca", authority, &["/CN=An authority", CA]);
    let made = pair(folder, "kind");
    new_key(server, &made.key);
    let (request, extensions) = (folder.join("kind.csr"), folder.join("kind.ext"));
    let ask = ["req", "-new", "-subj", "/CN=localhost"];
    openssl(&ask, &[("-key", &made.key), ("-out", &request)]);
    let lines = format!("{HERE}\nbasicConstraints=critical,CA:FALSE\n");
    fs::write(&extensions, lines).expect("writing extensions");
    let mut sign = vec!["x509", "-req", "-days", "30", "-CAcreateserial"];
    sign.extend(signature(authority));
    openssl(
        &sign,
        &[
            ("-in", &request),
            ("-CA", &ca.cert),
            ("-CAkey", &ca.key),
            ("-extfile", &extensions),
            ("-out", &made.cert),
        ],
    );
    (ca.cert, made)
}

/// A certificate for the same names, signed by itself.
///
/// # Panics
/// When `openssl` is missing or refuses.
pub fn self_signed_of(folder: &Path, kind: Kind) -> Pair {
    signed_by_itself(folder, "kind-self", kind, &["/CN=localhost", HERE])
}

fn signed_by_itself(folder: &Path, name: &str, kind: Kind, of: &[&str; 2]) -> Pair {
    let made = pair(folder, name);
    new_key(kind, &made.key);
    let mut words = vec![
        "req", "-x509", "-days", "30", "-subj", of[0], "-addext", of[1],
    ];
    words.extend(signature(kind));
    openssl(&words, &[("-key", &made.key), ("-out", &made.cert)]);
    made
}

fn new_key(kind: Kind, path: &Path) {
    let (curve, bits);
    let mut words = vec!["genpkey", "-algorithm"];
    match kind {
        Kind::Ecdsa(name) => {
            curve = format!("ec_paramgen_curve:{name}");
            words.extend(["EC", "-pkeyopt", &curve]);
        }
        Kind::Rsa(count) => {
            bits = format!("rsa_keygen_bits:{count}");
            words.extend(["RSA", "-pkeyopt", &bits]);
        }
        Kind::RsaPss | Kind::RsaPssLongSalt => words.push("RSA-PSS"),
        Kind::RsaPssSha256 => {
            words.push("RSA-PSS");
            for option in [
                "rsa_pss_keygen_md:sha256",
                "rsa_pss_keygen_mgf1_md:sha256",
                "rsa_pss_keygen_saltlen:32",
            ] {
                words.extend(["-pkeyopt", option]);
            }
        }
        Kind::Ed448 => words.push("ED448"),
    }
    openssl(&words, &[("-out", path)]);
}

/// How a key of this kind signs a certificate.
fn signature(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Ecdsa(_) => &["-sha512"],
        Kind::Rsa(_) => &["-sha256"],
        Kind::RsaPss | Kind::RsaPssSha256 => &["-sha256", "-sigopt", "rsa_pss_saltlen:digest"],
        Kind::RsaPssLongSalt => &["-sha256", "-sigopt", "rsa_pss_saltlen:max"],
        Kind::Ed448 => &[],
    }
}
