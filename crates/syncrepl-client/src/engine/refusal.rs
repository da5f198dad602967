//! The reasons for a refusal of the sync search, and for a silence.

use std::time::Duration;

use syncrepl_proto::control::Control;
use syncrepl_proto::message::{LdapResult, Scope, SearchRequest};
use syncrepl_proto::profile::{Provider, Support};
use syncrepl_proto::sync::{SYNC_REQUEST, SyncMode, SyncRequest};

use super::mode::SyncreplMode;
use super::state::{Consumer, Run};
use crate::connection::{Connection, Credentials, Server};
use crate::error::{Error, ErrorKind, Result};
use crate::stop::SILENCE_AFTER_STOP;

/// The silence after which the engine asks a provider that may refuse without a response.
const ASK_WHY_AFTER: Duration = Duration::from_secs(10);
const UNAVAILABLE_CRITICAL_EXTENSION: u32 = 12;
const NO_SUCH_OBJECT: u32 = 32;
const INSUFFICIENT_ACCESS_RIGHTS: u32 = 50;
const UNWILLING_TO_PERFORM: u32 = 53;

/// Whether a refusal of a search with a cookie means: begin anew without it.
pub(super) fn speaks_of_consumer_state(provider: Provider, result: &LdapResult<'_>) -> bool {
    result.code == UNWILLING_TO_PERFORM && (provider.rejects_cookie)(result.diagnostic)
}

/// The error for a refresh without a cookie that ends without one.
pub(crate) fn not_ready(server: &Server) -> Error {
    Error::new(
        ErrorKind::NotReady,
        format!("{server} answered without a cookie, so what it sent proves nothing; nothing was changed"),
    )
    .with_hint("it is empty, or a replica that has not finished loading: wait for it, or name another server")
}

/// The error for a provider that is known not to work; `None` for all others.
pub(crate) fn unsupported(provider: Provider, server: &Server) -> Option<Error> {
    let Support::Unsupported(why) = provider.support else {
        return None;
    };
    let message = format!(
        "{server} is {}, which is not supported: {why}",
        provider.title
    );
    Some(
        Error::new(ErrorKind::Unsupported, message)
            .with_hint("name another server, or try all the same with --any-server"),
    )
}

/// The same error. If the provider is known not to know RFC 4533, the hint says that: to switch something on,
/// as the hint for the result says, does not help.
pub(super) fn of_unsupported(provider: Provider, error: Error) -> Error {
    match provider.support {
        Support::Unsupported(why)
            if error.result_code() == Some(UNAVAILABLE_CRITICAL_EXTENSION) =>
        {
            error.with_hint(why)
        }
        _ => error,
    }
}

impl Run<'_> {
    /// The error for a refusal, in plainer words where the result code misleads. An anonymous
    /// consumer without rights has to bind. A slapd that has received nothing yet calls the base
    /// missing, but only in the mode refreshAndPersist. A search in the mode refreshOnly shows
    /// whether the slapd is merely not ready, which passes.
    pub(super) fn why_refused(&mut self, error: Error) -> Error {
        let (link, settings) = (&mut self.on.link, &self.consumer.settings);
        let error = of_unsupported(link.provider, error);
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

    /// How long the provider may be silent in a refresh stage before the engine asks why or gives
    /// up.
    pub(super) fn patience(&self) -> Duration {
        let timeout = self.consumer.settings.refresh_timeout;
        if self.on.stopping.is_some() {
            return SILENCE_AFTER_STOP.min(timeout);
        }
        match self.may_be_refused_in_silence() {
            true => ASK_WHY_AFTER.min(timeout),
            false => timeout,
        }
    }

    /// Acts on a silence in a refresh stage that has lasted for `patience`. If the provider may
    /// have refused without a response, the same search without the control, on the side
    /// connection, tells whether a limit is the reason.
    pub(super) fn ask_why_silent(&mut self) -> Result<()> {
        if self.on.stopping.is_some() {
            return Err(self.silent_after_stop());
        }
        if self.may_be_refused_in_silence() {
            self.on.link.asked_why = true;
            return self.lookup().try_whole();
        }
        self.on.link.gave_up = true;
        let settings = &self.consumer.settings;
        let server = &settings.servers[self.on.link.server];
        let time = settings.refresh_timeout;
        let message = format!("{server} was silent for {time:?} in a refresh");
        Err(Error::new(ErrorKind::Unreachable, message)
            .with_hint("it hangs, or needs longer: then allow it a longer refresh timeout"))
    }

    /// The error of a stage that does not end although a stop was requested.
    fn silent_after_stop(&self) -> Error {
        let server = &self.consumer.settings.servers[self.on.link.server];
        let time = self.patience();
        let message = format!(
            "{server} was silent for {time:?} in a refresh after the stop was requested; nothing of this \
             refresh was kept"
        );
        Error::new(ErrorKind::Unreachable, message).with_hint("the next run asks for it again")
    }

    fn may_be_refused_in_silence(&self) -> bool {
        let link = &self.on.link;
        self.consumer.settings.mode == SyncreplMode::RefreshAndPersist
            && link.provider.refuses_in_silence
            && !link.asked_why
    }
}

impl Consumer {
    /// Fails if the base is missing. Some providers stay silent about that.
    pub(super) fn check_base(&self, connection: &mut Connection) -> Result<()> {
        let request = SearchRequest {
            scope: Scope::Base,
            filter: b"\x87\x0bobjectClass",
            attributes: vec!["1.1"],
            ..self.settings.search.request()
        };
        match connection.search(&request, &[], |_| Ok(())) {
            Err(error) if error.result_code() == Some(NO_SUCH_OBJECT) => Err(error),
            // Other errors will show in the sync search.
            _ => Ok(()),
        }
    }
}
