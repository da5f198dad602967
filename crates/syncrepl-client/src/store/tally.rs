//! How many records a transaction has added and deleted.

/// Counted as they are written: to count the rows would be to read all of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) added: u64,
    pub(crate) deleted: u64,
}
