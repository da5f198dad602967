//! The options of a consumer. `given` checks them before anything connects, and `again` completes them by
//! what the store remembers of the last connection.

mod again;
mod given;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use syncrepl_proto::message::Scope;

use crate::callback::Callback;
use crate::changes::guard::MaxDelete;
use crate::changes::rules::Limits;
use crate::connection::{Credentials, GivenNetwork, Named, Network, StartTls};
use crate::doctor::{self, Finding};
use crate::engine::Syncrepl;
pub use crate::engine::mode::SyncreplMode;
use crate::error::Result;
use crate::journal::JournalSettings;
use crate::remembered::Remembered;
use crate::stop::StopHandle;
use crate::store::{Store, Writer};
use given::{Parts, Place};

/// Describes a [`Syncrepl`]; made by [`Syncrepl::builder`]. Nothing is opened or checked before
/// [`connect`](Builder::connect), [`open`](Builder::open) or [`diagnose`](Builder::diagnose).
pub struct Builder<C> {
    callback: C,
    parts: Parts,
    reconcile: bool,
    stop: StopHandle,
}

impl<C: Callback> Syncrepl<C> {
    /// Describes a consumer that keeps its copy in the file `path` (created if it is not there)
    /// and calls `callback`.
    pub fn builder(path: impl AsRef<Path>, callback: C) -> Builder<C> {
        Builder {
            callback,
            parts: Parts::new(path.as_ref().to_path_buf()),
            reconcile: false,
            stop: StopHandle::new(),
        }
    }
}

impl<C: Callback> Builder<C> {
    /// An LDAP URL (RFC 4516): where to connect and what to search. The consumer tries the servers of
    /// several URLs in this order; the first URL names the search. Its default scope is
    /// `base`, one entry. Extensions: `bindname` (a DN, or `GSSAPI` for the Kerberos ticket),
    /// `X-BINDPW`, `x-mech` (a SASL mechanism; `bindname` is then the name of its user), `StartTLS`;
    /// of several URLs those of the first count. When the store holds a copy already, the URL may be
    /// left out. Another search than the stored one is [`ErrorKind::UrlConflict`](crate::ErrorKind::UrlConflict).
    pub fn ldap_url(mut self, url: impl Into<String>) -> Self {
        self.parts.urls.push(Place::Url(url.into()));
        self
    }

    /// The servers that the DNS names for a domain, by its SRV records `_ldap._tcp` (RFC 2782): in the place of a
    /// server among the [`ldap_url`](Builder::ldap_url)s, asked for anew before each connection. They are
    /// `ldap://` servers: use [`starttls`](Builder::starttls), which checks the certificate of each for the name
    /// that the record has. The search has to come from [`search`](Builder::search), a URL or the store.
    pub fn dns_domain(mut self, domain: impl Into<String>) -> Self {
        self.parts.urls.push(Place::Domain(domain.into()));
        self
    }

    /// The name server to ask for SRV records, in place of the system's: for tests.
    #[doc(hidden)]
    pub fn name_server(mut self, address: std::net::SocketAddr) -> Self {
        self.parts.options.name_server = Some(address);
        self
    }

    /// The search in parts, instead of the one in the URL: base DN, scope, filter (RFC 4515; empty
    /// for `(objectClass=*)`), attributes (none for all user attributes).
    pub fn search(
        mut self,
        base: impl Into<String>,
        scope: Scope,
        filter: impl Into<String>,
        attributes: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        let attributes = attributes.into_iter().map(Into::into).collect();
        self.parts.search = Some((base.into(), scope, filter.into(), attributes));
        self
    }

    /// Attributes to leave out of the copy although the provider sends them: a change of such an attribute is
    /// stored and told to nobody. A name stands for the attribute with all its options. They are part of the
    /// search; by default those of the URL (the extension `x-attrs-except`), else those that the store remembers.
    pub fn attributes_except(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.parts.except = Some(names.into_iter().map(Into::into).collect());
        self
    }

    /// What happens once the copy is up to date; [`SyncreplMode::RefreshAndPersist`] by default.
    pub fn mode(mut self, mode: SyncreplMode) -> Self {
        self.parts.mode = mode;
        self
    }

