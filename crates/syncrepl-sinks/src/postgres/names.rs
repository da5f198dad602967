//! The names of tables and columns, quoted for SQL.

use std::fmt;

use crate::kind::Unfit;

/// The longest name that PostgreSQL does not cut.
const LONGEST: usize = 63;

/// An identifier.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Quoted(String);

impl Quoted {
    /// The identifier that a configuration gives under this key.
    pub(super) fn new(key: &str, name: &str) -> Result<Quoted, Unfit> {
        let shown = name.escape_debug();
        match name.len() {
            0 => {
                Err(Unfit::new(format!("{key} is empty"))
                    .with_hint("write a name, or leave it out"))
            }
            1..=LONGEST if !name.contains('\0') => Ok(Quoted(name.to_owned())),
            _ => Err(
                Unfit::new(format!("{key} = \"{shown}\" is no name in PostgreSQL"))
                    .with_hint(format!("take at most {LONGEST} bytes, without U+0000")),
            ),
        }
    }

    /// The name itself.
    pub(super) fn plain(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Quoted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.replace('"', "\"\""))
    }
}

/// The names of our tables. All are in one schema.
#[derive(Debug, Clone)]
pub(super) struct Names {
    pub(super) schema: Quoted,
    /// What the mode writes: entries or events.
    pub(super) table: Quoted,
    /// The values of large attributes.
    pub(super) values: Quoted,
    /// Where each sink stands.
    pub(super) positions: Quoted,
}

impl Names {
    /// `"schema"."table"`
    pub(super) fn table(&self) -> String {
        self.full(&self.table)
    }

    /// The same of the values.
    pub(super) fn values(&self) -> String {
        self.full(&self.values)
    }

    /// The same of the positions.
    pub(super) fn positions(&self) -> String {
        self.full(&self.positions)
    }

    fn full(&self, table: &Quoted) -> String {
        format!("{}.{table}", self.schema)
    }
}
