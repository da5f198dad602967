//! The settings of a consumer, as its builder hands them over. They never change.

use std::time::Duration;

use super::mode::SyncreplMode;
use crate::changes::guard::MaxDelete;
use crate::changes::rules::Limits;
use crate::connection::{ConnectOptions, Credentials, Server};
use crate::store::search::Search;

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
    pub(crate) limits: Limits,
}
