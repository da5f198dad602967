//! The numbers of records that a transaction has added and deleted.

/// Each write counts itself, because counting the rows would read all of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) added: u64,
    pub(crate) deleted: u64,
}
