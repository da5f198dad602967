//! The `dse.ldif` of a test server, made from the one that the package brings, and the
//! change records that make its suffix.

use std::fs;
use std::path::Path;

use crate::release::Release;
use crate::slapd::{PASSWORD, SUFFIX};

/// The DN that may do everything.
pub const ADMIN: &str = "cn=Directory Manager";
/// A DN that may read all of it, and synchronize. Not an entry of [`SUFFIX`]. Its password is
/// [`PASSWORD`].
pub const READER: &str = "cn=reader,cn=config";

/// The plug-in that remembers changes. Cookies count them.
pub(super) const CHANGELOG: &str = "Retro Changelog Plugin";
/// The plug-in that answers RFC 4533.
const SYNC: &str = "Content Synchronization";

/// The plug-in that wants names to be in ASCII.
const ASCII: &str = "7-bit check";
/// The plug-in that is not in the template.
pub(super) const ENTRY_UUID: &str = "\
dn: cn=entryuuid_syntax,cn=plugins,cn=config
objectClass: top
objectClass: nsSlapdPlugin
cn: entryuuid_syntax
nsslapd-pluginpath: libentryuuid-syntax-plugin
nsslapd-plugininitfunc: entryuuid_syntax_plugin_init
nsslapd-plugintype: syntax
nsslapd-pluginenabled: on
nsslapd-pluginId: entryuuid_syntax
nsslapd-pluginVersion: none
nsslapd-pluginVendor: 389 Project
nsslapd-pluginDescription: none

dn: cn=entryuuid,cn=plugins,cn=config
objectClass: top
objectClass: nsSlapdPlugin
cn: entryuuid
nsslapd-pluginpath: libentryuuid-plugin
nsslapd-plugininitfunc: entryuuid_plugin_init
nsslapd-plugintype: betxnpreoperation
nsslapd-pluginenabled: on
nsslapd-pluginId: entryuuid
nsslapd-pluginVersion: none
nsslapd-pluginVendor: 389 Project
nsslapd-pluginDescription: none
";

/// Lets everybody read the configuration of the changelog.
pub(super) const SHOWN: &str = "aci: (targetattr=\"*\")(version 3.0; acl \"shown\"; allow (read, search) \
     userdn=\"ldap:///anyone\";)";

/// What FreeIPA has in the configuration: its DNS alone is in the changelog.
pub(super) const DNS_ONLY: &str = "nsslapd-include-suffix: cn=dns,dc=example,dc=com";
pub(super) const MEMBERS: &str = "memberOfGroupAttr: memberUser\nmemberOfGroupAttr: memberHost\n\
     memberOfAutoAddOC: nsMemberOf";
/// Two attributes of its schema.
pub(super) const MEMBER_SCHEMA: &str = "\
attributeTypes: ( 2.16.840.1.113730.3.8.99.1 NAME 'memberUser' SUP distinguishedName EQUALITY distinguishedNameMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.12 )
attributeTypes: ( 2.16.840.1.113730.3.8.99.2 NAME 'memberHost' SUP distinguishedName EQUALITY distinguishedNameMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.12 )
";

const TEMPLATE: &str = "/usr/share/dirsrv/data/template-dse.ldif";
/// The folders that a server wants.
pub(super) const FOLDERS: [&str; 10] = [
    "config/schema",
    "run",
    "log",
    "lock",
    "db",
    "dbhome",
    "bak",
    "ldif",
    "tmp",
    "inst",
];
/// It does not start without a file for schema of its own, and says nothing.
const OWN_SCHEMA: &str = "dn: cn=schema\nobjectClass: top\nobjectClass: ldapSubentry\nobjectClass: subschema\ncn: schema\n";

/// The library that keeps the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// Berkeley DB: the default of release 2.
    Bdb,
    /// LMDB: the default of release 3.
    Lmdb,
}

/// All that a test can choose about its server.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) release: Release,
    pub(super) database: Option<Backend>,
    pub(super) plugins: Vec<String>,
    pub(super) off: Vec<String>,
    pub(super) lines: Vec<(String, String)>,
    pub(super) entries: String,
    pub(super) size_limit: Option<usize>,
    pub(super) schema: String,
    /// Lines for the entry cn=config.
    pub(super) global: String,
}

/// Writes the configuration of a server whose files are in `folder`.
pub(super) fn write(settings: &Settings, folder: &Path, port: u16, user: &str) {
    let template = fs::read_to_string(settings.release.file(Path::new(TEMPLATE)))
        .unwrap_or_else(|e| panic!("{TEMPLATE}: {e}"));
    let config = folder.join("config");
    fs::write(
        config.join("dse.ldif"),
        text(settings, &template, folder, port, user),
    )
    .expect("writing dse.ldif");
    let schema = format!("{OWN_SCHEMA}{}", settings.schema);
    fs::write(config.join("schema/99user.ldif"), schema).expect("writing a schema file");
    // These have to be there, and may be empty.
    for name in ["slapd-collations.conf", "certmap.conf"] {
        fs::write(config.join(name), "").expect("writing a configuration file");
    }
}

