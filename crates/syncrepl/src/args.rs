//! The options that several subcommands share, as they are typed. They have the letters and defaults
//! of `ldapsearch`, because users know them by heart. [`crate::target`] says what they mean together.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::{ArgAction, ValueEnum};

use crate::habits::HabitArgs;
use crate::limits::{LimitArgs, PatienceArgs, parse_interval};
use crate::output;

/// The options of `refresh` and `follow`.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct SyncArgs {
    /// The file that holds the copy; created if it is not there
    #[arg(long, value_name = "FILE")]
    pub(crate) data: PathBuf,

    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,

    /// How changes are printed [default: text on a terminal, json in a pipe]
    #[arg(long, value_name = "FORMAT")]
    pub(crate) format: Option<output::Choice>,

    /// In JSON, tell a change by the values that were added and removed, in place of all values before and after:
    /// one line for one value, however many members a group has. text and ldif never print more than that
    #[arg(long)]
    pub(crate) changes: bool,

    /// Append the changes to FILE in place of stdout. follow opens it anew after SIGHUP, between two commits, so
    /// that it can be rotated: rename it, then send SIGHUP
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,

    /// Compare everything once, without the cookie: finds what providers do not tell
    #[arg(long)]
    pub(crate) reconcile: bool,

    /// Compare everything once every INTERVAL, such as 90m, 24h or 7d. The data file remembers the last
    /// full comparison; the first refresh after INTERVAL is one, and follow also makes one while it
    /// waits, and then goes on. If a guard stops it, follow ends too, and the next run compares again
    #[arg(long, value_name = "INTERVAL", value_parser = parse_interval)]
    pub(crate) reconcile_every: Option<Duration>,

    /// Search for everything a second after each change, and compare: tells within seconds who joined or
    /// left a group that slapd computes (memberOf, dynamic groups), which it never tells by itself. The
    /// server works for it; for large copies --reconcile-every is cheaper
    #[arg(long)]
    pub(crate) derived: bool,

    /// Keep a journal in the data file: each change is also a row there, for programs that bring changes
    /// elsewhere. It stays on until `syncrepl journal off`
    #[arg(long)]
    pub(crate) journal: bool,

    /// The most entries that a refresh may delete, and follow within any minute: a number, or a part of
    /// the copy such as 5%. A run ends before it deletes more, and the next run meets the same deletes.
    /// Only 100% lets the whole copy go
    #[arg(long, value_name = "N|P%", value_parser = parse_max_delete)]
    pub(crate) max_delete: Option<syncrepl_client::MaxDelete>,

    #[command(flatten)]
    pub(crate) patience: PatienceArgs,
}

