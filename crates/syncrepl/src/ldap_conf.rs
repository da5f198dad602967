//! What other LDAP programs are told on this machine: `ldap.conf`, `ldaprc` and the environment, in the
//! order of ldap.conf(5). What comes later counts more. Of the options there, those that say where to
//! connect to and whom to trust are taken.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

/// The file of the whole machine, where Debian and where others have it.
const SYSTEM: [&str; 2] = ["/etc/ldap/ldap.conf", "/etc/openldap/ldap.conf"];

/// What was found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct LdapConf {
    /// Servers, in this order.
    pub(crate) uri: Vec<String>,
    pub(crate) base: Option<String>,
    pub(crate) ca_file: Option<PathBuf>,
    pub(crate) cert: Option<PathBuf>,
    pub(crate) key: Option<PathBuf>,
    /// The words that ask for certificates not to be checked, and where they stand.
    pub(crate) unchecked: Option<String>,
}

impl LdapConf {
    /// What is found here and now.
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

    /// A user's file is looked for by the home folder, hidden there, and in the folder that we are in.
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

    /// One that is not there says nothing. Others know why one cannot be read: the user's own is
    /// their business.
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
            // ldap.conf(5) calls these two user-only.
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

    #[test]
    fn what_comes_later_counts() {
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::write(&path, text).unwrap();
            path
        };
        let system = place(
            "system",
            "# URI ldap://not.example\n\nuri  ldap://a.example\tldaps://b.example \nBASE dc=a\n\
             TLS_CACERT\t/a.pem\nTLS_CERT /not-here\nTLS_KEY /not-here\nTLS_REQCERT Never\nODD\nSIZELIMIT 1\n",
        );
        let missing = folder.path().join("missing");
        let mut conf = of(&[&missing, &system], &[]);
        let place_of_it = format!("TLS_REQCERT Never in {}", system.display());
        assert_eq!(conf.unchecked.take(), Some(place_of_it));
        let expected = LdapConf {
            uri: vec!["ldap://a.example".into(), "ldaps://b.example".into()],
            base: Some("dc=a".into()),
            ca_file: Some("/a.pem".into()),
            ..LdapConf::default()
        };
        assert_eq!(conf, expected);

        let home = ("HOME", folder.path());
        place(
            "ldaprc",
            "BASE dc=home\nTLS_CERT /home.pem\nTLS_KEY /home.key\n",
        );
        place(".ldaprc", "BASE dc=hidden\r\nTLS_REQCERT demand\n");
        let conf = of(&[&system], &[home]);
        assert_eq!(conf.base.as_deref(), Some("dc=hidden"));
        assert_eq!(conf.cert, Some("/home.pem".into()));
        assert_eq!(conf.key, Some("/home.key".into()));
        assert_eq!(conf.unchecked, None);
        assert_eq!(conf.uri, expected.uri);

        let named = place("named", "BASE dc=named\nTLS_KEY /not-here\n");
        let conf = of(&[&system], &[home, ("LDAPCONF", &named)]);
        assert_eq!(conf.base.as_deref(), Some("dc=named"));
        assert_eq!(conf.key, Some("/home.key".into()));

        place(".mine", "BASE dc=mine\n");
        let mine = ("LDAPRC", Path::new("mine"));
        let variables = [home, ("LDAPCONF", named.as_path()), mine];
        assert_eq!(of(&[&system], &variables).base.as_deref(), Some("dc=mine"));
        let variables = [
            home,
            mine,
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

        let mut variables = variables.to_vec();
        variables.push(("LDAPNOINIT", Path::new("")));
        assert_eq!(of(&[&system], &variables), LdapConf::default());
    }
}
