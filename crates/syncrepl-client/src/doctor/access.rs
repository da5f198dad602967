//! Checks that the base exists, and that the provider answers the search with a refresh stage.

use syncrepl_proto::dn;
use syncrepl_proto::message::{Scope, SearchRequest};
use syncrepl_proto::profile::{Provider, Trouble};
use syncrepl_proto::sync::SYNC_REQUEST;

use super::{Doctor, Patient, advice};
use crate::connection::{ANY_ENTRY, Credentials};
use crate::engine::not_ready;
use crate::engine::trial::{self, Trial};
use crate::error::{Error, ErrorKind, Result};
use crate::record::text::printable;

const LIMITS: [u32; 3] = [3, 4, 11];
const REFERRAL: u32 = 10;
const UNAVAILABLE_CRITICAL_EXTENSION: u32 = 12;
const NO_SUCH_OBJECT: u32 = 32;
const INSUFFICIENT_ACCESS_RIGHTS: u32 = 50;

impl Doctor<'_> {
    /// Checks that the base exists and that this identity sees it. An error means that a refresh
    /// would fail.
    pub(super) fn base(&mut self, patient: &mut Patient) -> Result<()> {
        let search = &self.settings.search;
        let request = SearchRequest {
            scope: Scope::Base,
            filter: ANY_ENTRY,
            attributes: vec!["1.1"],
            ..search.request()
        };
        let mut shown = false;
        let asked = patient.connection.search(&request, &[], |_| {
            shown = true;
            Ok(())
        });
        let base = &search.base;
        match asked {
            Ok(()) if shown => self.good(format!("base: {base:?} is there")),
            Ok(()) => self.warn(
                format!("base: {base:?} is there, but not shown to this identity"),
                &[],
            ),
            Err(error) if error.result_code() == Some(NO_SUCH_OBJECT) => {
                // A replica that has received nothing yet has no base either. That passes.
                if let Ok(trial) = self.try_refresh(patient)
                    && trial.cookie.is_none()
                {
                    return Err(self.not_ready());
                }
                self.bad("base", &error, &[&where_else(base, patient)]);
                return Err(error);
            }
            Err(error) if error.result_code() == Some(INSUFFICIENT_ACCESS_RIGHTS) => {
                // An example is slapd's access right `auth`: the identity may bind and do nothing
                // else.
                let provider = patient.provider;
                let more = self
                    .of_anonymous(provider)
                    .unwrap_or_else(|| advice::nothing_readable(provider));
                self.bad("base", &error, &[&more]);
                return Err(error);
            }
            Err(error) => {
                self.bad("base", &error, &[]);
                return Err(error);
            }
        }
        Ok(())
    }

    /// Checks that a refresh works from its beginning to its end.
    pub(super) fn sync(&mut self, patient: &mut Patient) -> Result<Trial> {
        let controls = &patient.root.supported_controls;
        let advertised = controls.iter().any(|oid| oid == SYNC_REQUEST);
        let hidden = controls.is_empty();
        let trial = match self.try_refresh(patient) {
            Ok(trial) => trial,
            Err(error) => {
                let (what, more) = self.why(&error, patient, advertised || hidden);
                let more: Vec<&str> = more.iter().map(String::as_str).collect();
                self.bad(what, &error, &more);
                return Err(error);
            }
        };
        let known = match (advertised, hidden) {
            (true, _) => "advertised",
            (false, true) => "hidden in the root DSE, but there",
            (false, false) => "not advertised, but there",
        };
        if trial.cookie.is_none() {
            return Err(self.not_ready());
        }
        patient.provider = patient.provider.or_from_cookie(trial.cookie.as_deref());
        self.good(format!(
            "sync control: {known}, and answers with a cookie after {:.1} s",
            trial.took.as_secs_f64()
        ));
        self.entries(patient, &trial)?;
        self.good(format!(
            "limits: none cuts a refresh off; {} entries and {} references came",
            trial.entries, trial.references
        ));
        Ok(trial)
    }

    pub(super) fn try_refresh(&self, patient: &mut Patient) -> Result<Trial> {
        trial::run(
            &mut patient.connection,
            patient.provider,
            &self.settings.search,
            None,
            self.settings.refresh_timeout,
        )
    }

    fn not_ready(&mut self) -> Error {
        let error = not_ready(self.server);
        self.bad("state", &error, &[
            "it is empty, or a replica that has not finished loading: it has no contextCSN yet",
            "wait until it has one, or name another server; on an empty provider add the first entry",
        ]);
        error
    }

    /// The subject of an error of the sync search, and the advice.
    fn why(
        &self,
        error: &Error,
        patient: &Patient,
        advertised: bool,
    ) -> (&'static str, Vec<String>) {
        let provider = patient.provider;
        let full = |trouble| match advice::full(provider, trouble) {
            "" => Vec::new(),
            lines => vec![lines.to_owned()],
        };
        match error.result_code() {
            Some(UNAVAILABLE_CRITICAL_EXTENSION) if advertised => (
                "sync control: advertised, but not answered for this base",
                full(Trouble::SyncIsOff),
            ),
            Some(UNAVAILABLE_CRITICAL_EXTENSION) => {
                ("sync control: not advertised", full(Trouble::SyncIsOff))
            }
            Some(INSUFFICIENT_ACCESS_RIGHTS) => (
                "sync control",
                self.of_anonymous(provider).into_iter().collect(),
            ),
            Some(code) if LIMITS.contains(&code) => ("limits", full(Trouble::Limited)),
            Some(REFERRAL) => ("base", Vec::new()),
            _ if error.kind() == ErrorKind::Protocol && !advertised => {
                ("sync control: not advertised", full(Trouble::SyncIsOff))
            }
            _ => ("sync control", Vec::new()),
        }
    }

    /// The advice for an anonymous user.
    fn of_anonymous(&self, provider: Provider) -> Option<String> {
        matches!(self.settings.credentials, Credentials::Anonymous)
            .then(|| advice::nobody_is_bound(provider))
    }
}

/// Where the base may be instead.
fn where_else(base: &str, patient: &Patient) -> String {
    let contexts: Vec<_> = patient
        .root
        .naming_contexts
        .iter()
        .map(|dn| printable(dn))
        .collect();
    let key = dn::key(base);
    let holds = |context: &&String| dn::is_within(&key, &dn::key(context));
    match contexts.iter().find(holds) {
        Some(context) => format!(
            "the server holds {context}: either there is no such entry in it, or this identity may not see it{}",
            advice::in_brackets(patient.provider, Trouble::NotReadable)
        ),
        None if contexts.is_empty() => {
            "the server hides what it holds (namingContexts): ask who runs it".to_owned()
        }
        None => format!("this server holds: {}", contexts.join(" and ")),
    }
}
