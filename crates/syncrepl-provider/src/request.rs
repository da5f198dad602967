//! The requests of clients, kept so that tests can inspect them.

/// The number of requests kept; the oldest go first.
pub(crate) const KEPT: usize = 10_000;

/// A request that a client sent.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Request {
    /// A bind with this name, whether or not it succeeded.
    Bind(String),
    /// A search without a Sync Request control.
    Search {
        /// The baseObject.
        base: String,
        /// The filter as text (RFC 4515).
        filter: String,
    },
    /// A search with a Sync Request control (RFC 4533 §2.2).
    Sync {
        /// The baseObject.
        base: String,
        /// The cookie in the control, if any.
        cookie: Option<Vec<u8>>,
        /// Whether the mode is refreshAndPersist.
        persist: bool,
    },
    /// An add, delete, modify or rename of this DN, whether or not it succeeded.
    Update(String),
    /// A compare with the entry of this DN.
    Compare(String),
    /// An extended operation with this OID; Cancel is one.
    Extended(String),
    /// An abandon.
    Abandon,
    /// An unbind.
    Unbind,
}
