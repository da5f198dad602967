//! The keys of DNs. Letter case does not count in a key, since it rarely names two entries. Where the
//! provider shows two entries whose names differ in it alone, the exact spelling follows: the names are
//! in `syncrepl_exact`, as the key that both would have.

use std::cell::RefCell;
use std::collections::BTreeSet;

use rusqlite::{Connection, params};
use syncrepl_proto::dn;

use crate::error::Result;

/// The names that are told apart by their exact spelling, as one connection knows them.
#[derive(Debug, Default)]
pub(crate) struct Keys(RefCell<BTreeSet<Vec<u8>>>);

impl Keys {
    /// Reads them from the store.
    pub(crate) fn read(conn: &Connection) -> Result<Self> {
        let keys = Keys::default();
        keys.read_again(conn)?;
        Ok(keys)
    }

    /// Reads them again, because a transaction was rolled back.
    pub(crate) fn read_again(&self, conn: &Connection) -> Result<()> {
        let mut statement = conn.prepare_cached("SELECT dn_key FROM syncrepl_exact")?;
        let rows = statement.query_map([], |row| row.get(0))?;
        self.0.replace(rows.collect::<rusqlite::Result<_>>()?);
        Ok(())
    }

    /// Whether letter case tells any two names apart.
    pub(crate) fn any(&self) -> bool {
        !self.0.borrow().is_empty()
    }

    /// The key of a DN.
    pub(crate) fn of(&self, dn: &str) -> Vec<u8> {
        let exact = self.0.borrow();
        match exact.is_empty() {
            true => dn::key(dn),
            false => dn::key_among(dn, |key| exact.contains(key)),
        }
    }

    /// From here on the exact spelling counts in this name.
    pub(crate) fn tell_apart(&self, conn: &Connection, dn_key: &[u8]) -> Result<()> {
        self.0.borrow_mut().insert(dn_key.to_vec());
        conn.prepare_cached("INSERT OR IGNORE INTO syncrepl_exact (dn_key) VALUES (?1)")?
            .execute([dn_key])?;
        let (lower, upper) = within(dn_key);
        self.write_again(conn, &lower, &upper)
    }

    /// Forgets the names that no two entries share any more.
    pub(crate) fn forget_unneeded(&self, conn: &Connection) -> Result<()> {
        let names: Vec<_> = self.0.borrow().iter().cloned().collect();
        for name in names {
            let (lower, upper) = dn::exact_range(&name);
            let end = |order: &str| -> Result<Option<Vec<u8>>> {
                let sql = format!(
                    "SELECT {order}(dn_key) FROM syncrepl_records WHERE dn_key >= ?1 AND dn_key < ?2"
                );
                Ok(conn
                    .prepare_cached(&sql)?
                    .query_row(params![lower, upper], |row| row.get(0))?)
            };
            let depth = dn::depth(&name);
            let first = end("min")?.map(|key| dn::top(&key, depth).to_vec());
            let last = end("max")?.map(|key| dn::top(&key, depth).to_vec());
            if first == last {
                self.0.borrow_mut().remove(&name);
                conn.prepare_cached("DELETE FROM syncrepl_exact WHERE dn_key = ?1")?
                    .execute([&name])?;
                self.write_again(conn, &lower, &upper)?;
            }
        }
        Ok(())
    }

    /// Writes the keys in this range again, from the DNs. They move out of it.
    fn write_again(&self, conn: &Connection, lower: &[u8], upper: &[u8]) -> Result<()> {
        const TABLES: [&str; 3] = [
            "syncrepl_records",
            "temp.syncrepl_parked",
            "syncrepl_ancestors",
        ];
        for table in TABLES {
            let select = format!(
                "SELECT DISTINCT dn_key, dn FROM {table} WHERE dn_key >= ?1 AND dn_key < ?2 LIMIT 1000"
            );
            let update = format!("UPDATE {table} SET dn_key = ?3 WHERE dn_key = ?1 AND dn = ?2");
            loop {
                let mut statement = conn.prepare_cached(&select)?;
                let rows = statement.query_map(params![lower, upper], |row| row.try_into())?;
                let rows: Vec<(Vec<u8>, String)> = rows.collect::<rusqlite::Result<_>>()?;
                let mut moved = false;
                for (dn_key, dn) in rows {
                    let new = self.of(&dn);
                    moved |= new != dn_key;
                    conn.prepare_cached(&update)?
                        .execute(params![dn_key, dn, new])?;
                }
                if !moved {
                    break;
                }
            }
        }
        Ok(())
    }
}

/// The range of a name and of all below it.
fn within(dn_key: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let (lower, upper) = dn::descendants(dn_key);
    (lower, upper.unwrap_or_else(|| vec![0xff]))
}
