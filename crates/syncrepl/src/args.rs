//! The words and options of the command, as they are typed. `ldapsearch`'s letters and defaults,
//! because its users have them in their fingers. What they mean together is in [`crate::target`].

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::styling::{AnsiColor, Styles};
use clap::{ArgAction, Parser, Subcommand, ValueEnum};

use crate::limits::{LimitArgs, PatienceArgs, parse_interval};
use crate::output;

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  anything not named below; also a refresh that a second stop abandoned, and a reader that went away
  2  wrong usage
  3  the provider refused: credentials, access, no such base, a limit
  4  the provider could not be reached: network, TLS, busy, not ready
  5  the data file cannot be used: locked, of another search, damaged, disk full
  6  a guard stopped what would have deleted too much";

/// Keeps an exact copy of an LDAP search and tells of every change to it (RFC 4533).
///
/// The directory has to offer the sync control: with OpenLDAP, the overlay syncprov. No
/// administrator rights are needed; what the bind identity may read is what is copied.
#[derive(Debug, Parser)]
#[command(name = "syncrepl", version, styles = STYLES, after_help = EXIT_CODES, max_term_width = 100)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

impl Args {
    pub(crate) fn verbose(&self) -> u8 {
        match &self.command {
            Command::Refresh(args) | Command::Follow(args) => args.connection.verbose,
            Command::Doctor(args) => args.connection.verbose,
            Command::Demo(args) => args.verbose,
            _ => 0,
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Bring the copy up to date, print what changed, exit
    #[command(after_help = "\
Examples:
  syncrepl refresh --data people.db -x -H ldap://ldap.example.com -b dc=example,dc=com '(objectClass=person)' cn mail
  syncrepl refresh --data people.db 'ldap://ldap.example.com/dc=example,dc=com?cn,mail?sub?(objectClass=person)'
  syncrepl refresh --data people.db        (again: the file knows its search)")]
    Refresh(SyncArgs),

    /// Bring the copy up to date, then stay and print changes as they happen
    #[command(after_help = "\
Examples:
  syncrepl follow --data people.db -ZZ -H ldap://ldap.example.com -D cn=reader,dc=example,dc=com -W -b dc=example,dc=com
  syncrepl follow --data people.db -Y SCRAM-SHA-256 -U reader -y reader.pw -H ldaps://ldap.example.com -b dc=example,dc=com
  syncrepl follow --data people.db --format json | while read -r line; do …; done
  syncrepl follow --data people.db --format ldif >> changes.ldif

Lines of JSON since the last \"commit\" are provisional; docs/callbacks.md has the reading rule.
Ctrl-C stops cleanly, twice stops now. Connections that are lost are made again.")]
    Follow(SyncArgs),

    /// Say whether a refresh would work, and what to do about what stands in its way
    #[command(after_help = "\
Examples:
  syncrepl doctor -H ldap://ldap.example.com -ZZ -D cn=reader,dc=example,dc=com -W -b dc=example,dc=com
  syncrepl doctor 'ldap://localhost/dc=example,dc=com?cn,mail?sub?(objectClass=person)'
  syncrepl doctor --data people.db        (the file knows its search)

Each line begins with ✔ (good), ! (a refresh works, but look at it) or ✘ (a refresh fails).
The exit code is that of a refresh: 0 when it would work. Nothing is changed or stored; all entries
of the search are sent once, with one attribute.")]
    Doctor(DoctorArgs),

    /// See it work: a little directory in memory that keeps changing, and follow on it
    #[command(after_help = "\
Examples:
  syncrepl demo
  syncrepl demo --format json --port 3389

The directory is gone when the demo ends. Ctrl-C ends it.")]
    Demo(DemoArgs),

    /// Print the copy, from disk alone
    #[command(after_help = "\
Examples:
  syncrepl dump --data people.db
  syncrepl dump --data people.db --format json | jq .dn")]
    Dump(DumpArgs),

    /// Say what the data file holds
    #[command(after_help = "\
Examples:
  syncrepl status --data people.db
  syncrepl status --data people.db --format json | jq .last_refresh")]
    Status(StatusArgs),

    /// Print the completions for a shell
    #[command(after_help = "\
Examples:
  syncrepl completions bash > /etc/bash_completion.d/syncrepl
  source <(syncrepl completions bash)        (for this shell only)
  syncrepl completions zsh > ~/.zfunc/_syncrepl
  syncrepl completions fish > ~/.config/fish/completions/syncrepl.fish")]
    Completions(CompletionsArgs),

    /// Print the manual page of the command, or of a subcommand
    #[command(after_help = "\
Examples:
  syncrepl man | man -l -
  syncrepl man follow | man -l -
  syncrepl man > /usr/local/share/man/man1/syncrepl.1")]
    Man(ManArgs),
}

/// What `demo` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct DemoArgs {
    /// The port of the little directory; a free one unless named
    #[arg(
        long,
        value_name = "PORT",
        default_value_t = 0,
        hide_default_value = true
    )]
    pub(crate) port: u16,

    /// A new file to hold the copy; one that is deleted at the end unless named
    #[arg(long, value_name = "FILE")]
    pub(crate) data: Option<PathBuf>,

    /// How changes are printed [default: text on a terminal, json in a pipe]
    #[arg(long, value_name = "FORMAT")]
    pub(crate) format: Option<output::Choice>,

    /// Say more on stderr; -vv and -vvv say even more
    #[arg(short = 'v', action = ArgAction::Count)]
    pub(crate) verbose: u8,
}

