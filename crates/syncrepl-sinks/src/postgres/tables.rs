//! Our tables: what they look like, whether they are there, and making those that are missing.

use std::collections::HashSet;

use syncrepl_relay::{SinkError, SinkResult};
use tokio_postgres::Client;

use super::columns::Column;
use super::error;
use super::options::{Mode, Settings};

/// One table.
struct Table {
    name: String,
    /// Its columns; those of `columns` are not among them.
    columns: &'static [(&'static str, &'static str)],
    /// What follows the columns.
    constraints: &'static str,
    extra: Vec<Column>,
}

const ENTRIES: &[(&str, &str)] = &[
    ("uuid", "uuid PRIMARY KEY"),
    ("dn", "text"),
    ("attrs", "jsonb NOT NULL"),
    ("large", "jsonb"),
    ("generation", "bigint NOT NULL"),
    ("seq", "bigint NOT NULL"),
];

const VALUES: &[(&str, &str)] = &[
    ("uuid", "uuid NOT NULL"),
    ("name", "text NOT NULL"),
    ("value_hash", "bytea NOT NULL"),
    ("value", "jsonb NOT NULL"),
];

const EVENTS: &[(&str, &str)] = &[
    ("n", "bigint GENERATED ALWAYS AS IDENTITY UNIQUE"),
    ("id", "text PRIMARY KEY"),
    ("seq", "bigint NOT NULL"),
    ("time", "timestamptz NOT NULL"),
    ("type", "text NOT NULL"),
    ("uuid", "uuid"),
    ("dn", "text"),
    ("data", "jsonb NOT NULL"),
];

const POSITIONS: &[(&str, &str)] = &[
    ("target", "text PRIMARY KEY"),
    ("source", "uuid NOT NULL"),
    ("sink", "text NOT NULL"),
    ("position", "text NOT NULL"),
    ("updated", "timestamptz NOT NULL DEFAULT now()"),
];

/// Looks at the tables, and makes what is missing if the configuration says so. Returns whether the table of the
/// mode is new.
pub(super) async fn ensure(client: &Client, settings: &Settings) -> SinkResult<bool> {
    let mut missing = Vec::new();
    let mut new = false;
    for (index, table) in tables(settings).iter().enumerate() {
        match columns_of(client, &table.name).await? {
            None => {
                new |= index == 0;
                missing.push(table.create());
            }
            Some(there) => missing.extend(table.lacks(&there)?),
        }
    }
    if missing.is_empty() {
        return Ok(false);
    }
    if !has_schema(client, settings).await? {
        missing.insert(
            0,
            format!("CREATE SCHEMA IF NOT EXISTS {}", settings.names.schema),
        );
    }
    if !settings.create {
        let hint = format!("run this, or write create = true: {}", missing.join("; "));
        let message = "tables or columns are missing in the database";
        return Err(SinkError::manual("table", message).with_hint(hint));
    }
    // Sinks that begin at the same time make the table of positions one after the other.
    let all = format!(
        "BEGIN; SELECT pg_advisory_xact_lock(hashtext('syncrepl')); {}; COMMIT",
        missing.join("; ")
    );
    let made = client.batch_execute(&all).await;
    made.map_err(error::opening)?;
    Ok(new)
}

/// The tables of a mode, that of the mode itself first.
fn tables(settings: &Settings) -> Vec<Table> {
    let names = &settings.names;
    let table = |name, columns, constraints| Table {
        name,
        columns,
        constraints,
        extra: Vec::new(),
    };
    let positions = table(names.positions(), POSITIONS, "");
    match settings.mode {
        Mode::Events => vec![table(names.table(), EVENTS, ""), positions],
        Mode::State => vec![
            Table {
                extra: settings.columns.clone(),
                ..table(names.table(), ENTRIES, "")
            },
            table(
                names.values(),
                VALUES,
                ", PRIMARY KEY (uuid, name, value_hash)",
            ),
            positions,
        ],
    }
}

impl Table {
    fn create(&self) -> String {
        let ours = self
            .columns
            .iter()
            .map(|(name, kind)| format!("{name} {kind}"));
        let extra = self
            .extra
            .iter()
            .map(|column| format!("{} {}", column.name, column.sql_type()));
        let columns: Vec<String> = ours.chain(extra).collect();
        format!(
            "CREATE TABLE IF NOT EXISTS {} ({}{})",
            self.name,
            columns.join(", "),
            self.constraints
        )
    }

    /// What adds the columns that it lacks. Those of ours are not added: without them it is a table of somebody
    /// else's.
    fn lacks(&self, there: &HashSet<String>) -> SinkResult<Option<String>> {
        if let Some((name, _)) = self.columns.iter().find(|(name, _)| !there.contains(*name)) {
            let message = format!("the table {} has no column {name}", self.name);
            let hint = "it seems to be for something else: give another schema, or another name for our table";
            return Err(SinkError::manual("table", message).with_hint(hint));
        }
        let missing = self
            .extra
            .iter()
            .filter(|column| !there.contains(column.name.plain()));
        let added: Vec<String> = missing
            .map(|column| {
                format!(
                    "ADD COLUMN IF NOT EXISTS {} {}",
                    column.name,
                    column.sql_type()
                )
            })
            .collect();
        Ok((!added.is_empty()).then(|| format!("ALTER TABLE {} {}", self.name, added.join(", "))))
    }
}

/// The names of a table's columns; `None` if there is no such table.
async fn columns_of(client: &Client, table: &str) -> SinkResult<Option<HashSet<String>>> {
    const COLUMNS: &str = "SELECT attname::text FROM pg_attribute \
         WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped";
    let rows = client.query(COLUMNS, &[&table]).await;
    let rows = rows.map_err(error::opening)?;
    let names: HashSet<String> = rows.iter().map(|row| row.get(0)).collect();
    Ok((!names.is_empty()).then_some(names))
}

async fn has_schema(client: &Client, settings: &Settings) -> SinkResult<bool> {
    const SCHEMA: &str = "SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1)";
    let name = settings.names.schema.plain();
    let row = client.query_one(SCHEMA, &[&name]).await;
    Ok(row.map_err(error::opening)?.get(0))
}
