//! The two modes of RFC 4533.

use syncrepl_proto::sync::SyncMode;

/// Whether the run ends with the refresh (RFC 4533 §2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum SyncreplMode {
    /// It ends: `poll` returns false, and the copy is as the directory was a moment ago.
    RefreshOnly,
    /// The search continues and tells changes as they happen, until a stop is requested.
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
