//! From a list of servers to a bound connection on which the sync search has begun.

use syncrepl_proto::dn;
use syncrepl_proto::message::Scope;
use syncrepl_proto::profile::Provider;
use syncrepl_proto::session::Session;
use syncrepl_proto::sync::SyncMode;

use super::coverage::Coverage;
use super::habit::Habit;
use super::identity;
use super::mode::SyncreplMode;
use super::newest::Newest;
use super::refusal::unsupported;
use super::settings::Settings;
use super::state::{Consumer, Link};
use crate::callback::Callback;
use crate::connection::{Addresses, BoundLdap, ConnectOptions, Connection, Credentials, RootDse};
use crate::error::{Error, ErrorKind, Result};
use crate::record::text::printable;
use crate::remembered::{self, Remembered};
use crate::store::search::Search;

impl Consumer {
    /// Asks the DNS for the servers that it names. Gives the reasons why it names none.
    pub(super) fn find_servers(&mut self) -> Result<Vec<Error>> {
        let before = self.settings.servers.clone();
        let failures = self.settings.find_servers(&self.stop)?;
        if self.settings.servers != before {
            self.next_server = 0;
            self.habits = vec![Habit::default(); self.settings.servers.len()];
        }
        Ok(failures.into_iter().map(|(_, error)| error).collect())
    }

    /// Connects to this server, binds, and begins the sync search.
    pub(super) fn establish(&mut self, server: usize, callback: &mut dyn Callback) -> Result<Link> {
        let Settings {
            servers, options, ..
        } = &self.settings;
        let options = ConnectOptions {
            addresses: self.failed_at.map_or(Addresses::All, Addresses::Last),
            // A refresh of this very run may have been the first one over TLS.
            never_in_clear: !self.settings.allow_clear
                && self.writer.setting(remembered::ENCRYPTED)?.is_some(),
            ..options.clone()
        };
        let connection = Connection::open(&servers[server], &options, &self.stop)?;
        let address = connection.address();
        tracing::info!("connected to {}", servers[server]);
        let link = self.begin(server, connection, callback);
        if link.is_err() {
            self.failed_at = address;
        }
        link
    }

    fn begin(
        &mut self,
        server: usize,
        mut connection: Connection,
        callback: &mut dyn Callback,
    ) -> Result<Link> {
        self.warn_in_clear(server, &connection);
        let credentials = &self.settings.credentials;
        connection.bind(credentials)?;
        self.warn_unprotected(server, &connection);
        self.note_password(connection.password_warning().cloned());
        let told = connection.who_am_i()?;
        let same_identity = self.is_same_identity(told.as_deref(), callback)?;
        let authzid = told.unwrap_or_else(|| self.settings.credentials.identity());
        tell_bound(&authzid);
        let root_dse = connection.root_dse()?;
        let provider = root_dse.provider();
        self.refuse_unsupported(server, provider)?;
        self.warn_of_derived(provider);
        let coverage = self.coverage(server, &mut connection, provider, &root_dse)?;
        let shown = self.shown(&mut connection, provider, &root_dse)?;
        self.bind_complete(&mut connection, callback)?;
        let doubt = self.doubts(server, provider, &coverage)?;
        let cookie = self.cookie_to_send(provider, &root_dse, same_identity, doubt, callback);
        if provider.refuses_in_silence && self.settings.mode == SyncreplMode::RefreshAndPersist {
            self.check_base(&mut connection)?;
        }
        let mut link = Link {
            session: self.session(provider, cookie.as_deref()),
            connection,
            server,
            provider,
            authzid,
            cookie_sent: cookie.is_some(),
            coverage,
            may_bring_others: self.may_bring_others(provider, &root_dse),
            heard: self.now(),
            asked: None,
            newest: Newest::of(provider, &root_dse, &self.settings.search.base, self.now()),
            can_cancel: root_dse.can_cancel(),
            asked_why: false,
            shown,
            answered: false,
            gave_up: false,
        };
        let id = link.connection.next_message_id();
        link.session
            .start(id, &self.settings.search.request(), cookie.as_deref());
        Ok(link)
    }

    /// Whether the copy is one that this identity sees. Fails if it is not, unless it may become one.
    fn is_same_identity(&self, told: Option<&str>, callback: &mut dyn Callback) -> Result<bool> {
        let stored = Remembered::of_writer(&self.writer)?;
        match identity::check(&stored, told, &self.settings.credentials) {
            Ok(()) => Ok(true),
            Err(error) if !self.settings.allow_new_identity => Err(error),
            Err(_) => {
                callback.debug("bound as somebody else than before: everything is compared");
                Ok(false)
            }
        }
    }

