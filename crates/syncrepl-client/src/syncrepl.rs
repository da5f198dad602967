//! [`Syncrepl`]: connect, refresh, persist, stop. The one file that knows the order of things.

use std::path::Path;
use std::time::{Duration, Instant};

use syncrepl_proto::control::Control;
use syncrepl_proto::cookie;
use syncrepl_proto::dn;
use syncrepl_proto::message::{Message, Scope, SearchRequest};
use syncrepl_proto::profile::Provider;
use syncrepl_proto::session::{Session, SyncEvent};
use syncrepl_proto::sync::{SYNC_REQUEST, SyncMode, SyncRequest};

use crate::apply::{Applier, stopped};
use crate::builder::{Builder, SyncreplMode};
use crate::callback::Callback;
use crate::connection::{
    BoundLdap, ConnectOptions, Connection, Credentials, RootDse, Server, Woken,
    notice_of_disconnection, refused, undecodable,
};
use crate::error::{CallbackResult, Error, ErrorKind, Result};
use crate::lookup::Lookup;
use crate::search::Search;
use crate::settle::{MaxDelete, Rules, Settled};
use crate::stage::{Kind, Stage, Work};
use crate::status;
use crate::stop::{LONGEST_WAIT, StopHandle};
use crate::store::records::Records;
use crate::store::{Store, Writer, callback_failed};

