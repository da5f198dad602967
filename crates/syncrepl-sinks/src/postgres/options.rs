//! The words of a `[sink.NAME]` for PostgreSQL, read and checked. Nothing here connects.

use std::collections::{BTreeMap, HashSet};
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};

use super::columns::Column;
use super::names::{Names, Quoted};
use crate::kind::{Target, Unfit};
use crate::secret::Secret;
use crate::timeout::Timeout;
use crate::tls::TlsFiles;

/// The keys that only this kind of sink knows.
pub(super) const KEYS: &[&str] = &[
    "password_file",
    "allow_clear",
    "mode",
    "schema",
    "table",
    "values_table",
    "position_table",
    "columns",
    "create",
    "timeout",
    "ca_file",
    "cert_file",
    "key_file",
];

/// The longest time that the server may be given for a statement.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Options {
    password_file: Option<PathBuf>,
    allow_clear: bool,
    mode: Mode,
    schema: String,
    table: Option<String>,
    values_table: String,
    position_table: String,
    columns: BTreeMap<String, String>,
    create: bool,
    timeout: Timeout,
    ca_file: Option<PathBuf>,
    cert_file: Option<PathBuf>,
    key_file: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            password_file: None,
            allow_clear: false,
            mode: Mode::State,
            schema: "public".to_owned(),
            table: None,
            values_table: "entry_values".to_owned(),
            position_table: "syncrepl_position".to_owned(),
            columns: BTreeMap::new(),
            create: false,
            timeout: Timeout::default(),
            ca_file: None,
            cert_file: None,
            key_file: None,
        }
    }
}

/// What the table holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Mode {
    /// A row an entry, as it is now.
    State,
    /// A row an event.
    Events,
}

/// A sink's configuration, checked.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    /// The server, the user and the database; no password.
    pub(super) server: Config,
    pub(super) password: Option<Secret>,
    /// `None`: the connection is in the clear.
    pub(super) tls: Option<TlsFiles>,
    pub(super) mode: Mode,
    pub(super) names: Names,
    pub(super) columns: Vec<Column>,
    /// Makes the tables and columns that are missing.
    pub(super) create: bool,
    pub(super) timeout: Duration,
}

impl Settings {
    /// Reads them.
    pub(super) fn of(target: &Target) -> Result<Settings, Unfit> {
        let options: Options = target.options()?;
        let mut server = server(&target.to)?;
        let tls = tls(&options, &server)?;
        // The sockets and the server count whole seconds, and the server not for ever.
        let shortest = Duration::from_secs(1);
        let timeout = options.timeout.0.clamp(shortest, LONGEST);
        server
            .connect_timeout(timeout.min(Duration::from_secs(10)))
            .tcp_user_timeout(timeout)
            .keepalives_idle((timeout / 2).max(shortest))
            .keepalives_interval((timeout / 6).max(shortest))
            .keepalives_retries(3);
        if server.get_application_name().is_none() {
            server.application_name(format!("syncrepl {}", target.sink));
        }
        let several = server.get_hosts().len().max(server.get_hostaddrs().len()) > 1;
        if several && server.get_target_session_attrs() == TargetSessionAttrs::Any {
            server.target_session_attrs(TargetSessionAttrs::ReadWrite);
        }
        let names = names(&options)?;
        let columns = columns(&options)?;
        Ok(Settings {
            server,
            password: options.password_file.map(Secret::file),
            tls,
            mode: options.mode,
            names,
            columns,
            create: options.create,
            timeout,
        })
    }

    /// The table that one sink alone may write.
    pub(super) fn place(&self) -> String {
        let server = &self.server;
        let mut hosts: Vec<String> = server.get_hosts().iter().map(shown).collect();
        if hosts.is_empty() {
            hosts = server
                .get_hostaddrs()
                .iter()
                .map(ToString::to_string)
                .collect();
        }
        let ports: Vec<String> = server.get_ports().iter().map(u16::to_string).collect();
        let ports = match ports.is_empty() {
            true => "5432".to_owned(),
            false => ports.join(","),
        };
        let database = server.get_dbname().or(server.get_user());
        format!(
            "postgresql://{}:{ports}/{} {}",
            hosts.join(","),
            database.unwrap_or_default(),
            self.names.table()
        )
    }
}

