//! A transaction of a user's handle, that ends with a function of theirs: committed after it, rolled
//! back when it fails or panics. The consumer's, which outlives a call, is the `Writer`'s.

use super::cursor::{Access, Cursor};
use super::{FUNCTION_FAILED, FunctionResult, Store, failure};
use crate::Result;

/// An open transaction, rolled back when dropped.
pub(super) struct Transaction<'a> {
    store: &'a Store,
}

impl<'a> Transaction<'a> {
    pub(super) fn begin(store: &'a Store, sql: &str) -> rusqlite::Result<Self> {
        // Made first: should the second statement of `sql` fail, the first is undone.
        let transaction = Transaction { store };
        store.conn.execute_batch(sql)?;
        Ok(transaction)
    }

    pub(super) fn run<T>(
        &self,
        access: Access,
        f: impl FnOnce(&Cursor<'_>) -> FunctionResult<T>,
    ) -> Result<T> {
        let value = f(&Cursor::lend(&self.store.conn, &self.store.gate, access))
            .map_err(|err| failure::of_function(err, FUNCTION_FAILED))?;
        if self.store.conn.is_autocommit() {
            return Err(failure::transaction_ended());
        }
        Ok(value)
    }

    pub(super) fn commit(self) -> Result<()> {
        self.store
            .conn
            .execute_batch("COMMIT;")
            .map_err(failure::of_store)
    }
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        if !self.store.conn.is_autocommit()
            && let Err(error) = self.store.conn.execute_batch("ROLLBACK;")
        {
            tracing::warn!(%error, "the rollback failed");
        }
    }
}
