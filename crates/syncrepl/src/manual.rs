//! Renders the manual page of a subcommand, or of the whole command.

use std::io::{self, Write};

use clap::{Arg, Command};
use clap_mangen::Man;
use clap_mangen::roff::{Inline, Roff, bold, italic, roman};

use crate::headings::GROUPS;

/// The variables that the command heeds.
const ENVIRONMENT: &[(&str, &str)] = &[
    (
        "SYNCREPL_BIND_PASSWORD",
        "The password, where no option gives one.",
    ),
    (
        "CREDENTIALS_DIRECTORY",
        "Set by systemd. Its file \"password\" holds the password, where neither an option nor the variable does.",
    ),
    (
        "LDAPURI, LDAPBASE, LDAPTLS_CACERT, LDAPTLS_CERT, LDAPTLS_KEY",
        "As the options URI, BASE, TLS_CACERT, TLS_CERT and TLS_KEY of ldap.conf(5). The command line decides before \
         them. LDAPTLS_REQCERT does not count: certificates are always checked.",
    ),
    (
        "LDAPCONF, LDAPRC, LDAPNOINIT",
        "Which files of settings are read, as ldap.conf(5) says.",
    ),
    (
        "KRB5CCNAME, KRB5_CLIENT_KTNAME, KRB5_CONFIG",
        "The tickets, the keytab and the configuration of Kerberos, for -Y GSSAPI.",
    ),
    (
        "SSL_CERT_FILE, SSL_CERT_DIR",
        "The authorities of the platform, in place of those that it has.",
    ),
    (
        "RUST_LOG",
        "What is logged on standard error, in place of what -v says.",
    ),
    ("NO_COLOR, TERM=dumb", "Nothing is coloured."),
];

/// The files that the command reads and writes. `true`: only with a connection.
const FILES: &[(&str, &str, bool)] = &[
    (
        "FILE, FILE-wal, FILE-shm",
        "The data file of --data: an SQLite database, and what belongs to it while it is in use. All are for their \
         owner alone.",
        false,
    ),
    (
        "FILE.lock",
        "Is locked while a refresh or follow uses FILE. It may stay.",
        true,
    ),
    (
        "FILE.status",
        "The state of the run, which status shows. It stays, and may be deleted.",
        false,
    ),
    (
        "/etc/ldap/ldap.conf, /etc/openldap/ldap.conf, ~/ldaprc, ~/.ldaprc, ./ldaprc",
        "Settings of all LDAP programs, see ldap.conf(5). The options that are named under ENVIRONMENT count.",
        true,
    ),
    (
        "/usr/share/doc/syncrepl",
        "The documentation: what each message wants, the output, the service.",
        false,
    ),
];

/// Writes the page of `command`, which has its full name. `exits` are the exit codes, one a line, as the help of
/// the whole command has them.
///
/// # Errors
/// When `out` cannot be written.
pub(crate) fn write(command: &Command, exits: &str, out: &mut impl Write) -> io::Result<()> {
    let man = Man::new(command.clone())
        .source(concat!("syncrepl ", env!("CARGO_PKG_VERSION")))
        .manual("Directory tools");
    man.render_title(out)?;
    man.render_name_section(out)?;
    let mut page = Roff::new();
    synopsis(&mut page, command);
    page.to_writer(out)?;
    man.render_description_section(out)?;
    let mut page = Roff::new();
    options(&mut page, command);
    page.to_writer(out)?;
    let whole = command.has_subcommands();
    if whole {
        man.render_subcommands_section(out)?;
    }
    let has = |id: &str| command.get_arguments().any(|arg| arg.get_id() == id);
    let (connects, file) = (whole || has("hosts"), has("data") || has("from"));
    let mut page = Roff::new();
    if !whole && let Some(text) = command.get_after_help() {
        after_help(&mut page, &text.to_string());
    }
    exit_status(&mut page, exits);
    if connects {
        page.control("SH", ["ENVIRONMENT"]);
        for (name, text) in ENVIRONMENT {
            item(&mut page, vec![bold(*name)], text);
        }
    }
    if connects || file {
        page.control("SH", ["FILES"]);
        let files = FILES
            .iter()
            .filter(|(_, _, connected)| connects || !connected);
        for (name, text, _) in files {
            item(&mut page, vec![italic(*name)], text);
        }
    }
    page.control("SH", ["SEE ALSO"]);
    page.text([roman(
        "syncrepl(1), syncrepl-refresh(1), syncrepl-follow(1), syncrepl-doctor(1), ldapsearch(1), ldap.conf(5)",
    )]);
    page.to_writer(out)
}

