//! The servers to connect to, from `-H`, the data file or `ldap.conf`.

use syncrepl_client::{Builder, Callback, LdapUrl, Remembered};
use syncrepl_proto::dn;
use syncrepl_proto::url::Scheme;

use crate::args::ConnectionArgs;
use crate::exit::{Failure, wrong_usage};
use crate::ldap_conf::{LdapConf, Setting};

/// The servers of `-H`, one URL each.
pub(crate) fn hosts(args: &ConnectionArgs) -> Vec<String> {
    args.hosts
        .iter()
        .flat_map(|list| servers_of(list))
        .collect()
}

/// A URL that names no host but a DNS domain, and that domain.
pub(crate) fn domain(url: &str) -> Option<(LdapUrl, String)> {
    let url = LdapUrl::parse(url).ok()?;
    if url.scheme != Scheme::Ldap || url.host.is_some() || url.port.is_some() {
        return None;
    }
    let domain = dn::domain(url.dn.as_deref()?)?;
    Some((url, domain))
}

/// Adds the servers to the builder.
///
/// # Errors
/// When a URL that names a domain has extensions, which would be lost.
pub(crate) fn add<C: Callback>(
    mut builder: Builder<C>,
    urls: Vec<String>,
) -> Result<Builder<C>, Failure> {
    for url in urls {
        builder = match domain(&url) {
            None => builder.ldap_url(url),
            Some((url, domain)) if url.extensions.is_empty() => builder.dns_domain(domain),
            Some(_) => {
                return Err(wrong_usage(
                    "a URL that names a DNS domain has no extensions: use -D and -ZZ",
                ));
            }
        };
    }
    Ok(builder)
}

/// The URLs of a list: separated by blanks, or by a comma before the scheme of the next one.
fn servers_of(list: &str) -> Vec<String> {
    let mut urls = Vec::new();
    for word in list.split_whitespace() {
        let mut word = word.trim_matches(',');
        if word.is_empty() {
            continue;
        }
        let next = |word: &str| {
            let mut commas = word.match_indices(',').map(|(at, _)| at);
            commas.find(|at| word.get(at + 1..).is_some_and(is_url))
        };
        while let Some(comma) = next(word) {
            urls.extend(word.get(..comma).map(with_scheme));
            word = word.get(comma + 1..).unwrap_or_default();
        }
        urls.push(with_scheme(word));
    }
    urls
}

fn with_scheme(host: &str) -> String {
    match host.contains("://") {
        true => host.to_owned(),
        false => format!("ldap://{host}"),
    }
}

/// The servers when the user names none: those of the copy, else those of `ldap.conf`, else this machine.
///
/// # Errors
/// When a line of `ldap.conf` is no LDAP URL. The message names the line.
pub(crate) fn named_elsewhere(
    stored: Option<&Remembered>,
    conf: &LdapConf,
) -> Result<Vec<String>, Failure> {
    if let Some(stored) = stored.filter(|stored| !stored.servers.is_empty()) {
        return Ok(stored.servers.iter().map(LdapUrl::to_string).collect());
    }
    let Some(Setting { value, place }) = &conf.uri else {
        return Ok(vec!["ldap://localhost".to_owned()]);
    };
    let urls: Vec<_> = value.iter().flat_map(|list| servers_of(list)).collect();
    match urls.iter().find_map(|url| LdapUrl::parse(url).err()) {
        Some(error) => Err(Failure::Usage(format!("{place} cannot be used: {error}"))),
        None => Ok(urls),
    }
}

/// Whether a word begins with the scheme of an LDAP URL.
pub(crate) fn is_url(word: &str) -> bool {
    ["ldap://", "ldaps://", "ldapi://"].iter().any(|scheme| {
        word.get(..scheme.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_servers() {
        for (list, urls) in [
            ("ldap://a ldaps://b", &["ldap://a", "ldaps://b"][..]),
            (
                "ldap://a,LDAPS://b,ldapi://%2Fc",
                &["ldap://a", "LDAPS://b", "ldapi://%2Fc"],
            ),
            (
                "  a\tldap://b/dc=x,dc=y,ldap://c ",
                &["ldap://a", "ldap://b/dc=x,dc=y", "ldap://c"],
            ),
            ("ldap://a, ldap://b", &["ldap://a", "ldap://b"]),
        ] {
            assert_eq!(servers_of(list), urls, "{list}");
        }
    }
}