    /// The identity to bind as; by default the one that the URL names, else the one that the store remembers
    /// of its copy, else anonymous. The store keeps no password: an identity that needs one has to be given
    /// here, or [`open`](Builder::open) fails with [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput).
    /// [`Store::remembered`](crate::Store::remembered) tells which identity that is. Another identity than that
    /// of the copy is refused ([`allow_new_identity`](Builder::allow_new_identity)).
    pub fn credentials(mut self, credentials: Credentials) -> Self {
        self.parts.credentials = Some(credentials);
        self
    }

    /// Whether the copy may become what another identity sees. Identities are compared by the authzId that the
    /// provider gives (RFC 4532). False by default: a bind as somebody else than before, anonymous included,
    /// is [`ErrorKind::IdentityConflict`](crate::ErrorKind::IdentityConflict), before the callback hears of the
    /// connection and before anything is changed. If it is true, the refresh compares everything, tells the
    /// differences, and the store remembers the new identity.
    pub fn allow_new_identity(mut self, allow: bool) -> Self {
        self.parts.allow_new_identity = allow;
        self
    }

    /// Whether a copy that was made over TLS may be refreshed in clear. False by default: StartTLS that the
    /// store remembers is done again and has to succeed, and `ldap://` without StartTLS is
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput), also beside an `ldaps://` server in one
    /// list. If it is true, only [`starttls`](Builder::starttls) and the URL decide.
    pub fn allow_clear(mut self, allow: bool) -> Self {
        self.parts.allow_clear = allow;
        self
    }

    /// Whether StartTLS is used on `ldap://`; by default as the store remembers, else [`StartTls::Never`].
    pub fn starttls(mut self, starttls: StartTls) -> Self {
        self.parts.options.starttls = starttls;
        self
    }

    /// A PEM file with the authorities to trust, instead of those of the platform; by default the one that the
    /// store remembers. An empty path makes the store forget it. It may also hold the
    /// provider's own certificate, if that is self-signed. Each connection that needs the file reads it. A file
    /// that cannot be read is [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput).
    pub fn ca_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.parts.options.ca_file = Some(path.into());
        self
    }

    /// A certificate to show to a provider that asks for one, with those of its authorities behind it,
    /// and its key (PKCS#8, PKCS#1 or SEC1, not encrypted): PEM files, read whenever a connection is
    /// made. By default those that the store remembers; empty paths make it forget them. With
    /// [`Credentials::external`] the certificate is the identity. A file that cannot be used is
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput).
    pub fn client_certificate(
        mut self,
        certificate: impl Into<PathBuf>,
        key: impl Into<PathBuf>,
    ) -> Self {
        self.parts.options.client_certificate = Some((certificate.into(), key.into()));
        self
    }

    /// Where the files of TLS were named, for the messages about them.
    #[doc(hidden)]
    pub fn named(mut self, named: Named) -> Self {
        self.parts.options.named = named;
        self
    }

    /// Whether every connection needs TLS, also one to this machine. A local socket needs none.
    /// [`StartTls::IfPossible`] is then [`StartTls::Required`], and `ldap://` without StartTLS is [`ErrorKind::Tls`](crate::ErrorKind::Tls). False by default.
    pub fn require_tls(mut self, require: bool) -> Self {
        self.parts.options.require_tls = require;
        self
    }

    /// Whether the provider's certificate is NOT checked: neither its signature nor its name nor its
    /// dates. A machine between you and the provider can then read and change everything, the password
    /// included. A warning is logged for every connection. False by default.
    pub fn dangerous_accept_any_certificate(mut self, accept: bool) -> Self {
        self.parts.options.accept_any_certificate = accept;
        self
    }

    /// How long to wait for a connection: for the name, then for each address of the server, its TLS
    /// handshake included; 10 seconds by default.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.parts.options.connect_timeout = timeout;
        self
    }

    /// How long to wait for the answer to a single operation, such as the bind; 30 seconds by default.
    pub fn response_timeout(mut self, timeout: Duration) -> Self {
        self.parts.options.response_timeout = timeout;
        self
    }

    /// How long a refresh stage may be silent; 10 minutes by default. After that it fails with
    /// [`ErrorKind::Unreachable`](crate::ErrorKind::Unreachable). In the persist stage silence is normal,
    /// and the [`heartbeat`](Builder::heartbeat) tells it from a dead connection.
    pub fn refresh_timeout(mut self, timeout: Duration) -> Self {
        self.parts.refresh_timeout = timeout;
        self
    }

    /// The silence in the persist stage after which [`Syncrepl::poll`] asks the provider *Who am I?* (RFC
    /// 4532), on the same connection; 20 seconds by default, zero for never. Any answer will do. If none
    /// comes within [`response_timeout`](Builder::response_timeout), `poll` fails with
    /// [`ErrorKind::Unreachable`](crate::ErrorKind::Unreachable). So a server that hangs, or a firewall
    /// that has forgotten the connection, is noticed within a minute. A program that polls less often asks
    /// less often.
    pub fn heartbeat(mut self, silence: Duration) -> Self {
        self.parts.heartbeat = silence;
        self
    }

    /// The largest message accepted, in bytes; 64 MiB by default. An entry comes in one message. A
    /// larger one ends the run with [`ErrorKind::Protocol`](crate::ErrorKind::Protocol).
    pub fn max_message_size(mut self, size: usize) -> Self {
        self.parts.options.max_message_size = size;
        self
    }

    /// Whether a provider that is known not to work is tried all the same: of a kind that does not know RFC
    /// 4533, or that tells changes late or never. The copy may then be wrong. False by default: such a
    /// provider is [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported), and nothing is stored.
    pub fn any_server(mut self, any: bool) -> Self {
        self.parts.any_server = any;
        self
    }

    /// Whether the next refresh goes without the cookie: the provider sends everything again, and you are
    /// told the real differences. False by default.
    pub fn reconcile(mut self, reconcile: bool) -> Self {
        self.reconcile = reconcile;
        self
    }

    /// The interval at which a refresh goes without the cookie, as after
    /// [`reconcile`](Builder::reconcile); never, by default. The store remembers when the last such refresh
    /// ended, by the system's clock, and the first refresh after the interval is a full comparison. In the
    /// persist stage [`Syncrepl::poll`] begins it when it is due, and goes on in the persist stage
    /// afterwards. A comparison that fails is owed until one has committed. Zero is [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput).
    pub fn reconcile_every(mut self, interval: Duration) -> Self {
        self.parts.reconcile_every = Some(interval);
        self
    }

    /// Whether [`Syncrepl::poll`] searches for everything after each change that the provider tells, and
    /// compares. So it hears of values that an overlay computes, such as `memberOf` by `dynlist`, and of
    /// entries that a filter on them shows or hides, within seconds. The search comes a second after the
    /// change, and rests for ten times as long as it took. False by default.
    pub fn derived(mut self, derived: bool) -> Self {
        self.parts.derived = derived;
        self
    }

    /// Turns the [`journal`](crate::journal) on: each change that is told is also a row in the store. From then
    /// on that is a setting of the file, which is kept so without this call too. Where it is on already, it is
    /// kept in this way from now on. By default it stays as it is, which is off in a new store. A
    /// [`dry_run`](Builder::dry_run) leaves it as it is.
    pub fn journal(mut self, settings: JournalSettings) -> Self {
        self.parts.journal = Some(settings);
        self
    }

    /// Changes [`JournalSettings::every_refresh`] alone: whether every refresh but the first writes a row for
    /// each change, however many they are. Nothing happens while the journal is off.
    pub fn journal_rows_of_every_refresh(mut self, every: bool) -> Self {
        self.parts.every_refresh = Some(every);
        self
    }

    /// Makes rare paths frequent: for the simulation.
    #[doc(hidden)]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.parts.limits = limits;
        self
    }

    /// How much one refresh may delete, and how much any minute may, in whichever stage. By default that is
    /// anything but the whole copy by implication. More ends the run with [`ErrorKind::Guard`](crate::ErrorKind::Guard):
    /// the refresh, or the group of changes that goes too far, is rolled back with its cookie, so that the
    /// provider tells those deletes again. [`Syncrepl::reconnect`] does not begin a new minute; opening the
    /// consumer anew does.
    pub fn max_delete(mut self, max_delete: MaxDelete) -> Self {
        self.parts.max_delete = max_delete;
        self
    }

    /// Whether a refresh only tells what it would change: the callback hears everything up to
    /// [`Callback::commit_pending`], and then the transaction is rolled back in place of a commit, so that
    /// `committed` never comes. Where [`max_delete`](Builder::max_delete) would have stopped the refresh, all of
    /// it is told first, and [`Syncrepl::poll`] fails with [`ErrorKind::Guard`](crate::ErrorKind::Guard) at the
    /// end. Only for [`SyncreplMode::RefreshOnly`]. A store that is not there is created, empty; a store of an
    /// earlier version is brought up to date. False by default.
    pub fn dry_run(mut self, dry: bool) -> Self {
        self.parts.dry_run = dry;
        self
    }

    /// A stop handle made beforehand, so that a signal that comes while connecting is heard.
    pub fn stop_handle(mut self, stop: StopHandle) -> Self {
        self.stop = stop;
        self
    }

    /// Streams to use in place of sockets, with a clock of their own: a provider in the same
    /// process, or a simulation. Sockets and the system's clock by default.
    #[doc(hidden)]
    pub fn network(mut self, network: impl Network + 'static) -> Self {
        self.parts.options.network = GivenNetwork(Some(Arc::new(network)));
        self
    }

    /// Opens and locks the store, connects to the first server that answers, binds, calls
    /// [`Callback::bind_complete`] and starts the search.
    ///
    /// # Errors
    /// Anything that stands in the way. [`Error::is_retryable`](crate::Error::is_retryable) tells whether
    /// another try may help.
    pub fn connect(self) -> Result<Syncrepl<C>> {
        let mut syncrepl = self.open()?;
        syncrepl.reconnect()?;
        Ok(syncrepl)
    }

    /// Opens and locks the store without connecting. [`Syncrepl::follow`] then waits for a server that
    /// answers, as [`Syncrepl::reconnect`] in a loop of your own does.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) and those of the store.
    pub fn open(mut self) -> Result<Syncrepl<C>> {
        let given = self.parts.given()?;
        // After the check: wrong options leave no file behind.
        let mut writer = Writer::open(&self.parts.path)?;
        let settings = self
            .parts
            .settings(given, &Remembered::of_writer(&writer)?)?;
        self.parts.keep_journal(&mut writer)?;
        Syncrepl::open(settings, writer, self.callback, self.stop, self.reconcile)
    }

    /// Makes a new store at `path` from the copy in the builder's own store, for the search of this builder. The
    /// first refresh of the new store compares everything, and tells only what really differs: entries outside
    /// of the new search are deleted, other attributes are changes. The store of the builder stays as it is, and
    /// a consumer may use it meanwhile. The new one has an id and a history of its own ([`Store::position`]), and
    /// your own tables. It connects to nobody. Returns the number of entries.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) when `path` exists, or there is no copy yet;
    /// and those of the store.
    pub fn adopt_to(mut self, path: impl AsRef<Path>) -> Result<u64> {
        let given = self.parts.given()?;
        let store = Store::open(&self.parts.path)?;
        let url = given.adopted(store.url()?.as_ref())?;
        store.adopt_to(path.as_ref(), &url)?;
        Store::open(path)?.count()
    }

    /// Looks at each server as a refresh would meet it, and tells its findings line by line: what works,
    /// what does not, and what to do about it. It stores nothing. Of a store it reads the search and
    /// the server, if there is a store. The provider sends the entries of the search, one attribute of each.
    ///
    /// # Errors
    /// The error that a refresh would end with. The errors of a single server were told.
    pub fn diagnose(mut self, mut tell: impl FnMut(&Finding)) -> Result<()> {
        let given = self.parts.given()?;
        let stored = match self.parts.path.exists() {
            true => Store::open(&self.parts.path)?.remembered()?,
            false => Remembered::default(),
        };
        let mut settings = self.parts.settings(given, &stored)?;
        doctor::examine(&mut settings, &stored, &self.stop, &mut tell)
    }
}
