//! When to ask where the parents are that the filter hides: after a refresh stage, and a little
//! after the provider said that something happened without saying what. While it says nothing,
//! nothing is asked. The asking itself is in `questions`.

use std::time::{Duration, Instant};

use roaring::RoaringTreemap;
use syncrepl_proto::message::Scope;

use super::deadlines::{Deadlines, Due};
use crate::changes::stage::Stage;
use crate::changes::terms::Parents;
use crate::error::Result;
use crate::status;
use crate::store::Writer;
use crate::store::search::Search;

/// How long to wait for what else comes, before asking.
const GATHER: Duration = Duration::from_secs(1);
/// How long to rest after asking, at least,
const REST: Duration = Duration::from_secs(2);
/// and how many times as long as the asking took,
const REST_FACTOR: u32 = 2;
/// but no longer than this: a change is to be seen soon.
const LONGEST_REST: Duration = Duration::from_secs(8);
/// For how long after a parent moved entries may still be told under the names of before.
const ECHO: Duration = Duration::from_secs(600);

/// What is known of the hidden parents, and what is owed to them.
#[derive(Debug)]
pub(super) struct Watch {
    /// Whether there may be any.
    on: bool,
    /// The store says that all of them are known and in their places.
    settled: bool,
    /// They are to be looked up, not only learned of.
    look_up: bool,
    rests_until: Option<Instant>,
    echo_until: Option<Instant>,
    /// Records placed by what may be an echo.
    placed: RoaringTreemap,
}

impl Watch {
    pub(super) fn open(search: &Search, writer: &Writer) -> Result<Self> {
        Ok(Watch {
            on: search.scope == Scope::Subtree && search.filter.may_hide_parents(),
            settled: writer.setting(status::PARENTS)?.is_some(),
            look_up: false,
            rests_until: None,
            echo_until: None,
            placed: RoaringTreemap::new(),
        })
    }

    /// Forgets what was owed: the next refresh stage pays it.
    pub(super) fn reset(&mut self, writer: &Writer) -> Result<()> {
        self.settled = writer.setting(status::PARENTS)?.is_some();
        self.look_up = false;
        Ok(())
    }

    /// What the end of a refresh stage has to do. Nothing, when nothing can have happened.
    pub(super) fn at_refresh(
        &self,
        cookie_sent: bool,
        stage: &Stage,
        kept: Option<&[u8]>,
    ) -> Parents {
        let news = stage.cookie.as_deref().is_some_and(|new| Some(new) != kept);
        if !self.on || (cookie_sent && self.settled && !news) {
            return Parents::Leave;
        }
        Parents::LookUp
    }

    /// Notes, in the transaction of a stage that ends, what it leaves to be done. `done` is what its
    /// end did with the hidden parents.
    pub(super) fn after(
        &mut self,
        stage: &Stage,
        done: Parents,
        writer: &Writer,
        deadlines: &mut Deadlines,
        now: Instant,
    ) -> Result<()> {
        match stage.is_refresh() {
            true => self.after_refresh(stage, done, writer, deadlines, now),
            false => self.after_group(stage, writer, deadlines, now),
        }
    }

    fn after_refresh(
        &mut self,
        stage: &Stage,
        done: Parents,
        writer: &Writer,
        deadlines: &mut Deadlines,
        now: Instant,
    ) -> Result<()> {
        if done == Parents::Leave {
            return Ok(());
        }
        self.settled = !stage.hidden.unsettled;
        let told = self.settled.then_some(&b"settled"[..]);
        writer.set_setting(status::PARENTS, told)?;
        if stage.hidden.moved {
            self.echo_until = Some(now + ECHO);
        }
        if stage.hidden.unsettled {
            self.owe(deadlines, now);
        }
        Ok(())
    }

    fn after_group(
        &mut self,
        stage: &Stage,
        writer: &Writer,
        deadlines: &mut Deadlines,
        now: Instant,
    ) -> Result<()> {
        if !self.on {
            return Ok(());
        }
        if std::mem::take(&mut self.settled) {
            writer.set_setting(status::PARENTS, None)?;
        }
        if stage.hidden.moved {
            self.echo_until = Some(now + ECHO);
        }
        if self.echo_until.is_some_and(|until| now < until) {
            self.placed |= &stage.hidden.placed;
        }
        self.hear(stage, deadlines, now);
        Ok(())
    }

    /// Notes what a group leaves to be done that is not committed.
    pub(super) fn hear(&mut self, stage: &Stage, deadlines: &mut Deadlines, now: Instant) {
        let asked = stage.hidden.task != Parents::Leave;
        if self.on && (stage.hidden.only_cookie || stage.hidden.unsettled || !asked) {
            self.look_up |= stage.hidden.only_cookie;
            self.owe(deadlines, now);
        }
    }

    /// Whether the provider is to be asked, now that it is due, or only the copy looked through.
    pub(super) fn take_task(&mut self) -> bool {
        std::mem::take(&mut self.look_up)
    }

    /// The records that were placed by what may have been an echo.
    pub(super) fn take_placed(&mut self) -> RoaringTreemap {
        std::mem::take(&mut self.placed)
    }

    /// After this asking nothing is asked for a while.
    pub(super) fn rest(&mut self, began: Instant, now: Instant) {
        let took = now.saturating_duration_since(began) * REST_FACTOR;
        self.rests_until = Some(now + took.clamp(REST, LONGEST_REST));
    }

    fn owe(&self, deadlines: &mut Deadlines, now: Instant) {
        let soon = now + GATHER;
        let at = self.rests_until.map_or(soon, |rested| rested.max(soon));
        deadlines.set_first(Due::Soon, at);
    }
}
