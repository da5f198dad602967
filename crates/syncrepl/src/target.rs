//! Turns the arguments as typed into servers, credentials and a search.

use std::path::{Path, PathBuf};

use syncrepl_client::{
    Builder, Callback, Credentials, LdapUrl, Password, Sasl, Scope, StopHandle, Store, Syncrepl,
    SyncreplMode,
};
use syncrepl_proto::dn;
use syncrepl_proto::filter::Filter;

use crate::args::{ConnectionArgs, ScopeArg, SyncArgs};
use crate::exit::{Failure, complain};
use crate::ldap_conf::{LdapConf, Setting};
use crate::{encryption, password};

/// Builds the consumer that the arguments describe.
///
/// # Errors
/// When the arguments contradict each other, or the password cannot be read.
pub(crate) fn builder<C: Callback>(
    args: &mut SyncArgs,
    mode: SyncreplMode,
    callback: C,
    stop: StopHandle,
) -> Result<Builder<C>, Failure> {
    let builder = Syncrepl::builder(&args.data, callback)
        .mode(mode)
        .stop_handle(stop);
    let mut builder = connection(builder, &mut args.connection, &args.data)?;
    builder = builder.reconcile(args.reconcile).derived(args.derived);
    if let Some(max_delete) = args.max_delete {
        builder = builder.max_delete(max_delete);
    }
    if let Some(interval) = args.reconcile_every {
        builder = builder.reconcile_every(interval);
    }
    if let Some(silence) = args.patience.heartbeat {
        builder = builder.heartbeat(silence);
    }
    Ok(builder)
}

/// Sets servers, encryption, credentials and search. `data` may hold a copy, and then knows its search.
///
/// # Errors
/// When the arguments contradict each other, or the password cannot be read.
pub(crate) fn connection<C: Callback>(
    mut builder: Builder<C>,
    args: &mut ConnectionArgs,
    data: &Path,
) -> Result<Builder<C>, Failure> {
    let hosts: Vec<_> = args
        .hosts
        .iter()
        .flat_map(|hosts| hosts.split_whitespace())
        .collect();
    let conf = LdapConf::read();
    let stored = stored_url(data);
    let mut urls: Vec<String> = hosts.iter().map(|host| with_scheme(host)).collect();
    match args.search.first() {
        Some(first) if is_url(first) => {
            if !hosts.is_empty() || args.base.is_some() || args.scope.is_some() {
                return Err(usage(
                    "an LDAP URL names server, base and scope: leave out -H, -b and -s",
                ));
            }
            if args.search.len() > 1 {
                return Err(usage(
                    "give one LDAP URL, or a filter followed by attributes",
                ));
            }
            warn_of_base_scope(first);
            urls.push(first.clone());
        }
        filter => {
            let named = filter.is_some() || args.base.is_some() || args.scope.is_some();
            // The copy knows its search. Without a copy, ldap.conf may give server and base.
            let configured = stored.is_none() && conf.base.is_some();
            if urls.is_empty() && (named || configured) {
                urls = servers(stored.as_ref(), &conf)?;
            }
            if named || configured || !hosts.is_empty() {
                builder = in_parts(builder, args, &hosts, named, stored.as_ref(), &conf)?;
            }
        }
    }
    let stored = stored.map(|url| url.to_string());
    builder = encryption::configure(
        builder,
        args,
        &conf,
        if urls.is_empty() {
            stored.as_slice()
        } else {
            &urls
        },
    )?;
    for url in urls {
        builder = builder.ldap_url(url);
    }
    if let Some(credentials) = credentials(args)? {
        builder = builder.credentials(credentials);
    }
    Ok(args.limits.apply(builder).any_server(args.any_server))
}

/// The files that a bind reads, of those that the arguments name.
pub(crate) fn files_of_bind(args: &ConnectionArgs) -> Vec<PathBuf> {
    let tls = [&args.ca_file, &args.cert, &args.key];
    let tls = tls.into_iter().flatten().cloned();
    tls.chain(password::file_of(args)).collect()
}

fn with_scheme(host: &str) -> String {
    match host.contains("://") {
        true => host.to_owned(),
        false => format!("ldap://{host}"),
    }
}

/// The servers when the user names none: that of the copy, else those of `ldap.conf`, else this machine.
///
/// # Errors
/// When a line of `ldap.conf` is no LDAP URL. The message names the line.
fn servers(stored: Option<&LdapUrl>, conf: &LdapConf) -> Result<Vec<String>, Failure> {
    if let Some(url) = stored {
        let host = LdapUrl {
            scheme: url.scheme,
            host: url.host.clone(),
            port: url.port,
            ..LdapUrl::default()
        };
        return Ok(vec![host.to_string()]);
    }
    let Some(Setting { value, place }) = &conf.uri else {
        return Ok(vec!["ldap://localhost".to_owned()]);
    };
    let urls: Vec<_> = value.iter().map(|host| with_scheme(host)).collect();
    match urls.iter().find_map(|url| LdapUrl::parse(url).err()) {
        Some(error) => Err(Failure::Usage(format!("{place} cannot be used: {error}"))),
        None => Ok(urls),
    }
}

