//! A Kerberos realm of a test's own: key distribution center on a free loopback port, database and
//! keytabs in a temporary folder, stopped when it goes out of scope.

use std::fs;
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tempfile::TempDir;

use crate::ports::free_port;
use crate::slapd::{Builder, SUFFIX};
use crate::tools;
use crate::wait::wait_until;

/// The realm.
pub const REALM: &str = "EXAMPLE.COM";

const PATIENCE: Duration = Duration::from_secs(30);

/// One realm with the principals `ann` and `ldap/localhost`. Dropping it stops the process.
#[derive(Debug)]
pub struct Kdc {
    folder: TempDir,
    port: u16,
    child: Mutex<Option<Child>>,
}

impl Kdc {
    /// Makes the realm and starts it.
    ///
    /// # Panics
    /// When Kerberos is not installed, or does not come up.
    pub fn start() -> Kdc {
        let folder = tempfile::Builder::new()
            .prefix("syncrepl-kdc-")
            .tempdir()
            .expect("a temporary folder");
        let mut kdc = Kdc {
            folder,
            port: 0,
            child: Mutex::new(None),
        };
        for attempt in 0.. {
            kdc.port = free_port();
            kdc.configure();
            if attempt == 0 {
                kdc.make_realm();
            }
            if kdc.launch() {
                return kdc;
            }
            assert!(attempt < 20, "krb5kdc does not start");
        }
        unreachable!("the loop above ends by itself")
    }

    fn configure(&self) {
        let folder = self.folder().display();
        let port = self.port;
        // Over TCP alone an answer means that this is our server. Kerberos looks up no names.
        let client = format!(
            "[libdefaults]\n\
             default_realm = {REALM}\n\
             dns_lookup_kdc = false\n\
             dns_lookup_realm = false\n\
             dns_canonicalize_hostname = false\n\
             rdns = false\n\
             udp_preference_limit = 1\n\
             default_ccache_name = FILE:{folder}/nobody.ccache\n\
             [realms]\n\
             {REALM} = {{\n kdc = 127.0.0.1:{port}\n}}\n\
             [domain_realm]\n\
             localhost = {REALM}\n\
             127.0.0.1 = {REALM}\n"
        );
        let center = format!(
            "[kdcdefaults]\n\
             kdc_listen = 127.0.0.1:{port}\n\
             kdc_tcp_listen = 127.0.0.1:{port}\n\
             [realms]\n\
             {REALM} = {{\n\
             database_name = {folder}/principal\n\
             key_stash_file = {folder}/stash\n\
             acl_file = {folder}/acl\n\
             supported_enctypes = aes256-cts-hmac-sha1-96:normal\n\
             }}\n\
             [logging]\n\
             kdc = FILE:{folder}/kdc.log\n"
        );
        fs::write(self.path("krb5.conf"), client).expect("writing krb5.conf");
        fs::write(self.path("kdc.conf"), center).expect("writing kdc.conf");
        fs::write(self.path("acl"), "").expect("writing the acl");
    }

    fn make_realm(&self) {
        self.run(
            "kdb5_util",
            &["create", "-s", "-r", REALM, "-P", "master"],
            "",
        );
        let commands = format!(
            "addprinc -pw secret ann\n\
             addprinc -randkey ldap/localhost\n\
             ktadd -norandkey -k {0}/ann.keytab ann\n\
             ktadd -norandkey -k {0}/ldap.keytab ldap/localhost\n",
            self.folder().display()
        );
        self.run("kadmin.local", &["-r", REALM], &commands);
        for keytab in ["ann.keytab", "ldap.keytab"] {
            assert!(self.path(keytab).is_file(), "kadmin.local made no {keytab}");
        }
    }

