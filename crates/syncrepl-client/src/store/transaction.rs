//! A transaction of a user's handle, around one function of the user: committed after it, rolled
//! back when it fails or panics. The consumer's transactions outlive a call and belong to the
//! `Writer`.

use std::error::Error as StdError;

use rusqlite::Connection;

use super::authorizer::Gate;
use super::cursor::{Access, Cursor};
use super::failure::{self, FUNCTION_FAILED};
use crate::error::Result;

/// The result of a function given to a handle. The `?` operator accepts any error.
pub(super) type FunctionResult<T> = std::result::Result<T, Box<dyn StdError + Send + Sync>>;

/// An open transaction, rolled back when dropped.
pub(super) struct Transaction<'a> {
    conn: &'a Connection,
    gate: &'a Gate,
}

impl<'a> Transaction<'a> {
    pub(super) fn begin(conn: &'a Connection, gate: &'a Gate, sql: &str) -> rusqlite::Result<Self> {
        // Made first, so that its drop undoes the first statement of `sql` when the second one
        // fails.
        let transaction = Transaction { conn, gate };
        conn.execute_batch(sql)?;
        Ok(transaction)
    }

    pub(super) fn run<T>(
        &self,
        access: Access,
        f: impl FnOnce(&Cursor<'_>) -> FunctionResult<T>,
    ) -> Result<T> {
        let value = f(&Cursor::lend(self.conn, self.gate, access))
            .map_err(|err| failure::of_function(err, FUNCTION_FAILED))?;
        if self.conn.is_autocommit() {
            return Err(failure::transaction_ended());
        }
        Ok(value)
    }

    pub(super) fn commit(self) -> Result<()> {
        self.conn
            .execute_batch("COMMIT;")
            .map_err(failure::of_store)
    }
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        if !self.conn.is_autocommit()
            && let Err(error) = self.conn.execute_batch("ROLLBACK;")
        {
            tracing::warn!(%error, "the rollback failed");
        }
    }
}
