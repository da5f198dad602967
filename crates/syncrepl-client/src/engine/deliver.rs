//! From a message to a commit: what each message means for the open stage, and how a stage ends.

use std::time::{Duration, SystemTime};

use syncrepl_proto::cookie;
use syncrepl_proto::message::Message;
use syncrepl_proto::session::SyncEvent;

use super::connect::not_ready;
use super::fresh;
use super::mode::SyncreplMode;
use super::refusal::speaks_of_consumer_state;
use super::schedule::Schedule;
use super::watch::{lookup, open_stage};
use super::{Link, Syncrepl, heartbeat, not_connected};
use crate::callback::Callback;
use crate::changes::ancestors::Parents;
use crate::changes::apply::{Applier, stopped};
use crate::changes::settle::{Rules, Settled};
use crate::changes::stage::{Kind, Stage, Work};
use crate::connection::{not_allowed, notice_of_disconnection, refused, undecodable};
use crate::doctor::warn_of_nothing_shown;
use crate::error::{CallbackResult, Error, ErrorKind, Result};
use crate::status;
use crate::store::callback_failed;
use crate::store::records::Records;

/// A group of the persist stage ends after so many messages,
pub(super) const GROUP_MESSAGES: u64 = 256;
/// or after so long, even if more is buffered.
const GROUP_TIME: Duration = Duration::from_millis(50);
/// How often a refresh may begin anew without a cookie.
const RESTARTS: u32 = 3;

/// What is left to do once a message has been read and its bytes are let go.
enum Next {
    Message,
    RefreshDone {
        absent_is_deleted: bool,
        named_present: bool,
    },
    StartAgain(&'static str),
    Refused(Error),
    Finish,
}

impl<C: Callback> Syncrepl<C> {
    /// Takes one buffered message, if there is one.
    pub(super) fn take_message(&mut self) -> Result<bool> {
        let Some(link) = self.link.as_mut() else {
            return Ok(false);
        };
        let Link {
            connection,
            session,
            cookie_sent,
            server,
            provider,
            asked,
            ..
        } = link;
        let habit = &mut self.habits[*server];
        let server = &self.settings.servers[*server];
        let Some(bytes) = connection.next_message()? else {
            return Ok(false);
        };
        if self.stop.requests() > 1 && session.in_refresh_stage() {
            return Err(stopped());
        }
        let message = Message::decode(bytes).map_err(undecodable)?;
        if message.id == 0 {
            return notice_of_disconnection(&message).map_or(Ok(true), Err);
        }
        if heartbeat::answers(asked, &message) {
            habit.answered();
            return Ok(true);
        }
        let refreshing = session.in_refresh_stage();
        let event = session
            .handle_message(&message)
            .map_err(|error| not_allowed(error, &message.op, server))?;
        if self.stage.is_none() {
            let kind = match refreshing {
                true => Kind::Refresh {
                    cookie_sent: *cookie_sent,
                },
                false => Kind::Group,
            };
            let mut stage = open_stage(&mut self.writer, &mut self.guard, kind)?;
            stage.only_hints = !refreshing && provider.persists_without_access_control();
            let now = self.settings.options.network.now();
            fresh::lend(&mut self.fresh, self.fresh_until, now, &mut stage);
            self.stage = Some(stage);
            self.group_began = self.settings.options.network.now();
        }
        let Some(stage) = self.stage.as_mut() else {
            return Ok(false);
        };
        let mut work = Work {
            stage,
            apply: Applier {
                writer: &self.writer,
                callback: &mut self.callback,
                stop: &self.stop,
                hashes: &mut self.hashes,
            },
            base: &self.settings.search.base,
            shows_parents: self.settings.search.shows_everything_below(),
        };
        let (received, next) = match event {
            SyncEvent::RefreshRequired => (None, Next::StartAgain("it asked for a full refresh")),
            SyncEvent::Refused(result)
                if *cookie_sent && refreshing && speaks_of_consumer_state(*provider, &result) =>
            {
                (
                    None,
                    Next::StartAgain("it does not know the cookie's state"),
                )
            }
            SyncEvent::Refused(result) => {
                let error = refused(&result, "the sync search");
                (None, Next::Refused(error))
            }
            SyncEvent::Ended => {
                let message = format!("{server} ended the sync search");
                return Err(Error::new(ErrorKind::Unreachable, message));
            }
            SyncEvent::Cancelled => (None, Next::Finish),
            SyncEvent::RefreshDone {
                cookie,
                absent_is_deleted,
                named_present,
            } => (
                cookie,
                Next::RefreshDone {
                    absent_is_deleted,
                    named_present,
                },
            ),
            event => (work.take(event)?, Next::Message),
        };
        if let Some(received) = received {
            let stage = work.stage;
            if stage.is_refresh() {
                stage.server_id = cookie::server_id(received).map(str::to_owned);
                stage.cookie = cookie::after_refresh(received).or(stage.cookie.take());
            } else {
                if let Some(gap) = &mut self.gap {
                    gap.came(received);
                }
                let kept = stage.cookie.as_deref().or(self.cookie.as_deref());
                stage.cookie = cookie::in_persist_stage(kept, received).or(stage.cookie.take());
            }
        }
        match next {
            Next::Message => self.end_full_group()?,
            Next::RefreshDone {
                absent_is_deleted,
                named_present,
            } => {
                self.end_refresh(absent_is_deleted, named_present)?;
            }
            Next::StartAgain(why) => self.start_again(why)?,
            Next::Refused(error) => return Err(self.why_refused(error)),
            Next::Finish => {
                self.finish()?;
            }
        }
        Ok(true)
    }

