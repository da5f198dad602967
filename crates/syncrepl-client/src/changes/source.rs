//! Where a statement about an entry comes from. Two statements about DNs can be ordered only when it
//! is known which of them was read first, and that depends on their sources.

/// The kind of the open stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A refresh stage, begun with a cookie or without.
    Refresh {
        /// Whether a cookie was sent.
        cookie_sent: bool,
    },
    /// A group of changes of the persist stage.
    Group,
}

impl Kind {
    /// Whether the provider tells of every entry: a refresh stage that was begun without a cookie.
    pub(crate) fn is_full(self) -> bool {
        self == Kind::Refresh { cookie_sent: false }
    }
}

/// When the provider read the entry that a statement is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// The persist stage: at the change itself, in the provider's order.
    Stream,
    /// A refresh stage: between its begin and its end, and no entry earlier than the one sent before
    /// it. The order is unknown only against changes that were made meanwhile.
    Refresh,
    /// A search beside the sync search: after every statement of its stage, and perhaps ahead of
    /// what the stream has still to tell.
    Search {
        /// It was made at the end of a refresh stage, not of a group.
        in_refresh: bool,
    },
    /// Not a statement but a reason to look: the provider sends what the reader may not see, or
    /// leaves out values.
    Hint,
}
