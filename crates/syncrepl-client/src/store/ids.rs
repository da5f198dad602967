//! The rowids of new records. None is given twice, not even after a rollback: the store keeps beliefs
//! and questions by rowid, and one must not pass from a deleted record to a new one.
//!
//! SQLite chooses one above the highest rowid in the table, and that is cheaper than a rowid that the
//! statement names. So one is named only where SQLite would choose one that was given before.

use std::cell::Cell;

#[derive(Debug)]
pub(crate) struct Ids {
    next: Cell<i64>,
    /// Records above the highest one of the table were deleted, rolled back, or are remembered elsewhere.
    must_name: Cell<bool>,
}

impl Ids {
    /// `last` is the highest rowid of which a table knows.
    pub(crate) fn after(last: i64) -> Self {
        Ids {
            next: Cell::new(last + 1),
            must_name: Cell::new(true),
        }
    }

    /// The rowid that the next insert has to name; `None` if SQLite chooses that one by itself.
    pub(crate) fn to_name(&self) -> Option<i64> {
        self.must_name.get().then(|| self.next.get())
    }

    /// A record was stored with this rowid.
    pub(crate) fn given(&self, id: i64) {
        self.next.set(id + 1);
        self.must_name.set(false);
    }

    /// A record was deleted.
    pub(crate) fn freed(&self, id: i64) {
        if id + 1 == self.next.get() {
            self.must_name.set(true);
        }
    }

    /// A transaction was rolled back, with the records that it stored.
    pub(crate) fn rolled_back(&self) {
        self.must_name.set(true);
    }

    /// Rowids up to this one are remembered outside of the tables.
    pub(crate) fn reserve(&self, last: i64) {
        if last >= self.next.get() {
            self.next.set(last + 1);
            self.must_name.set(true);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What SQLite would choose, and what the statement names, come to the same rowid.
    fn store(ids: &Ids, rows: &mut Vec<i64>) -> i64 {
        let chosen = rows.iter().max().map_or(1, |max| max + 1);
        let id = ids.to_name().unwrap_or(chosen);
        ids.given(id);
        rows.push(id);
        id
    }

    #[test]
    fn no_rowid_is_given_twice() {
        let (ids, mut rows) = (Ids::after(2), vec![1, 2]);
        assert_eq!(store(&ids, &mut rows), 3);
        assert_eq!(ids.to_name(), None, "SQLite chooses 4");
        assert_eq!(store(&ids, &mut rows), 4);
        // The highest two are deleted, the lower one last.
        for gone in [4, 3] {
            rows.retain(|id| *id != gone);
            ids.freed(gone);
        }
        assert_eq!(store(&ids, &mut rows), 5);
        // One below the highest may be deleted without a trace.
        rows.retain(|id| *id != 1);
        ids.freed(1);
        assert_eq!(ids.to_name(), None);
        // A rollback takes the highest away.
        rows.retain(|id| *id != 5);
        ids.rolled_back();
        assert_eq!(store(&ids, &mut rows), 6);
        ids.reserve(100);
        ids.reserve(50);
        assert_eq!(store(&ids, &mut rows), 101);
    }
}
