//! When to ask where the parents are that the filter hides: after a refresh stage, and a little
//! after the provider said that something happened without saying what. While it says nothing,
//! nothing is asked.

use std::time::{Duration, Instant};

use roaring::RoaringTreemap;
use syncrepl_proto::dn;
use syncrepl_proto::message::Scope;

use super::{Link, Settings, Syncrepl, fresh, not_connected};
use crate::callback::Callback;
use crate::changes::agenda::When;
use crate::changes::ancestors::{Parents, Searched, look_up};
use crate::changes::guard::DeleteGuard;
use crate::changes::lookup::Lookup;
use crate::changes::stage::{Kind, Stage};
use crate::connection::Connection;
use crate::error::Result;
use crate::status;
use crate::stop::StopHandle;
use crate::store::Writer;
use crate::store::ancestors::Ancestors;
use crate::store::records::Records;
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
    due: Option<Instant>,
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
            due: None,
            rests_until: None,
            echo_until: None,
            placed: RoaringTreemap::new(),
        })
    }

    /// Forgets what was owed: the next refresh stage pays it.
    pub(super) fn reset(&mut self, writer: &Writer) -> Result<()> {
        self.settled = writer.setting(status::PARENTS)?.is_some();
        self.look_up = false;
        self.due = None;
        Ok(())
    }

    /// When to wake up.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due
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

    /// Notes in the open transaction of a refresh stage that all is well.
    pub(super) fn after_refresh(
        &mut self,
        done: Parents,
        stage: &Stage,
        writer: &Writer,
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
            self.owe(now);
        }
        Ok(())
    }

    /// Notes in the open transaction of a group what it leaves to be done.
    pub(super) fn after_group(
        &mut self,
        stage: &Stage,
        writer: &Writer,
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
        self.hear(stage, now);
        Ok(())
    }

    /// Notes what a group leaves to be done.
    pub(super) fn hear(&mut self, stage: &Stage, now: Instant) {
        let asked = stage.hidden.task != Parents::Leave;
        if self.on && (stage.hidden.only_cookie || stage.hidden.unsettled || !asked) {
            self.look_up |= stage.hidden.only_cookie;
            self.owe(now);
        }
    }

    fn owe(&mut self, now: Instant) {
        let soon = now + GATHER;
        let at = self.rests_until.map_or(soon, |rested| rested.max(soon));
        self.due.get_or_insert(at);
    }

    fn rest(&mut self, began: Instant, now: Instant) {
        let took = now.saturating_duration_since(began) * REST_FACTOR;
        self.rests_until = Some(now + took.clamp(REST, LONGEST_REST));
    }
}

impl<C: Callback> Syncrepl<C> {
    /// Asks where the hidden parents are, if that is due. Only if something is amiss does it open a
    /// transaction.
    pub(super) fn watch_parents(&mut self) -> Result<()> {
        let began = self.settings.options.network.now();
        if self.watch.due.is_none_or(|due| began < due) {
            return Ok(());
        }
        let persisting = self
            .link
            .as_ref()
            .is_some_and(|link| link.session.in_persist_stage() && link.cancelled_at.is_none());
        if !persisting || self.stage.is_some() {
            return Ok(());
        }
        self.watch.due = None;
        let asked = std::mem::take(&mut self.watch.look_up);
        let connection = self.writer.connection();
        let (records, ancestors) = (Records::new(connection), Ancestors::new(connection));
        let (mut strayed, mut searched) = (0, Searched::ByUuid);
        ancestors.forget_strayed()?;
        if asked {
            let mut lookup = lookup(
                self.link.as_ref().ok_or_else(not_connected)?,
                &self.settings,
                &self.stop,
                &mut self.side,
            );
            (strayed, searched) = look_up(ancestors, records, &mut lookup)?;
        }
        let missing = ancestors.list_missing(&dn::key(&self.settings.search.base))?;
        let doubtful = match asked {
            true => std::mem::take(&mut self.watch.placed),
            false => RoaringTreemap::new(),
        };
        if strayed > 0 || missing > 0 || !doubtful.is_empty() {
            let mut stage = open_stage(&mut self.writer, &mut self.guard, Kind::Group)?;
            stage.agenda.ask_where_all(doubtful, When::Now);
            fresh::lend(&mut self.fresh, self.fresh_until, began, &mut stage);
            stage.hidden.task = Parents::LookedUp(searched);
            self.stage = Some(stage);
            self.end_group()?;
        }
        self.watch.rest(began, self.settings.options.network.now());
        Ok(())
    }
}

/// Who asks the provider beside the sync search.
pub(super) fn lookup<'a>(
    link: &Link,
    settings: &'a Settings,
    stop: &'a StopHandle,
    connection: &'a mut Option<Connection>,
) -> Lookup<'a> {
    Lookup {
        server: &settings.servers[link.server],
        encrypted: link.connection.is_encrypted(),
        address: link.connection.address(),
        options: &settings.options,
        credentials: &settings.credentials,
        provider: link.provider,
        search: &settings.search,
        stop,
        connection,
    }
}

/// Begins the transaction of a stage.
pub(super) fn open_stage(
    writer: &mut Writer,
    guard: &mut DeleteGuard,
    kind: Kind,
) -> Result<Stage> {
    if kind == Kind::Group {
        writer.begin_group()?;
    } else {
        writer.begin_stage()?;
        guard.counted(match kind {
            Kind::Refresh { cookie_sent: false } => writer.count_entries()?,
            _ => writer.entries(),
        });
    }
    let mut stage = Stage::new(kind, guard.size());
    let any = Records::new(writer.connection()).any_of_each()?;
    stage.any.shown = any.placed;
    stage.any.parked = any.parked;
    stage.any.references = any.references;
    Ok(stage)
}
