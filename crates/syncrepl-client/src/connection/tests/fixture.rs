//! A slapd for each test, with or without TLS.

use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::*;

pub(super) const BASE: &str = "dc=example,dc=com";
pub(super) const ROOT: &str = "cn=admin,dc=example,dc=com";
/// The number of entries below the base, each with a description of 10 kB.
pub(super) const PEOPLE: usize = 400;

pub(super) struct Slapd {
    child: Child,
    dir: tempfile::TempDir,
    pub(super) ldap: u16,
    pub(super) ldaps: u16,
}

impl Drop for Slapd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[derive(Clone, Copy, PartialEq)]
pub(super) enum With {
    Clear,
    /// TLS, with a certificate for these names.
    Tls(&'static str),
}

pub(super) const LOCALHOST: With = With::Tls("DNS:localhost,IP:127.0.0.1");

impl Slapd {
    pub(super) fn start(with: With) -> Self {
        let dir = tempfile::tempdir().unwrap();
        configure(dir.path(), with);
        for _ in 0..5 {
            let (ldap, ldaps) = (free_port(), free_port());
            let local = Server::ldapi(dir.path().join("ldapi"));
            let mut urls = format!("{local} ldap://127.0.0.1:{ldap}");
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
                // slapd opens its sockets in this order, and answers once all are open.
                let local = UnixStream::connect(dir.path().join("ldapi"));
                let last = if with == With::Clear { ldap } else { ldaps };
                if local.is_ok() && TcpStream::connect(("127.0.0.1", last)).is_ok() {
                    return Slapd {
                        child,
                        dir,
                        ldap,
                        ldaps,
                    };
                }
                // The pause between two attempts. The number of attempts fits the time limit.
                std::thread::sleep(Duration::from_millis(5));
            }
            // Another process may have taken a port meanwhile: try others.
            let _ = child.kill();
            let _ = child.wait();
        }
        panic!("slapd does not start");
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(super) fn plain(&self) -> Connection {
        open(
            &Server::ldap("127.0.0.1", self.ldap),
            &ConnectOptions::default(),
        )
        .unwrap()
    }

    pub(super) fn trusting(&self) -> ConnectOptions {
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
    let mut ldif = format!(
        "dn: {BASE}\nobjectClass: organization\nobjectClass: dcObject\no: example\ndc: example\n\n"
    );
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

/// Makes an authority `ca.pem`, another one of the same name `other.pem`, and `server.pem` signed
/// by the first.
fn certificates(dir: &Path, names: &str) {
    std::fs::write(dir.join("req.cnf"), "[req]\ndistinguished_name=dn\n[dn]\n").unwrap();
    let openssl = |name: &str, subject: &str, extensions: &[String], signer: &[&str]| {
        let mut command = Command::new("openssl");
        command.current_dir(dir).args([
            "req",
            "-x509",
            "-config",
            "req.cnf",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "2",
            "-subj",
            subject,
        ]);
        command.args([
            "-keyout",
            &format!("{name}.key"),
            "-out",
            &format!("{name}.pem"),
        ]);
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
