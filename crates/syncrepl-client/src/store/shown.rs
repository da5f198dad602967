//! The rows of `syncrepl_placed`: records whose DN a search beside the sync search showed. The DN
//! may be newer than messages about their parents that the provider has still to send.

use roaring::RoaringTreemap;
use rusqlite::Connection;

use crate::error::Result;

/// The shown records in one connection.
#[derive(Clone, Copy)]
pub(crate) struct Shown<'c>(&'c Connection);

impl<'c> Shown<'c> {
    pub(crate) fn new(connection: &'c Connection) -> Self {
        Shown(connection)
    }

    pub(crate) fn contains(&self, id: i64) -> Result<bool> {
        let mut statement = self
            .0
            .prepare_cached("SELECT 1 FROM syncrepl_placed WHERE id = ?1")?;
        Ok(statement.exists([id])?)
    }

    /// All of them.
    pub(crate) fn ids(&self) -> Result<RoaringTreemap> {
        let mut statement = self.0.prepare_cached("SELECT id FROM syncrepl_placed")?;
        let rows = statement.query_map([], |row| row.get::<_, i64>(0))?;
        let mut ids = RoaringTreemap::new();
        for id in rows {
            ids.insert(id? as u64);
        }
        Ok(ids)
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
