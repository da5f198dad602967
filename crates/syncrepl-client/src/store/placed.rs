//! The rows of `syncrepl_placed`: records whose DN is from a search beside the sync search. The DN
//! may be newer than messages about their parents that the provider has still to send.

use rusqlite::Connection;

use crate::error::Result;

/// The placed records in one connection.
#[derive(Clone, Copy)]
pub(crate) struct Placed<'c>(&'c Connection);

impl<'c> Placed<'c> {
    pub(crate) fn new(connection: &'c Connection) -> Self {
        Placed(connection)
    }

    pub(crate) fn contains(&self, id: i64) -> Result<bool> {
        let mut statement = self
            .0
            .prepare_cached("SELECT 1 FROM syncrepl_placed WHERE id = ?1")?;
        Ok(statement.exists([id])?)
    }

    pub(crate) fn insert(&self, id: i64) -> Result<()> {
        self.0
            .prepare_cached("INSERT OR IGNORE INTO syncrepl_placed (id) VALUES (?1)")?
            .execute([id])?;
        Ok(())
    }

    pub(crate) fn remove(&self, id: i64) -> Result<()> {
        self.0
            .prepare_cached("DELETE FROM syncrepl_placed WHERE id = ?1")?
            .execute([id])?;
        Ok(())
    }
}