fn shown(host: &Host) -> String {
    match host {
        Host::Tcp(name) => name.to_ascii_lowercase(),
        Host::Unix(path) => path.display().to_string(),
    }
}

fn server(to: &str) -> Result<Config, Unfit> {
    const FORM: &str = "write postgresql://USER@HOST/DATABASE, or postgresql:///DATABASE?host=/SOCKET/FOLDER&user=USER";
    // The parser's error may repeat the text, and the text may hold a password.
    let server: Config = to.parse().map_err(|error: tokio_postgres::Error| {
        let cause = std::error::Error::source(&error).map(ToString::to_string);
        let of_an_option = |cause: &String| {
            cause.starts_with("unknown option") || cause.starts_with("invalid value for option")
        };
        match cause.filter(of_an_option) {
            Some(cause) => Unfit::new(format!("`to`: {cause}")).with_hint(
                "certificates are given by ca_file, cert_file and key_file, and are always verified",
            ),
            None => Unfit::new("`to` cannot be read as the URL of a database").with_hint(FORM),
        }
    })?;
    if server.get_password().is_some() {
        return Err(Unfit::new("a password in `to` is refused")
            .with_hint("write it into a file of its own, and name that by password_file"));
    }
    if server.get_hosts().is_empty() && server.get_hostaddrs().is_empty() {
        return Err(Unfit::new("`to` names no host").with_hint(FORM));
    }
    Ok(server)
}

/// TLS, unless nobody else can listen or a person says that it may be clear.
fn tls(options: &Options, server: &Config) -> Result<Option<TlsFiles>, Unfit> {
    let files = TlsFiles {
        ca_file: options.ca_file.clone(),
        cert_file: options.cert_file.clone(),
        key_file: options.key_file.clone(),
    };
    if files.cert_file.is_some() != files.key_file.is_some() {
        return Err(Unfit::new("one of cert_file and key_file is missing")
            .with_hint("give both, or neither"));
    }
    let wanted = files.ca_file.is_some()
        || files.cert_file.is_some()
        || server.get_ssl_mode() == SslMode::Require;
    if wanted && options.allow_clear {
        return Err(Unfit::new(
            "allow_clear = true stands beside what asks for TLS",
        ));
    }
    if wanted || !(options.allow_clear || stays_here(server)) {
        if server.get_ssl_mode() == SslMode::Disable {
            return Err(
                Unfit::new("sslmode=disable would send everything in the clear")
                    .with_hint("leave it out, or write allow_clear = true"),
            );
        }
        return Ok(Some(files));
    }
    Ok(None)
}

/// Whether the connection leaves this machine in no case.
fn stays_here(server: &Config) -> bool {
    let local = |name: &str| {
        name.eq_ignore_ascii_case("localhost")
            || name.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
    };
    match server.get_hostaddrs() {
        [] => server.get_hosts().iter().all(|host| match host {
            Host::Tcp(name) => local(name),
            Host::Unix(_) => true,
        }),
        addresses => addresses.iter().all(IpAddr::is_loopback),
    }
}

fn names(options: &Options) -> Result<Names, Unfit> {
    let table = match (&options.table, options.mode) {
        (Some(table), _) => table,
        (None, Mode::State) => "entries",
        (None, Mode::Events) => "events",
    };
    let names = Names {
        schema: Quoted::new("schema", &options.schema)?,
        table: Quoted::new("table", table)?,
        values: Quoted::new("values_table", &options.values_table)?,
        positions: Quoted::new("position_table", &options.position_table)?,
    };
    let distinct: HashSet<_> = [&names.table, &names.values, &names.positions].into();
    match distinct.len() {
        3 => Ok(names),
        _ => Err(
            Unfit::new("two of table, values_table and position_table are the same")
                .with_hint("give each a name of its own"),
        ),
    }
}

fn columns(options: &Options) -> Result<Vec<Column>, Unfit> {
    if options.mode == Mode::Events && !options.columns.is_empty() {
        return Err(Unfit::new("mode = \"events\" knows no columns")
            .with_hint("leave columns out, or write mode = \"state\""));
    }
    options
        .columns
        .iter()
        .map(|(name, attribute)| Column::of(name, attribute))
        .collect()
}