    /// Begins the search anew without a cookie. The stage stays open: what was told so far is
    /// compared like everything else.
    pub(super) fn start_again(&mut self, why: &'static str) -> Result<()> {
        self.callback.debug(why);
        if self.stage.as_ref().is_some_and(|stage| !stage.is_refresh()) {
            self.end_group_at_once()?;
            let kind = Kind::Refresh { cookie_sent: false };
            self.stage = Some(open_stage(&mut self.writer, &mut self.guard, kind)?);
        }
        let (Some(link), Some(stage)) = (self.link.as_mut(), self.stage.as_mut()) else {
            return Err(not_connected());
        };
        stage.restart();
        Records::new(self.writer.connection()).unpark_all()?;
        if stage.restarts > RESTARTS {
            return Err(Error::new(
                ErrorKind::Protocol,
                format!("no refresh came to an end in {RESTARTS} tries: {why}"),
            ));
        }
        link.cookie_sent = false;
        let id = link.connection.next_message_id();
        link.session
            .start(id, &self.settings.search.request(), None);
        while let Some(request) = link.session.poll_request() {
            link.connection.send(&request)?;
        }
        Ok(())
    }

    pub(super) fn end_refresh(
        &mut self,
        absent_is_deleted: bool,
        named_present: bool,
    ) -> Result<()> {
        let (Some(link), Some(stage)) = (self.link.as_mut(), self.stage.as_mut()) else {
            return Err(not_connected());
        };
        if let (true, Some(sent), Some(received)) = (link.cookie_sent, &self.cookie, &stage.cookie)
            && !cookie::same_kind(sent, received)
        {
            return self.start_again("its cookies are of another kind than the one it was sent");
        }
        let provider = link.provider.or_from_cookie(stage.cookie.as_deref());
        link.provider = provider;
        let said = absent_is_deleted;
        let absent_is_deleted = if link.cookie_sent {
            absent_is_deleted && provider.tells_what_is_present(named_present)
        } else if stage.cookie.is_none() {
            return Err(not_ready(&self.settings.servers[link.server]));
        } else {
            true
        };
        if let Some(why) = self.doubt(said, named_present)? {
            return self.start_again(why);
        }
        let node = self.node();
        let (absent_is_deleted, node) = match self.is_another_node(node.as_deref())? {
            true if !absent_is_deleted => match self.list_the_present()? {
                true => (true, node),
                false => (false, None),
            },
            _ => (absent_is_deleted, node),
        };
        let suspects = self.take_suspects()?;
        let (Some(link), Some(stage)) = (self.link.as_ref(), self.stage.as_mut()) else {
            return Err(not_connected());
        };
        stage.agenda.asked_when_quiet = suspects.clone();
        stage.ask_where(suspects);
        let parents = self
            .watch
            .at_refresh(link.cookie_sent, stage, self.cookie.as_deref());
        match self.settle(absent_is_deleted, parents)? {
            Settled::Done => {}
            Settled::Incomplete(why) => return self.start_again(why),
        }
        let (Some(link), Some(stage)) = (self.link.as_ref(), self.stage.as_mut()) else {
            return Err(not_connected());
        };
        let count = match link.cookie_sent {
            true => self.writer.entries(),
            false => self.writer.count_entries()?,
        };
        Applier {
            writer: &self.writer,
            callback: &mut self.callback,
            stop: &self.stop,
            hashes: &mut self.hashes,
        }
        .refresh_done(count)?;
        let received = stage.cookie.take();
        let first = self.cookie.is_none();
        let authzid = link.authzid.clone();
        let now: String = self.writer.connection().query_row(
            "SELECT strftime('%Y-%m-%dT%H:%M:%SZ', 'now')",
            [],
            |row| row.get(0),
        )?;
        for (name, value) in [
            (status::URL, self.settings.url.as_str()),
            (status::AUTHZID, &link.authzid),
            (status::PROVIDER, provider.name()),
            (status::LAST_REFRESH, &now),
        ] {
            self.writer.set_setting(name, Some(value.as_bytes()))?;
        }
        if let Some(node) = node {
            self.writer
                .set_setting(status::NODE, Some(node.as_bytes()))?;
        }
        if !link.cookie_sent {
            Schedule::write(SystemTime::now(), &self.writer)?;
        }
        self.watch.after_refresh(
            parents,
            stage,
            &self.writer,
            self.settings.options.network.now(),
        )?;
        let fresh = std::mem::take(&mut stage.ledger.stated);
        let suspects = std::mem::take(&mut stage.agenda.quiet);
        self.store_fresh(fresh)?;
        self.keep_suspects(&suspects)?;
        self.watch_for_a_gap(received.as_deref());
        self.store_cookie(received)?;
        self.stage = None;
        self.commit()?;
        if first && count == 0 {
            warn_of_nothing_shown(&authzid);
        }
        self.schedule.read(&self.writer)?;
        self.reconcile = false;
        if self.settings.mode == SyncreplMode::RefreshOnly {
            self.finished = true;
        }
        Ok(())
    }

