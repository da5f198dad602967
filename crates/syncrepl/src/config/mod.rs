//! The file of `syncrepl run`: TOML. This file has its form; `words` turns `[ldap]` into the words of `follow`,
//! `strings` fills in variables and refuses secrets, `sinks` reads the sinks.

mod sinks;
mod strings;
mod words;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use syncrepl_client::journal::JournalSettings;
use toml::{Table, Value};

use crate::args::SyncArgs;
use crate::exit::Failure;
pub(crate) use sinks::SinkConfig;

/// A configuration that can be used.
#[derive(Debug)]
pub(crate) struct Config {
    /// Where it was read from.
    pub(crate) path: PathBuf,
    /// The store.
    pub(crate) data: PathBuf,
    ldap: Table,
    /// How the journal is kept; `None`: it is not asked for.
    pub(crate) journal: Option<JournalSettings>,
    /// Whether events may be sent whose commit a power cut could still undo.
    pub(crate) unsynced: bool,
    /// Where state and metrics are served.
    pub(crate) http: Option<Http>,
    /// The sinks, by name.
    pub(crate) sinks: Vec<SinkConfig>,
}

/// The file as it is written.
#[derive(Debug, Deserialize)]
struct Written {
    ldap: Table,
    store: WrittenStore,
    #[serde(default)]
    journal: WrittenJournal,
    http: Option<Http>,
    #[serde(default)]
    sink: BTreeMap<String, Table>,
}

#[derive(Debug, Deserialize)]
struct WrittenStore {
    path: PathBuf,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct WrittenJournal {
    enabled: Option<bool>,
    max_bytes: Option<Value>,
    max_age: Option<String>,
    image_max: Option<Value>,
    sync: Option<bool>,
}

/// Where state and metrics are served.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Http {
    /// An address and a port, or `unix:PATH`.
    pub(crate) listen: String,
    /// Whether the status page shows DNs to whoever may look.
    #[serde(default)]
    pub(crate) show_names: bool,
    /// Whether other machines may look.
    #[serde(default)]
    pub(crate) remote: bool,
}

/// The tables, and the keys that each may have. `ldap` and `sink.NAME` are checked by what reads them.
const TABLES: &[(&str, &[&str])] = &[
    ("", &["ldap", "store", "journal", "http", "sink"]),
    ("store", &["path"]),
    (
        "journal",
        &["enabled", "max_bytes", "max_age", "image_max", "sync"],
    ),
    ("http", &["listen", "show_names", "remote"]),
];

impl Config {
    /// Reads a configuration, and checks all of it that can be checked without a network.
    ///
    /// # Errors
    /// The file cannot be read, or cannot be used. The message says where and what to write instead.
    pub(crate) fn read(path: &Path) -> Result<Config, Failure> {
        let text = std::fs::read_to_string(path).map_err(|error| {
            Failure::Usage(format!("{} cannot be read: {error}", path.display()))
        })?;
        Config::parse(path, &text)
            .map_err(|problem| Failure::Usage(format!("{}: {problem}", path.display())))
    }

    fn parse(path: &Path, text: &str) -> Result<Config, String> {
        let mut table: Table = text.parse().map_err(|error: toml::de::Error| {
            // The text of a toml error shows the line, which may hold a secret.
            let line = error
                .span()
                .map_or(0, |span| text[..span.start.min(text.len())].lines().count());
            format!("line {}: {}", line.max(1), error.message())
        })?;
        for (name, known) in TABLES {
            let part = match *name {
                "" => Some(&table),
                name => table.get(name).and_then(Value::as_table),
            };
            for key in part.into_iter().flat_map(Table::keys) {
                strings::check_key(name, key, known)?;
            }
        }
        strings::refuse_secrets("", &table)?;
        strings::fill_in(&mut table)?;
        let written: Written = table
            .try_into()
            .map_err(|error: toml::de::Error| error.message().to_owned())?;
        let sinks: Vec<_> = written
            .sink
            .into_iter()
            .map(|(name, table)| SinkConfig::read(name, table))
            .collect::<Result<_, _>>()?;
        sinks::refuse_shared_places(&sinks)?;
        let asked = written.journal.enabled.unwrap_or(!sinks.is_empty());
        if !asked && !sinks.is_empty() {
            return Err(
                "[journal] enabled = false, and there are sinks: they need the journal".to_owned(),
            );
        }
        Ok(Config {
            path: path.to_owned(),
            data: written.store.path,
            ldap: written.ldap,
            unsynced: written.journal.sync == Some(false),
            journal: match asked {
                true => Some(written.journal.settings(&sinks)?),
                false => None,
            },
            http: written.http,
            sinks,
        })
    }

    /// The arguments of the `follow` that this configuration asks for.
    ///
    /// # Errors
    /// A key or a value of `[ldap]` cannot be used.
    pub(crate) fn sync_args(&self) -> Result<SyncArgs, Failure> {
        words::sync_args(&self.ldap, &self.data)
            .map_err(|problem| Failure::Usage(format!("{}: [ldap] {problem}", self.path.display())))
    }
}

impl WrittenJournal {
    fn settings(&self, sinks: &[SinkConfig]) -> Result<JournalSettings, String> {
        let mut settings = JournalSettings::default();
        if let Some(size) = &self.max_bytes {
            settings.max_bytes = strings::bytes("journal.max_bytes", size)?;
        }
        if let Some(size) = &self.image_max {
            settings.image_max = strings::bytes("journal.image_max", size)?;
        }
        if let Some(age) = &self.max_age {
            settings.max_age = interval("journal.max_age", age)?;
        }
        settings.every_refresh = sinks.iter().any(|sink| sink.snapshot_never);
        let unmasked = sinks.iter().flat_map(|sink| &sink.unmask).cloned();
        settings.unmasked = unmasked.collect();
        Ok(settings)
    }
}

pub(super) fn interval(key: &str, text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text)
        .map_err(|error| format!("{key}: {error} (write 30s, 10m, 24h or 7d)"))
}
