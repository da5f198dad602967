//! What a refusal of the sync search means, and what a silence may mean.

use std::time::Duration;

use syncrepl_proto::control::Control;
use syncrepl_proto::message::{LdapResult, Scope, SearchRequest};
use syncrepl_proto::profile::Provider;
use syncrepl_proto::sync::{SYNC_REQUEST, SyncMode, SyncRequest};

use super::mode::SyncreplMode;
use super::state::{Consumer, Run};
use crate::connection::{Connection, Credentials, Server};
use crate::error::{Error, ErrorKind, Result};

/// How long a provider that is known to refuse without a word may be silent until it is asked.
const ASK_WHY_AFTER: Duration = Duration::from_secs(10);
const NO_SUCH_OBJECT: u32 = 32;
const INSUFFICIENT_ACCESS_RIGHTS: u32 = 50;
const UNWILLING_TO_PERFORM: u32 = 53;

/// Whether an answer to a search with a cookie means: start again without it.
pub(super) fn speaks_of_consumer_state(provider: Provider, result: &LdapResult<'_>) -> bool {
    result.code == UNWILLING_TO_PERFORM && (provider.rejects_cookie)(result.diagnostic)
}

/// An answer without a cookie to a search without one.
pub(crate) fn not_ready(server: &Server) -> Error {
    Error::new(
        ErrorKind::NotReady,
        format!("{server} answered without a cookie, so what it sent proves nothing; nothing was changed"),
    )
    .with_hint("it is empty, or a replica that has not finished loading: wait for it, or name another server")
}

impl Run<'_> {
    /// Makes a refusal plain. Who has not bound is told to; and a slapd that has nothing yet, not
    /// even a state, calls the base missing when it is to stay in touch, but not when it is to
    /// refresh only: then it is not ready, which passes.
    pub(super) fn why_refused(&mut self, error: Error) -> Error {
        let (link, settings) = (&mut self.on.link, &self.consumer.settings);
        if error.result_code() == Some(INSUFFICIENT_ACCESS_RIGHTS)
            && matches!(settings.credentials, Credentials::Anonymous)
        {
            let provider = link.provider;
            let never = match provider.refuses_anonymous {
                true => format!(" ({} never lets anonymous synchronize)", provider.name),
                false => String::new(),
            };
            return error.with_hint(format!(
                "nobody is bound: give a bind DN and a password, or grant this identity the right on the provider{never}"
            ));
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
            ..settings.search.request()
        };
        let mut empty = true;
        let asked = link.connection.search(&request, &[control], |_| {
            empty = false;
            Ok(())
        });
        match asked {
            Ok(()) if empty => not_ready(&settings.servers[link.server]),
            _ => error,
        }
    }

    /// How long a refresh stage may be silent before it is asked why, or given up.
    pub(super) fn patience(&self) -> Duration {
        let timeout = self.consumer.settings.refresh_timeout;
        match self.may_be_refused_in_silence() {
            true => ASK_WHY_AFTER.min(timeout),
            false => timeout,
        }
    }

    /// The provider kept silent in a refresh stage for as long as it may. If it can have refused
    /// without a word, the same search without the control, on a connection beside, tells whether
    /// that is because of a limit.
    pub(super) fn ask_why_silent(&mut self) -> Result<()> {
        if self.may_be_refused_in_silence() {
            self.on.link.asked_why = true;
            return self.lookup().try_whole();
        }
        let settings = &self.consumer.settings;
        let server = &settings.servers[self.on.link.server];
        let time = settings.refresh_timeout;
        let message = format!("{server} was silent for {time:?} in a refresh");
        Err(Error::new(ErrorKind::Unreachable, message)
            .with_hint("it hangs, or needs longer: then allow it a longer refresh timeout"))
    }

    fn may_be_refused_in_silence(&self) -> bool {
        let link = &self.on.link;
        self.consumer.settings.mode == SyncreplMode::RefreshAndPersist
            && link.provider.refuses_in_silence
            && !link.asked_why
    }
}

impl Consumer {
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
}
