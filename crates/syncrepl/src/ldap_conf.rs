//! Reads the settings that all LDAP programs of this machine share: `ldap.conf`, `ldaprc` and the
//! environment, in the order of ldap.conf(5). A later setting replaces an earlier one. This command takes
//! the options that say where to connect to and whom to trust.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

/// The file of the whole machine: where Debian has it, and where others have it.
const SYSTEM: [&str; 2] = ["/etc/ldap/ldap.conf", "/etc/openldap/ldap.conf"];

/// A setting, and where it stands: `BASE in /etc/ldap/ldap.conf, line 3`, or the name of a variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Setting<T> {
    pub(crate) value: T,
    pub(crate) place: String,
}

/// The settings that were found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct LdapConf {
    /// Servers, in the order to try them; at least one.
    pub(crate) uri: Option<Setting<Vec<String>>>,
    pub(crate) base: Option<Setting<String>>,
    pub(crate) ca_file: Option<Setting<PathBuf>>,
    /// A folder of authorities. This command reads none; messages name it.
    pub(crate) ca_folder: Option<Setting<PathBuf>>,
    pub(crate) cert: Option<Setting<PathBuf>>,
    pub(crate) key: Option<Setting<PathBuf>>,
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
            "TLS_CACERTDIR",
            "TLS_CERT",
            "TLS_KEY",
            "TLS_REQCERT",
        ] {
            let name = format!("LDAP{option}");
            if let Some(value) = env(&name) {
                let value = value.to_string_lossy();
                // So that a warning says both.
                let place = match option {
                    "TLS_REQCERT" => format!("{name}={value}"),
                    _ => name,
                };
                conf.take(option, &value, true, place);
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
        for (index, line) in String::from_utf8_lossy(&bytes).lines().enumerate() {
            if line.starts_with('#') {
                continue;
            }
            if let Some((option, value)) = line.trim().split_once([' ', '\t']) {
                let (value, file) = (value.trim(), path.display());
                let option = option.to_ascii_uppercase();
                let shown = match option.as_str() {
                    "TLS_REQCERT" => format!("{option} {value}"),
                    _ => option.clone(),
                };
                let place = format!("{shown} in {file}, line {}", index + 1);
                self.take(&option, value, of_user, place);
            }
        }
    }

    /// Takes the value of an option, whose name is in capitals.
    fn take(&mut self, option: &str, value: &str, of_user: bool, place: String) {
        fn some<T>(value: T, given: &str, place: String) -> Option<Setting<T>> {
            (!given.trim().is_empty()).then_some(Setting { value, place })
        }
        let path = |place| some(PathBuf::from(value), value, place);
        match option {
            "URI" => {
                let servers = value.split_whitespace().map(str::to_owned).collect();
                self.uri = some(servers, value, place);
            }
            "BASE" => self.base = some(value.to_owned(), value, place),
            "TLS_CACERT" => self.ca_file = path(place),
            "TLS_CACERTDIR" => self.ca_folder = path(place),
            // ldap.conf(5) takes these two from a user's file only.
            "TLS_CERT" if of_user => self.cert = path(place),
            "TLS_KEY" if of_user => self.key = path(place),
            "TLS_REQCERT" => {
                let off = ["never", "allow"]
                    .iter()
                    .any(|off| value.eq_ignore_ascii_case(off));
                self.unchecked = off.then_some(place);
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

    fn value<T: Clone>(setting: &Option<Setting<T>>) -> Option<T> {
        setting.as_ref().map(|setting| setting.value.clone())
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
        let place = |option, line| format!("{option} in {}, line {line}", system.display());
        assert_eq!(conf.unchecked.take(), Some(place("TLS_REQCERT Never", 8)));
        let expected = LdapConf {
            uri: Some(Setting {
                value: vec!["ldap://a.example".into(), "ldaps://b.example".into()],
                place: place("URI", 3),
            }),
            base: Some(Setting {
                value: "dc=a".into(),
                place: place("BASE", 4),
            }),
            ca_file: Some(Setting {
                value: "/a.pem".into(),
                place: place("TLS_CACERT", 5),
            }),
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
        assert_eq!(value(&conf.base).as_deref(), Some("dc=hidden"));
        assert_eq!(value(&conf.cert), Some("/home.pem".into()));
        assert_eq!(value(&conf.key), Some("/home.key".into()));
        assert_eq!(conf.unchecked, None);
        assert_eq!(
            value(&conf.uri).unwrap(),
            ["ldap://a.example", "ldaps://b.example"]
        );

        let named = files.write("named", "BASE dc=named\nTLS_KEY /not-here\n");
        let named = ("LDAPCONF", named.as_path());
        let conf = of(&[&system], &[home, named]);
        assert_eq!(value(&conf.base).as_deref(), Some("dc=named"));
        assert_eq!(value(&conf.key), Some("/home.key".into()));

        files.write(".mine", "BASE dc=mine\n");
        let mine = ("LDAPRC", Path::new("mine"));
        let conf = of(&[&system], &[home, named, mine]);
        assert_eq!(value(&conf.base).as_deref(), Some("dc=mine"));
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
        assert_eq!(value(&conf.base).as_deref(), Some("dc=env"));
        assert_eq!(value(&conf.uri).unwrap(), ["ldapi:///"]);
        assert_eq!(value(&conf.ca_file), Some("/env.pem".into()));
        assert_eq!(conf.unchecked.as_deref(), Some("LDAPTLS_REQCERT=allow"));

        variables.push(("LDAPNOINIT", Path::new("")));
        assert_eq!(of(&[&system], &variables), LdapConf::default());
    }
}
