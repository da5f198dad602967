//! As whom to bind: what the arguments say, else what the data file remembers.

use syncrepl_client::{Credentials, LdapUrl, Password, Remembered, Sasl};

use crate::args::ConnectionArgs;
use crate::exit::{Failure, wrong_usage};
use crate::password;
use crate::servers::hosts;

/// The credentials; `None` where neither the arguments nor the file name an identity.
///
/// # Errors
/// When the arguments contradict each other, a password is missing, or it cannot be read.
pub(crate) fn credentials(
    args: &mut ConnectionArgs,
    stored: Option<&Remembered>,
) -> Result<Option<Credentials>, Failure> {
    if let Some(mechanism) = args.mechanism.clone() {
        return sasl(args, mechanism).map(Some);
    }
    for (option, value) in [
        ("-U", &args.authcid),
        ("-X", &args.authzid),
        ("-R", &args.realm),
    ] {
        if value.is_some() {
            return Err(wrong_usage(&format!(
                "{option} belongs to a SASL bind, which -Y MECHANISM asks for; a simple bind takes -D"
            )));
        }
    }
    let named = url_names_somebody(args);
    match (args.bind_dn.clone().or_else(|| name_in_url(args)), stored) {
        (Some(dn), _) if dn.is_empty() => match given(args) {
            true => Err(wrong_usage("nobody (-D '') has no password")),
            false => Ok(Some(Credentials::Anonymous)),
        },
        (Some(dn), _) => match password::needed(args)? {
            Some(password) => Ok(Some(Credentials::simple(dn, password))),
            None => Err(wrong_usage(
                "the bind DN (-D) needs a password: -W asks, -y FILE reads it from a file",
            )),
        },
        (None, Some(stored)) if !named => as_before(args, stored),
        (None, _) => match password::read(args)? {
            Some(_) => Err(wrong_usage("a password needs a DN to bind as: -D")),
            None => Ok(None),
        },
    }
}

/// The identity that the file remembers.
fn as_before(
    args: &mut ConnectionArgs,
    stored: &Remembered,
) -> Result<Option<Credentials>, Failure> {
    let Some(bind) = &stored.bind else {
        return match password::read(args)? {
            Some(_) => Err(wrong_usage("a password needs a DN to bind as: -D")),
            None => Ok(None),
        };
    };
    let password = match bind.needs_password() {
        true => password::needed(args)?,
        false if given(args) => {
            return Err(wrong_usage(&format!(
                "the copy was made as {bind}, which takes no password: leave it out, or say as whom to bind (-D)"
            )));
        }
        false => None,
    };
    Ok(Some(bind.credentials(password)?))
}

/// Whether an option gives a password.
fn given(args: &ConnectionArgs) -> bool {
    args.password.is_some() || args.prompt || args.password_file.is_some()
}

/// The first URL.
fn first_url(args: &ConnectionArgs) -> Option<LdapUrl> {
    let hosts = hosts(args);
    let first = hosts.first().or_else(|| args.search.first())?;
    LdapUrl::parse(first).ok()
}

/// Whether a URL says as whom to bind.
fn url_names_somebody(args: &ConnectionArgs) -> bool {
    first_url(args).is_some_and(|url| {
        url.mechanism().is_some() || url.bind_name().is_some_and(|name| !name.is_empty())
    })
}

/// The DN of a simple bind, where a URL gives it without its password.
fn name_in_url(args: &ConnectionArgs) -> Option<String> {
    let url = first_url(args)?;
    let name = url.bind_name().filter(|name| !name.is_empty())?;
    let simple = url.mechanism().is_none() && !name.eq_ignore_ascii_case("GSSAPI");
    (simple && url.bind_password().is_none()).then(|| name.to_owned())
}

/// `-Y`, with `-U`, `-X`, `-R` and, where the mechanism takes one, a password.
fn sasl(args: &mut ConnectionArgs, mechanism: String) -> Result<Credentials, Failure> {
    let scram = mechanism
        .get(..5)
        .is_some_and(|start| start.eq_ignore_ascii_case("SCRAM"));
    let password = match scram {
        true => password::needed(args)?,
        // Another mechanism refuses a password, so do not ask the user for one. An empty one leads to
        // the library's error.
        false => given(args).then(Password::default),
    };
    let mut sasl = Sasl::new(mechanism);
    sasl.authcid.clone_from(&args.authcid);
    sasl.realm.clone_from(&args.realm);
    sasl.authzid.clone_from(&args.authzid);
    sasl.password = password;
    Ok(Credentials::sasl(sasl)?)
}