/// Where to connect to, how, as whom, and what to search. Each subcommand that speaks to a provider
/// takes these.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct ConnectionArgs {
    /// Servers to try, in this order; several URLs may also be given in one, separated by spaces, or by commas
    /// before ldap://, ldaps:// or ldapi://. ldap:///dc=example,dc=com stands for the servers that the DNS names for
    /// example.com (SRV records)
    #[arg(short = 'H', value_name = "URL")]
    pub(crate) hosts: Vec<String>,

    /// Base DN of the search
    #[arg(short = 'b', value_name = "DN")]
    pub(crate) base: Option<String>,

    /// Scope of the search [default: sub]
    #[arg(short = 's', value_name = "SCOPE")]
    pub(crate) scope: Option<ScopeArg>,

    /// DN to bind as; '' for nobody. Without -D and -Y it is whom the data file remembers. Its password comes from -W, -y or -w, else from the variable
    /// SYNCREPL_BIND_PASSWORD, else from the systemd credential "password"
    #[arg(short = 'D', value_name = "DN")]
    pub(crate) bind_dn: Option<String>,

    /// Password. Every user of this machine can see it in the list of processes for as long as the
    /// command runs: use -W or -y instead
    #[arg(short = 'w', value_name = "PASSWORD", conflicts_with_all = ["prompt", "password_file"])]
    pub(crate) password: Option<String>,

    /// Ask for the password
    #[arg(short = 'W', conflicts_with = "password_file")]
    pub(crate) prompt: bool,

    /// File that holds the password and nothing else (no line end). The command warns if others can
    /// read the file
    #[arg(short = 'y', value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,

    /// Simple bind; the default, accepted because ldapsearch wants it
    #[arg(short = 'x')]
    pub(crate) simple: bool,

    /// SASL mechanism: EXTERNAL, SCRAM-SHA-256, SCRAM-SHA-512, SCRAM-SHA-1 or GSSAPI (Kerberos). A -D beside it
    /// does not count
    #[arg(short = 'Y', value_name = "MECHANISM", conflicts_with = "simple")]
    pub(crate) mechanism: Option<String>,

    /// Name for the SASL bind: that of a user (SCRAM), a Kerberos principal (GSSAPI)
    #[arg(short = 'U', value_name = "NAME")]
    pub(crate) authcid: Option<String>,

    /// Identity to act as after the SASL bind: dn:… or u:…
    #[arg(short = 'X', value_name = "AUTHZID")]
    pub(crate) authzid: Option<String>,

    /// Realm of the name given by -U
    #[arg(short = 'R', value_name = "REALM")]
    pub(crate) realm: Option<String>,

    /// Let the copy become what another identity sees than the one that made it: compares everything, and
    /// tells the differences
    #[arg(long)]
    pub(crate) as_new_identity: bool,

    /// StartTLS. If the server refuses, an anonymous bind goes on in clear, and any other bind ends with
    /// an error. Given twice (-ZZ), the run goes on only if StartTLS succeeds
    #[arg(short = 'Z', action = ArgAction::Count)]
    pub(crate) starttls: u8,

    /// PEM file of the certificate authorities to trust, instead of the platform's, or of the server's
    /// own certificate if that is self-signed [env: LDAPTLS_CACERT]
    #[arg(long, value_name = "FILE", value_parser = file_or_none())]
    pub(crate) ca_file: Option<PathBuf>,

    /// PEM file of the client certificate, with those of its authorities behind it; with -Y EXTERNAL it
    /// says who we are [env: LDAPTLS_CERT]
    #[arg(long, value_name = "FILE", value_parser = file_or_none())]
    pub(crate) cert: Option<PathBuf>,

    /// PEM file of the client certificate's key, not encrypted [env: LDAPTLS_KEY]
    #[arg(long, value_name = "FILE", value_parser = file_or_none())]
    pub(crate) key: Option<PathBuf>,

    /// Send nothing without TLS to any server, one on this machine included; ldapi:// is excepted. With
    /// ldap:// that takes -ZZ
    #[arg(long)]
    pub(crate) require_tls: bool,

    /// Let a copy that was made over TLS be refreshed in clear: the StartTLS that the data file remembers does
    /// not count then
    #[arg(long)]
    pub(crate) allow_clear: bool,

    /// Do NOT check the server's certificate: anybody on the way can read the password and change the
    /// copy. The command warns of this at every run
    #[arg(long, conflicts_with = "ca_file")]
    pub(crate) tls_insecure: bool,

    /// Also try a server that is known not to work, such as ApacheDS or Active Directory. The copy may then
    /// be wrong
    #[arg(long)]
    pub(crate) any_server: bool,

    /// The name server to ask for SRV records, in place of those of this machine: for tests
    #[arg(long, value_name = "ADDRESS:PORT", hide = true)]
    pub(crate) name_server: Option<SocketAddr>,

    #[command(flatten)]
    pub(crate) limits: LimitArgs,

    /// Leave this attribute out of the copy, with all its options: a change of it tells nothing. May be repeated,
    /// or be a list with commas. The data file remembers it
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub(crate) attrs_except: Option<Vec<String>>,

    #[command(flatten)]
    pub(crate) habits: HabitArgs,

    /// Say more on stderr; -vv and -vvv say even more
    #[arg(short = 'v', action = ArgAction::Count)]
    pub(crate) verbose: u8,

    /// One LDAP URL (RFC 4516), or a filter (RFC 4515) followed by attributes. After -b the filter may be left out
    #[arg(value_name = "URL | FILTER [ATTRIBUTE]…")]
    pub(crate) search: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ScopeArg {
    /// The base entry alone
    Base,
    /// The entries right below the base
    One,
    /// The base and everything below it
    Sub,
}

/// The name of a file, or '' for none: then the data file forgets the one that it remembers.
fn file_or_none() -> impl TypedValueParser<Value = PathBuf> {
    OsStringValueParser::new().map(PathBuf::from)
}

fn parse_max_delete(text: &str) -> Result<syncrepl_client::MaxDelete, String> {
    use syncrepl_client::MaxDelete;
    let wrong = || "it is neither a number nor a percentage from 0% to 100%".to_owned();
    match text.strip_suffix('%') {
        Some(percent) => match percent.parse() {
            Ok(percent) if percent <= 100 => Ok(MaxDelete::Percent(percent)),
            _ => Err(wrong()),
        },
        None => text.parse().map(MaxDelete::Count).map_err(|_| wrong()),
    }
}
