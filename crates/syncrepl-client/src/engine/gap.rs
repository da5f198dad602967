//! A change that was made when the refresh stage had ended and the persist stage not begun. Some
//! providers never tell it. They number their changes, by which it is seen that one is missing.

use std::time::Duration;

use syncrepl_proto::cookie;

/// So long after the refresh stage the persist stage has surely begun.
pub(super) const BEGUN_AFTER: Duration = Duration::from_secs(1);

/// What came since the refresh stage ended, until it is known that nothing is missing. Until then
/// nothing of it is committed, so that a consumer that begins again is told of the missing change.
/// Holding back only the cookie is not enough: an entry added and deleted after it would stay in the
/// copy, because no delete is sent for it.
#[derive(Debug)]
pub(super) struct Gap {
    /// The number of the last change before which none is missing.
    last: u64,
    /// A later one came, without those between them. They may be of entries that are not searched for.
    open: bool,
}

impl Gap {
    /// A refresh stage has ended with this cookie. None if it does not number the changes.
    pub(super) fn after(cookie: &[u8]) -> Option<Self> {
        let last = cookie::number(cookie)?;
        Some(Gap { last, open: false })
    }

    /// A change came with this cookie.
    pub(super) fn came(&mut self, cookie: &[u8]) {
        match cookie::number(cookie) {
            Some(number) if number == self.last + 1 => self.last = number,
            Some(number) if number > self.last => self.open = true,
            _ => {}
        }
    }

    /// Whether a change may be missing, when the newest that the provider made has this number.
    pub(super) fn may_miss(&self, newest: Option<u64>) -> bool {
        self.open || newest.is_none_or(|newest| newest > self.last)
    }
}
