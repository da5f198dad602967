//! The state of the engine: [`Consumer`] outlives a connection, [`Connected`] ends with it, and
//! [`Run`] borrows both for the work. The other files do the work.

use std::net::SocketAddr;
use std::time::Instant;

use syncrepl_proto::profile::Provider;
use syncrepl_proto::session::Session;

use super::carry::Carry;
use super::coverage::{Coverage, Shown};
use super::deadlines::{Deadlines, Due, Phase};
use super::gap::Gap;
use super::habit::Habit;
use super::newest::Newest;
use super::reminder::Reminder;
use super::report::Report;
use super::restarts::Restarts;
use super::schedule::Schedule;
use super::settings::Settings;
use super::warnings::Warnings;
use super::watch::Watch;
use crate::callback::Callback;
use crate::changes::apply::Applier;
use crate::changes::guard::DeleteGuard;
use crate::changes::hashes::Hashes;
use crate::changes::lookup::Lookup;
use crate::changes::stage::{Stage, Work};
use crate::connection::Connection;
use crate::error::Result;
use crate::status;
use crate::stop::StopHandle;
use crate::store::Writer;
use crate::store::ancestors::Ancestors;
use crate::store::records::Records;

/// Whether there is a connection with the sync search on it.
pub(super) enum State {
    /// There is none yet, or the last one failed. The next step is to connect.
    Idle,
    /// The sync search runs.
    Connected(Box<Connected>),
    /// There is nothing more to come.
    Finished,
}

/// The state that outlives a connection.
pub(super) struct Consumer {
    pub(super) settings: Settings,
    pub(super) stop: StopHandle,
    pub(super) writer: Writer,
    pub(super) report: Report,
    /// The cookie in the store.
    pub(super) cookie: Option<Vec<u8>>,
    pub(super) carry: Carry,
    pub(super) watch: Watch,
    /// Whether the search shows the parents of what it shows. The filter is read once.
    shows_parents: bool,
    /// Whether the next refresh compares everything.
    pub(super) reconcile: bool,
    pub(super) schedule: Schedule,
    /// The search for derived values rests until then.
    pub(super) derived_rests: Option<Instant>,
    pub(super) guard: DeleteGuard,
    pub(super) hashes: Hashes,
    /// The habits of each server, in the order of the servers.
    pub(super) habits: Vec<Habit>,
    /// The server to try first.
    pub(super) next_server: usize,
    /// The address of the last connection that failed. The next attempt tries the other addresses
    /// of that name first.
    pub(super) failed_at: Option<SocketAddr>,
    pub(super) warned_in_clear: bool,
    pub(super) warned_of_derived: bool,
    pub(super) warnings: Warnings,
    pub(super) warned_unsupported: bool,
    pub(super) reminder: Reminder,
}

/// A bound connection with the sync search on it.
pub(super) struct Link {
    pub(super) connection: Connection,
    pub(super) session: Session,
    pub(super) server: usize,
    pub(super) provider: Provider,
    pub(super) authzid: String,
    pub(super) cookie_sent: bool,
    /// What the provider's changelog left out when the connection began.
    pub(super) coverage: Coverage,
    /// Whether an entry with children may come into the base from outside.
    pub(super) may_bring_others: bool,
    /// When the last bytes came.
    pub(super) heard: Instant,
    /// The heartbeat that has not been answered: its message ID, and when it was sent.
    pub(super) asked: Option<(u32, Instant)>,
    /// The question for the provider's newest change.
    pub(super) newest: Newest,
    /// Whether the provider supports Cancel. If not, closing the connection ends the persist stage.
    pub(super) can_cancel: bool,
    /// Whether the engine has already asked why the provider is silent.
    pub(super) asked_why: bool,
    pub(super) shown: Shown,
    /// The provider answered the sync search with some message.
    pub(super) answered: bool,
    /// The engine ended the connection, because the provider was silent for too long.
    pub(super) gave_up: bool,
}

/// The state that ends with the connection.
pub(super) struct Connected {
    pub(super) link: Link,
    /// The side connection, for searches beside the sync search, once it was needed.
    pub(super) side: Option<Connection>,
    /// The open stage, or group of changes.
    pub(super) stage: Option<Stage>,
    pub(super) group_began: Instant,
    /// When a refresh stage first met the stop request.
    pub(super) stopping: Option<Instant>,
    /// Set while changes may be missing at the beginning of the persist stage.
    pub(super) gap: Option<Gap>,
    /// The provider told a change that its changelog does not have.
    pub(super) told_unkept: bool,
    pub(super) restarts: Restarts,
    pub(super) deadlines: Deadlines,
}

