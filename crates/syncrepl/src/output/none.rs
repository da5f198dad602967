//! No output: the client only keeps the copy.

use syncrepl_client::Callback;

use super::format::{Choice, Format};

/// The line of this format in the list.
pub(super) const FORMAT: Choice = Choice {
    name: "none",
    help: "Nothing: only keep the copy",
    open: |_| Box::new(Silent),
};

struct Silent;

impl Callback for Silent {}

impl Format for Silent {}
