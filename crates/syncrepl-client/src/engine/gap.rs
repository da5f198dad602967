//! A change that was made when the refresh stage had ended and the persist stage not begun. Of some
//! providers nobody hears of it. They number their changes, by which it is seen that one is missing.

use std::time::{Duration, Instant};

use syncrepl_proto::cookie;

use super::deliver::GROUP_MESSAGES;
use super::mode::SyncreplMode;
use super::watch::{lookup, open_stage};
use super::{Syncrepl, fresh, not_connected};
use crate::callback::Callback;
use crate::changes::stage::Kind;
use crate::error::Result;

/// So long after the refresh stage the persist stage has surely begun.
const BEGUN_AFTER: Duration = Duration::from_secs(1);

/// What came since the refresh stage ended, until it is known that nothing is missing. Until then
/// nothing of it is committed: whoever begins again is told of the missing change. (A cookie that is
/// only held back would not do: who came after it and went again is not told to be gone.)
#[derive(Debug)]
pub(super) struct Gap {
    /// The number of the last change before which none is missing.
    last: u64,
    /// A later one came, without those between them. They may be of entries that are not searched for.
    open: bool,
    due: Option<Instant>,
}

impl<C: Callback> Syncrepl<C> {
    /// A refresh stage has ended with this cookie, and the persist stage is to begin.
    pub(super) fn watch_for_a_gap(&mut self, cookie: Option<&[u8]>) {
        let misses = self
            .link
            .as_ref()
            .is_some_and(|link| link.provider.misses_changes_between_stages());
        let persists = self.settings.mode == SyncreplMode::RefreshAndPersist;
        self.gap = cookie
            .filter(|_| misses && persists)
            .and_then(cookie::number_389ds)
            .map(|last| Gap {
                last,
                open: false,
                due: self.settings.options.network.after(BEGUN_AFTER),
            });
    }

    /// When it is known whether something is missing.
    pub(super) fn gap_due(&self) -> Option<Instant> {
        self.gap.as_ref().and_then(|gap| gap.due)
    }

    /// Whether the group of changes that is open has to wait for that.
    pub(super) fn waits_for_a_gap(&mut self) -> Result<bool> {
        let messages = self.stage.as_ref().map_or(0, |stage| stage.messages);
        if self.gap.is_some() && messages >= GROUP_MESSAGES {
            self.look_for_a_gap()?;
        }
        Ok(self.gap.is_some())
    }

    /// Commits the group that is open, because the persist stage ends.
    pub(super) fn end_group_at_once(&mut self) -> Result<()> {
        match self.stage {
            Some(_) => self.look_for_a_gap()?,
            None => self.gap = None,
        }
        self.end_group()
    }

    /// Looks whether something is missing, when that is due.
    pub(super) fn close_gap(&mut self) -> Result<()> {
        let persisting = self
            .link
            .as_ref()
            .is_some_and(|link| link.session.in_persist_stage() && link.cancelled_at.is_none());
        match self.gap_due() {
            Some(due) if persisting && due <= self.now() => self.look_for_a_gap(),
            _ => Ok(()),
        }
    }

    /// If something may be missing, the group that is open, or is opened, looks at everything.
    fn look_for_a_gap(&mut self) -> Result<()> {
        let Some(gap) = self.gap.take() else {
            return Ok(());
        };
        let link = self.link.as_ref().ok_or_else(not_connected)?;
        let made = lookup(link, &self.settings, &self.stop, &mut self.side).changes()?;
        if !gap.open && made.is_some_and(|(_, newest)| newest <= gap.last) {
            return Ok(());
        }
        self.callback.debug("the provider may have told nothing of changes that were made when the refresh had just ended: everything is looked at");
        let now = self.now();
        let stage = match self.stage.take() {
            Some(stage) => stage,
            None => {
                let mut stage = open_stage(&mut self.writer, &mut self.guard, Kind::Group)?;
                fresh::lend(&mut self.fresh, self.fresh_until, now, &mut stage);
                stage
            }
        };
        self.stage.insert(stage).agenda.everything = true;
        Ok(())
    }
}

impl Gap {
    /// A change came with this cookie.
    pub(super) fn came(&mut self, cookie: &[u8]) {
        match cookie::number_389ds(cookie) {
            Some(number) if number == self.last + 1 => self.last = number,
            Some(number) if number > self.last => self.open = true,
            _ => {}
        }
    }
}
