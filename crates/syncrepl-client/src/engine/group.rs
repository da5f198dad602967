//! The end of a group of changes in the persist stage: when it is full, or nothing more is there to
//! read. While a change may be missing before the group, it stays open.

use std::time::Duration;

use super::carry;
use super::state::{Consumer, Run};
use crate::changes::source::Kind;
use crate::changes::stage::Stage;
use crate::changes::terms::Parents;
use crate::error::Result;

/// The longest time that a group stays open while more messages are buffered.
const GROUP_TIME: Duration = Duration::from_millis(50);

impl Run<'_> {
    /// Commits the open group if it is large or old enough.
    pub(super) fn end_full_group(&mut self) -> Result<()> {
        let full = self.on.stage.as_ref().is_some_and(|stage| {
            !stage.is_refresh()
                && (stage.messages >= stage.limits.group
                    || stage.agenda.at_once
                    || self.now().saturating_duration_since(self.on.group_began) >= GROUP_TIME)
        });
        if full { self.end_group() } else { Ok(()) }
    }

    /// Commits the open group, because the persist stage ends.
    pub(super) fn end_group_at_once(&mut self) -> Result<()> {
        match self.on.stage {
            Some(_) => self.look_for_a_gap()?,
            None => self.on.gap = None,
        }
        self.end_group()
    }

    /// Commits the open group, if there is one and nothing may be missing before it.
    pub(super) fn end_group(&mut self) -> Result<()> {
        if self.on.stage.as_ref().is_none_or(Stage::is_refresh) || self.waits_for_a_gap()? {
            return Ok(());
        }
        let Some(mut stage) = self.on.stage.take() else {
            return Ok(());
        };
        let parents = stage.hidden.task;
        if stage.messages > 0 || stage.hidden.only_cookie {
            self.wait_for_derived();
        }
        self.settle(&mut stage, false, parents)?;
        let now = self.now();
        let Consumer {
            carry,
            watch,
            writer,
            cookie,
            ..
        } = &mut *self.consumer;
        let same_cookie = stage.cookie.is_none() || stage.cookie == *cookie;
        if parents != Parents::Leave || carry::has_news(&stage) || !same_cookie {
            return self.commit_stage(stage, parents);
        }
        carry.take_back(&mut stage);
        carry.wait_for_quiet(&mut self.on.deadlines, now);
        watch.hear(&stage, &mut self.on.deadlines, now);
        writer.rollback();
        Ok(())
    }

    /// Whether the open group has to stay open because a change may be missing before it.
    fn waits_for_a_gap(&mut self) -> Result<bool> {
        let full = |stage: &Stage| stage.messages >= stage.limits.group;
        if self.on.gap.is_some() && self.on.stage.as_ref().is_some_and(full) {
            self.look_for_a_gap()?;
        }
        Ok(self.on.gap.is_some())
    }

    /// If a change may be missing, lets the open group compare everything. Opens a group for that
    /// if none is open.
    pub(super) fn look_for_a_gap(&mut self) -> Result<()> {
        let Some(gap) = self.on.gap.take() else {
            return Ok(());
        };
        let made = self.lookup().changes()?;
        if !gap.may_miss(made.map(|(_, newest)| newest)) && !self.may_have_left_out()? {
            return Ok(());
        }
        self.callback.debug("the provider may have told nothing of changes that were made when the refresh had just ended: everything is looked at");
        let stage = match self.on.stage.take() {
            Some(stage) => stage,
            None => self.consumer.open_stage(Kind::Group)?,
        };
        self.on.stage.insert(stage).agenda.everything = true;
        Ok(())
    }
}
