//! Certificates for tests, made with the `openssl` command: a good one, and some that no client
//! may accept.

pub mod kinds;

use std::fs;
use std::path::{Path, PathBuf};

use crate::tools;

/// A certificate and its key, in PEM.
#[derive(Debug, Clone)]
pub struct Pair {
    /// The certificate.
    pub cert: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// All of them.
#[derive(Debug, Clone)]
pub struct Certificates {
    /// The certificate of the authority that signed all but `self_signed`: the `--ca-file`.
    pub ca: PathBuf,
    /// The certificate of another authority, which signed none of them.
    pub other_ca: PathBuf,
    /// For localhost, 127.0.0.1 and ::1.
    pub server: Pair,
    /// For the same names, signed by itself.
    pub self_signed: Pair,
    /// For the same names, no longer valid since 2021.
    pub expired: Pair,
    /// For elsewhere.example only.
    pub wrong_name: Pair,
    /// Of a client: `cn=client,dc=example,dc=com`.
    pub client: Pair,
}

const CLIENT: &str = "/DC=com/DC=example/CN=client";
const HERE: &str = "subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1";
const ELSEWHERE: &str = "subjectAltName=DNS:elsewhere.example";

impl Certificates {
    /// Makes them in that folder.
    ///
    /// # Panics
    /// When `openssl` is missing or refuses.
    pub fn make(folder: &Path) -> Certificates {
        let authority = Authority::new(folder);
        let (this_year, long_ago) = (["-days", "30"], ["-startdate", "20200101000000Z"]);
        let past = [long_ago[0], long_ago[1], "-enddate", "20210101000000Z"];
        Certificates {
            ca: authority.own.cert.clone(),
            other_ca: self_signed(folder, "other-ca", "/CN=Another test authority", CA).cert,
            server: authority.issue("server", "/CN=localhost", HERE, &this_year),
            self_signed: self_signed(folder, "self-signed", "/CN=localhost", HERE),
            expired: authority.issue("expired", "/CN=localhost", HERE, &past),
            wrong_name: authority.issue("wrong-name", "/CN=elsewhere", ELSEWHERE, &this_year),
            client: authority.issue("client", CLIENT, "extendedKeyUsage=clientAuth", &this_year),
        }
    }
}

impl Certificates {
    /// For the names of `server`, valid from 2090 on.
    pub fn not_yet_valid(&self) -> Pair {
        let future = [
            "-startdate",
            "20900101000000Z",
            "-enddate",
            "20910101000000Z",
        ];
        self.authority()
            .issue("not-yet-valid", "/CN=localhost", HERE, &future)
    }

    /// For the names of `server`, valid for five days more.
    pub fn ends_soon(&self) -> Pair {
        self.authority()
            .issue("ends-soon", "/CN=localhost", HERE, &["-days", "5"])
    }

    /// With the common name localhost, and no subjectAltName.
    pub fn common_name_only(&self) -> Pair {
        let extension = "extendedKeyUsage=serverAuth";
        self.authority()
            .issue("common-name", "/CN=localhost", extension, &["-days", "30"])
    }

    /// Signed by itself, for elsewhere.example only.
    pub fn self_signed_elsewhere(&self) -> Pair {
        self_signed(self.folder(), "self-elsewhere", "/CN=localhost", ELSEWHERE)
    }

    /// Signed by itself, for the names of `server`, no longer valid since 2021.
    pub fn self_signed_expired(&self) -> Pair {
        let pair = pair(self.folder(), "self-expired");
        let request = self.folder().join("self-expired.csr");
        let mut ask = vec!["req", "-new", "-subj", "/CN=localhost", "-addext", HERE];
        ask.extend(NEW_KEY);
        openssl(&ask, &[("-keyout", &pair.key), ("-out", &request)]);
        openssl(
            &[
                "ca",
                "-batch",
                "-notext",
                "-selfsign",
                "-startdate",
                "20200101000000Z",
                "-enddate",
                "20210101000000Z",
            ],
            &[
                ("-config", &self.folder().join("ca.cnf")),
                ("-keyfile", &pair.key),
                ("-in", &request),
                ("-out", &pair.cert),
            ],
        );
        pair
    }

    /// Of a client, `cn=chained,dc=example,dc=com`, signed by an authority below `ca`, whose
    /// certificate is in the same file.
    pub fn chained_client(&self) -> Pair {
        let authority = self.authority();
        let extension = "subjectKeyIdentifier=hash";
        let subject = "/CN=The authority between";
        let lower = authority.issue_as("between", "between", subject, extension, &["-days", "30"]);
        let lower = Authority {
            folder: authority.folder,
            own: lower,
        };
        let subject = "/DC=com/DC=example/CN=chained";
        let extension = "extendedKeyUsage=clientAuth";
        let pair = lower.issue("chained", subject, extension, &["-days", "30"]);
        let chain =
            [&pair.cert, &lower.own.cert].map(|path| fs::read(path).expect("a certificate"));
        fs::write(&pair.cert, chain.concat()).expect("writing a chain");
        pair
    }

