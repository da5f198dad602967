//! Whether the provider answers a cookie from a changelog that leaves changes out. Its configuration
//! tells, if this identity may read it. If not, its counters show whether anything was written since
//! the last refresh, and whether the changelog kept as many changes. If neither can be believed,
//! everything is compared: that is slow, and never wrong.

use syncrepl_proto::profile::{Provider, Trouble};

use super::coverage::{Before, Between, Coverage, between};
use super::state::{Consumer, Run};
use super::warnings::Topic;
use crate::connection::{Connection, Counts, Kept, RootDse};
use crate::error::Result;
use crate::status;

const LEFT_OUT: &str = "the provider's changelog leaves changes out";
const UNCOUNTED: &str = "it cannot be told whether the provider's changelog kept all changes";

impl Consumer {
    /// Looks at the changelog of a provider that has one, before the sync search: changes that are
    /// made later count as written after it.
    pub(super) fn coverage(
        &self,
        server: usize,
        connection: &mut Connection,
        provider: Provider,
        root_dse: &RootDse,
    ) -> Result<Coverage> {
        // A provider that hides its root DSE is known by its cookie.
        let Some(changelog) = provider.or_from_cookie(self.cookie.as_deref()).changelog else {
            return Ok(Coverage::default());
        };
        let search = &self.settings.search;
        let matters = |name: &str| search.looks_at(name);
        let before = self.before(server)?;
        let started = connection.started(&changelog)?;
        let since = before.as_ref().map(|before| &before.started);
        let kept = match since.or(started.as_ref()) {
            Some(since) => connection.kept(&changelog, since, root_dse, &search.base, &matters)?,
            None => Kept::Unknown,
        };
        let counts = connection.counts(&changelog, root_dse)?;
        Ok(Coverage {
            kept: Some(kept),
            counts: counts.filter(|_| started.is_some()),
            started,
            before,
        })
    }

    /// The reason why a refresh with the cookie may miss changes, if there is one. Notes a
    /// warning of what the administrator can do.
    pub(super) fn may_be_left_out(
        &mut self,
        server: usize,
        provider: Provider,
        coverage: &Coverage,
    ) -> Result<Option<&'static str>> {
        let seen = self.was_seen_to_leave_out(server, coverage)?;
        if coverage.is_whole() && !seen {
            return Ok(None);
        }
        if let Some(Kept::Some(lines)) = &coverage.kept {
            let why = format!("{LEFT_OUT} ({})", lines.join(", "));
            self.warn_left_out(server, &why, "whenever something was written", provider);
        }
        let unknown = coverage.kept == Some(Kept::Unknown);
        if coverage.counts.is_none() {
            if unknown {
                self.warn_left_out(server, UNCOUNTED, "at each start", provider);
            }
            return Ok(Some(UNCOUNTED));
        }
        Ok(match coverage.since_last_refresh() {
            Between::Nothing => None,
            Between::AllKept if unknown && !seen => None,
            Between::LessKept { written, kept } if seen || is_no_chance(written, kept) => {
                let why =
                    format!("of {written} writes since the last refresh its changelog has {kept}");
                self.warn_left_out(server, &why, "this time", provider);
                Some(LEFT_OUT)
            }
            _ if seen => {
                self.warn_left_out(server, LEFT_OUT, "this time", provider);
                Some(LEFT_OUT)
            }
            _ => Some(UNCOUNTED),
        })
    }

    fn warn_left_out(&mut self, server: usize, why: &str, when: &str, provider: Provider) {
        let text = format!(
            "{}: {why}; everything is compared {when}. To be told changes only: {}; and {}",
            self.settings.servers[server],
            provider.hints(Trouble::ChangesLeftOut),
            provider.hints(Trouble::LeftOutUnseen),
        );
        self.warnings.note(Topic::LeftOut, text);
    }

    /// Whether this server, since its last start, told a live change that its changelog does not have.
    fn was_seen_to_leave_out(&self, server: usize, coverage: &Coverage) -> Result<bool> {
        let stored = self.writer.setting(status::LEFT_OUT)?;
        // After another start it may go by another configuration.
        let since = self.since(server, coverage.started.as_deref());
        Ok(stored.is_some_and(|stored| stored == since.as_bytes()))
    }

    /// A server, and its start.
    fn since(&self, server: usize, started: Option<&str>) -> String {
        let server = &self.settings.servers[server];
        format!("{server}\n{}", started.unwrap_or_default())
    }

    /// What the provider showed before the last refresh. Its cookie is good at no other server, so this
    /// is the same one; but only by the same name are its counters believed to be the same.
    fn before(&self, server: usize) -> Result<Option<Before>> {
        let stored = self.writer.setting(status::COUNTS)?;
        let text = stored.and_then(|stored| String::from_utf8(stored).ok());
        Ok(text.and_then(|text| {
            let mut lines = text.lines();
            let same = lines.next()? == self.settings.servers[server].to_string();
            Some(Before {
                started: lines.next()?.to_owned(),
                counts: read_counts(lines).filter(|_| same),
            })
        }))
    }

    /// Notes what the server showed before a refresh, in the transaction of the refresh.
    pub(super) fn remember_coverage(&self, server: usize, coverage: &Coverage) -> Result<()> {
        let text = coverage.started.as_deref().map(|started| {
            let since = self.since(server, Some(started));
            let counts = coverage.counts.map(write_counts);
            format!("{since}\n{}", counts.unwrap_or_default())
        });
        if text.is_none() && self.writer.setting(status::COUNTS)?.is_none() {
            return Ok(());
        }
        let text = text.as_deref().map(str::as_bytes);
        self.writer.set_setting(status::COUNTS, text)
    }
}