    /// The first reason not to send the cookie, if there is one. Notes the warnings of all.
    fn doubts(
        &mut self,
        server: usize,
        provider: Provider,
        coverage: &Coverage,
    ) -> Result<Option<&'static str>> {
        self.warnings.forget();
        let left_out = self.may_be_left_out(server, provider, coverage)?;
        let ahead = self.is_ahead(server)?;
        let ends = self.ends_at_cookie(server, provider)?;
        Ok(left_out.or(ahead).or(ends))
    }

    fn session(&self, provider: Provider, cookie: Option<&[u8]>) -> Session {
        let knows = provider.or_from_cookie(cookie);
        let mode = match cookie.is_some() && knows.resumes_safely_only_to_persist {
            true => SyncMode::RefreshAndPersist,
            false => self.settings.mode.into(),
        };
        let mut session = Session::new(mode);
        session.skip_references_without_state(provider.sends_references_without_state);
        session
    }

    /// Fails if the provider is known not to work, unless the user wants to try all the same.
    fn refuse_unsupported(&mut self, server: usize, provider: Provider) -> Result<()> {
        let Some(error) = unsupported(provider, &self.settings.servers[server]) else {
            return Ok(());
        };
        if !self.settings.any_server {
            return Err(error);
        }
        if !self.warned_unsupported {
            self.warned_unsupported = true;
            tracing::warn!("{}; trying all the same", error.without_hint());
        }
        Ok(())
    }

    fn warn_in_clear(&mut self, server: usize, connection: &Connection) {
        let in_clear = !connection.is_encrypted() && !connection.is_loopback();
        let password = matches!(self.settings.credentials, Credentials::Simple { .. });
        if in_clear && password && !self.warned_in_clear {
            self.warned_in_clear = true;
            tracing::warn!(
                "the password goes to {} unencrypted; use StartTLS or ldaps",
                self.settings.servers[server]
            );
        }
    }

    /// Warns if Kerberos proved who both are, and protects nothing of what follows.
    fn warn_unprotected(&mut self, server: usize, connection: &Connection) {
        let gssapi = matches!(self.settings.credentials, Credentials::SaslGssapi { .. });
        let in_clear = !connection.is_protected() && !connection.is_loopback();
        if gssapi && in_clear && !self.warned_in_clear {
            self.warned_in_clear = true;
            tracing::warn!(
                "{} sends everything unencrypted: Kerberos protects the bind alone; use StartTLS or ldaps",
                self.settings.servers[server]
            );
        }
    }

    /// Whether the provider can move an entry with children into the base from outside. It cannot
    /// if the base is a whole naming context and it does not rename across databases.
    fn may_bring_others(&self, provider: Provider, root_dse: &RootDse) -> bool {
        let Search { base, scope, .. } = &self.settings.search;
        let base = dn::key(base);
        let whole = provider.keeps_naming_contexts_apart
            && root_dse
                .naming_contexts
                .iter()
                .any(|context| dn::key(context) == base);
        *scope == Scope::Subtree && !whole
    }

    fn bind_complete(
        &mut self,
        connection: &mut Connection,
        callback: &mut dyn Callback,
    ) -> Result<()> {
        self.writer.begin_group()?;
        let before = self.writer.written()?;
        self.writer.with_cursor(|cursor| {
            callback.bind_complete(&mut BoundLdap::new(connection), cursor)
        })?;
        if self.writer.written()? == before {
            self.writer.rollback();
            return Ok(());
        }
        self.commit(callback)
    }
}

/// Tells the log as whom the connection is bound.
fn tell_bound(authzid: &str) {
    match authzid {
        "" => tracing::info!("bound anonymously"),
        _ => tracing::info!("bound as {}", printable(authzid)),
    }
}

/// One error for all servers, with the kind of the last one.
pub(crate) fn none_can_be_used(mut failures: Vec<Error>) -> Error {
    let Some(last) = failures.pop() else {
        return not_connected();
    };
    if failures.is_empty() {
        return last;
    }
    let each: Vec<_> = failures
        .iter()
        .chain([&last])
        .map(Error::to_string)
        .collect();
    last.saying(format!("no server can be used: {}", each.join("; ")))
}

/// The error for a poll without a connection.
pub(super) fn not_connected() -> Error {
    Error::new(ErrorKind::Unreachable, "not connected").with_hint("reconnect first")
}
