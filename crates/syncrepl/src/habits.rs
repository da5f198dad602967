//! What users of `ldapsearch` type by habit: options that change nothing here, attributes without a filter, and
//! servers that are no URLs.

use clap::ArgAction;
use syncrepl_proto::attributes::is_selector;
use syncrepl_proto::filter::Filter;

use crate::args::ConnectionArgs;
use crate::exit::Failure;
use crate::servers::is_url;

/// Options of `ldapsearch` that are taken and change nothing.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct HabitArgs {
    /// Accepted because ldapsearch has it (-LLL): --format says what the output looks like
    #[arg(short = 'L', action = ArgAction::Count)]
    plain_ldif: u8,

    /// Accepted because ldapsearch has it: a SASL bind asks nothing anyway
    #[arg(short = 'Q')]
    quiet_sasl: bool,

    /// Accepted because ldapsearch has it: ldif-wrap=no, or any other width. LDIF is never wrapped
    #[arg(short = 'o', value_name = "OPTION", value_parser = ldif_wrap)]
    option: Vec<String>,

    /// Accepted because ldapsearch has it: ppolicy. What a password policy says is always asked for, and told
    #[arg(short = 'e', value_name = "EXTENSION", value_parser = ppolicy)]
    extension: Vec<String>,
}

fn ldif_wrap(typed: &str) -> Result<String, String> {
    let name = typed.split('=').next().unwrap_or_default();
    match ["ldif-wrap", "ldif_wrap"].contains(&name) {
        true => Ok(typed.to_owned()),
        false => Err("of the options of -o only ldif-wrap is known; for nettimeout there is --connect-timeout".to_owned()),
    }
}

fn ppolicy(typed: &str) -> Result<String, String> {
    match typed.trim_start_matches('!') {
        "ppolicy" => Ok(typed.to_owned()),
        _ => Err("of the extensions of -e only ppolicy is known".to_owned()),
    }
}

/// Where the filter is left out, as in `-b dc=example,dc=com cn mail`: the words are all attributes, as for
/// `ldapsearch`. Without -b no word is taken for an attribute: it may be a password in a wrong place.
pub(crate) fn are_attributes(args: &ConnectionArgs) -> bool {
    let no_filter = |first: &String| !first.starts_with('(') && !first.contains('=');
    args.base.is_some()
        && args.search.first().is_some_and(no_filter)
        && args.search.iter().all(|word| is_selector(word))
}

/// Refuses a server or a first word that was meant as an LDAP URL, and is none. Not a word of it is quoted: it may
/// hold a password.
///
/// # Errors
/// The message says what a URL begins with.
pub(crate) fn refuse_what_is_no_url(args: &ConnectionArgs) -> Result<(), Failure> {
    const BEGINS: &str = "a URL begins with ldap://, ldaps:// or ldapi:// (see syncrepl --help)";
    let halves = ["ldap:", "ldaps:", "ldapi:", "//"];
    let half = |host: &str| {
        let host = host.to_ascii_lowercase();
        !host.contains("://") && halves.iter().any(|half| host.starts_with(half))
    };
    let mut hosts = args.hosts.iter().flat_map(|hosts| hosts.split_whitespace());
    if hosts.any(half) {
        return Err(Failure::Usage(format!("-H is no LDAP URL: {BEGINS}")));
    }
    let Some(first) = args.search.first().filter(|first| !is_url(first)) else {
        return Ok(());
    };
    if first.trim_start().starts_with('(') || Filter::parse(first).is_ok() {
        return Ok(());
    }
    if first.contains("://") {
        return Err(Failure::Usage(format!(
            "the LDAP URL has a scheme that is not known: {BEGINS}"
        )));
    }
    let like_a_host = first.contains(['.', ':']) || args.base.is_none() && !first.contains('=');
    if first.contains("//") || first.contains('?') || like_a_host && !are_attributes(args) {
        return Err(Failure::Usage(format!(
            "the first word is neither a filter nor an LDAP URL: {BEGINS}; a server alone is named by -H, and \
             attributes without a filter come after -b"
        )));
    }
    Ok(())
}
