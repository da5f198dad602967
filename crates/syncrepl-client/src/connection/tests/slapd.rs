//! Against a real slapd.

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use syncrepl_proto::message::{Scope, SearchRequest};

use super::super::operations::ANY_ENTRY;
use super::*;

const BASE: &str = "dc=example,dc=com";
const ROOT: &str = "cn=admin,dc=example,dc=com";
/// Entries below the base, each with 10 kB in its description.
const PEOPLE: usize = 400;

struct Slapd {
    child: Child,
    dir: tempfile::TempDir,
    ldap: u16,
    ldaps: u16,
}

impl Drop for Slapd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[derive(Clone, Copy, PartialEq)]
enum With {
    Clear,
    /// TLS with a certificate for these names.
    Tls(&'static str),
}

const LOCALHOST: With = With::Tls("DNS:localhost,IP:127.0.0.1");

impl Slapd {
    fn start(with: With) -> Self {
        let dir = tempfile::tempdir().unwrap();
        configure(dir.path(), with);
        for _ in 0..5 {
            let (ldap, ldaps) = (free_port(), free_port());
            let mut urls = format!("ldap://127.0.0.1:{ldap} {}", ldapi(dir.path()));
            if with != With::Clear {
                urls += &format!(" ldaps://127.0.0.1:{ldaps}");
            }
            let mut child = Command::new("/usr/sbin/slapd")
                .args(["-d", "0", "-h", &urls, "-f"])
                .arg(dir.path().join("slapd.conf"))
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            let limit = Instant::now() + LONG;
            while child.try_wait().unwrap().is_none() && Instant::now() < limit {
                if TcpStream::connect(("127.0.0.1", ldap)).is_ok() {
                    return Slapd {
                        child,
                        dir,
                        ldap,
                        ldaps,
                    };
                }
                std::thread::sleep(Duration::from_millis(5));
            }
            // Somebody else took a port in between: try others.
            let _ = child.kill();
            let _ = child.wait();
        }
        panic!("slapd does not start");
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn plain(&self) -> Connection {
        open(&Server::ldap("127.0.0.1", self.ldap), &ConnectOptions::default()).unwrap()
    }

    fn trusting(&self) -> ConnectOptions {
        ConnectOptions {
            ca_file: Some(self.path("ca.pem")),
            ..ConnectOptions::default()
        }
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

fn ldapi(dir: &Path) -> String {
    Server::ldapi(dir.join("ldapi")).to_string()
}

fn configure(dir: &Path, with: With) {
    std::fs::create_dir(dir.join("db")).unwrap();
    let tls = match with {
        With::Clear => String::new(),
        With::Tls(names) => {
            certificates(dir, names);
            format!(
                "TLSCACertificateFile {0}/ca.pem\nTLSCertificateFile {0}/server.pem\nTLSCertificateKeyFile {0}/server.key\n",
                dir.display()
            )
        }
    };
    let conf = format!(
        "include /etc/ldap/schema/core.schema\nmodulepath /usr/lib/ldap\nmoduleload back_mdb\n{tls}\
         database mdb\nsuffix {BASE}\nrootdn {ROOT}\nrootpw secret\ndirectory {}/db\n\
         maxsize 104857600\ndbnosync\nlimits anonymous size=5\n",
        dir.display()
    );
    std::fs::write(dir.join("slapd.conf"), conf).unwrap();
    let mut ldif = format!("dn: {BASE}\nobjectClass: domain\ndc: example\n\n");
    for n in 0..PEOPLE {
        let text = "d".repeat(10_000);
        ldif += &format!(
            "dn: cn=p{n},{BASE}\nobjectClass: person\ncn: p{n}\nsn: p\ndescription: {text}\n\n"
        );
    }
    std::fs::write(dir.join("data.ldif"), ldif).unwrap();
    run(Command::new("/usr/sbin/slapadd")
        .arg("-q")
        .arg("-f")
        .arg(dir.join("slapd.conf"))
        .arg("-l")
        .arg(dir.join("data.ldif")));
}

/// An authority `ca.pem`, another of the same name `other.pem`, and `server.pem` signed by the first.
fn certificates(dir: &Path, names: &str) {
    std::fs::write(dir.join("req.cnf"), "[req]\ndistinguished_name=dn\n[dn]\n").unwrap();
    let openssl = |name: &str, subject: &str, extensions: &[String], signer: &[&str]| {
        let mut command = Command::new("openssl");
        command.current_dir(dir).args([
            "req", "-x509", "-config", "req.cnf", "-newkey", "ec", "-pkeyopt",
            "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", subject,
        ]);
        command.args(["-keyout", &format!("{name}.key"), "-out", &format!("{name}.pem")]);
        for extension in extensions {
            command.args(["-addext", extension]);
        }
        run(command.args(signer));
    };
    let authority = ["basicConstraints=critical,CA:TRUE".to_owned()];
    openssl("ca", "/CN=Test Authority", &authority, &[]);
    openssl("other", "/CN=Other Authority", &authority, &[]);
    let server = [
        "basicConstraints=critical,CA:FALSE".to_owned(),
        format!("subjectAltName={names}"),
    ];
    let signer = ["-CA", "ca.pem", "-CAkey", "ca.key"];
    openssl("server", "/CN=server", &server, &signer);
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
}

fn everything() -> SearchRequest<'static> {
    SearchRequest {
        base: BASE,
        scope: Scope::Subtree,
        size_limit: 0,
        time_limit: 0,
        types_only: false,
        filter: ANY_ENTRY,
        attributes: Vec::new(),
    }
}

/// How many entries a search of everything brings.
fn count(connection: &mut Connection) -> Result<usize> {
    let mut entries = 0;
    connection.search(&everything(), &[], |item| {
        if let SearchItem::Entry(entry) = item {
            let size: usize = entry.attributes.values("description").map(<[u8]>::len).sum();
            assert!(size == 10_000 || entry.dn == BASE);
            entries += 1;
        }
        Ok(())
    })?;
    Ok(entries)
}

#[test]
fn binds_and_operations() {
    let slapd = Slapd::start(With::Clear);
    let mut connection = slapd.plain();
    assert!(connection.is_loopback() && !connection.is_encrypted());
    connection.bind(&Credentials::Anonymous).unwrap();
    assert_eq!(connection.who_am_i().unwrap().as_deref(), Some(""));
    let refused = connection.bind(&Credentials::simple(ROOT, "wrong"));
    let error = fails(refused, ErrorKind::Refused, &["wrong bind DN or password"]);
    assert_eq!(error.result_code(), Some(49));

    // A refusal leaves the connection as it was.
    let limited = count(&mut connection);
    let error = fails(limited, ErrorKind::Refused, &["sizeLimitExceeded", BASE]);
    assert_eq!(error.result_code(), Some(4));

    connection.bind(&Credentials::simple(ROOT, "secret")).unwrap();
    let me = connection.who_am_i().unwrap();
    assert_eq!(me, Some(format!("dn:{ROOT}")));
    assert_eq!(count(&mut connection).unwrap(), PEOPLE + 1);

    let nowhere = SearchRequest {
        base: "dc=nowhere",
        ..everything()
    };
    let refused = connection.search(&nowhere, &[], |_| Ok(()));
    let error = fails(refused, ErrorKind::Refused, &["dc=nowhere", "namingContexts"]);
    assert_eq!(error.result_code(), Some(32));

    let root = connection.root_dse().unwrap();
    assert_eq!(root.naming_contexts, [BASE]);
    assert!(root.object_classes.iter().any(|class| class == "OpenLDAProotDSE"));
    assert!(root.supported_extensions.iter().any(|oid| oid == "1.3.6.1.4.1.4203.1.11.3"));
    assert!(!root.supported_controls.is_empty());
    assert_eq!(root.vendor_name, None);
    connection.unbind();
}

#[test]
fn a_local_socket_with_external() {
    let slapd = Slapd::start(With::Clear);
    let server = Server::ldapi(slapd.path("ldapi"));
    let options = ConnectOptions {
        starttls: StartTls::IfPossible,
        ..ConnectOptions::default()
    };
    let mut connection = open(&server, &options).unwrap();
    assert!(connection.is_loopback() && !connection.is_encrypted());
    connection.bind(&Credentials::external()).unwrap();
    let me = connection.who_am_i().unwrap().unwrap();
    assert!(me.ends_with("cn=peercred,cn=external,cn=auth"), "{me}");

    let mut tcp = slapd.plain();
    let refused = tcp.bind(&Credentials::external());
    fails(refused, ErrorKind::Refused, &["SASL EXTERNAL"]);
}

#[test]
fn what_is_lent_to_callbacks() {
    let slapd = Slapd::start(With::Clear);
    let mut connection = slapd.plain();
    connection.bind(&Credentials::simple(ROOT, "secret")).unwrap();
    let mut ldap = BoundLdap::new(&mut connection);
    assert_eq!(ldap.whoami().unwrap(), format!("dn:{ROOT}"));
    assert_eq!(ldap.server().port(), Some(slapd.ldap));

    let mut calls = 0;
    let failed = ldap.search(BASE, Scope::One, ANY_ENTRY, &["cn"], |dn, attributes| {
        calls += 1;
        assert!(dn.ends_with(BASE));
        assert_eq!(attributes.iter().count(), 1);
        Err("enough".into())
    });
    fails(failed, ErrorKind::Callback, &["enough"]);
    assert_eq!(calls, 1);

    // The search that was broken off has ended: other operations go on.
    let schema = ldap.read_schema().unwrap();
    let values = |name: &str| {
        let found = schema.iter().find(|(attribute, _)| attribute == name);
        found.map_or(0, |(_, values)| values.len())
    };
    assert!(values("attributeTypes") > 20 && values("objectClasses") > 10);
    connection.unbind();
}

#[test]
fn tls_from_the_first_byte() {
    let slapd = Slapd::start(LOCALHOST);
    let credentials = Credentials::simple(ROOT, "secret");
    for host in ["localhost", "127.0.0.1"] {
        let server = Server::ldaps(host, slapd.ldaps);
        let mut connection = open(&server, &slapd.trusting()).unwrap();
        assert!(connection.is_encrypted() && connection.is_loopback());
        connection.bind(&credentials).unwrap();
        assert_eq!(count(&mut connection).unwrap(), PEOPLE + 1);
        connection.unbind();
    }
    let server = Server::ldaps("localhost", slapd.ldaps);
    let with = |file: PathBuf| ConnectOptions {
        ca_file: Some(file),
        ..ConnectOptions::default()
    };
    let unknown = open(&server, &with(slapd.path("other.pem")));
    fails(unknown, ErrorKind::Tls, &["unknown authority", "--ca-file"]);
    let unknown = open(&server, &ConnectOptions::default());
    fails(unknown, ErrorKind::Tls, &["--ca-file"]);
    let missing = open(&server, &with(slapd.path("nowhere.pem")));
    fails(missing, ErrorKind::InvalidInput, &["nowhere.pem", "cannot be read"]);
    std::fs::write(slapd.path("empty.pem"), "").unwrap();
    let empty = open(&server, &with(slapd.path("empty.pem")));
    fails(empty, ErrorKind::InvalidInput, &["holds no certificate"]);

    let swapped = open(&Server::ldaps("localhost", slapd.ldap), &slapd.trusting());
    fails(swapped, ErrorKind::Unreachable, &["instead of starting TLS", "plain LDAP"]);
    let mut swapped = open(
        &Server::ldap("localhost", slapd.ldaps),
        &ConnectOptions::default(),
    )
    .unwrap();
    let error = swapped.bind(&credentials).unwrap_err();
    assert!(error.to_string().contains("ldaps://"), "{error}");
}

#[test]
fn a_certificate_for_another_name() {
    let slapd = Slapd::start(With::Tls("DNS:ldap.example.net"));
    let options = slapd.trusting();
    let opened = open(&Server::ldaps("localhost", slapd.ldaps), &options);
    fails(opened, ErrorKind::Tls, &["does not match", "ldap.example.net"]);
    for starttls in [StartTls::Required, StartTls::IfPossible] {
        let options = ConnectOptions {
            starttls,
            ..options.clone()
        };
        let opened = open(&Server::ldap("localhost", slapd.ldap), &options);
        fails(opened, ErrorKind::Tls, &["does not match"]);
    }
}

#[test]
fn starttls() {
    let slapd = Slapd::start(LOCALHOST);
    for starttls in [StartTls::Required, StartTls::IfPossible] {
        let options = ConnectOptions {
            starttls,
            ..slapd.trusting()
        };
        let mut connection = open(&Server::ldap("localhost", slapd.ldap), &options).unwrap();
        assert!(connection.is_encrypted());
        connection.bind(&Credentials::simple(ROOT, "secret")).unwrap();
        assert_eq!(count(&mut connection).unwrap(), PEOPLE + 1);
    }

    let clear = Slapd::start(With::Clear);
    let server = Server::ldap("localhost", clear.ldap);
    let options = |starttls| ConnectOptions {
        starttls,
        ..slapd.trusting()
    };
    let refused = open(&server, &options(StartTls::Required));
    let error = fails(refused, ErrorKind::Refused, &["StartTLS"]);
    assert!(error.result_code().is_some());
    let mut connection = open(&server, &options(StartTls::IfPossible)).unwrap();
    assert!(!connection.is_encrypted());
    connection.bind(&Credentials::Anonymous).unwrap();
}
