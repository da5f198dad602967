//! [`Syncrepl`]: connect, refresh, persist, stop. This file is the part that users see. The engine
//! does the work. It knows the callback only as a trait object, so that it is compiled once.
//!
//! The order of things, from the top down; each file uses only those below it:
//! - `follow`: `poll` and `reconnect` in a loop
//! - `life`: connects, polls, cleans up after an error
//! - `turn`: one poll: takes messages, does what is due, waits
//! - `message`: one message, and the step after it
//! - `refresh`, `questions`, `derived`: the end of a refresh stage; the questions in the persist stage;
//!   values that no provider tells
//! - `afresh`: a refresh that begins anew without a cookie
//! - `group`: the end of a group of changes of the persist stage
//! - `connect`, `identity`: from a list of servers to the sync search; whether the provider takes us for whom
//!   the copy was made
//! - `stage`: opens, settles and commits a stage or a group
//! - `resume`, `left_out`, `ahead`, `crash`, `refusal`, `heartbeat`: whether to believe a refresh; whether the
//!   changelog behind it is whole; whether the cookie lies in the future; what a refusal means; whether
//!   the connection is alive
//! - `state`: the state of all of these
//! - `carry`, `watch`, `gap`, `schedule`, `habit`: the memory from one stage to the next
//! - `plain`: what a plain search shows beside the sync search
//! - `presence`, `trial`: whether a provider tells all deletes; a refresh stage that only counts
//! - `newest`: how far the copy is behind what the provider knows
//! - `report`: the state of the run, for others to see
//! - `deadlines`, `settings`, `mode`, `warnings`, `reminder`

mod afresh;
mod ahead;
mod carry;
mod connect;
mod coverage;
mod crash;
mod deadlines;
mod derived;
mod follow;
mod gap;
mod group;
mod habit;
mod heartbeat;
mod identity;
mod left_out;
mod life;
mod message;
pub(crate) mod mode;
mod newest;
mod plain;
mod presence;
mod questions;
mod refresh;
mod refusal;
mod reminder;
mod report;
mod restarts;
mod resume;
mod schedule;
mod settings;
mod stage;
mod state;
pub(crate) mod trial;
mod turn;
mod warnings;
mod watch;

use std::sync::Arc;
use std::time::Duration;

use crate::callback::Callback;
use crate::connection::Server;
use crate::error::Result;
use crate::run::{Progress, RunStatus};
use crate::stop::StopHandle;
use crate::store::journal::JournalLink;
use crate::store::{Position, Store, Tag, Writer};
pub(crate) use ahead::{UNTIL_THEN, ahead};
pub(crate) use connect::none_can_be_used;
pub(crate) use identity::check as check_identity;
use life::Engine;
pub(crate) use refusal::{not_ready, unsupported};
pub(crate) use settings::Settings;

/// A consumer: keeps the copy in a store equal to a search, and calls a [`Callback`] on every
/// change. See the crate's documentation for an example.
pub struct Syncrepl<C> {
    engine: Engine,
    callback: C,
}

impl<C: Callback> Syncrepl<C> {
    pub(crate) fn open(
        settings: Settings,
        writer: Writer,
        callback: C,
        stop: StopHandle,
        reconcile: bool,
    ) -> Result<Self> {
        let engine = Engine::open(settings, writer, stop, reconcile)?;
        Ok(Syncrepl { engine, callback })
    }

    /// A handle with which any thread can stop this consumer.
    pub fn stop_handle(&self) -> StopHandle {
        self.engine.consumer().stop.clone()
    }

    /// A further handle to the store, with transactions of its own.
    ///
    /// # Errors
    /// Those of the store.
    pub fn db(&self) -> Result<Store> {
        self.engine.consumer().writer.handle()
    }

    /// What connects this consumer with readers of its [`journal`](crate::journal) in the same process.
    pub fn journal_link(&self) -> Arc<JournalLink> {
        self.engine.consumer().writer.journal_link()
    }

    /// The callback.
    pub fn callback(&mut self) -> &mut C {
        &mut self.callback
    }