/// What `refresh` and `follow` take.
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

    /// Compare everything once, without the cookie: finds what providers do not tell
    #[arg(long)]
    pub(crate) reconcile: bool,

    /// Compare everything so every INTERVAL, such as 90m, 24h or 7d: at the first refresh after it has
    /// passed since the last full one, which the data file remembers; follow does so in between, and
    /// then goes on. One that fails is as any other refresh that fails: a guard ends follow too, and the
    /// next run owes it
    #[arg(long, value_name = "INTERVAL", value_parser = parse_interval)]
    pub(crate) reconcile_every: Option<Duration>,

    /// The most that may be deleted in one refresh, and by follow within any minute: a number, or a
    /// part such as 5% of the copy as it was before. More ends the run, follow too, and is told again by
    /// the next. 100% also allows the whole copy to go, which is otherwise always stopped
    #[arg(long, value_name = "N|P%", value_parser = parse_max_delete)]
    pub(crate) max_delete: Option<syncrepl_client::MaxDelete>,

    #[command(flatten)]
    pub(crate) patience: PatienceArgs,
}

/// What `doctor` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct DoctorArgs {
    /// A file that holds a copy: its search is looked at, and nothing in it is changed
    #[arg(long, value_name = "FILE")]
    pub(crate) data: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
}

/// Where to connect to, how, as whom, and what to search: what all take who speak to a provider.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct ConnectionArgs {
    /// Servers to try, in this order; several URLs may also be given in one, separated by spaces
    #[arg(short = 'H', value_name = "URL")]
    pub(crate) hosts: Vec<String>,

    /// Base DN of the search
    #[arg(short = 'b', value_name = "DN")]
    pub(crate) base: Option<String>,

    /// Scope of the search [default: sub]
    #[arg(short = 's', value_name = "SCOPE")]
    pub(crate) scope: Option<ScopeArg>,

    /// DN to bind as. Its password comes from -W, -y or -w, else from the variable
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

    /// File that holds the password, and nothing else (no line end). It is warned of when others can
    /// read it
    #[arg(short = 'y', value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,

    /// Simple bind; the default, accepted because ldapsearch wants it
    #[arg(short = 'x')]
    pub(crate) simple: bool,

    /// SASL mechanism: EXTERNAL, SCRAM-SHA-256, SCRAM-SHA-512, SCRAM-SHA-1 or GSSAPI (Kerberos)
    #[arg(short = 'Y', value_name = "MECHANISM", conflicts_with_all = ["simple", "bind_dn"])]
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

    /// StartTLS; refused, an anonymous bind goes on in clear, any other ends with an error. Given twice
    /// (-ZZ), go on only if it succeeds
    #[arg(short = 'Z', action = ArgAction::Count)]
    pub(crate) starttls: u8,

    /// PEM file of the certificate authorities to trust, instead of the platform's, or of the server's
    /// own certificate if that is self-signed [env: LDAPTLS_CACERT]
    #[arg(long, value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,

    /// PEM file of the client certificate, with those of its authorities behind it; with -Y EXTERNAL it
    /// says who we are [env: LDAPTLS_CERT]
    #[arg(long, value_name = "FILE")]
    pub(crate) cert: Option<PathBuf>,

    /// PEM file of the client certificate's key, not encrypted [env: LDAPTLS_KEY]
    #[arg(long, value_name = "FILE")]
    pub(crate) key: Option<PathBuf>,

    /// Send nothing without TLS to any server, one on this machine included; ldapi:// is excepted. With
    /// ldap:// that takes -ZZ
    #[arg(long)]
    pub(crate) require_tls: bool,

    /// Do NOT check the server's certificate: whoever is on the way can read the password and change
    /// what is copied. It is warned of at every run
    #[arg(long, conflicts_with = "ca_file")]
    pub(crate) tls_insecure: bool,

    #[command(flatten)]
    pub(crate) limits: LimitArgs,

    /// Say more on stderr; -vv and -vvv say even more
    #[arg(short = 'v', action = ArgAction::Count)]
    pub(crate) verbose: u8,

    /// One LDAP URL (RFC 4516), or a filter (RFC 4515) followed by attributes
    #[arg(value_name = "URL | FILTER [ATTRIBUTE]…")]
    pub(crate) search: Vec<String>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct DumpArgs {
    /// The file that holds the copy
    #[arg(long, value_name = "FILE")]
    pub(crate) data: PathBuf,

    /// How the copy is printed
    #[arg(long, value_name = "FORMAT", default_value = "ldif")]
    pub(crate) format: DumpFormat,
}

#[derive(Debug, clap::Args)]
pub(crate) struct StatusArgs {
    /// The file that holds the copy
    #[arg(long, value_name = "FILE")]
    pub(crate) data: PathBuf,

    /// How it is printed
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: StatusFormat,
}

#[derive(Debug, clap::Args)]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_name = "SHELL")]
    pub(crate) shell: clap_complete::Shell,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ManArgs {
    /// The subcommand; without one, the page is that of the whole command
    #[arg(value_name = "SUBCOMMAND")]
    pub(crate) subcommand: Option<String>,
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

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DumpFormat {
    /// LDIF content records (RFC 2849)
    Ldif,
    /// One JSON object a line
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum StatusFormat {
    /// Text that a person reads
    Text,
    /// One JSON object
    Json,
}

fn parse_max_delete(text: &str) -> Result<syncrepl_client::MaxDelete, String> {
    use syncrepl_client::MaxDelete;
    let wrong = || format!("'{text}' is neither a number nor a percentage from 0% to 100%");
    match text.strip_suffix('%') {
        Some(percent) => match percent.parse() {
            Ok(percent) if percent <= 100 => Ok(MaxDelete::Percent(percent)),
            _ => Err(wrong()),
        },
        None => text.parse().map(MaxDelete::Count).map_err(|_| wrong()),
    }
}
