//! What clients have asked for, kept for tests that want to know.

/// How many requests are kept: the last ones.
pub(crate) const KEPT: usize = 10_000;

/// A request as it arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Request {
    /// A bind with this name, successful or not.
    Bind(String),
    /// A search without a Sync Request control.
    Search {
        /// baseObject.
        base: String,
        /// The filter as text (RFC 4515).
        filter: String,
    },
    /// A search with a Sync Request control (RFC 4533 §2.2).
    Sync {
        /// baseObject.
        base: String,
        /// The cookie that came with it.
        cookie: Option<Vec<u8>>,
        /// Whether the mode is refreshAndPersist.
        persist: bool,
    },
    /// An add, delete, modify or rename of this DN, done or not.
    Update(String),
    /// A compare at this DN.
    Compare(String),
    /// An extended operation, by its OID; Cancel among them.
    Extended(String),
    /// An abandon.
    Abandon,
    /// An unbind.
    Unbind,
}
