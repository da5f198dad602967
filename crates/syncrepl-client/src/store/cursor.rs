//! The cursor lent to callbacks and to the functions given to a handle: SQL inside a transaction
//! that its owner ends. The authorizer refuses SQL. The cursor refuses only the SQL that an
//! authorizer cannot see.

use rusqlite::fallible_iterator::FallibleIterator;
use rusqlite::{Batch, Connection, Params, Row, Statement};

use super::authorizer::{Gate, GateGuard};
use super::failure;
use crate::error::{CallbackResult, Error, ErrorKind, Result};

/// SQL inside a transaction that is not yours to end: your writes commit or roll back with it.
///
/// Make tables of your own and do with them what you like; read the tables `syncrepl_*`. Refused, with
/// [`ErrorKind::SqlRefused`], are changes to tables, indexes, views and triggers named `syncrepl_*`,
/// triggers and indexes on them, BEGIN, COMMIT, ROLLBACK, SAVEPOINT, ATTACH, DETACH, and
/// every PRAGMA that changes something.
///
/// SQL that ends the transaction all the same (`INSERT OR ROLLBACK`, `ON CONFLICT ROLLBACK`,
/// `RAISE(ROLLBACK)`) makes this call and every later one fail with [`ErrorKind::SqlRefused`], and
/// the stage, group or function that the transaction was for fails with it.
///
/// Every method fails with [`ErrorKind::InvalidInput`] on SQL that is wrong or breaks a constraint;
/// the error's `source()` is then the [`rusqlite::Error`]. [`ErrorKind::Store`] is a failure of the disk.
pub struct Cursor<'a> {
    conn: &'a Connection,
    gate: &'a Gate,
    access: Access,
    _closed: GateGuard<'a>,
}

/// The purpose of a cursor.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    Read,
    Write,
}

impl<'a> Cursor<'a> {
    /// Closes the gate for as long as the cursor lives. A transaction must be open.
    pub(super) fn lend(conn: &'a Connection, gate: &'a Gate, access: Access) -> Self {
        Cursor {
            conn,
            gate,
            access,
            _closed: gate.close(),
        }
    }

    /// Runs one statement that returns no rows. Returns the number of rows it changed.
    pub fn execute<P: Params>(&self, sql: &str, params: P) -> Result<usize> {
        let mut statement = self.prepare(sql)?;
        statement.execute(params).map_err(|err| self.failed(err))
    }

    /// Runs several statements, separated by semicolons. Ignores the rows they return. Stops at the
    /// first that fails; the changes of those before it stay until the transaction ends.
    pub fn execute_batch(&self, sql: &str) -> Result<()> {
        let mut batch = Batch::new(self.conn, sql);
        loop {
            self.ready()?;
            let Some(mut statement) = batch.next().map_err(|err| self.failed(err))? else {
                return Ok(());
            };
            self.inspect(&statement)?;
            let mut rows = statement.query([]).map_err(|err| self.failed(err))?;
            while rows.next().map_err(|err| self.failed(err))?.is_some() {}
        }
    }

    /// The first row of a query. A query without rows is an error;
    /// [`query_optional`](Self::query_optional) allows one.
    pub fn query_row<T, P, F>(&self, sql: &str, params: P, f: F) -> Result<T>
    where
        P: Params,
        F: FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    {
        let mut statement = self.prepare(sql)?;
        statement
            .query_row(params, f)
            .map_err(|err| self.failed(err))
    }

    /// The first row of a query, or `None` when there is no row.
    pub fn query_optional<T, P, F>(&self, sql: &str, params: P, f: F) -> Result<Option<T>>
    where
        P: Params,
        F: FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    {
        let mut statement = self.prepare(sql)?;
        let mut rows = statement.query(params).map_err(|err| self.failed(err))?;
        match rows.next().map_err(|err| self.failed(err))? {
            Some(row) => f(row).map(Some).map_err(|err| self.failed(err)),
            None => Ok(None),
        }
    }

    /// All rows of a query, gathered. For many rows, [`for_each`](Self::for_each) needs no memory.
    pub fn query_map<T, P, F>(&self, sql: &str, params: P, f: F) -> Result<Vec<T>>
    where
        P: Params,
        F: FnMut(&Row<'_>) -> rusqlite::Result<T>,
    {
        let mut statement = self.prepare(sql)?;
        statement
            .query_map(params, f)
            .and_then(Iterator::collect)
            .map_err(|err| self.failed(err))
    }

    /// Calls `f` with each row of a query, one at a time. An error of `f` ends the query and is
    /// returned, with kind [`ErrorKind::Callback`] if it is not an [`Error`] already.
    pub fn for_each<P, F>(&self, sql: &str, params: P, mut f: F) -> Result<()>
    where
        P: Params,
        F: FnMut(&Row<'_>) -> CallbackResult,
    {
        let mut statement = self.prepare(sql)?;
        let mut rows = statement.query(params).map_err(|err| self.failed(err))?;
        while let Some(row) = rows.next().map_err(|err| self.failed(err))? {
            f(row)
                .map_err(|err| failure::of_function(err, "the function given each row failed"))?;
        }
        Ok(())
    }

    /// The rowid of the row inserted last through this connection.
    pub fn last_insert_rowid(&self) -> i64 {
        self.conn.last_insert_rowid()
    }

    /// The number of rows that the last INSERT, UPDATE or DELETE changed.
    pub fn changes(&self) -> u64 {
        self.conn.changes()
    }

    // Prepares anew each time. The connection's cache may hold a statement of ours with the same
    // text, prepared while the gate was open, and SQLite would not ask the authorizer again.
    fn prepare(&self, sql: &str) -> Result<Statement<'a>> {
        self.ready()?;
        let statement = self.conn.prepare(sql).map_err(|err| self.failed(err))?;
        self.inspect(&statement)?;
        Ok(statement)
    }

    /// Fails without a transaction, because each statement would then commit at once.
    fn ready(&self) -> Result<()> {
        self.gate.start_statement();
        if self.conn.is_autocommit() {
            return Err(failure::transaction_ended());
        }
        Ok(())
    }

    fn inspect(&self, statement: &Statement<'_>) -> Result<()> {
        if self.gate.altering() && renames_to_reserved(statement) {
            return Err(failure::refused(
                "names that begin with syncrepl_ are not yours",
            ));
        }
        if self.access == Access::Read && !statement.readonly() {
            return Err(failure::refused("a read snapshot cannot change anything")
                .with_hint("use transaction() to write"));
        }
        Ok(())
    }

    fn failed(&self, err: rusqlite::Error) -> Error {
        let error = failure::of_sql(err, self.gate.take_refusal());
        // A full disk ends the transaction too. Then the caller learns of the full disk.
        if self.conn.is_autocommit()
            && !matches!(error.kind(), ErrorKind::Store | ErrorKind::NoSpace)
        {
            return failure::transaction_ended().with_source(error);
        }
        error
    }
}

/// SQLite does not tell the authorizer the new name of a table. SQL must write a name in full, so a
/// rename whose text does not contain `syncrepl` is harmless. This looks for the name without the
/// underscore, because a virtual table named `syncrepl` makes tables `syncrepl_data` and the like.
fn renames_to_reserved(statement: &Statement<'_>) -> bool {
    let Some(sql) = statement.expanded_sql() else {
        return true;
    };
    let sql = sql.to_ascii_lowercase();
    sql.contains("rename") && sql.contains("syncrepl")
}
