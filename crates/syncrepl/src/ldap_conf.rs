//! Reads the settings that all LDAP programs of this machine share: `ldap.conf`, `ldaprc` and the
//! environment, in the order of ldap.conf(5). A later setting replaces an earlier one. This command takes
//! the options that say where to connect to and whom to trust.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

/// The file of the whole machine: where Debian has it, and where others have it.
const SYSTEM: [&str; 2] = ["/etc/ldap/ldap.conf", "/etc/openldap/ldap.conf"];

/// The settings that were found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct LdapConf {
    /// Servers, in the order to try them.
    pub(crate) uri: Vec<String>,
    pub(crate) base: Option<String>,
    pub(crate) ca_file: Option<PathBuf>,
    pub(crate) cert: Option<PathBuf>,
    pub(crate) key: Option<PathBuf>,
    /// The setting that switches the check of certificates off, and the place it stands in.
    pub(crate) unchecked: Option<String>,
}

impl LdapConf {
    /// Reads the files and the environment of this process.
    pub(crate) fn read() -> Self {
        LdapConf::of(&|name| std::env::var_os(name), &SYSTEM.map(Path::new))
    }

    fn of(env: &dyn Fn(&str) -> Option<OsString>, system: &[&Path]) -> Self {
        let mut conf = LdapConf::default();
        if env("LDAPNOINIT").is_some() {
            return conf;
        }
        if let Some(path) = system.iter().find(|path| path.exists()) {
            conf.take_file(path, false);
        }
        let home = env("HOME").filter(|home| !home.is_empty());
        conf.take_user(home.as_ref(), Path::new("ldaprc"));
        if let Some(path) = env("LDAPCONF") {
            conf.take_file(Path::new(&path), false);
        }
        if let Some(name) = env("LDAPRC") {
            conf.take_user(home.as_ref(), Path::new(&name));
        }
        for option in [
            "URI",
            "BASE",
            "TLS_CACERT",
            "TLS_CERT",
            "TLS_KEY",
            "TLS_REQCERT",
        ] {
            let name = format!("LDAP{option}");
            if let Some(value) = env(&name) {
                conf.take(option, &value.to_string_lossy(), true, &name);
            }
        }
        conf
    }

    /// Reads a user's file. It may be in the home folder, hidden there, or in the current folder.
    fn take_user(&mut self, home: Option<&OsString>, name: &Path) {
        if let Some(home) = home {
            let home = Path::new(home);
            self.take_file(&home.join(name), true);
            let mut hidden = OsString::from(".");
            hidden.push(name);
            self.take_file(&home.join(hidden), true);
        }
        self.take_file(name, true);
    }

    /// Reads one file. A file that is not there, or cannot be read, is no error: `ldapsearch` passes over
    /// it too.
    fn take_file(&mut self, path: &Path, of_user: bool) {
        let Ok(bytes) = fs::read(path) else {
            return;
        };
        tracing::debug!("reading {}", path.display());
        for line in String::from_utf8_lossy(&bytes).lines() {
            if line.starts_with('#') {
                continue;
            }
            if let Some((option, value)) = line.trim().split_once([' ', '\t']) {
                let place = path.display().to_string();
                self.take(option, value.trim(), of_user, &place);
            }
        }
    }