/// Sets the search from `-b`, `-s`, filter and attributes. A part that is left out comes from the copy,
/// if there is one, and else has the default of `ldapsearch`.
fn in_parts<C: Callback>(
    builder: Builder<C>,
    args: &ConnectionArgs,
    hosts: &[&str],
    named: bool,
    stored: Option<&LdapUrl>,
    conf: &LdapConf,
) -> Result<Builder<C>, Failure> {
    let in_url = hosts.first().is_some_and(|host| {
        LdapUrl::parse(host).is_ok_and(|url| url.dn.is_some() || url.filter.is_some())
    });
    if in_url && !named {
        return Ok(builder);
    }
    let base = args
        .base
        .clone()
        .or_else(|| stored.and_then(|url| url.dn.clone()));
    let base = match (base, &conf.base) {
        (Some(base), _) => base,
        (None, Some(Setting { value, place })) => match dn::validate(value) {
            Ok(()) => value.clone(),
            Err(error) => return Err(Failure::Usage(format!("{place} cannot be used: {error}"))),
        },
        (None, None) => {
            return Err(usage(
                "no base DN: give one with -b, an LDAP URL that has one, or BASE in ldap.conf",
            ));
        }
    };
    let scope = match args.scope {
        Some(ScopeArg::Base) => Scope::Base,
        Some(ScopeArg::One) => Scope::One,
        Some(ScopeArg::Sub) => Scope::Subtree,
        None => stored.map_or(Scope::Subtree, LdapUrl::scope_or_default),
    };
    if let Some(filter) = args.search.first().filter(|word| looks_like_url(word)) {
        // Not a word of it is quoted: it may hold a password.
        let known = match filter.contains("://") {
            true => "the LDAP URL has a scheme that is not known",
            false => "the first word is neither a filter nor an LDAP URL",
        };
        return Err(usage(&format!(
            "{known}: a URL begins with ldap://, ldaps:// or ldapi://"
        )));
    }
    let mut words = args.search.iter();
    let (filter, attributes): (String, Vec<String>) = match (words.next(), stored) {
        (Some(filter), _) => (filter.clone(), words.cloned().collect()),
        (None, Some(url)) => (
            url.filter
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default(),
            url.attributes.clone(),
        ),
        (None, None) => (String::new(), Vec::new()),
    };
    Ok(builder.search(base, scope, filter, attributes))
}

/// The search that the data file is the copy of. A file that cannot be opened counts as none here; the
/// error comes when the run opens it.
fn stored_url(data: &Path) -> Option<LdapUrl> {
    data.exists()
        .then(|| Store::open(data).ok()?.url().ok()?)
        .flatten()
}

fn is_url(word: &str) -> bool {
    ["ldap://", "ldaps://", "ldapi://"].iter().any(|scheme| {
        word.get(..scheme.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    })
}

/// Whether a word is no filter, and looks like a URL whose scheme is missing, damaged or another one.
fn looks_like_url(word: &str) -> bool {
    !word.trim_start().starts_with('(')
        && (word.contains("//") || word.contains('?'))
        && Filter::parse(word).is_err()
}

/// Warns of a URL without a scope. It means base (RFC 4516), and few users expect that.
fn warn_of_base_scope(url: &str) {
    if LdapUrl::parse(url).is_ok_and(|url| url.scope.is_none()) {
        complain(
            "warning: the URL has no scope, which means base: one entry is copied (write …?…?sub for all below)",
        );
    }
}

fn credentials(args: &mut ConnectionArgs) -> Result<Option<Credentials>, Failure> {
    if let Some(mechanism) = args.mechanism.clone() {
        return sasl(args, mechanism).map(Some);
    }
    for (option, value) in [
        ("-U", &args.authcid),
        ("-X", &args.authzid),
        ("-R", &args.realm),
    ] {
        if value.is_some() {
            return Err(usage(&format!(
                "{option} belongs to a SASL bind, which -Y MECHANISM asks for; a simple bind takes -D"
            )));
        }
    }
    let Some(dn) = args.bind_dn.clone().or_else(|| name_in_url(args)) else {
        return match password::read(args)? {
            Some(_) => Err(usage("a password needs a DN to bind as: -D")),
            None => Ok(None),
        };
    };
    match password::needed(args)? {
        Some(password) => Ok(Some(Credentials::simple(dn, password))),
        None => Err(usage(
            "the bind DN (-D) needs a password: -W asks, -y FILE reads it from a file",
        )),
    }
}

/// The DN of a simple bind, where a URL gives it without its password.
fn name_in_url(args: &ConnectionArgs) -> Option<String> {
    let first = args.hosts.iter().flat_map(|hosts| hosts.split_whitespace());
    let url = first
        .chain(args.search.first().map(String::as_str))
        .next()?;
    let url = LdapUrl::parse(url).ok()?;
    let name = url.bind_name().filter(|name| !name.is_empty())?;
    let simple = url.mechanism().is_none() && !name.eq_ignore_ascii_case("GSSAPI");
    (simple && url.bind_password().is_none()).then(|| name.to_owned())
}

/// `-Y`, with `-U`, `-X`, `-R` and, where the mechanism takes one, a password.
fn sasl(args: &mut ConnectionArgs, mechanism: String) -> Result<Credentials, Failure> {
    let given = args.password.is_some() || args.prompt || args.password_file.is_some();
    let scram = mechanism
        .get(..5)
        .is_some_and(|start| start.eq_ignore_ascii_case("SCRAM"));
    let password = match scram {
        true => password::needed(args)?,
        // Another mechanism refuses a password, so do not ask the user for one. An empty one leads to
        // the library's error.
        false => given.then(Password::default),
    };
    let mut sasl = Sasl::new(mechanism);
    sasl.authcid.clone_from(&args.authcid);
    sasl.realm.clone_from(&args.realm);
    sasl.authzid.clone_from(&args.authzid);
    sasl.password = password;
    Ok(Credentials::sasl(sasl)?)
}

fn usage(message: &str) -> Failure {
    Failure::Usage(format!("{message} (see syncrepl --help)"))
}
