//! The two modes of RFC 4533.

use syncrepl_proto::sync::SyncMode;

/// The end of a refresh: stop there, or stay (RFC 4533 §2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum SyncreplMode {
    /// `poll` returns false: the copy is as the directory was a moment ago.
    RefreshOnly,
    /// The search goes on, and changes are told as they happen, until a stop is requested.
    #[default]
    RefreshAndPersist,
}

impl From<SyncreplMode> for SyncMode {
    fn from(mode: SyncreplMode) -> Self {
        match mode {
            SyncreplMode::RefreshOnly => SyncMode::RefreshOnly,
            SyncreplMode::RefreshAndPersist => SyncMode::RefreshAndPersist,
        }
    }
}