/// The command as it is typed: what has to be there, and what may.
fn synopsis(page: &mut Roff, command: &Command) {
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage:").trim();
    let name = command.get_bin_name().unwrap_or_else(|| command.get_name());
    let rest = usage.strip_prefix(name).unwrap_or(usage);
    page.control("SH", ["SYNOPSIS"]);
    // clap adds its own sign of repetition to that of the name.
    page.text([bold(name), roman(rest.replace("…]...", "…]"))]);
}

/// Every option that is not hidden, in its group, with its text.
fn options(page: &mut Roff, command: &Command) {
    let shown: Vec<_> = command
        .get_arguments()
        .filter(|arg| !arg.is_hide_set())
        .collect();
    let of = |heading: Option<&str>| -> Vec<&Arg> {
        let arguments = shown.iter().copied();
        arguments
            .filter(|arg| arg.get_help_heading() == heading)
            .collect()
    };
    page.control("SH", ["OPTIONS"]);
    for arg in of(None) {
        option(page, arg);
    }
    for (heading, _) in GROUPS {
        let arguments = of(Some(heading));
        if !arguments.is_empty() {
            page.control("SS", [*heading]);
        }
        for arg in arguments {
            option(page, arg);
        }
    }
}

fn option(page: &mut Roff, arg: &Arg) {
    let short = arg.get_short().map(|short| format!("-{short}"));
    let long = arg.get_long().map(|long| format!("--{long}"));
    let mut head: Vec<Inline> = Vec::new();
    for name in short.into_iter().chain(long) {
        if !head.is_empty() {
            head.push(roman(", "));
        }
        head.push(bold(name));
    }
    let takes = arg.get_action().takes_values();
    for value in arg
        .get_value_names()
        .unwrap_or_default()
        .iter()
        .filter(|_| takes)
    {
        if !head.is_empty() {
            head.push(roman(" "));
        }
        head.push(italic(value.as_str()));
    }
    let text = arg.get_long_help().or(arg.get_help());
    let text = text.map(ToString::to_string).unwrap_or_default();
    item(page, head, &text);
    let mut choices = arg.get_possible_values();
    choices.retain(|choice| takes && !choice.is_hide_set());
    if choices.is_empty() {
        return;
    }
    let defaults = arg.get_default_values();
    page.control("RS", ["7"]);
    for choice in choices {
        let help = choice
            .get_help()
            .map(ToString::to_string)
            .unwrap_or_default();
        let is_default = defaults.iter().any(|default| default == choice.get_name());
        let default = if is_default { " (default)" } else { "" };
        item(
            page,
            vec![bold(choice.get_name())],
            &format!("{help}{default}"),
        );
    }
    page.control("RE", []);
}

/// What stands below the options in the help: examples, and further paragraphs.
fn after_help(page: &mut Roff, text: &str) {
    let (before, examples) = text.split_once("Examples:\n").unwrap_or((text, ""));
    let (examples, after) = examples.split_once("\n\n").unwrap_or((examples, ""));
    if !examples.is_empty() {
        page.control("SH", ["EXAMPLES"]);
        page.control("nf", []);
        examples
            .lines()
            .for_each(|line| _ = page.text([roman(line.trim())]));
        page.control("fi", []);
    }
    let notes: Vec<_> = [before, after]
        .into_iter()
        .filter(|text| !text.trim().is_empty())
        .collect();
    if !notes.is_empty() {
        page.control("SH", ["NOTES"]);
        page.text([roman(notes.join("\n").trim())]);
    }
}

/// The lines of `exits` that begin with a number.
fn exit_status(page: &mut Roff, exits: &str) {
    page.control("SH", ["EXIT STATUS"]);
    for line in exits.lines() {
        if let Some((code, text)) = line.trim().split_once("  ")
            && code.bytes().all(|byte| byte.is_ascii_digit())
        {
            item(page, vec![bold(code)], text.trim());
        }
    }
}

fn item(page: &mut Roff, head: Vec<Inline>, text: &str) {
    page.control("TP", []);
    page.text(head);
    page.text([roman(text)]);
}
