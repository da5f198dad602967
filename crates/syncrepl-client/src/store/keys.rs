//! The keys of DNs. Letter case does not count in a key, since it rarely names two entries. Where the
//! provider shows two entries whose names differ in it alone, the exact spelling follows: the names are
//! in `syncrepl_exact`, as the key that both would have.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ops::Bound::{Excluded, Unbounded};

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

    /// From here on the exact spelling counts in a name. `dn_key` is the key that both DNs have.
    pub(crate) fn tell_apart(
        &self,
        conn: &Connection,
        dn_key: &[u8],
        dns: [&str; 2],
    ) -> Result<()> {
        let below = self.take_below(dn_key);
        self.0.borrow_mut().insert(dn_key.to_vec());
        for dn in dns {
            let told_apart = self.of(dn);
            let mut names = self.0.borrow_mut();
            names.extend(
                below
                    .iter()
                    .map(|rest| [&told_apart, rest.as_slice()].concat()),
            );
        }
        self.store(conn)?;
        let (lower, upper) = within(dn_key);
        self.write_again(conn, &lower, &upper)
    }

    /// Takes the names below one out, without what they have in common.
    fn take_below(&self, dn_key: &[u8]) -> Vec<Vec<u8>> {
        let mut names = self.0.borrow_mut();
        let is_below = |name: &[u8]| name.len() > dn_key.len() && name.starts_with(dn_key);
        let below = names.iter().filter(|name| is_below(name));
        let below = below
            .filter_map(|name| name.get(dn_key.len()..))
            .map(<[u8]>::to_vec)
            .collect();
        names.retain(|name| !is_below(name));
        below
    }

    fn store(&self, conn: &Connection) -> Result<()> {
        conn.prepare_cached("DELETE FROM syncrepl_exact")?
            .execute([])?;
        let mut insert = conn.prepare_cached("INSERT INTO syncrepl_exact (dn_key) VALUES (?1)")?;
        for name in self.0.borrow().iter() {
            insert.execute([name])?;
        }
        Ok(())
    }

    /// Forgets the names that no two entries share any more.
    pub(crate) fn forget_unneeded(&self, conn: &Connection) -> Result<()> {
        // One name more or less changes those below it.
        let mut after: Vec<u8> = Vec::new();
        loop {
            let name = self
                .0
                .borrow()
                .range::<[u8], _>((Excluded(after.as_slice()), Unbounded))
                .next()
                .cloned();
            let Some(name) = name else {
                return Ok(());
            };
            let (lower, upper) = dn::exact_range(&name);
            let end = |order: &str| -> Result<Option<Vec<u8>>> {
                let sql = format!(
                    "SELECT {order}(dn_key) FROM syncrepl_records WHERE dn_key >= ?1 AND dn_key < ?2"
                );
                let mut statement = conn.prepare_cached(&sql)?;
                let key: Option<Vec<u8>> =
                    statement.query_row(params![lower, upper], |row| row.get(0))?;
                Ok(key.map(|key| dn::top(&key, dn::depth(&name)).to_vec()))
            };
            let (first, last) = (end("min")?, end("max")?);
            if first == last {
                self.0.borrow_mut().remove(&name);
                let below = first.map(|left| self.take_below(&left)).unwrap_or_default();
                let mut names = self.0.borrow_mut();
                names.retain(|other| {
                    !(lower.as_slice()..upper.as_slice()).contains(&other.as_slice())
                });
                names.extend(below.iter().map(|rest| [name.as_slice(), rest].concat()));
                drop(names);
                self.store(conn)?;
                self.write_again(conn, &lower, &upper)?;
            }
            after = name;
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::records::Records;
    use syncrepl_proto::Uuid;

    fn store() -> (Connection, Keys) {
        let conn = Connection::open_in_memory().unwrap();
        conn.execute_batch(
            "CREATE TABLE syncrepl_records (id INTEGER PRIMARY KEY, uuid BLOB UNIQUE, dn TEXT, \
             dn_key BLOB, attributes BLOB); \
             CREATE TABLE syncrepl_ancestors (dn TEXT, dn_key BLOB); \
             CREATE TABLE syncrepl_exact (dn_key BLOB PRIMARY KEY) WITHOUT ROWID;",
        )
        .unwrap();
        Records::new(&conn).prepare_stage().unwrap();
        let keys = Keys::read(&conn).unwrap();
        (conn, keys)
    }

    fn add(conn: &Connection, keys: &Keys, dn: &str) {
        let uuid = Uuid::from_u128(rand(dn));
        let added = Records::new(conn).insert(None, uuid, dn, &keys.of(dn), b"\x30\x00");
        assert!(added.unwrap().is_some());
    }

    fn rand(dn: &str) -> u128 {
        dn.bytes()
            .fold(7, |hash, byte| hash * 31 + u128::from(byte))
    }

    fn key_of(conn: &Connection, dn: &str) -> Vec<u8> {
        let sql = "SELECT dn_key FROM syncrepl_records WHERE dn = ?1";
        conn.query_row(sql, [dn], |row| row.get(0)).unwrap()
    }

    /// Names below names: first the lower pair is told apart, then the upper one.
    #[test]
    fn names_below_stay_apart_when_one_above_is_told_apart() {
        let (conn, keys) = store();
        for dn in ["cn=K,dc=x", "cn=A,cn=K,dc=x", "cn=c,cn=A,cn=K,dc=x"] {
            add(&conn, &keys, dn);
        }
        let pair = ["cn=A,cn=K,dc=x", "cn=a,cn=K,dc=x"];
        keys.tell_apart(&conn, &keys.of(pair[0]), pair).unwrap();
        add(&conn, &keys, pair[1]);
        let above = ["cn=K,dc=x", "cn=k,dc=x"];
        keys.tell_apart(&conn, &keys.of(above[0]), above).unwrap();
        add(&conn, &keys, above[1]);
        let [one, other] = pair.map(|dn| key_of(&conn, dn));
        assert_ne!(one, other);
        for dn in [
            "cn=K,dc=x",
            "cn=k,dc=x",
            "cn=c,cn=A,cn=K,dc=x",
            pair[0],
            pair[1],
        ] {
            assert_eq!(key_of(&conn, dn), keys.of(dn), "{dn}");
        }
        assert!(key_of(&conn, "cn=c,cn=A,cn=K,dc=x").starts_with(&one));

        // The upper pair is none any more, then the lower one.
        conn.execute("DELETE FROM syncrepl_records WHERE dn = 'cn=k,dc=x'", [])
            .unwrap();
        keys.forget_unneeded(&conn).unwrap();
        let [one, other] = pair.map(|dn| key_of(&conn, dn));
        assert_ne!(one, other);
        assert_eq!(key_of(&conn, "cn=K,dc=x"), dn::key("cn=K,dc=x"));
        assert_eq!(Keys::read(&conn).unwrap().of(pair[1]), other, "stored");
        conn.execute("DELETE FROM syncrepl_records WHERE dn = ?1", [pair[1]])
            .unwrap();
        keys.forget_unneeded(&conn).unwrap();
        assert!(!keys.any());
        assert_eq!(key_of(&conn, pair[0]), dn::key(pair[0]));
    }
}
