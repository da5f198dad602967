//! What the provider's statements mean for the copy, from one sync event to the changes that are told.

pub(crate) mod ancestors;
pub(crate) mod apply;
pub(crate) mod change;
pub(crate) mod guard;
pub(crate) mod hashes;
pub(crate) mod lookup;
pub(crate) mod settle;
pub(crate) mod stage;