    /// The number of the store's last commit.
    pub fn commit_number(&self) -> u64 {
        self.engine.consumer().writer.commit_number()
    }

    /// Where the store stands in its history, as [`Store::position`].
    ///
    /// # Errors
    /// Those of the store.
    pub fn position(&self) -> Result<Position> {
        self.engine.consumer().writer.position()
    }

    /// The tag that the next commit will bear. It stays the same until [`poll`](Self::poll) returns an
    /// error; what was told and not committed by then belongs to no commit.
    pub fn next_tag(&self) -> Tag {
        self.engine.consumer().writer.next_tag()
    }

    /// How far the refresh stage has come; `None` outside of one.
    pub fn progress(&self) -> Option<Progress> {
        let stage = self.engine.connected()?.stage.as_ref()?;
        if !stage.is_refresh() {
            return None;
        }
        let before = self.engine.consumer().guard.size();
        Some(Progress::of(stage.messages, before))
    }

    /// The servers, in the order in which the consumer tries them.
    pub fn servers(&self) -> &[Server] {
        &self.engine.consumer().settings.servers
    }

    /// The server of the present connection; `None` without one.
    pub fn server(&self) -> Option<&Server> {
        let link = &self.engine.connected()?.link;
        self.servers().get(link.server)
    }

    /// Whether the consumer is in the persist stage and tells changes as they happen.
    pub fn in_persist_stage(&self) -> bool {
        self.engine
            .connected()
            .is_some_and(|on| on.link.session.in_persist_stage())
    }

    /// Connects anew, with the same callback and store: after an error, or to refresh once more
    /// when a refresh-only run has ended. Tries the servers in the order of the list, beginning
    /// after the one that failed.
    ///
    /// # Errors
    /// As for [`Builder::connect`](crate::Builder::connect).
    pub fn reconnect(&mut self) -> Result<()> {
        self.engine.reconnect(&mut self.callback)
    }

    /// Closes the connection, and rolls the open transaction back. [`reconnect`](Self::reconnect) then goes
    /// on from the last commit, with passwords and certificates read anew.
    pub fn disconnect(&mut self) {
        self.engine.abandon();
    }

    /// Waits for messages, for `timeout` at most, and tells the callback of their changes. Returns
    /// false when there is nothing more to come: in refresh-only mode when the refresh has ended,
    /// else when a requested stop is complete.
    ///
    /// # Errors
    /// Everything that ends the run. The consumer rolls the open transaction back, with its cookie,
    /// and [`reconnect`](Syncrepl::reconnect) continues from the last commit.
    pub fn poll(&mut self, timeout: Duration) -> Result<bool> {
        self.engine.poll(timeout, &mut self.callback)
    }

    /// The state of this run, as it tells others.
    pub fn run_status(&self) -> &RunStatus {
        self.engine.consumer().report.status()
    }

    /// Notes in the state that others see that the program will [`reconnect`](Self::reconnect) after this
    /// wait. [`follow`](Self::follow) does so by itself; a loop of your own may, after an error of
    /// [`poll`](Self::poll).
    pub fn will_retry(&mut self, after: Duration) {
        self.engine.consumer_mut().report.will_retry(after);
    }

    /// Notes in the state that others see that the run ends with this error, which did not come from
    /// [`poll`](Self::poll) or [`reconnect`](Self::reconnect): the output cannot be written, for instance.
    pub fn will_fail(&mut self, message: &str) {
        self.engine.consumer_mut().report.ended(message);
    }

    /// Polls until there is nothing more to come.
    ///
    /// # Errors
    /// As for [`poll`](Syncrepl::poll).
    pub fn run(&mut self) -> Result<()> {
        while self.poll(Duration::from_secs(3600))? {}
        Ok(())
    }

    /// Unbinds from the provider and closes the store.
    ///
    /// # Errors
    /// None at present. A failure after the last commit would lose nothing.
    pub fn unbind(mut self) -> Result<()> {
        self.engine.abandon();
        Ok(())
    }
}

impl<C> std::fmt::Debug for Syncrepl<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Syncrepl")
            .field("url", &self.engine.consumer().settings.url)
            .finish_non_exhaustive()
    }
}
