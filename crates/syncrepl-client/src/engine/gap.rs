//! The gap between the refresh stage and the persist stage. Some providers never tell a change that
//! is made in it. They number their changes, so the engine can see that one is missing.

use std::time::Duration;

use syncrepl_proto::cookie;

/// This long after the refresh stage the persist stage has surely begun.
pub(super) const BEGUN_AFTER: Duration = Duration::from_secs(1);

/// The change numbers since the end of the refresh stage. Until the engine knows that no change is
/// missing, it commits nothing of them, so that the provider tells the missing change after a
/// reconnect. Holding back only the cookie is not enough: an entry added and deleted after it would
/// stay in the copy, because no delete is sent for it.
#[derive(Debug)]
pub(super) struct Gap {
    /// The number of the last change that no missing one precedes.
    last: u64,
    /// A later change came without those between. These may concern entries that the search does
    /// not show.
    open: bool,
}

impl Gap {
    /// The gap after a refresh stage with this cookie; `None` if the cookie does not number the
    /// changes.
    pub(super) fn after(cookie: &[u8]) -> Option<Self> {
        let last = cookie::number(cookie)?;
        Some(Gap { last, open: false })
    }

    /// Notes a change that came with this cookie.
    pub(super) fn came(&mut self, cookie: &[u8]) {
        match cookie::number(cookie) {
            Some(number) if self.last.checked_add(1) == Some(number) => self.last = number,
            Some(number) if number > self.last => self.open = true,
            _ => {}
        }
    }

    /// Whether a change may be missing. `newest` is the number of the provider's newest change.
    pub(super) fn may_miss(&self, newest: Option<u64>) -> bool {
        self.open || newest.is_none_or(|newest| newest > self.last)
    }
}
