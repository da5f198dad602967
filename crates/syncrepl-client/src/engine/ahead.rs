//! A cookie whose newest change lies in the future. The clock of the provider was ahead when it made that
//! change. Until then it tells a consumer that comes back nothing of what changes, because each change
//! seems to be older than the cookie. So everything is compared, once more after that time has come:
//! what changed before it was never told.

use std::time::{SystemTime, UNIX_EPOCH};

use syncrepl_proto::cookie;

use super::state::Consumer;
use super::warnings::Topic;
use crate::connection::{seconds_of_digits, written};
use crate::error::Result;
use crate::status;
use crate::store::Writer;

/// Two clocks may differ by so many seconds and both count as right. A server that was ahead by less
/// loses what changes in that time. A larger number would lose more, and a smaller one would only
/// compare more often.
const SKEW: i64 = 60;

const AHEAD: &str = "the cookie was made by a clock that was ahead";

/// The consequence, for messages.
pub(crate) const UNTIL_THEN: &str = "until then it may tell a consumer that comes back of no change, so everything is compared at each \
     start. If our clock is right, that of the server was ahead: set both by NTP";

/// The seconds by which the newest change in a cookie lies in the future, and its time, if it does.
pub(crate) fn ahead(cookie: &[u8]) -> Option<(i64, i64)> {
    let newest = seconds_of_digits(cookie::newest_csn(cookie)?)?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    let by = newest.saturating_sub(i64::try_from(now.as_secs()).ok()?);
    (by > SKEW).then_some((by, newest))
}

/// Notes, in the transaction that stores a cookie, whether it lies in the future.
pub(super) fn remember(cookie: &[u8], writer: &Writer) -> Result<()> {
    let value = ahead(cookie).map(|_| &b"ahead"[..]);
    if value.is_none() && writer.setting(status::AHEAD)?.is_none() {
        return Ok(());
    }
    writer.set_setting(status::AHEAD, value)
}

impl Consumer {
    /// The reason not to send the stored cookie if it lies in the future, or did when it was stored. Notes
    /// a warning.
    pub(super) fn is_ahead(&mut self, server: usize) -> Result<Option<&'static str>> {
        let Some(cookie) = &self.cookie else {
            return Ok(None);
        };
        let Some((by, newest)) = ahead(cookie) else {
            let was = self.writer.setting(status::AHEAD)?.is_some();
            return Ok(was.then_some(AHEAD));
        };
        let text = format!(
            "{}: its newest change is dated {}, {by} s ahead of our clock; {UNTIL_THEN}",
            self.settings.servers[server],
            written(newest),
        );
        self.warnings.note(Topic::Ahead, text);
        Ok(Some(AHEAD))
    }
}
