//! Raw arguments into what to connect to, as whom, and what to search.

use syncrepl_client::{
    Builder, Callback, Credentials, LdapUrl, Password, Sasl, Scope, StartTls, StopHandle, Store,
    Syncrepl, SyncreplMode,
};

use crate::args::{ScopeArg, SyncArgs};
use crate::exit::{Failure, complain};
use crate::password;

/// Builds the consumer that the arguments describe.
pub(crate) fn builder<C: Callback>(
    args: &mut SyncArgs,
    mode: SyncreplMode,
    callback: C,
    stop: StopHandle,
) -> Result<Builder<C>, Failure> {
    let mut builder = Syncrepl::builder(&args.data, callback)
        .mode(mode)
        .stop_handle(stop);
    let hosts: Vec<_> = args
        .hosts
        .iter()
        .flat_map(|hosts| hosts.split_whitespace())
        .collect();
    for host in &hosts {
        let url = if host.contains("://") {
            (*host).to_owned()
        } else {
            format!("ldap://{host}")
        };
        builder = builder.ldap_url(url);
    }
    match args.search.first() {
        Some(first) if is_url(first) => {
            if !hosts.is_empty() || args.base.is_some() || args.scope.is_some() {
                return Err(usage("an LDAP URL says all: leave out -H, -b and -s"));
            }
            if args.search.len() > 1 {
                return Err(usage(
                    "give one LDAP URL, or a filter followed by attributes",
                ));
            }
            warn_of_base_scope(first);
            builder = builder.ldap_url(first.clone());
        }
        filter => {
            let named = filter.is_some() || args.base.is_some() || args.scope.is_some();
            if named || !hosts.is_empty() {
                builder = in_parts(builder, args, &hosts, named)?;
            }
        }
    }
    if let Some(credentials) = credentials(args)? {
        builder = builder.credentials(credentials);
    }
    builder = builder
        .reconcile(args.reconcile)
        .starttls(match args.starttls {
            0 => StartTls::Never,
            1 => StartTls::IfPossible,
            _ => StartTls::Required,
        });
    if let Some(max_delete) = args.max_delete {
        builder = builder.max_delete(max_delete);
    }
    if let Some(interval) = args.reconcile_every {
        builder = builder.reconcile_every(interval);
    }
    let from_environment = || std::env::var_os("LDAPTLS_CACERT").map(Into::into);
    if let Some(ca_file) = args.ca_file.clone().or_else(from_environment) {
        builder = builder.ca_file(ca_file);
    }
    Ok(builder)
}

/// `-H`, `-b`, `-s`, filter and attributes. What is left out comes from the data file if it holds
/// a copy, or else is as with `ldapsearch`.
fn in_parts<C: Callback>(
    mut builder: Builder<C>,
    args: &SyncArgs,
    hosts: &[&str],
    named: bool,
) -> Result<Builder<C>, Failure> {
    let stored = stored_url(args);
    if hosts.is_empty() {
        let host = match &stored {
            Some(url) => LdapUrl {
                scheme: url.scheme,
                host: url.host.clone(),
                port: url.port,
                ..LdapUrl::default()
            },
            None => LdapUrl {
                host: Some("localhost".to_owned()),
                ..LdapUrl::default()
            },
        };
        builder = builder.ldap_url(host.to_string());
    }
    let in_url = hosts.first().is_some_and(|host| {
        LdapUrl::parse(host).is_ok_and(|url| url.dn.is_some() || url.filter.is_some())
    });
    if in_url && !named {
        return Ok(builder);
    }
    let base = args
        .base
        .clone()
        .or_else(|| stored.as_ref().and_then(|url| url.dn.clone()));
    let Some(base) = base else {
        return Err(usage(
            "no base DN: give one with -b, or an LDAP URL that has one",
        ));
    };
    let scope = match args.scope {
        Some(ScopeArg::Base) => Scope::Base,
        Some(ScopeArg::One) => Scope::One,
        Some(ScopeArg::Sub) => Scope::Subtree,
        None => stored
            .as_ref()
            .map_or(Scope::Subtree, LdapUrl::scope_or_default),
    };
    let mut words = args.search.iter();
    let (filter, attributes): (String, Vec<String>) = match (words.next(), &stored) {
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

/// What the data file already copies. A file that cannot be opened is reported when it is used.
fn stored_url(args: &SyncArgs) -> Option<LdapUrl> {
    args.data
        .exists()
        .then(|| Store::open(&args.data).ok()?.status().ok()?.url)
        .flatten()
}

fn is_url(word: &str) -> bool {
    ["ldap://", "ldaps://", "ldapi://"].iter().any(|scheme| {
        word.get(..scheme.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    })
}

fn warn_of_base_scope(url: &str) {
    if LdapUrl::parse(url).is_ok_and(|url| url.scope.is_none()) {
        complain(
            "warning: the URL has no scope, which means base: one entry is copied (write …?…?sub for all below)",
        );
    }
}

fn credentials(args: &mut SyncArgs) -> Result<Option<Credentials>, Failure> {
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
    let password = password::read(args)?;
    match (args.bind_dn.clone(), password) {
        (Some(dn), Some(password)) => Ok(Some(Credentials::simple(dn, password))),
        (Some(_), None) => Err(usage(
            "-D needs a password: -W asks, -y FILE reads it from a file",
        )),
        (None, Some(_)) => Err(usage("a password needs a DN to bind as: -D")),
        (None, None) => Ok(None),
    }
}

/// `-Y`, with `-U`, `-X`, `-R` and, where the mechanism takes one, a password.
fn sasl(args: &mut SyncArgs, mechanism: String) -> Result<Credentials, Failure> {
    let given = args.password.is_some() || args.prompt || args.password_file.is_some();
    let scram = mechanism
        .get(..5)
        .is_some_and(|start| start.eq_ignore_ascii_case("SCRAM"));
    let password = match scram {
        true => password::read(args)?,
        // Nobody is asked for one that is then refused.
        false => given.then(Password::default),
    };
    Ok(Credentials::sasl(Sasl {
        mechanism,
        authcid: args.authcid.clone(),
        realm: args.realm.clone(),
        authzid: args.authzid.clone(),
        password,
    })?)
}

fn usage(message: &str) -> Failure {
    Failure::Usage(format!("{message} (see syncrepl --help)"))
}