/// A consumer with its connection, at work.
pub(super) struct Run<'a> {
    pub(super) consumer: &'a mut Consumer,
    pub(super) on: &'a mut Connected,
    pub(super) callback: &'a mut dyn Callback,
}

impl Consumer {
    pub(super) fn open(
        settings: Settings,
        writer: Writer,
        stop: StopHandle,
        reconcile: bool,
    ) -> Result<Self> {
        Records::new(writer.connection()).prepare_stage()?;
        Ancestors::new(writer.connection()).prepare()?;
        Ok(Consumer {
            report: Report::begin(&writer, stop.clone(), &settings),
            stop,
            cookie: writer.setting(status::COOKIE)?,
            carry: Carry::open(&writer)?,
            watch: Watch::open(&settings.search, &writer)?,
            shows_parents: settings.search.shows_everything_below(),
            reconcile,
            schedule: Schedule::open(settings.reconcile_every, &writer)?,
            derived_rests: None,
            guard: DeleteGuard::new(settings.max_delete).dry(settings.dry_run),
            hashes: Hashes::open(&settings.search, &writer)?,
            habits: vec![Habit::default(); settings.servers.len()],
            next_server: 0,
            failed_at: None,
            warned_in_clear: false,
            warned_of_derived: false,
            warnings: Warnings::default(),
            warned_unsupported: false,
            reminder: Reminder::default(),
            settings,
            writer,
        })
    }

    /// Reads the state from the store again, because the last transaction may have been rolled back.
    pub(super) fn read_again(&mut self) -> Result<()> {
        self.cookie = self.writer.setting(status::COOKIE)?;
        self.carry.read_again(&self.writer)?;
        self.watch.reset(&self.writer)
    }

    pub(super) fn now(&self) -> Instant {
        self.settings.options.network.now()
    }

    /// Splits the state: an open stage at work, and the other parts that its end needs.
    pub(super) fn work<'a>(
        &'a mut self,
        stage: &'a mut Stage,
        callback: &'a mut dyn Callback,
    ) -> (Work<'a>, Beside<'a>) {
        let work = Work {
            stage,
            apply: Applier {
                writer: &self.writer,
                callback,
                stop: &self.stop,
                hashes: &mut self.hashes,
            },
            base: &self.settings.search.base,
            except: &self.settings.search.except,
            shows_parents: self.shows_parents,
        };
        let beside = Beside {
            settings: &self.settings,
            stop: &self.stop,
            guard: &self.guard,
        };
        (work, beside)
    }
}

/// The parts of the consumer that a stage at work does not borrow.
#[derive(Clone, Copy)]
pub(super) struct Beside<'a> {
    pub(super) settings: &'a Settings,
    pub(super) stop: &'a StopHandle,
    pub(super) guard: &'a DeleteGuard,
}

impl Connected {
    pub(super) fn new(link: Link) -> Self {
        Connected {
            group_began: link.heard,
            link,
            side: None,
            stage: None,
            stopping: None,
            gap: None,
            told_unkept: false,
            restarts: Restarts::default(),
            deadlines: Deadlines::default(),
        }
    }

    pub(super) fn phase(&self) -> Phase {
        let open = self.stage.is_some();
        if self.deadlines.is_set(Due::Cancel) {
            Phase::Cancelled
        } else if self.link.session.in_refresh_stage() {
            Phase::Refresh { open }
        } else {
            Phase::Persist { open }
        }
    }

    /// Closes the connections.
    pub(super) fn unbind(self) {
        self.link.connection.unbind();
        self.side.into_iter().for_each(Connection::unbind);
    }
}

impl Run<'_> {
    pub(super) fn now(&self) -> Instant {
        self.consumer.now()
    }

    /// For searches beside the sync search, at the same provider.
    pub(super) fn lookup(&mut self) -> Lookup<'_> {
        let Consumer { settings, stop, .. } = &*self.consumer;
        lookup(&self.on.link, settings, stop, &mut self.on.side)
    }
}

/// For searches at the provider of the sync search, on the side connection.
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
