//! Whether a provider that says that it told all deletes knows them all. Where it may not, it is asked for
//! the entryUUIDs of all entries.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use syncrepl_proto::profile::Trouble;

use super::state::Run;
use super::trial;
use super::warnings::Topic;
use crate::changes::stage::Stage;
use crate::error::Result;
use crate::status;

/// A provider is asked again after this long, because it may be configured anew.
const GOOD_FOR: Duration = Duration::from_secs(86_400);

/// How a provider once answered a very old cookie.
#[derive(Debug, PartialEq, Eq)]
struct Known {
    node: String,
    leaves_out: bool,
    /// Seconds since 1970.
    asked: u64,
}

impl Known {
    fn parse(text: &str) -> Option<Known> {
        let mut lines = text.lines();
        Some(Known {
            node: lines.next()?.to_owned(),
            leaves_out: lines.next()? == "leaves out",
            asked: lines.next()?.parse().ok()?,
        })
    }

    fn to_text(&self) -> String {
        let said = match self.leaves_out {
            true => "leaves out",
            false => "complete",
        };
        format!("{}\n{said}\n{}", self.node, self.asked)
    }

    /// Whether it still holds at `now`. A clock that was set back counts for nothing.
    fn holds(&self, node: &str, now: u64) -> bool {
        let age = now.checked_sub(self.asked);
        self.node == node && age.is_some_and(|age| age < GOOD_FOR.as_secs())
    }
}

impl Run<'_> {
    /// Whether this refresh, which began with a cookie and says that it told all deletes, may have left
    /// some out.
    pub(super) fn may_leave_deletes_out(
        &mut self,
        stage: &Stage,
        node: Option<&str>,
    ) -> Result<bool> {
        let link = &self.on.link;
        let nothing_new = stage.cookie.is_none() || stage.cookie == self.consumer.cookie;
        let (Some(node), false) = (node, nothing_new) else {
            return Ok(false);
        };
        if !link.cookie_sent || !link.provider.may_leave_deletes_out {
            return Ok(false);
        }
        if self.consumer.habits[link.server].was_lost() {
            self.callback
                .debug("the connection was lost: the provider may have been loaded anew");
            return Ok(true);
        }
        let leaves_out = self.claims_to_know_all_deletes(stage, node)?;
        if leaves_out {
            let link = &self.on.link;
            let text = format!(
                "{}: it leaves deletes out of what it tells a consumer that comes back, so the entryUUIDs of \
                 all entries are compared each time. To be told: {}",
                self.consumer.settings.servers[link.server],
                link.provider.hints(Trouble::DeletesLeftOut),
            );
            self.consumer.warnings.note(Topic::Deletes, text);
        }
        Ok(leaves_out)
    }

    /// Asks with a very old cookie, or remembers the answer of a short while ago.
    fn claims_to_know_all_deletes(&mut self, stage: &Stage, node: &str) -> Result<bool> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.map_or(0, |now| now.as_secs());
        let stored = self.consumer.writer.setting(status::DELETES)?;
        let stored = stored.and_then(|stored| String::from_utf8(stored).ok());
        let known = stored.as_deref().and_then(Known::parse);
        if let Some(known) = known.filter(|known| known.holds(node, now)) {
            return Ok(known.leaves_out);
        }
        let patience = self.consumer.settings.refresh_timeout;
        let provider = self.on.link.provider;
        let search = self.consumer.settings.search.clone();
        let kept = stage.cookie.as_deref().unwrap_or_default();
        // This opens a new side connection: one that was kept may have been closed.
        self.lookup().changes()?;
        let Some(side) = &mut self.on.side else {
            return Ok(false);
        };
        let claims = trial::claims_to_know_all_deletes(side, provider, &search, kept, patience)?;
        let Some(leaves_out) = claims else {
            return Ok(false);
        };
        let known = Known {
            node: node.to_owned(),
            leaves_out,
            asked: now,
        };
        let writer = &self.consumer.writer;
        writer.set_setting(status::DELETES, Some(known.to_text().as_bytes()))?;
        Ok(leaves_out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_for_a_day_and_of_one_node() {
        let known = Known {
            node: "ldap://a#001".to_owned(),
            leaves_out: true,
            asked: 1_000_000,
        };
        let read = Known::parse(&known.to_text());
        assert_eq!(read.as_ref(), Some(&known));
        assert!(known.holds("ldap://a#001", 1_000_000 + 86_399));
        assert!(!known.holds("ldap://a#001", 1_000_000 + 86_400));
        assert!(!known.holds("ldap://a#001", 999_999));
        assert!(!known.holds("ldap://b#001", 1_000_000));
        assert_eq!(Known::parse("x"), None);
    }
}