    pub(super) fn end_full_group(&mut self) -> Result<()> {
        let full = self.stage.as_ref().is_some_and(|stage| {
            !stage.is_refresh()
                && (stage.messages >= GROUP_MESSAGES
                    || stage.agenda.at_once
                    || self.now().saturating_duration_since(self.group_began) >= GROUP_TIME)
        });
        if full { self.end_group() } else { Ok(()) }
    }

    /// Commits a group of the persist stage, if one is open.
    pub(super) fn end_group(&mut self) -> Result<()> {
        if self.stage.as_ref().is_none_or(Stage::is_refresh) || self.waits_for_a_gap()? {
            return Ok(());
        }
        let parents = self
            .stage
            .as_ref()
            .map_or(Parents::Leave, |stage| stage.hidden.task);
        self.settle(false, parents)?;
        let Some(mut stage) = self.stage.take() else {
            return Ok(());
        };
        self.keep_fresh(&mut stage)?;
        // Of suspects the store is to forget that they were, whatever the answer.
        let asked = parents != Parents::Leave || !stage.agenda.asked_when_quiet.is_empty();
        let changed = stage.messages > 0 || stage.agenda.everything || asked;
        let received = stage
            .cookie
            .take()
            .filter(|cookie| Some(cookie) != self.cookie.as_ref());
        let now = self.settings.options.network.now();
        if !changed && received.is_none() {
            self.watch.hear(&stage, now);
            self.writer.rollback();
            return Ok(());
        }
        self.watch.after_group(&stage, &self.writer, now)?;
        self.store_cookie(received)?;
        self.commit()
    }

    pub(super) fn store_cookie(&mut self, received: Option<Vec<u8>>) -> Result<()> {
        let Some(cookie) = received else {
            return Ok(());
        };
        if self.cookie.as_ref() != Some(&cookie) {
            told(self.callback.cookie_change(&cookie))?;
            self.writer.set_setting(status::COOKIE, Some(&cookie))?;
            self.cookie = Some(cookie);
        }
        Ok(())
    }

    pub(super) fn commit(&mut self) -> Result<()> {
        let tally = self.writer.tally();
        let result = told(self.callback.commit_pending(self.writer.next_commit()))
            .and_then(|()| self.hashes.remember(&self.writer))
            .and_then(|()| self.writer.commit());
        if let Err(error) = result {
            // What the store holds decides, not what was about to be stored.
            self.writer.rollback();
            self.cookie = self.writer.setting(status::COOKIE)?;
            return Err(error);
        }
        self.guard
            .committed(self.settings.options.network.now(), tally);
        self.callback.committed();
        self.hashes.committed(&self.writer);
        Ok(())
    }

    pub(super) fn settle(&mut self, absent_is_deleted: bool, parents: Parents) -> Result<Settled> {
        let (Some(link), Some(stage)) = (self.link.as_ref(), self.stage.as_mut()) else {
            return Err(not_connected());
        };
        let mut lookup = lookup(link, &self.settings, &self.stop, &mut self.side);
        let mut work = Work {
            stage,
            apply: Applier {
                writer: &self.writer,
                callback: &mut self.callback,
                stop: &self.stop,
                hashes: &mut self.hashes,
            },
            base: &self.settings.search.base,
            shows_parents: self.settings.search.shows_everything_below(),
        };
        let rules = Rules {
            absent_is_deleted,
            may_bring_others: link.may_bring_others,
            guard: &self.guard,
            now: self.settings.options.network.now(),
            parents,
        };
        work.settle(rules, &mut lookup)
    }
}

fn told(result: CallbackResult) -> Result<()> {
    result.map_err(callback_failed)
}
