//! The groups in which the help and the manual pages show the options of subcommands.

use clap::Command;

/// The groups, in the order of the manual pages, with the ids of their options. An option of none of them is shown
/// before all groups.
pub(crate) const GROUPS: &[(&str, &[&str])] = &[
    ("Connection", &["hosts", "any_server"]),
    (
        "Identity",
        &[
            "bind_dn",
            "password",
            "prompt",
            "password_file",
            "simple",
            "mechanism",
            "authcid",
            "authzid",
            "realm",
            "quiet_sasl",
            "extension",
            "as_new_identity",
        ],
    ),
    (
        "TLS",
        &[
            "starttls",
            "ca_file",
            "cert",
            "key",
            "require_tls",
            "allow_clear",
            "tls_insecure",
        ],
    ),
    ("Search", &["base", "scope", "attrs_except", "derived"]),
    (
        "Output",
        &[
            "format",
            "changes",
            "output",
            "journal",
            "to",
            "no_version",
            "plain_ldif",
            "option",
            "verbose",
            "metrics",
            "metrics_remote",
        ],
    ),
    (
        "Guards",
        &["max_delete", "dry_run", "reconcile", "reconcile_every"],
    ),
    (
        "Times",
        &[
            "connect_timeout",
            "response_timeout",
            "refresh_timeout",
            "heartbeat",
            "longest_wait",
            "good_while",
            "max_age",
        ],
    ),
];

/// The same subcommand, with its options in groups. Where there are few, groups would only be in the way.
pub(crate) fn grouped(command: Command) -> Command {
    let has_connection = command.get_arguments().any(|arg| arg.get_id() == "hosts");
    if !has_connection {
        return command;
    }
    command.mut_args(|arg| {
        let is_in = |ids: &&[&str]| ids.iter().any(|id| arg.get_id() == id);
        match GROUPS.iter().find(|(_, ids)| is_in(ids)) {
            Some((heading, _)) => arg.help_heading(*heading),
            None => arg,
        }
    })
}