    /// False when another process took the port.
    fn launch(&self) -> bool {
        let log = fs::File::create(self.path("kdc.out")).expect("kdc.out");
        let mut child = self
            .command(&tools::find("krb5kdc"))
            .args(["-n", "-r", REALM])
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("kdc.out"))
            .stderr(log)
            .spawn()
            .expect("krb5kdc starts");
        let mut ended = false;
        wait_until(PATIENCE, || {
            ended = child.try_wait().expect("waiting for krb5kdc").is_some();
            ended || TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_ok()
        });
        if !ended {
            *self.child.lock().unwrap_or_else(PoisonError::into_inner) = Some(child);
        }
        !ended
    }

    /// Ends the key distribution center: there are no new tickets from now on.
    pub fn stop(&self) {
        let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(mut child) = child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// A ticket of that lifetime (`1h`, `3s`) for `ann`, in a credential cache of that name.
    pub fn kinit(&self, cache: &str, lifetime: &str) {
        let (cache, keytab) = (self.path(cache), self.path("ann.keytab"));
        let (cache, keytab) = (cache.display().to_string(), keytab.display().to_string());
        let arguments = ["-c", &cache, "-l", lifetime, "-k", "-t", &keytab, "ann"];
        self.run("kinit", &arguments, "");
    }

    /// Waits until the ticket in that cache has expired.
    pub fn wait_for_expiry(&self, cache: &str) {
        let cache = self.path(cache).display().to_string();
        wait_until(PATIENCE, || {
            let klist = tools::find("klist");
            let status = self.command(&klist).args(["-s", "-c", &cache]).status();
            !status.expect("klist starts").success()
        });
    }

    /// The environment that makes a process a client of the realm, with the tickets of that cache.
    pub fn client(&self, cache: &str) -> [(&'static str, String); 2] {
        let cache = format!("FILE:{}", self.path(cache).display());
        [
            ("KRB5_CONFIG", self.text("krb5.conf")),
            ("KRB5CCNAME", cache),
        ]
    }

    /// The keytab of `ann`, for `KRB5_CLIENT_KTNAME`.
    pub fn client_keytab(&self) -> String {
        format!("FILE:{}", self.path("ann.keytab").display())
    }

    /// Makes a server a member of the realm: its keytab, and `sasl-secprops`. `ann` of the realm
    /// becomes `uid=ann,ou=people` of the directory.
    pub fn serve(&self, server: Builder, secprops: &str) -> Builder {
        server
            .environment("KRB5_CONFIG", &self.text("krb5.conf"))
            .environment("KRB5_KTNAME", &self.text("ldap.keytab"))
            .environment("KRB5RCACHENAME", "none:")
            .extra_global(&format!(
                "sasl-host localhost\n\
                 sasl-realm {REALM}\n\
                 sasl-secprops {secprops}\n\
                 authz-regexp uid=([^,]*),cn=[^,]*,cn=gssapi,cn=auth uid=$1,ou=people,{SUFFIX}\n\
                 authz-regexp uid=([^,]*),cn=gssapi,cn=auth uid=$1,ou=people,{SUFFIX}\n\
                 authz-regexp uid=([^,]*),cn=auth uid=$1,ou=people,{SUFFIX}"
            ))
    }

    /// Its files.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .env("KRB5_CONFIG", self.path("krb5.conf"))
            .env("KRB5_KDC_PROFILE", self.path("kdc.conf"))
            .env("LC_ALL", "C");
        command
    }

    fn run(&self, program: &str, arguments: &[&str], input: &str) -> Output {
        let path = self.path("input");
        fs::write(&path, input).expect("writing the input");
        let input = fs::File::open(&path).expect("opening the input");
        let output = self
            .command(&tools::find(program))
            .args(arguments)
            .stdin(input)
            .output()
            .unwrap_or_else(|e| panic!("cannot run {program}: {e}"));
        let complaint = tools::complaint(&output);
        assert!(output.status.success(), "{program}: {complaint}");
        output
    }
}

impl Drop for Kdc {
    fn drop(&mut self) {
        self.stop();
    }
}