    fn take(&mut self, option: &str, value: &str, of_user: bool, place: &str) {
        let path = || Some(PathBuf::from(value)).filter(|_| !value.is_empty());
        match option.to_ascii_uppercase().as_str() {
            "URI" => self.uri = value.split_whitespace().map(str::to_owned).collect(),
            "BASE" => self.base = Some(value.to_owned()).filter(|base| !base.is_empty()),
            "TLS_CACERT" => self.ca_file = path(),
            // ldap.conf(5) takes these two from a user's file only.
            "TLS_CERT" if of_user => self.cert = path(),
            "TLS_KEY" if of_user => self.key = path(),
            "TLS_REQCERT" => {
                let off = ["never", "allow"]
                    .iter()
                    .any(|off| value.eq_ignore_ascii_case(off));
                self.unchecked = off.then(|| match place {
                    "LDAPTLS_REQCERT" => format!("{place}={value}"),
                    file => format!("TLS_REQCERT {value} in {file}"),
                });
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    fn of(system: &[&Path], variables: &[(&str, &Path)]) -> LdapConf {
        let variables: HashMap<&str, OsString> = variables
            .iter()
            .map(|(name, value)| (*name, value.as_os_str().to_owned()))
            .collect();
        LdapConf::of(&|name| variables.get(name).cloned(), system)
    }

    /// Files in a folder that is the home folder too.
    struct Files(tempfile::TempDir);

    impl Files {
        fn new() -> Files {
            Files(tempfile::tempdir().unwrap())
        }

        fn write(&self, name: &str, text: &str) -> PathBuf {
            let path = self.0.path().join(name);
            fs::write(&path, text).unwrap();
            path
        }

        /// The file of the whole machine.
        fn system(&self) -> PathBuf {
            self.write(
                "system",
                "# URI ldap://not.example\n\nuri  ldap://a.example\tldaps://b.example \nBASE dc=a\n\
                 TLS_CACERT\t/a.pem\nTLS_CERT /not-here\nTLS_KEY /not-here\nTLS_REQCERT Never\nODD\n\
                 SIZELIMIT 1\n",
            )
        }

        fn home(&self) -> (&'static str, &Path) {
            ("HOME", self.0.path())
        }
    }

    #[test]
    fn machine_file() {
        let files = Files::new();
        let (missing, system) = (files.0.path().join("missing"), files.system());
        let mut conf = of(&[&missing, &system], &[]);
        let unchecked = format!("TLS_REQCERT Never in {}", system.display());
        assert_eq!(conf.unchecked.take(), Some(unchecked));
        let expected = LdapConf {
            uri: vec!["ldap://a.example".into(), "ldaps://b.example".into()],
            base: Some("dc=a".into()),
            ca_file: Some("/a.pem".into()),
            ..LdapConf::default()
        };
        assert_eq!(conf, expected);
    }

    #[test]
    fn later_files_replace_earlier_ones() {
        let files = Files::new();
        let (system, home) = (files.system(), files.home());
        files.write(
            "ldaprc",
            "BASE dc=home\nTLS_CERT /home.pem\nTLS_KEY /home.key\n",
        );
        files.write(".ldaprc", "BASE dc=hidden\r\nTLS_REQCERT demand\n");
        let conf = of(&[&system], &[home]);
        assert_eq!(conf.base.as_deref(), Some("dc=hidden"));
        assert_eq!(conf.cert, Some("/home.pem".into()));
        assert_eq!(conf.key, Some("/home.key".into()));
        assert_eq!(conf.unchecked, None);
        assert_eq!(conf.uri, ["ldap://a.example", "ldaps://b.example"]);

        let named = files.write("named", "BASE dc=named\nTLS_KEY /not-here\n");
        let named = ("LDAPCONF", named.as_path());
        let conf = of(&[&system], &[home, named]);
        assert_eq!(conf.base.as_deref(), Some("dc=named"));
        assert_eq!(conf.key, Some("/home.key".into()));

        files.write(".mine", "BASE dc=mine\n");
        let mine = ("LDAPRC", Path::new("mine"));
        let conf = of(&[&system], &[home, named, mine]);
        assert_eq!(conf.base.as_deref(), Some("dc=mine"));
    }

    #[test]
    fn environment_replaces_files() {
        let files = Files::new();
        let system = files.system();
        files.write(".mine", "BASE dc=mine\n");
        let mut variables = vec![
            files.home(),
            ("LDAPRC", Path::new("mine")),
            ("LDAPBASE", Path::new("dc=env")),
            ("LDAPURI", Path::new("ldapi:///")),
            ("LDAPTLS_CACERT", Path::new("/env.pem")),
            ("LDAPTLS_REQCERT", Path::new("allow")),
        ];
        let conf = of(&[&system], &variables);
        assert_eq!(conf.base.as_deref(), Some("dc=env"));
        assert_eq!(conf.uri, ["ldapi:///"]);
        assert_eq!(conf.ca_file, Some("/env.pem".into()));
        assert_eq!(conf.unchecked.as_deref(), Some("LDAPTLS_REQCERT=allow"));

        variables.push(("LDAPNOINIT", Path::new("")));
        assert_eq!(of(&[&system], &variables), LdapConf::default());
    }
}