    /// Of the client `cn=client,dc=example,dc=com` too, with an RSA key in PKCS#1.
    pub fn rsa_client(&self) -> Pair {
        let made = pair(self.folder(), "rsa");
        let request = self.folder().join("rsa.csr");
        let rsa = ["genrsa", "-traditional", "-out"];
        let mut words: Vec<&str> = rsa.to_vec();
        let key = made.key.display().to_string();
        words.extend([key.as_str(), "2048"]);
        openssl(&words, &[]);
        let ask = [
            "req",
            "-new",
            "-subj",
            CLIENT,
            "-addext",
            "extendedKeyUsage=clientAuth",
        ];
        openssl(&ask, &[("-key", &made.key), ("-out", &request)]);
        self.authority()
            .sign("leaf", &request, &made.cert, &["-days", "30"]);
        made
    }

    fn folder(&self) -> &Path {
        self.ca.parent().expect("a folder")
    }

    fn authority(&self) -> Authority<'_> {
        Authority {
            folder: self.folder(),
            own: pair(self.folder(), "ca"),
        }
    }
}

const CA: &str = "keyUsage=critical,keyCertSign,cRLSign";

struct Authority<'a> {
    folder: &'a Path,
    own: Pair,
}

impl Authority<'_> {
    fn new(folder: &Path) -> Authority<'_> {
        let own = self_signed(folder, "ca", "/CN=The test authority", CA);
        fs::write(folder.join("index.txt"), "").expect("writing index.txt");
        let configuration = format!(
            "[ca]\n\
             default_ca = test\n\
             [test]\n\
             database = {0}/index.txt\n\
             new_certs_dir = {0}\n\
             rand_serial = yes\n\
             unique_subject = no\n\
             default_md = sha256\n\
             policy = any\n\
             copy_extensions = copy\n\
             x509_extensions = leaf\n\
             [any]\n\
             commonName = supplied\n\
             domainComponent = optional\n\
             [leaf]\n\
             basicConstraints = critical,CA:FALSE\n\
             [between]\n\
             basicConstraints = critical,CA:TRUE\n\
             keyUsage = critical,keyCertSign,cRLSign\n",
            folder.display()
        );
        fs::write(folder.join("ca.cnf"), configuration).expect("writing ca.cnf");
        Authority { folder, own }
    }

    fn issue(&self, name: &str, subject: &str, extension: &str, validity: &[&str]) -> Pair {
        self.issue_as("leaf", name, subject, extension, validity)
    }

    fn issue_as(
        &self,
        kind: &str,
        name: &str,
        subject: &str,
        extension: &str,
        validity: &[&str],
    ) -> Pair {
        let pair = pair(self.folder, name);
        let request = self.folder.join(format!("{name}.csr"));
        let mut ask = vec!["req", "-new", "-subj", subject, "-addext", extension];
        ask.extend(NEW_KEY);
        openssl(&ask, &[("-keyout", &pair.key), ("-out", &request)]);
        self.sign(kind, &request, &pair.cert, validity);
        pair
    }

    fn sign(&self, kind: &str, request: &Path, certificate: &Path, validity: &[&str]) {
        let mut sign = vec![
            "ca",
            "-batch",
            "-notext",
            "-preserveDN",
            "-extensions",
            kind,
        ];
        sign.extend(validity);
        openssl(
            &sign,
            &[
                ("-config", &self.folder.join("ca.cnf")),
                ("-cert", &self.own.cert),
                ("-keyfile", &self.own.key),
                ("-in", request),
                ("-out", certificate),
            ],
        );
    }
}

const NEW_KEY: [&str; 5] = [
    "-newkey",
    "ec",
    "-pkeyopt",
    "ec_paramgen_curve:prime256v1",
    "-nodes",
];

fn self_signed(folder: &Path, name: &str, subject: &str, extension: &str) -> Pair {
    let pair = pair(folder, name);
    let mut arguments = vec![
        "req", "-x509", "-days", "30", "-subj", subject, "-addext", extension,
    ];
    arguments.extend(NEW_KEY);
    openssl(&arguments, &[("-keyout", &pair.key), ("-out", &pair.cert)]);
    pair
}

fn pair(folder: &Path, name: &str) -> Pair {
    Pair {
        cert: folder.join(format!("{name}.pem")),
        key: folder.join(format!("{name}.key")),
    }
}

/// Runs `openssl` with these words, and then options that name files.
///
/// # Panics
/// When it is missing or refuses.
pub fn openssl(arguments: &[&str], files: &[(&str, &Path)]) {
    let mut all: Vec<String> = arguments
        .iter()
        .map(|&argument| argument.to_owned())
        .collect();
    for (option, file) in files {
        all.extend([(*option).to_owned(), file.display().to_string()]);
    }
    let output = tools::run(&tools::find("openssl"), &all, None);
    assert!(
        output.status.success(),
        "openssl {}: {}",
        all.join(" "),
        tools::complaint(&output)
    );
}
