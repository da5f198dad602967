//! The `slapd.conf` of a test server.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use super::names::{ADMIN, PASSWORD, SUFFIX};
use crate::release::Release;

/// From what the server answers a consumer that comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variant {
    /// No log: the present phase.
    Plain,
    /// `syncprov-sessionlog`, of 1000 changes unless set otherwise.
    SessionLog,
    /// A database of past writes as the source of the session log.
    AccessLog,
}

impl Variant {
    /// All of them.
    pub const ALL: [Variant; 3] = [Variant::Plain, Variant::SessionLog, Variant::AccessLog];
}

/// All that a test can choose about its server.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) release: Release,
    pub(super) variant: Variant,
    pub(super) sessionlog: usize,
    pub(super) global: String,
    pub(super) database: String,
    pub(super) syncprov: String,
    pub(super) tls: Option<[PathBuf; 3]>,
    pub(super) ldapi: bool,
    pub(super) empty: bool,
    pub(super) without_syncprov: bool,
    pub(super) environment: Vec<(String, String)>,
}

/// The configuration for a server whose files are in `folder`.
pub(super) fn text(settings: &Settings, folder: &Path) -> String {
    let mut text = String::new();
    global(&mut text, settings, folder).expect("writing to a string");
    if settings.variant == Variant::AccessLog {
        access_log(&mut text, folder).expect("writing to a string");
    }
    database(&mut text, settings, folder).expect("writing to a string");
    text
}

fn global(text: &mut String, settings: &Settings, folder: &Path) -> std::fmt::Result {
    for schema in ["core", "cosine", "inetorgperson", "nis"] {
        writeln!(text, "include /etc/ldap/schema/{schema}.schema")?;
    }
    writeln!(text, "modulepath /usr/lib/ldap\nmoduleload back_mdb")?;
    if !settings.without_syncprov {
        writeln!(text, "moduleload syncprov")?;
    }
    if settings.variant == Variant::AccessLog {
        writeln!(text, "moduleload accesslog")?;
    }
    writeln!(
        text,
        "pidfile {}/slapd.pid\nloglevel none\nsizelimit unlimited",
        folder.display()
    )?;
    // A binary value of 5 MB must get in.
    writeln!(
        text,
        "sockbuf_max_incoming 67108864\nsockbuf_max_incoming_auth 67108864"
    )?;
    if let Some([ca, cert, key]) = &settings.tls {
        writeln!(text, "TLSCACertificateFile {}", ca.display())?;
        writeln!(text, "TLSCertificateFile {}", cert.display())?;
        writeln!(text, "TLSCertificateKeyFile {}", key.display())?;
    }
    writeln!(text, "{}", settings.global)
}

/// The database of past writes, from which syncprov answers instead of from its own session log.
fn access_log(text: &mut String, folder: &Path) -> std::fmt::Result {
    writeln!(
        text,
        "database mdb\n\
         suffix cn=log\n\
         rootdn cn=admin,cn=log\n\
         directory {}/log\n\
         maxsize 4294967296\n\
         dbnosync\n\
         index objectClass,reqStart,reqResult,reqDN,entryCSN,entryUUID eq\n\
         access to * by dn.exact=\"{ADMIN}\" read by * none\n\
         limits * size=unlimited time=unlimited\n\
         overlay syncprov\n\
         syncprov-nopresent TRUE\n\
         syncprov-reloadhint TRUE\n",
        folder.display()
    )
}

fn database(text: &mut String, settings: &Settings, folder: &Path) -> std::fmt::Result {
    writeln!(
        text,
        "database mdb\n\
         suffix {SUFFIX}\n\
         rootdn {ADMIN}\n\
         rootpw {PASSWORD}\n\
         directory {}/db\n\
         maxsize 4294967296\n\
         dbnosync\n\
         index objectClass,entryCSN,entryUUID eq\n\
         {}\n\
         {}\n\
         {}",
        folder.display(),
        settings.database,
        match settings.without_syncprov {
            true => "",
            false => "overlay syncprov",
        },
        settings.syncprov
    )?;
    match settings.variant {
        Variant::Plain => Ok(()),
        Variant::SessionLog => writeln!(text, "syncprov-sessionlog {}", settings.sessionlog),
        Variant::AccessLog => writeln!(
            text,
            "syncprov-sessionlog-source cn=log\n\
             overlay accesslog\n\
             logdb cn=log\n\
             logops writes\n\
             logsuccess TRUE"
        ),
    }
}
