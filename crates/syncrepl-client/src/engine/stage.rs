//! A stage or group of changes as a transaction: opens, settles and commits it.

use super::state::{Connected, Consumer, Run, lookup};
use super::{ahead, carry};
use crate::callback::Callback;
use crate::changes::source::Kind;
use crate::changes::stage::Stage;
use crate::changes::terms::Parents;
use crate::changes::terms::{Settled, Terms};
use crate::error::{CallbackResult, Result};
use crate::status;
use crate::store::callback_failed;
use crate::store::journal::Cause;

impl Consumer {
    /// Begins the transaction of a stage, and lends the stage what the last one left.
    pub(super) fn open_stage(&mut self, kind: Kind) -> Result<Stage> {
        if kind == Kind::Group {
            self.writer.begin_group()?;
        } else {
            self.writer.begin_stage()?;
            self.guard.counted(match kind {
                Kind::Refresh { cookie_sent: false } => self.writer.count_entries()?,
                _ => self.writer.entries(),
            });
        }
        if let Some(journal) = self.writer.journal() {
            let first = kind != Kind::Group && self.writer.setting(status::LAST_REFRESH)?.is_none();
            journal.begin_stage(cause(kind), first);
        }
        let mut stage = carry::new_stage(kind, self.settings.limits, &self.writer)?;
        let now = self.now();
        self.carry.lend(&mut stage, now);
        Ok(stage)
    }

    /// Commits the open transaction.
    pub(super) fn commit(&mut self, callback: &mut dyn Callback) -> Result<()> {
        let (tally, changes) = (self.writer.tally(), self.writer.told());
        if self.settings.dry_run {
            return self.end_dry_run(callback);
        }
        let result = told(callback.commit_pending(self.writer.next_commit()))
            .and_then(|()| self.hashes.remember(&self.writer))
            .and_then(|()| self.writer.commit());
        if let Err(error) = result {
            // The commit failed: take the state from the store again.
            self.writer.rollback();
            self.cookie = self.writer.setting(status::COOKIE)?;
            return Err(error);
        }
        let now = self.now();
        self.guard.committed(now, tally);
        self.report.committed(changes);
        callback.committed();
        self.hashes.committed(&self.writer);
        self.writer.prune_journal(now, false);
        Ok(())
    }

    /// Rolls the open transaction back in place of committing it, once the callback has been told all. Fails
    /// as the guard would have.
    fn end_dry_run(&mut self, callback: &mut dyn Callback) -> Result<()> {
        let result = told(callback.commit_pending(self.writer.next_commit()));
        self.writer.rollback();
        self.read_again()?;
        result.and_then(|()| self.guard.kept())
    }

    fn store_cookie(
        &mut self,
        received: Option<Vec<u8>>,
        callback: &mut dyn Callback,
    ) -> Result<()> {
        let Some(cookie) = received.filter(|cookie| Some(cookie) != self.cookie.as_ref()) else {
            return Ok(());
        };
        told(callback.cookie_change(&cookie))?;
        self.writer.set_setting(status::COOKIE, Some(&cookie))?;
        ahead::remember(&cookie, &self.writer)?;
        self.cookie = Some(cookie);
        Ok(())
    }
}

impl Run<'_> {
    /// Asks the questions that are due, and tells the changes. Then the stage can be committed.
    pub(super) fn settle(
        &mut self,
        stage: &mut Stage,
        absent_is_deleted: bool,
        parents: Parents,
    ) -> Result<Settled> {
        let now = self.now();
        let (mut work, beside) = self.consumer.work(stage, self.callback);
        let Connected { link, side, .. } = &mut *self.on;
        let terms = Terms {
            absent_is_deleted,
            may_bring_others: link.may_bring_others,
            guard: beside.guard,
            now,
            parents,
        };
        let mut lookup = lookup(link, beside.settings, beside.stop, side);
        work.settle(terms, &mut lookup)
    }

    /// Commits a settled stage, with its cookie and with what it leaves to the next. `parents` says
    /// what its end did about the hidden parents.
    pub(super) fn commit_stage(&mut self, mut stage: Stage, parents: Parents) -> Result<()> {
        self.remember_left_out()?;
        let now = self.now();
        let Consumer {
            carry,
            watch,
            writer,
            ..
        } = &mut *self.consumer;
        let deadlines = &mut self.on.deadlines;
        watch.after(&mut stage, parents, writer, deadlines, now)?;
        let lacked = carry.lacked().len();
        carry.keep(&mut stage, writer, now)?;
        let learned = carry.lacked().len() > lacked;
        carry.wait_for_quiet(deadlines, now);
        if learned {
            self.consumer.warn_of_lacked();
        }
        let compared = stage.is_refresh() && !self.on.link.cookie_sent;
        self.consumer
            .store_cookie(stage.cookie.take(), self.callback)?;
        if let (true, Some(cookie)) = (compared, &self.consumer.cookie) {
            // It may be the cookie of before, and its time has come.
            ahead::remember(cookie, &self.consumer.writer)?;
        }
        self.consumer.commit(self.callback)
    }
}

/// How the copy comes to know of what a stage of this kind tells.
fn cause(kind: Kind) -> Cause {
    match kind {
        Kind::Group => Cause::Persist,
        Kind::Refresh { cookie_sent: true } => Cause::Refresh,
        Kind::Refresh { cookie_sent: false } => Cause::Reconcile,
    }
}

fn told(result: CallbackResult) -> Result<()> {
    result.map_err(callback_failed)
}
