//! The terms on which a stage ends, and how it ended.

use std::time::Instant;

use super::ask::Searched;
use super::guard::DeleteGuard;

/// The terms for the end of a stage as a whole.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms<'a> {
    /// Whether a record that the refresh stage did not mention is gone.
    pub(crate) absent_is_deleted: bool,
    /// Whether an entry may come into the base and bring others with it.
    pub(crate) may_bring_others: bool,
    /// How much may be deleted,
    pub(crate) guard: &'a DeleteGuard,
    /// at this moment.
    pub(crate) now: Instant,
    pub(crate) parents: Parents,
}

/// The task of the end of a stage: the parents that the filter hides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Parents {
    /// Nothing: there are none, or their turn comes later.
    #[default]
    Leave,
    /// It asks where they are, and learns of new ones.
    LookUp,
    /// They were asked for just before; whether by entryUUID.
    LookedUp(Searched),
}

/// How a stage ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Settled {
    /// The copy equals what the provider told.
    Done,
    /// Something is missing: the refresh has to be made again without a cookie. Why.
    Incomplete(&'static str),
}