/// A group of the persist stage ends after so many messages,
const GROUP_MESSAGES: u64 = 256;
/// or after so long, even if more is buffered.
const GROUP_TIME: Duration = Duration::from_millis(50);
/// How long the answer to a Cancel is awaited.
const CANCEL_TIME: Duration = Duration::from_secs(5);
/// How often a refresh may begin anew without a cookie.
const RESTARTS: u32 = 3;

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
    pub(crate) max_delete: MaxDelete,
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
    cancelled_at: Option<Instant>,
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
    reconcile: bool,
    next_server: usize,
    finished: bool,
    /// A poll is under way. Found set by the next one, the last has unwound out of a callback.
    polling: bool,
    warned_in_clear: bool,
    stop: StopHandle,
}

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
    /// Describes a consumer that keeps its copy in the file `path` (created if it is not there)
    /// and calls `callback`.
    pub fn builder(path: impl AsRef<Path>, callback: C) -> Builder<C> {
        Builder::new(path.as_ref().to_path_buf(), callback)
    }

    pub(crate) fn open(
        settings: Settings,
        writer: Writer,
        callback: C,
        stop: StopHandle,
        reconcile: bool,
    ) -> Result<Self> {
        Records::new(writer.connection()).prepare_stage()?;
        let cookie = writer.setting(status::COOKIE)?;
        Ok(Syncrepl {
            settings,
            callback,
            link: None,
            side: None,
            stage: None,
            group_began: Instant::now(),
            writer,
            cookie,
            reconcile,
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
        Err(none_can_be_used(failures))
    }

    fn establish(&mut self, server: usize) -> Result<Link> {
        let Settings {
            servers,
            options,
            credentials,
            ..
        } = &self.settings;
        let mut connection = Connection::open(&servers[server], options, &self.stop)?;
        let in_clear = !connection.is_encrypted() && !connection.is_loopback();
        if in_clear && matches!(credentials, Credentials::Simple { .. }) && !self.warned_in_clear {
            self.warned_in_clear = true;
            tracing::warn!(
                "the password goes to {} unencrypted; use StartTLS or ldaps",
                servers[server]
            );
        }
        connection.bind(credentials)?;
        let authzid = connection
            .who_am_i()?
            .unwrap_or_else(|| credentials.identity());
        let root_dse = connection.root_dse()?;
        let provider = Provider::from_root_dse(
            root_dse.vendor_name.as_deref(),
            root_dse.object_classes.iter().map(String::as_str),
        );
        self.bind_complete(&mut connection)?;
        let mut session = Session::new(self.settings.mode.into());
        session.skip_references_without_state(provider.sends_references_without_state());
        let mut link = Link {
            connection,
            session,
            server,
            provider,
            authzid,
            cookie_sent: false,
            may_bring_others: self.may_bring_others(provider, &root_dse),
            heard: Instant::now(),
            cancelled_at: None,
        };
        let known = self.writer.setting(status::AUTHZID)?;
        let same_identity = known.is_none_or(|known| known == link.authzid.as_bytes());
        if !same_identity {
            self.callback
                .debug("bound as somebody else than before: everything is compared");
        }
        let cookie = self
            .cookie
            .clone()
            .filter(|cookie| same_identity && !self.reconcile && provider.may_understand(cookie));
        link.cookie_sent = cookie.is_some();
        let id = link.connection.next_message_id();
        link.session
            .start(id, &self.settings.search.request(), cookie.as_deref());
        Ok(link)
    }

    /// Whether an entry may come into the base from outside, with others below it. Into a whole
    /// naming context of slapd nothing can: there is no rename across databases.
    fn may_bring_others(&self, provider: Provider, root_dse: &RootDse) -> bool {
        let Search { base, scope, .. } = &self.settings.search;
        let base = dn::key(base);
        let whole = provider == Provider::OpenLdap
            && root_dse
                .naming_contexts
                .iter()
                .any(|context| dn::key(context) == base);
        *scope == Scope::Subtree && !whole
    }

    fn bind_complete(&mut self, connection: &mut Connection) -> Result<()> {
        self.writer.begin_group()?;
        let before = self.writer.written()?;
        let callback = &mut self.callback;
        self.writer.with_cursor(|cursor| {
            callback.bind_complete(&mut BoundLdap::new(connection), cursor)
        })?;
        if self.writer.written()? == before {
            self.writer.rollback();
            return Ok(());
        }
        self.commit()
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
        let result = self.poll_until(Instant::now() + timeout.min(LONGEST_WAIT));
        self.polling = false;
        if result.is_err()
            && let Some(link) = &self.link
        {
            self.next_server = (link.server + 1) % self.settings.servers.len();
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
        let link = self.link.take().map(|link| link.connection);
        [link, self.side.take()]
            .into_iter()
            .flatten()
            .for_each(Connection::unbind);
    }

    fn poll_until(&mut self, deadline: Instant) -> Result<bool> {
        loop {
            self.heed_stop()?;
            if self.finished {
                return Ok(false);
            }
            let link = self.link.as_mut().ok_or_else(not_connected)?;
            while let Some(request) = link.session.poll_request() {
                link.connection.send(&request)?;
            }
            let mut delivered = false;
            while self.take_message()? {
                delivered = true;
                if self.finished {
                    return Ok(false);
                }
            }
            self.end_group()?;
            let Some(link) = self.link.as_mut() else {
                return Err(not_connected());
            };
            if delivered && link.session.in_persist_stage() && link.cancelled_at.is_none() {
                return Ok(true);
            }
            let silent_until = link.heard + self.settings.refresh_timeout.min(LONGEST_WAIT);
            let mut until = deadline;
            if link.session.in_refresh_stage() {
                until = until.min(silent_until);
            }
            if let Some(cancelled_at) = link.cancelled_at {
                until = cancelled_at + CANCEL_TIME;
            }
            let woken = match link.connection.wait(Some(until)) {
                Ok(woken) => woken,
                // The provider may close instead of answering a Cancel.
                Err(_) if link.cancelled_at.is_some() => return self.finish(),
                Err(error) => return Err(error),
            };
            match woken {
                Woken::Readable => link.heard = Instant::now(),
                Woken::Stop => {}
                Woken::Deadline if link.cancelled_at.is_some() => return self.finish(),
                Woken::Deadline if link.session.in_refresh_stage() && until == silent_until => {
                    let seconds = self.settings.refresh_timeout.as_secs();
                    let message = format!("the provider was silent for {seconds} s in a refresh");
                    return Err(Error::new(ErrorKind::Unreachable, message));
                }
                Woken::Deadline => return Ok(true),
            }
            if Instant::now() >= deadline && link.cancelled_at.is_none() {
                return Ok(true);
            }
        }
    }

    fn finish(&mut self) -> Result<bool> {
        self.end_group()?;
        self.finished = true;
        Ok(false)
    }

    /// A first request lets a refresh stage end and cancels a persist stage; a second one
    /// abandons what is under way.
    fn heed_stop(&mut self) -> Result<()> {
        let requests = self.stop.requests();
        if requests == 0 || self.finished {
            return Ok(());
        }
        let Some(link) = self.link.as_mut() else {
            return Err(stopped());
        };
        if link.session.in_refresh_stage() {
            return if requests > 1 { Err(stopped()) } else { Ok(()) };
        }
        if requests > 1 {
            self.finish()?;
            return Ok(());
        }
        if link.cancelled_at.is_none() {
            let id = link.connection.next_message_id();
            link.session.cancel(id);
            link.cancelled_at = Some(Instant::now());
        }
        Ok(())
    }

    /// Takes one buffered message, if there is one.
    fn take_message(&mut self) -> Result<bool> {
        let Some(link) = self.link.as_mut() else {
            return Ok(false);
        };
        let Link {
            connection,
            session,
            cookie_sent,
            server,
            ..
        } = link;
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
        let refreshing = session.in_refresh_stage();
        let event = session.handle_message(&message).map_err(|error| {
            Error::new(
                ErrorKind::Protocol,
                format!("{server} sent what RFC 4533 does not allow"),
            )
            .with_source(error)
        })?;
        if self.stage.is_none() {
            self.stage = Some(if refreshing {
                self.writer.begin_stage()?;
                let before = Records::new(self.writer.connection()).count()?;
                Stage::new(
                    Kind::Refresh {
                        cookie_sent: *cookie_sent,
                    },
                    before,
                )
            } else {
                self.writer.begin_group()?;
                self.group_began = Instant::now();
                Stage::new(Kind::Group, 0)
            });
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
            },
            base: &self.settings.search.base,
        };
        let mut next = Next::Message;
        let received = match event {
            SyncEvent::Entry {
                uuid,
                dn,
                attributes,
                cookie,
            } => {
                work.stage.messages += 1;
                work.entry(uuid, dn, attributes)?;
                cookie
            }
            SyncEvent::Reference { uuid, uris, cookie } => {
                work.stage.messages += 1;
                work.reference(uuid, Some(uris))?;
                cookie
            }
            SyncEvent::Present { uuid, cookie } => {
                work.stage.messages += 1;
                work.present(uuid)?;
                cookie
            }
            SyncEvent::Delete { uuid, cookie } => {
                work.stage.messages += 1;
                work.delete(uuid)?;
                cookie
            }
            SyncEvent::IdSet {
                deleted,
                uuids,
                cookie,
            } => {
                for uuid in uuids.iter() {
                    work.stage.messages += 1;
                    if deleted {
                        work.delete(uuid)?;
                    } else {
                        work.present(uuid)?;
                    }
                }
                cookie
            }
            SyncEvent::NewCookie(cookie) => Some(cookie),
            SyncEvent::PhaseDone { cookie } => cookie,
            SyncEvent::RefreshDone {
                cookie,
                absent_is_deleted,
                named_present,
            } => {
                next = Next::RefreshDone {
                    absent_is_deleted,
                    named_present,
                };
                cookie
            }
            SyncEvent::RefreshRequired => {
                next = Next::StartAgain("the provider asked for a full refresh");
                None
            }
            SyncEvent::Refused(result) => {
                if *cookie_sent && refreshing && speaks_of_consumer_state(&result) {
                    next = Next::StartAgain("the provider does not know the cookie's state");
                } else {
                    let (code, diagnostic) = (result.code, result.diagnostic);
                    next = Next::Refused(refused(code, diagnostic, "the sync search"));
                }
                None
            }
            SyncEvent::Ended => {
                let message = format!("{server} ended the sync search");
                return Err(Error::new(ErrorKind::Unreachable, message));
            }
            SyncEvent::Cancelled => {
                next = Next::Finish;
                None
            }
            _ => None,
        };
        if let Some(received) = received {
            let stage = work.stage;
            if stage.is_refresh() {
                stage.cookie = cookie::after_refresh(received).or(stage.cookie.take());
            } else {
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

    /// A slapd that has nothing yet, not even a state, calls the base missing when it is to stay
    /// in touch, but not when it is to refresh only: then it is not ready, which passes.
    fn why_refused(&mut self, error: Error) -> Error {
        const NO_SUCH_OBJECT: u32 = 32;
        let Some(link) = self.link.as_mut() else {
            return error;
        };
        if error.result_code() != Some(NO_SUCH_OBJECT) {
            return error;
        }
        let value = SyncRequest {
            mode: SyncMode::RefreshOnly,
            cookie: None,
            reload_hint: false,
        }
        .encode();
        let control = Control {
            oid: SYNC_REQUEST,
            critical: true,
            value: Some(&value),
        };
        let request = SearchRequest {
            size_limit: 1,
            ..self.settings.search.request()
        };
        let mut empty = true;
        let asked = link.connection.search(&request, &[control], |_| {
            empty = false;
            Ok(())
        });
        match asked {
            Ok(()) if empty => not_ready(&self.settings.servers[link.server]),
            _ => error,
        }
    }

    /// Begins the search anew without a cookie. The stage stays open: what was told so far is
    /// compared like everything else.
    fn start_again(&mut self, why: &'static str) -> Result<()> {
        self.callback.debug(why);
        if self.stage.as_ref().is_some_and(|stage| !stage.is_refresh()) {
            self.end_group()?;
            self.writer.begin_stage()?;
            let before = Records::new(self.writer.connection()).count()?;
            self.stage = Some(Stage::new(Kind::Refresh { cookie_sent: false }, before));
        }
        let (Some(link), Some(stage)) = (self.link.as_mut(), self.stage.as_mut()) else {
            return Err(not_connected());
        };
        stage.restart();
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

    fn end_refresh(&mut self, absent_is_deleted: bool, named_present: bool) -> Result<()> {
        let (Some(link), Some(stage)) = (self.link.as_mut(), self.stage.as_mut()) else {
            return Err(not_connected());
        };
        let provider = link.provider.or_from_cookie(stage.cookie.as_deref());
        link.provider = provider;
        let absent_is_deleted = if link.cookie_sent {
            absent_is_deleted && provider.tells_what_is_present(named_present)
        } else if stage.cookie.is_none() {
            return Err(not_ready(&self.settings.servers[link.server]));
        } else {
            true
        };
        match self.settle(absent_is_deleted)? {
            Settled::Done => {}
            Settled::Incomplete(why) => return self.start_again(why),
        }
        let (Some(link), Some(stage)) = (self.link.as_ref(), self.stage.as_mut()) else {
            return Err(not_connected());
        };
        let count = Records::new(self.writer.connection()).count()?;
        Applier {
            writer: &self.writer,
            callback: &mut self.callback,
            stop: &self.stop,
        }
        .refresh_done(count)?;
        let received = stage.cookie.take();
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
        self.store_cookie(received)?;
        self.stage = None;
        self.commit()?;
        self.reconcile = false;
        if self.settings.mode == SyncreplMode::RefreshOnly {
            self.finished = true;
        }
        Ok(())
    }

    fn end_full_group(&mut self) -> Result<()> {
        let full = self.stage.as_ref().is_some_and(|stage| {
            !stage.is_refresh()
                && (stage.messages >= GROUP_MESSAGES || self.group_began.elapsed() >= GROUP_TIME)
        });
        if full { self.end_group() } else { Ok(()) }
    }

    /// Commits a group of the persist stage, if one is open.
    fn end_group(&mut self) -> Result<()> {
        if self.stage.as_ref().is_none_or(Stage::is_refresh) {
            return Ok(());
        }
        self.settle(false)?;
        let Some(stage) = self.stage.take() else {
            return Ok(());
        };
        let changed = stage.messages > 0;
        let received = stage
            .cookie
            .filter(|cookie| Some(cookie) != self.cookie.as_ref());
        if !changed && received.is_none() {
            self.writer.rollback();
            return Ok(());
        }
        self.store_cookie(received)?;
        self.commit()
    }

    fn store_cookie(&mut self, received: Option<Vec<u8>>) -> Result<()> {
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

    fn commit(&mut self) -> Result<()> {
        let result = told(self.callback.commit_pending(self.writer.next_commit()))
            .and_then(|()| self.writer.commit());
        if let Err(error) = result {
            // What the store holds decides, not what was about to be stored.
            self.writer.rollback();
            self.cookie = self.writer.setting(status::COOKIE)?;
            return Err(error);
        }
        self.callback.committed();
        Ok(())
    }

    fn settle(&mut self, absent_is_deleted: bool) -> Result<Settled> {
        let (Some(link), Some(stage)) = (self.link.as_ref(), self.stage.as_mut()) else {
            return Err(not_connected());
        };
        let mut lookup = Lookup {
            server: &self.settings.servers[link.server],
            options: &self.settings.options,
            credentials: &self.settings.credentials,
            provider: link.provider,
            search: &self.settings.search,
            stop: &self.stop,
            connection: &mut self.side,
        };
        let mut work = Work {
            stage,
            apply: Applier {
                writer: &self.writer,
                callback: &mut self.callback,
                stop: &self.stop,
            },
            base: &self.settings.search.base,
        };
        let rules = Rules {
            absent_is_deleted,
            may_bring_others: link.may_bring_others,
            max_delete: self.settings.max_delete,
        };
        work.settle(rules, &mut lookup)
    }
}

impl<C> std::fmt::Debug for Syncrepl<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Syncrepl")
            .field("url", &self.settings.url)
            .finish_non_exhaustive()
    }
}

/// The two answers of slapd that mean: start again without a cookie.
fn speaks_of_consumer_state(result: &syncrepl_proto::message::LdapResult<'_>) -> bool {
    const UNWILLING_TO_PERFORM: u32 = 53;
    let text = result.diagnostic.to_ascii_lowercase();
    result.code == UNWILLING_TO_PERFORM
        && (text.contains("consumer state is newer") || text.contains("consumer has state info"))
}

fn told(result: CallbackResult) -> Result<()> {
    result.map_err(callback_failed)
}

/// One error for all servers, of the kind of the last.
fn none_can_be_used(mut failures: Vec<Error>) -> Error {
    let Some(last) = failures.pop() else {
        return not_connected();
    };
    if failures.is_empty() {
        return last;
    }
    let (kind, code) = (last.kind(), last.result_code());
    failures.push(last);
    let each: Vec<_> = failures.iter().map(Error::to_string).collect();
    let error = Error::new(kind, format!("no server can be used: {}", each.join("; ")));
    match code {
        Some(code) => error.with_result_code(code),
        None => error,
    }
}

fn not_connected() -> Error {
    Error::new(ErrorKind::Unreachable, "not connected").with_hint("reconnect first")
}

fn not_ready(server: &Server) -> Error {
    Error::new(
        ErrorKind::NotReady,
        format!("{server} answered without a cookie, so what it sent proves nothing; nothing was changed"),
    )
    .with_hint("it is empty, or a replica that has not finished loading: wait for it, or name another server")
}
