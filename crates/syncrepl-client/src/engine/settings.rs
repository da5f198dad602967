//! The settings of a consumer, from its builder. They never change, but for the servers that the DNS names.

use std::time::Duration;

use super::mode::SyncreplMode;
use crate::changes::guard::MaxDelete;
use crate::changes::rules::Limits;
use crate::connection::{ConnectOptions, Credentials, Domain, Server, ServerList};
use crate::error::{Error, Result};
use crate::remembered::Remembered;
use crate::stop::StopHandle;
use crate::store::search::Search;

/// The settings of a consumer.
pub(crate) struct Settings {
    /// The servers that [`find_servers`](Settings::find_servers) found, in the order in which they are tried.
    pub(crate) servers: Vec<Server>,
    pub(crate) list: ServerList,
    pub(crate) options: ConnectOptions,
    pub(crate) credentials: Credentials,
    pub(crate) mode: SyncreplMode,
    pub(crate) search: Search,
    /// Whether a provider that is known not to work is tried all the same.
    pub(crate) any_server: bool,
    /// Whether the copy may become that of another identity.
    pub(crate) allow_new_identity: bool,
    /// Whether a copy that was made over TLS may be refreshed in clear.
    pub(crate) allow_clear: bool,
    /// What a refresh remembers of how it was made.
    pub(crate) remember: Remembered,
    /// The search and the first server as a URL, for the store.
    pub(crate) url: String,
    pub(crate) refresh_timeout: Duration,
    /// The silence after which the engine sends a heartbeat; zero for never.
    pub(crate) heartbeat: Duration,
    pub(crate) max_delete: MaxDelete,
    pub(crate) reconcile_every: Option<Duration>,
    /// Whether everything is searched after each change, for values that no provider tells.
    pub(crate) derived: bool,
    pub(crate) limits: Limits,
    /// Whether a refresh is told and not committed.
    pub(crate) dry_run: bool,
}

impl Settings {
    /// Asks the DNS for the servers that it names. Gives the domains without any server, each with the reason.
    ///
    /// # Errors
    /// `Stopped`, when a stop was requested meanwhile.
    pub(crate) fn find_servers(&mut self, stop: &StopHandle) -> Result<Vec<(Domain, Error)>> {
        let failures = self.list.find(&self.options, stop)?;
        self.servers = self.list.servers();
        Ok(failures)
    }
}
