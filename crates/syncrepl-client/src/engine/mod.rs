//! [`Syncrepl`]: connect, refresh, persist, stop. The one file that knows the order of things.

mod connect;
mod deliver;
mod follow;
mod fresh;
mod gap;
mod heartbeat;
pub(crate) mod mode;
mod refusal;
mod resume;
mod schedule;
mod wait;
mod watch;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use roaring::RoaringTreemap;
use syncrepl_proto::profile::Provider;
use syncrepl_proto::session::Session;

use crate::callback::Callback;
use crate::changes::guard::{DeleteGuard, MaxDelete};
use crate::changes::hashes::Hashes;
use crate::changes::stage::Stage;
use crate::connection::{ConnectOptions, Connection, Credentials, Server};
use crate::error::{Error, ErrorKind, Result};
use crate::status;
use crate::stop::{LONGEST_WAIT, StopHandle};
use crate::store::ancestors::Ancestors;
use crate::store::records::Records;
use crate::store::search::Search;
use crate::store::{Store, Writer};
pub(crate) use connect::{none_can_be_used, not_ready};
use mode::SyncreplMode;
use schedule::Schedule;

/// What a consumer was built with.
pub(crate) struct Settings {
    pub(crate) servers: Vec<Server>,
    pub(crate) options: ConnectOptions,
    pub(crate) credentials: Credentials,
    pub(crate) mode: SyncreplMode,
    pub(crate) search: Search,
    /// The search and the first server as a URL, to be remembered.
    pub(crate) url: String,
    pub(crate) refresh_timeout: Duration,
    /// The silence after which the provider is asked for a sign of life; zero for never.
    pub(crate) heartbeat: Duration,
    pub(crate) max_delete: MaxDelete,
    pub(crate) reconcile_every: Option<Duration>,
}

/// A bound connection with the sync search on it.
struct Link {
    connection: Connection,
    session: Session,
    server: usize,
    provider: Provider,
    authzid: String,
    cookie_sent: bool,
    may_bring_others: bool,
    heard: Instant,
    /// The heartbeat that has not been answered: its message ID, and when it was sent.
    asked: Option<(u32, Instant)>,
    cancelled_at: Option<Instant>,
    /// Whether the provider knows Cancel. If not, the persist stage is ended by closing.
    can_cancel: bool,
    /// Whether it was found out already why the provider keeps silent.
    asked_why: bool,
}

/// How far a refresh stage has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// How many entries the provider has sent or named in this stage.
    pub entries: u64,
    /// How many entries the copy held when the stage began; 0 for a first refresh.
    pub before: u64,
}

/// A consumer: keeps the copy in a store equal to a search, and calls a [`Callback`] on every
/// change. See the crate's documentation for an example.
pub struct Syncrepl<C> {
    settings: Settings,
    callback: C,
    link: Option<Link>,
    side: Option<Connection>,
    stage: Option<Stage>,
    group_began: Instant,
    writer: Writer,
    /// The cookie that the store holds.
    cookie: Option<Vec<u8>>,
    /// Records that may be from before a change that is still to be told,
    fresh: RoaringTreemap,
    /// as long as that change may be told in the persist stage.
    fresh_until: Option<Instant>,
    /// Records that may be held elsewhere than they are,
    suspects: RoaringTreemap,
    /// and when they are asked for.
    suspects_due: Option<Instant>,
    /// What may be missing at the beginning of the persist stage.
    gap: Option<gap::Gap>,
    reconcile: bool,
    schedule: Schedule,
    guard: DeleteGuard,
    hashes: Hashes,
    watch: watch::Watch,
    next_server: usize,
    /// What is known of each server's heartbeat.
    habits: Vec<heartbeat::Habit>,
    /// The address of the last connection that failed: another one of the same name is tried first.
    failed_at: Option<SocketAddr>,
    finished: bool,
    /// A poll is under way. Found set by the next one, the last has unwound out of a callback.
    polling: bool,
    warned_in_clear: bool,
    stop: StopHandle,
}

impl<C: Callback> Syncrepl<C> {
    pub(crate) fn open(
        settings: Settings,
        writer: Writer,
        callback: C,
        stop: StopHandle,
        reconcile: bool,
    ) -> Result<Self> {
        Records::new(writer.connection()).prepare_stage()?;
        Ancestors::new(writer.connection()).prepare()?;
        let watch = watch::Watch::open(&settings.search, &writer)?;
        let cookie = writer.setting(status::COOKIE)?;
        let fresh = fresh::read(&writer, status::FRESH)?;
        let schedule = Schedule::open(settings.reconcile_every, &writer)?;
        let guard = DeleteGuard::new(settings.max_delete);
        let hashes = Hashes::open(&settings.search, &writer)?;
        Ok(Syncrepl {
            callback,
            link: None,
            side: None,
            stage: None,
            habits: vec![heartbeat::Habit::default(); settings.servers.len()],
            failed_at: None,
            group_began: settings.options.network.now(),
            settings,
            writer,
            cookie,
            fresh,
            fresh_until: None,
            suspects: RoaringTreemap::new(),
            suspects_due: None,
            gap: None,
            reconcile,
            schedule,
            guard,
            hashes,
            watch,
            next_server: 0,
            finished: false,
            polling: false,
            warned_in_clear: false,
            stop,
        })
    }

