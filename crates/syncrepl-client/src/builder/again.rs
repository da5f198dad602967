//! Completes the options of a connection by what the store remembers of the last one, and refuses to refresh
//! in clear a copy that came over TLS.

use std::path::PathBuf;

use syncrepl_proto::url::{LdapUrl, Scheme};

use crate::connection::{ConnectOptions, StartTls};
use crate::error::{Error, ErrorKind, Result};
use crate::remembered::Remembered;

/// Where a file of TLS was named, for messages.
const REMEMBERED: &str = "as the data file remembers";

/// Completes `options`, and gives what the next refresh will remember of them. `servers` name no search.
///
/// # Errors
/// `InvalidInput` when one of them would be spoken to in clear, and must not be.
pub(super) fn complete(
    options: &mut ConnectOptions,
    servers: &[LdapUrl],
    stored: &Remembered,
    allow_clear: bool,
) -> Result<Remembered> {
    if options.starttls == StartTls::Never && !allow_clear {
        options.starttls = stored.starttls;
        options.starttls_remembered = true;
    }
    let mut next = Remembered {
        servers: servers.to_vec(),
        starttls: options.starttls,
        ..Remembered::default()
    };
    let named = &mut options.named;
    next.ca_file = match options.ca_file.take() {
        // The file was named by a configuration that the next run reads again.
        Some(file) if named.ca_file.is_some() => {
            options.ca_file = Some(file);
            None
        }
        Some(file) => given(file),
        None => {
            named.ca_file = stored.ca_file.as_ref().map(|_| REMEMBERED.to_owned());
            stored.ca_file.clone()
        }
    };
    options.ca_file = options.ca_file.take().or_else(|| next.ca_file.clone());
    next.client_certificate = match options.client_certificate.take() {
        Some(pair) if named.certificate.is_some() || named.key.is_some() => {
            options.client_certificate = Some(pair);
            None
        }
        Some((certificate, key)) => given(certificate).zip(given(key)),
        None => {
            let place = stored.client_certificate.as_ref();
            let place = place.map(|_| REMEMBERED.to_owned());
            (named.certificate, named.key) = (place.clone(), place);
            stored.client_certificate.clone()
        }
    };
    options.client_certificate = options
        .client_certificate
        .take()
        .or_else(|| next.client_certificate.clone());
    let encrypted = stored.encrypted || servers.iter().any(|url| url.scheme == Scheme::Ldaps);
    if encrypted && !allow_clear && options.starttls == StartTls::Never {
        refuse_clear(servers, stored)?;
    }
    options.never_in_clear = stored.encrypted && !allow_clear;
    Ok(next)
}

/// A file that was given, by a name that leads to it from any folder; `None` for the empty name, which makes
/// the store forget the file.
fn given(file: PathBuf) -> Option<PathBuf> {
    match file.as_os_str().is_empty() {
        true => None,
        false => Some(std::path::absolute(&file).unwrap_or(file)),
    }
}

fn refuse_clear(servers: &[LdapUrl], stored: &Remembered) -> Result<()> {
    let Some(clear) = servers.iter().find(|url| url.scheme == Scheme::Ldap) else {
        return Ok(());
    };
    let server = clear.to_string();
    let server = server.trim_end_matches('/');
    let why = match stored.encrypted {
        true => "the copy was made over TLS",
        false => "another server of the list is spoken to over TLS",
    };
    Err(Error::new(
        ErrorKind::InvalidInput,
        format!("{why}, and {server} would be spoken to in clear"),
    )
    .with_hint("use StartTLS (-ZZ), or ldaps://; --allow-clear goes on in clear"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_remembered_from_any_folder() {
        let here = std::env::current_dir().unwrap();
        assert_eq!(given("ca.pem".into()), Some(here.join("ca.pem")));
        assert_eq!(given("/a/ca.pem".into()), Some("/a/ca.pem".into()));
        assert_eq!(given(PathBuf::new()), None);
    }
}
