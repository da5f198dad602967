//! Arguments, environment and `ldap.conf` into how connections are encrypted, and the warnings that
//! belong to it.

use std::path::Path;

use syncrepl_client::{Builder, Callback, StartTls};

use crate::args::ConnectionArgs;
use crate::exit::{Failure, complain};
use crate::ldap_conf::LdapConf;
use crate::password::others_can_read;

/// TLS for connections to `urls`, as the command line says, or else the environment, or `ldap.conf`.
pub(crate) fn configure<C: Callback>(
    mut builder: Builder<C>,
    args: &ConnectionArgs,
    conf: &LdapConf,
    urls: &[String],
) -> Result<Builder<C>, Failure> {
    let encrypted = args.starttls > 0 || urls.iter().any(|url| asks_for_tls(url));
    builder = builder
        .starttls(match args.starttls {
            0 => StartTls::Never,
            1 => StartTls::IfPossible,
            _ => StartTls::Required,
        })
        .require_tls(args.require_tls);
    if args.tls_insecure {
        complain(
            "WARNING: --tls-insecure: the server's certificate is NOT CHECKED. Whoever is on the way can \
             read the password and change what is copied (--ca-file trusts the right one)",
        );
        builder = builder.dangerous_accept_any_certificate(true);
    } else if encrypted {
        warn_of_unchecked(conf);
    }
    if let Some(ca_file) = args.ca_file.as_ref().or(conf.ca_file.as_ref()) {
        builder = builder.ca_file(ca_file);
    }
    if !encrypted && args.cert.is_none() && args.key.is_none() {
        return Ok(builder);
    }
    let cert = args.cert.as_ref().or(conf.cert.as_ref());
    match (cert, args.key.as_ref().or(conf.key.as_ref())) {
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

fn asks_for_tls(url: &str) -> bool {
    let url = url.to_ascii_lowercase();
    url.starts_with("ldaps:") || url.contains("starttls")
}

/// A line in a file from long ago must not switch the check off for what comes to rely on it.
fn warn_of_unchecked(conf: &LdapConf) {
    let Some(unchecked) = &conf.unchecked else {
        return;
    };
    complain(&format!(
        "warning: {unchecked} is not honoured: without a check anybody on the way can read the password. \
         Certificates are checked; trust the right one with --ca-file (or, knowing that, give --tls-insecure)"
    ));
}

fn warn_of_readers(key: &Path) {
    if others_can_read(key) {
        complain(&format!(
            "warning: others can read the key {} (chmod 600 it)",
            key.display()
        ));
    }
}