    /// A handle with which any thread can stop this consumer.
    pub fn stop_handle(&self) -> StopHandle {
        self.stop.clone()
    }

    /// A further handle to the store, with transactions of its own.
    ///
    /// # Errors
    /// Those of the store.
    pub fn db(&self) -> Result<Store> {
        self.writer.handle()
    }

    /// The callback.
    pub fn callback(&mut self) -> &mut C {
        &mut self.callback
    }

    /// The number of the store's last commit.
    pub fn commit_number(&self) -> u64 {
        self.writer.commit_number()
    }

    /// How far the refresh stage has come; `None` outside of one.
    pub fn progress(&self) -> Option<Progress> {
        let stage = self.stage.as_ref().filter(|stage| stage.is_refresh())?;
        Some(Progress {
            entries: stage.messages,
            before: stage.before,
        })
    }

    /// The servers, in the order they are tried in.
    pub fn servers(&self) -> &[Server] {
        &self.settings.servers
    }

    /// The server that it is connected to.
    pub fn server(&self) -> Option<&Server> {
        let link = self.link.as_ref()?;
        self.settings.servers.get(link.server)
    }

    /// Whether the refresh stage has ended, and changes are told as they happen.
    pub fn in_persist_stage(&self) -> bool {
        self.link
            .as_ref()
            .is_some_and(|link| link.session.in_persist_stage())
    }

    /// Connects anew, with the same callback and store: after an error, or to refresh once more
    /// when a refresh-only run has ended. The servers are tried in the order of the list,
    /// beginning after the one that failed.
    ///
    /// # Errors
    /// As for [`Builder::connect`].
    pub fn reconnect(&mut self) -> Result<()> {
        self.abandon();
        self.polling = false;
        self.finished = false;
        // A panic may have come between what was about to be stored and its commit.
        self.cookie = self.writer.setting(status::COOKIE)?;
        self.fresh = fresh::read(&self.writer, status::FRESH)?;
        self.suspects = fresh::read(&self.writer, status::SUSPECTS)?;
        self.suspects_due = None;
        self.watch.reset(&self.writer)?;
        let count = self.settings.servers.len();
        let mut failures = Vec::new();
        for _ in 0..count {
            let server = self.next_server % count;
            match self.establish(server) {
                Ok(link) => {
                    self.link = Some(link);
                    self.next_server = server;
                    return Ok(());
                }
                Err(error) if error.is_retryable() && self.stop.requests() == 0 => {
                    self.writer.rollback();
                    self.next_server = server + 1;
                    failures.push(error);
                }
                Err(error) => {
                    self.writer.rollback();
                    return Err(error);
                }
            }
        }
        Err(connect::none_can_be_used(failures))
    }

    /// Waits for news, for `timeout` at most, and delivers what has come. Returns false when
    /// there is nothing more to come: in refresh-only mode when the refresh has ended, else when a
    /// requested stop is complete.
    ///
    /// # Errors
    /// Everything that ends the run. What was not committed is rolled back, the cookie is as
    /// before, and [`reconnect`](Syncrepl::reconnect) goes on from there.
    pub fn poll(&mut self, timeout: Duration) -> Result<bool> {
        if std::mem::replace(&mut self.polling, true) {
            // The change that was being told is stored, but not told: it must not be committed.
            self.abandon();
        }
        let result = self.poll_until(self.now() + timeout.min(LONGEST_WAIT));
        self.polling = false;
        if let (Err(error), Some(link)) = (&result, &self.link) {
            self.next_server = (link.server + 1) % self.settings.servers.len();
            self.failed_at = link.connection.address();
            self.note_heartbeat(error);
        }
        if !matches!(result, Ok(true)) {
            self.abandon();
        }
        result
    }

    /// Polls until there is nothing more to come.
    ///
    /// # Errors
    /// As for [`poll`](Syncrepl::poll).
    pub fn run(&mut self) -> Result<()> {
        while self.poll(Duration::from_secs(3600))? {}
        Ok(())
    }

    /// Says goodbye to the provider and closes the store.
    ///
    /// # Errors
    /// None at present; what could fail after the last commit loses nothing.
    pub fn unbind(mut self) -> Result<()> {
        self.abandon();
        Ok(())
    }

    /// Rolls back what is open and closes the connections.
    fn abandon(&mut self) {
        self.writer.rollback();
        self.stage = None;
        self.gap = None;
        let link = self.link.take().map(|link| link.connection);
        [link, self.side.take()]
            .into_iter()
            .flatten()
            .for_each(Connection::unbind);
    }

    fn now(&self) -> Instant {
        self.settings.options.network.now()
    }
}

impl<C> std::fmt::Debug for Syncrepl<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Syncrepl")
            .field("url", &self.settings.url)
            .finish_non_exhaustive()
    }
}

fn not_connected() -> Error {
    Error::new(ErrorKind::Unreachable, "not connected").with_hint("reconnect first")
}
