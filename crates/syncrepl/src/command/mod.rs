//! One file a subcommand.

pub(crate) mod completions;
pub(crate) mod demo;
pub(crate) mod doctor;
pub(crate) mod dump;
pub(crate) mod follow;
pub(crate) mod man;
pub(crate) mod refresh;
pub(crate) mod status;
