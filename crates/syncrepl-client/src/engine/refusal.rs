//! What a refusal of the sync search means, and what a silence may mean.

use std::time::Duration;

use syncrepl_proto::control::Control;
use syncrepl_proto::message::{LdapResult, Scope, SearchRequest};
use syncrepl_proto::profile::Provider;
use syncrepl_proto::sync::{SYNC_REQUEST, SyncMode, SyncRequest};

use super::connect::not_ready;
use super::mode::SyncreplMode;
use super::{Settings, Syncrepl};
use crate::callback::Callback;
use crate::connection::{Connection, Credentials};
use crate::error::{Error, Result};

/// How long a provider that is known to refuse without a word may be silent until it is asked.
const ASK_WHY_AFTER: Duration = Duration::from_secs(10);
const NO_SUCH_OBJECT: u32 = 32;
const INSUFFICIENT_ACCESS_RIGHTS: u32 = 50;
const UNWILLING_TO_PERFORM: u32 = 53;

/// Whether an answer to a search with a cookie means: start again without it. slapd says so when
/// the cookie is ahead of it, or when it has no state at all. 389-ds has other words for it, and
/// says 53 about something else only when it serves as many consumers as it can.
pub(super) fn speaks_of_consumer_state(provider: Provider, result: &LdapResult<'_>) -> bool {
    let text = result.diagnostic.to_ascii_lowercase();
    let of_slapd =
        text.contains("consumer state is newer") || text.contains("consumer has state info");
    let of_389ds =
        provider == Provider::Ds389 && !text.contains("too many active synchronization sessions");
    result.code == UNWILLING_TO_PERFORM && (of_slapd || of_389ds)
}

impl<C: Callback> Syncrepl<C> {
    /// Makes a refusal plain. Who has not bound is told to; and a slapd that has nothing yet, not
    /// even a state, calls the base missing when it is to stay in touch, but not when it is to
    /// refresh only: then it is not ready, which passes.
    pub(super) fn why_refused(&mut self, error: Error) -> Error {
        let Some(link) = self.link.as_mut() else {
            return error;
        };
        if error.result_code() == Some(INSUFFICIENT_ACCESS_RIGHTS)
            && matches!(self.settings.credentials, Credentials::Anonymous)
        {
            return error.with_hint(
                "nobody is bound: give a bind DN and a password, or grant this identity the right on the provider (389-ds never lets anonymous synchronize)",
            );
        }
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

    /// A missing base, which some providers pass over in silence.
    pub(super) fn check_base(&self, connection: &mut Connection) -> Result<()> {
        let request = SearchRequest {
            scope: Scope::Base,
            filter: b"\x87\x0bobjectClass",
            attributes: vec!["1.1"],
            ..self.settings.search.request()
        };
        match connection.search(&request, &[], |_| Ok(())) {
            Err(error) if error.result_code() == Some(NO_SUCH_OBJECT) => Err(error),
            // Whatever else is wrong will show.
            _ => Ok(()),
        }
    }

    /// How long a refresh stage may be silent before it is asked why, or given up.
    pub(super) fn patience(&self) -> Duration {
        if self.may_be_refused_in_silence() {
            ASK_WHY_AFTER.min(self.settings.refresh_timeout)
        } else {
            self.settings.refresh_timeout
        }
    }

    /// Whether a refresh stage can have been refused without a word.
    pub(super) fn may_be_refused_in_silence(&self) -> bool {
        let Settings { mode, .. } = self.settings;
        mode == SyncreplMode::RefreshAndPersist
            && self
                .link
                .as_ref()
                .is_some_and(|link| link.provider.refuses_in_silence() && !link.asked_why)
    }

    /// The provider keeps silent: the same search without the control, on a connection beside,
    /// tells if it is because of a limit.
    pub(super) fn ask_why(&mut self) -> Result<()> {
        if let Some(link) = self.link.as_mut() {
            link.asked_why = true;
        }
        match self.lookup() {
            Some(mut lookup) => lookup.try_whole(),
            None => Ok(()),
        }
    }
}