/// Whether the changelog surely leaves changes out. The engine reads the counters one after the other, and
/// a busy server may be in the middle of some writes. So a few missing changes prove nothing.
fn is_no_chance(written: u64, kept: u64) -> bool {
    const UNDER_WAY: u64 = 16;
    let missing = written.saturating_sub(kept);
    missing > UNDER_WAY || missing > 1 && missing > kept
}

fn write_counts(counts: Counts) -> String {
    let writes = counts.writes.map(|writes| writes.to_string());
    let (requests, kept) = (counts.requests, counts.kept);
    format!("{requests}\n{kept}\n{}", writes.unwrap_or_default())
}

fn read_counts<'a>(mut lines: impl Iterator<Item = &'a str>) -> Option<Counts> {
    Some(Counts {
        requests: lines.next()?.parse().ok()?,
        kept: lines.next()?.parse().ok()?,
        writes: lines.next().and_then(|line| line.parse().ok()),
    })
}

impl Run<'_> {
    /// Notes, in the transaction of a group, that the provider told a change that its changelog does
    /// not have.
    pub(super) fn remember_left_out(&mut self) -> Result<()> {
        if !std::mem::take(&mut self.on.told_unkept) {
            return Ok(());
        }
        let (server, provider) = (self.on.link.server, self.on.link.provider);
        let started = self.on.link.coverage.started.as_deref();
        let since = self.consumer.since(server, started);
        let writer = &self.consumer.writer;
        if writer.setting(status::LEFT_OUT)?.as_deref() != Some(since.as_bytes()) {
            writer.set_setting(status::LEFT_OUT, Some(since.as_bytes()))?;
        }
        let why = "it told a change that its changelog leaves out";
        self.consumer
            .warn_left_out(server, why, "at the next start", provider);
        self.consumer.warnings.tell();
        Ok(())
    }

    /// Whether a change may have been made, since this connection began, that the changelog left out.
    /// The side connection is open.
    pub(super) fn may_have_left_out(&mut self) -> Result<bool> {
        let (Some(changelog), coverage) = (self.on.link.provider.changelog, &self.on.link.coverage)
        else {
            return Ok(false);
        };
        if matches!(coverage.kept, None | Some(Kept::All)) {
            return Ok(false);
        }
        let (Some(before), Some(side)) = (coverage.counts, &mut self.on.side) else {
            return Ok(true);
        };
        let root_dse = side.root_dse()?;
        let now = side.counts(&changelog, &root_dse)?;
        let between = now.map_or(Between::Unclear, |now| between(before, now));
        Ok(match between {
            Between::Nothing => false,
            Between::AllKept => matches!(coverage.kept, Some(Kept::Some(_))),
            Between::LessKept { .. } | Between::Unclear => true,
        })
    }
}
