//! Decides from the arguments, the environment and `ldap.conf` how connections are encrypted, and
//! warns of choices that are not safe.

use std::path::{Path, PathBuf};

use syncrepl_client::{Builder, Callback, LdapUrl, Named, Remembered, StartTls};

use crate::args::ConnectionArgs;
use crate::exit::{Failure, complain};
use crate::ldap_conf::{LdapConf, Setting};
use crate::password::others_can_read;

/// Sets up TLS for connections to `urls`, or to the servers that the data file remembers. The command line
/// decides first, then the file, then the environment, then `ldap.conf`.
///
/// # Errors
/// When a client certificate comes without its key, or a key without its certificate.
pub(crate) fn configure<C: Callback>(
    mut builder: Builder<C>,
    args: &ConnectionArgs,
    conf: &LdapConf,
    urls: &[String],
    stored: Option<&Remembered>,
) -> Result<Builder<C>, Failure> {
    let encrypted = may_encrypt(args, urls, stored);
    builder = builder
        .starttls(match args.starttls {
            0 => StartTls::Never,
            1 => StartTls::IfPossible,
            _ => StartTls::Required,
        })
        .require_tls(args.require_tls);
    if args.tls_insecure {
        complain(
            "WARNING: --tls-insecure: the server's certificate is NOT CHECKED. Anybody on the way can \
             read the password and change what is copied (--ca-file trusts the right one)",
        );
        builder = builder.dangerous_accept_any_certificate(true);
    } else if encrypted {
        warn_of_unchecked(conf);
    }
    let mut named = Named::default();
    // The library takes the remembered file where none is given.
    let remembered = stored.is_some_and(|stored| stored.ca_file.is_some());
    let configured = conf.ca_file.as_ref().filter(|_| !remembered);
    if let Some(ca_file) = file(&args.ca_file, configured, &mut named.ca_file) {
        builder = builder.ca_file(ca_file);
    }
    // libldap trusts what is in either. An option says what is meant instead of both.
    if let (None, false, Some(folder)) = (&args.ca_file, remembered, &conf.ca_folder) {
        named.passed_over = Some(folder.place.clone());
    }
    if !encrypted && args.cert.is_none() && args.key.is_none() {
        return Ok(builder.named(named));
    }
    let pair = stored.and_then(|stored| stored.client_certificate.as_ref());
    if let (Some((_, key)), None, None) = (pair, &args.cert, &args.key) {
        warn_of_readers(key);
        return Ok(builder.named(named));
    }
    let cert = file(&args.cert, conf.cert.as_ref(), &mut named.certificate);
    let key = file(&args.key, conf.key.as_ref(), &mut named.key);
    builder = builder.named(named);
    match (cert, key) {
        (None, None) => Ok(builder),
        (Some(cert), Some(key)) => {
            warn_of_readers(key);
            Ok(builder.client_certificate(cert, key))
        }
        (Some(_), None) => Err(Failure::Usage(
            "the client certificate needs its key: --key FILE (LDAPTLS_KEY)".to_owned(),
        )),
        (None, Some(_)) => Err(Failure::Usage(
            "the key needs its client certificate: --cert FILE (LDAPTLS_CERT)".to_owned(),
        )),
    }
}

/// Whether a connection may use TLS.
fn may_encrypt(args: &ConnectionArgs, urls: &[String], stored: Option<&Remembered>) -> bool {
    let starttls = stored.is_some_and(|stored| stored.starttls != StartTls::Never);
    let servers = stored.map_or(&[][..], |stored| &stored.servers);
    let servers: Vec<_> = servers.iter().map(LdapUrl::to_string).collect();
    let urls = if urls.is_empty() { &servers } else { urls };
    args.starttls > 0 || (starttls && !args.allow_clear) || urls.iter().any(|url| asks_for_tls(url))
}

/// The file that an option names, else the one that `ldap.conf` names. `place` is then where.
fn file<'a>(
    option: &'a Option<PathBuf>,
    configured: Option<&'a Setting<PathBuf>>,
    place: &mut Option<String>,
) -> Option<&'a PathBuf> {
    if option.is_some() {
        return option.as_ref();
    }
    let setting = configured?;
    *place = Some(setting.place.clone());
    Some(&setting.value)
}

fn asks_for_tls(url: &str) -> bool {
    let url = url.to_ascii_lowercase();
    url.starts_with("ldaps:") || url.contains("starttls")
}

/// Warns of a line in `ldap.conf` that would switch the check of certificates off. The command does not
/// obey it: the line may be years old, and this copy relies on the check.
fn warn_of_unchecked(conf: &LdapConf) {
    let Some(unchecked) = &conf.unchecked else {
        return;
    };
    complain(&format!(
        "warning: {unchecked} is not honoured: without a check anybody on the way can read the password. \
         Certificates are checked; trust the right one with --ca-file (or, knowing that, give --tls-insecure)"
    ));
}

/// Warns when other users of this machine can read the key.
fn warn_of_readers(key: &Path) {
    if others_can_read(key) {
        complain(&format!(
            "warning: others can read the key {} (chmod 600 it)",
            key.display()
        ));
    }
}