fn text(settings: &Settings, template: &str, folder: &Path, port: u16, user: &str) -> String {
    let path = |name: &str| folder.join(name).display().to_string();
    // Only a listener with a host name stays on the loopback interface. A value of 5 MB must get in.
    let port = format!(
        "{port}\nnsslapd-listenhost: 127.0.0.1\nnsslapd-maxbersize: 67108864{}",
        settings.global
    );
    let mut text = template.to_owned();
    for (name, value) in [
        ("bak_dir", path("bak")),
        ("cert_dir", path("config")),
        ("config_dir", path("config")),
        ("db_dir", path("db")),
        ("db_home_dir", path("dbhome")),
        ("db_lib", library(settings).to_owned()),
        ("ds_passwd", format!("{{CLEAR}}{PASSWORD}")),
        ("ds_port", port),
        ("ds_suffix", SUFFIX.to_owned()),
        ("ds_user", user.to_owned()),
        ("fqdn", "localhost".to_owned()),
        ("inst_dir", path("inst")),
        ("ldapi", path("run/ldapi")),
        ("ldapi_autobind", "off".to_owned()),
        ("ldapi_enabled", "off".to_owned()),
        ("ldif_dir", path("ldif")),
        ("lock_dir", path("lock")),
        ("log_dir", path("log")),
        ("rootdn", ADMIN.to_owned()),
        ("run_dir", path("run")),
        ("schema_dir", path("config/schema")),
        ("tmp_dir", path("tmp")),
    ] {
        text = text.replace(&format!("%{name}%"), &value);
    }
    let entries = text.split("\n\n").map(|entry| {
        let name = entry
            .lines()
            .find_map(|line| line.strip_prefix("dn: cn="))
            .and_then(|dn| dn.strip_suffix(",cn=plugins,cn=config"));
        match name {
            Some(name) => plugin(settings, name, entry.trim_end()),
            None => entry.to_owned(),
        }
    });
    let text = entries.collect::<Vec<_>>().join("\n\n");
    format!("{}\n\n{}", text.trim_end(), settings.entries)
}

fn library(settings: &Settings) -> &'static str {
    let usual = match settings.release {
        Release::Installed => Backend::Bdb,
        Release::Newer => Backend::Lmdb,
    };
    match settings.database.unwrap_or(usual) {
        Backend::Bdb => "bdb",
        Backend::Lmdb => "mdb",
    }
}

fn plugin(settings: &Settings, name: &str, entry: &str) -> String {
    let mut entry = entry.to_owned();
    let wanted = [CHANGELOG, SYNC].contains(&name) || settings.plugins.iter().any(|p| p == name);
    if wanted && !settings.off.iter().any(|off| off == name) {
        entry = entry.replace("nsslapd-pluginenabled: off", "nsslapd-pluginenabled: on");
        assert!(entry.contains("nsslapd-pluginenabled: on"), "{name}");
    }
    if name == ASCII {
        entry = entry.replace("nsslapd-pluginenabled: on", "nsslapd-pluginenabled: off");
    }
    if name == CHANGELOG {
        // Without it a consumer cannot tell which entry a change was about.
        entry += "\nnsslapd-attribute: nsuniqueid:targetUniqueId";
    }
    for (_, lines) in settings.lines.iter().filter(|(plugin, _)| plugin == name) {
        entry = format!("{entry}\n{}", lines.trim_end());
    }
    entry
}

/// The first change records: the DN that may synchronize, the database, and the suffix entry.
pub(super) fn content(settings: &Settings) -> String {
    let limit = settings
        .size_limit
        .map_or("-1".to_owned(), |limit| limit.to_string());
    format!(
        "dn: {READER}
changetype: add
objectClass: person
cn: reader
sn: reader
userPassword: {{CLEAR}}{PASSWORD}
nsSizeLimit: {limit}
nsLookThroughLimit: -1

dn: cn=userroot,cn=ldbm database,cn=plugins,cn=config
changetype: add
objectClass: nsBackendInstance
objectClass: extensibleObject
cn: userroot
nsslapd-suffix: {SUFFIX}

dn: cn=\"{SUFFIX}\",cn=mapping tree,cn=config
changetype: add
objectClass: nsMappingTree
objectClass: extensibleObject
cn: {SUFFIX}
nsslapd-state: backend
nsslapd-backend: userroot

dn: {SUFFIX}
changetype: add
objectClass: organization
objectClass: dcObject
o: Example
dc: example
aci: (targetattr=\"*\")(version 3.0; acl \"everybody reads\"; allow (read, search, compare) userdn=\"ldap:///anyone\";)
"
    )
}
