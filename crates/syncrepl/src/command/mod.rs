//! One file a subcommand.

pub(crate) mod dump;
pub(crate) mod follow;
pub(crate) mod refresh;
pub(crate) mod status;
