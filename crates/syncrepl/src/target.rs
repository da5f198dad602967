//! Turns the arguments as typed into servers, credentials and a search.

use std::fs::File;
use std::path::{Path, PathBuf};

use syncrepl_client::journal::JournalSettings;
use syncrepl_client::{
    Builder, Callback, LdapUrl, Remembered, Scope, StopHandle, Store, Syncrepl, SyncreplMode,
};
use syncrepl_proto::dn;

use crate::args::{ConnectionArgs, ScopeArg, SyncArgs};
use crate::exit::{Failure, complain, wrong_usage};
use crate::ldap_conf::{LdapConf, Setting};
use crate::servers::{hosts, is_url};
use crate::{encryption, habits, identity, password, servers};

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
    // A journal that is on stays as it is kept.
    let is_on = || Store::open(&args.data).and_then(|store| store.journal());
    if args.journal && !is_on().is_ok_and(|journal| journal.on) {
        builder = builder.journal(JournalSettings::default());
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
    habits::refuse_what_is_no_url(args)?;
    let hosts = hosts(args);
    let conf = LdapConf::read();
    let remembered = remembered(data)?;
    let stored = remembered.as_ref().and_then(|stored| stored.url.as_ref());
    let mut urls = hosts.clone();
    let mut whole = None;
    match args.search.first() {
        Some(first) if is_url(first) => {
            if !hosts.is_empty() || args.base.is_some() || args.scope.is_some() {
                return Err(wrong_usage(
                    "an LDAP URL names server, base and scope: leave out -H, -b and -s",
                ));
            }
            if args.search.len() > 1 {
                return Err(wrong_usage(
                    "give one LDAP URL, or a filter followed by attributes",
                ));
            }
            warn_of_base_scope(first);
            urls.push(first.clone());
            whole = Some(first.clone());
        }
        filter => {
            let named = filter.is_some() || args.base.is_some() || args.scope.is_some();
            // The copy knows its search. Without a copy, ldap.conf may give server and base.
            let configured = stored.is_none() && conf.base.is_some();
            if urls.is_empty() && (named || configured) {
                urls = servers::named_elsewhere(remembered.as_ref(), &conf)?;
            }
            if named || configured || !hosts.is_empty() {
                builder = of_hosts(builder, args, &hosts, named, stored, &conf)?;
            }
        }
    }
    builder = encryption::configure(builder, args, &conf, &urls, remembered.as_ref())?;
    builder = match whole {
        // It names a server, if only this machine.
        Some(url) => builder.ldap_url(url),
        None => servers::add(builder, urls)?,
    };
    if let Some(address) = args.name_server {
        builder = builder.name_server(address);
    }
    if let Some(credentials) = identity::credentials(args, remembered.as_ref())? {
        builder = builder.credentials(credentials);
    }
    builder = leave_out(builder, args)
        .allow_new_identity(args.as_new_identity)
        .allow_clear(args.allow_clear);
    Ok(args.limits.apply(builder).any_server(args.any_server))
}

/// The files that a bind reads, of those that the arguments name.
pub(crate) fn files_of_bind(args: &ConnectionArgs) -> Vec<PathBuf> {
    let tls = [&args.ca_file, &args.cert, &args.key];
    let tls = tls.into_iter().flatten().cloned();
    tls.chain(password::file_of(args)).collect()
}

/// Sets the search alone, of a run that needs no server. A part that is left out comes from the copy in `data`.
///
/// # Errors
/// When the arguments contradict each other.
pub(crate) fn search<C: Callback>(
    builder: Builder<C>,
    args: &ConnectionArgs,
    data: &Path,
) -> Result<Builder<C>, Failure> {
    habits::refuse_what_is_no_url(args)?;
    let builder = leave_out(builder, args);
    match args.search.as_slice() {
        [url] if is_url(url) && args.base.is_none() && args.scope.is_none() => {
            warn_of_base_scope(url);
            Ok(builder.ldap_url(url))
        }
        [url, ..] if is_url(url) => Err(wrong_usage(
            "an LDAP URL names base, scope, filter and attributes: leave out -b, -s and further words",
        )),
        _ => {
            let stored = remembered(data)?.and_then(|stored| stored.url);
            in_parts(
                builder,
                args,
                &[],
                true,
                stored.as_ref(),
                &LdapConf::default(),
            )
        }
    }
}

/// Sets the search where `-H` gives the servers, or nothing does. The URL of a domain has a search, too: all of
/// the domain, unless it says more.
fn of_hosts<C: Callback>(
    builder: Builder<C>,
    args: &ConnectionArgs,
    hosts: &[String],
    named: bool,
    stored: Option<&LdapUrl>,
    conf: &LdapConf,
) -> Result<Builder<C>, Failure> {
    let Some((url, _)) = hosts.first().and_then(|host| servers::domain(host)) else {
        return in_parts(builder, args, hosts, named, stored, conf);
    };
    let says_more = url.scope.is_some() || url.filter.is_some() || !url.attributes.is_empty();
    let scope = url.scope.or(Some(Scope::Subtree));
    let search = LdapUrl { scope, ..url };
    let before = match says_more {
        true => &search,
        false => stored.unwrap_or(&search),
    };
    in_parts(builder, args, hosts, true, Some(before), conf)
}

/// Sets the search from `-b`, `-s`, filter and attributes. A part that is left out comes from the copy,
/// if there is one, and else has the default of `ldapsearch`.
fn in_parts<C: Callback>(
    builder: Builder<C>,
    args: &ConnectionArgs,
    hosts: &[String],
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
            return Err(wrong_usage(
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
    let mut words = args.search.iter();
    let (filter, attributes): (String, Vec<String>) = match (words.next(), stored) {
        (Some(_), _) if habits::are_attributes(args) => (String::new(), args.search.clone()),
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

/// What the data file remembers of its copy.
///
/// # Errors
/// When there is a file that may not be read. What it remembers would be missed, and a complaint about that
/// would mislead. Of a file that is no store, the run complains when it opens it.
fn remembered(data: &Path) -> Result<Option<Remembered>, Failure> {
    if !data.exists() {
        return Ok(None);
    }
    match Store::open(data).and_then(|store| store.remembered()) {
        Ok(remembered) => Ok(Some(remembered)),
        Err(error) if File::open(data).is_err() => Err(error.into()),
        Err(_) => Ok(None),
    }
}

/// Sets which attributes are left out. An empty name means none.
fn leave_out<C: Callback>(builder: Builder<C>, args: &ConnectionArgs) -> Builder<C> {
    match &args.attrs_except {
        Some(names) => builder.attributes_except(names.iter().filter(|name| !name.is_empty())),
        None => builder,
    }
}

/// Warns of a URL without a scope. It means base (RFC 4516), and few users expect that.
fn warn_of_base_scope(url: &str) {
    if LdapUrl::parse(url).is_ok_and(|url| url.scope.is_none()) {
        complain(
            "warning: the URL has no scope, which means base: one entry is copied (write …?…?sub for all below)",
        );
    }
}
