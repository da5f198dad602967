//! When to ask for the hidden parents: after a refresh stage, and shortly after a message that does
//! not say what happened. While the provider is silent, the engine asks nothing. `questions` does
//! the asking.

use std::time::{Duration, Instant};

use syncrepl_proto::message::Scope;

use super::deadlines::{Deadlines, Due};
use crate::changes::agenda::When;
use crate::changes::stage::Stage;
use crate::changes::terms::Parents;
use crate::error::Result;
use crate::status;
use crate::store::Writer;
use crate::store::search::Search;

/// The wait for further messages before asking.
const GATHER: Duration = Duration::from_secs(1);
/// After asking, the engine rests for at least this long,
const REST: Duration = Duration::from_secs(2);
/// and for this many times the duration of the asking,
const REST_FACTOR: u32 = 2;
/// but never for longer than this, so that changes show soon.
const LONGEST_REST: Duration = Duration::from_secs(8);
/// For this long after a hidden parent moved, the provider may still tell entries under their old
/// DNs.
const ECHO: Duration = Duration::from_secs(600);

/// The state of the hidden parents, and the next question about them.
#[derive(Debug)]
pub(super) struct Watch {
    /// Whether there may be hidden parents.
    on: bool,
    /// Whether the store has noted that all of them are known and in their places.
    settled: bool,
    /// Whether the next question looks all of them up, and not only the missing ones.
    look_up: bool,
    rests_until: Option<Instant>,
    echo_until: Option<Instant>,
}

impl Watch {
    pub(super) fn open(search: &Search, writer: &Writer) -> Result<Self> {
        Ok(Watch {
            on: search.scope == Scope::Subtree && !search.shows_everything_below(),
            settled: writer.setting(status::PARENTS)?.is_some(),
            look_up: false,
            rests_until: None,
            echo_until: None,
        })
    }

    /// Forgets the open question, because the next refresh stage asks it.
    pub(super) fn reset(&mut self, writer: &Writer) -> Result<()> {
        self.settled = writer.setting(status::PARENTS)?.is_some();
        self.look_up = false;
        Ok(())
    }

    /// The task of the end of a refresh stage about the hidden parents: none if nothing can have
    /// happened.
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

    /// Notes what a stage that ends leaves to do, in its transaction. `done` says what its end did
    /// about the hidden parents.
    pub(super) fn after(
        &mut self,
        stage: &mut Stage,
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
        stage: &mut Stage,
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
            // Their DNs are from messages that may use an old name of a hidden parent.
            let placed = stage.hidden.placed.clone();
            stage.agenda.ask_where_all(placed, When::Quiet);
        }
        self.hear(stage, deadlines, now);
        Ok(())
    }

    /// Notes what an uncommitted group leaves to do.
    pub(super) fn hear(&mut self, stage: &Stage, deadlines: &mut Deadlines, now: Instant) {
        let asked = stage.hidden.task != Parents::Leave;
        if self.on && (stage.hidden.only_cookie || stage.hidden.unsettled || !asked) {
            self.look_up |= stage.hidden.only_cookie;
            self.owe(deadlines, now);
        }
    }

    /// Takes the task that is due. Returns true to ask the provider, false to look through the copy
    /// only.
    pub(super) fn take_task(&mut self) -> bool {
        std::mem::take(&mut self.look_up)
    }

    /// Sets how long the engine rests after this asking.
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
