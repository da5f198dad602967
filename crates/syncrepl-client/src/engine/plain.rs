//! What a plain search shows beside the sync search. An overlay in the wrong place makes the sync search lag
//! behind it for ever.

use std::time::{SystemTime, UNIX_EPOCH};

use syncrepl_proto::cookie;
use syncrepl_proto::filter::Filter;
use syncrepl_proto::message::{Scope, SearchRequest};
use syncrepl_proto::profile::{Provider, Trouble};

use super::coverage::Shown;
use super::state::{Consumer, Run};
use super::warnings::Topic;
use crate::changes::stage::Stage;
use crate::connection::{ANY_ENTRY, Connection, RootDse, seconds_of_digits};
use crate::error::{ErrorKind, Result};

pub(super) const LAGS: &str = "the sync search lags behind what a plain search shows";

/// A provider shows a change a moment before it counts it. After so many seconds it has.
const COUNTED_AFTER: i64 = 5;

/// So many entries as new as the newest change are looked at, no more.
const LOOK_AT: u32 = 50;

impl Consumer {
    /// Makes a plain search, before the sync search.
    pub(super) fn shown(
        &self,
        connection: &mut Connection,
        provider: Provider,
        root_dse: &RootDse,
    ) -> Result<Shown> {
        let base = &self.settings.search.base;
        let (Some(name), Some(context)) = (provider.newest_changes, root_dse.context_of(base))
        else {
            return Ok(Shown::default());
        };
        let request = SearchRequest {
            base: context,
            scope: Scope::Base,
            size_limit: 0,
            time_limit: 0,
            types_only: false,
            filter: ANY_ENTRY,
            attributes: vec![name],
        };
        let mut newest = Vec::new();
        unless_refused(connection.search(&request, &[], |entry| {
            newest.extend(entry.attributes.values(name).map(<[u8]>::to_vec));
            Ok(())
        }))?;
        let uncounted = match newest.iter().max() {
            Some(last) => self.newer_than(connection, last)?,
            None => None,
        };
        Ok(Shown { newest, uncounted })
    }

    /// The DN of an entry of the search that was changed after this change, some seconds ago.
    fn newer_than(&self, connection: &mut Connection, last: &[u8]) -> Result<Option<String>> {
        const CSN: &str = "entryCSN";
        let search = &self.settings.search;
        let newer = Filter::greater_or_equal(CSN, last);
        let filter = Filter::and(&[search.filter.clone(), newer]);
        let request = SearchRequest {
            size_limit: LOOK_AT,
            filter: filter.as_bytes(),
            attributes: vec![CSN],
            ..search.request()
        };
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.map_or(0, |now| i64::try_from(now.as_secs()).unwrap_or(i64::MAX));
        let mut found = None;
        unless_refused(connection.search(&request, &[], |entry| {
            let csn = entry.attributes.values(CSN).next().unwrap_or_default();
            let time = std::str::from_utf8(csn).ok().and_then(seconds_of_digits);
            if csn > last && time.is_some_and(|time| time.saturating_add(COUNTED_AFTER) < now) {
                found = Some(entry.dn.to_owned());
            }
            Ok(())
        }))?;
        Ok(found)
    }
}

/// A refusal shows nothing. A limit came after what is needed.
fn unless_refused(asked: Result<()>) -> Result<()> {
    match asked {
        Err(error) if error.kind() != ErrorKind::Refused => Err(error),
        _ => Ok(()),
    }
}

impl Run<'_> {
    /// Whether this refresh, which began with a cookie, ended before a change that a plain search showed
    /// when it began. `received` is its cookie, if it sent one. Notes a warning.
    pub(super) fn lags(&mut self, received: Option<&[u8]>) -> bool {
        let link = &self.on.link;
        let (true, Some(cookie)) = (
            link.cookie_sent,
            received.or(self.consumer.cookie.as_deref()),
        ) else {
            return false;
        };
        let missing = |csn: &Vec<u8>| cookie::covers(cookie, csn) == Some(false);
        if !link.shown.newest.iter().any(missing) {
            return false;
        }
        let text = format!(
            "{}: {LAGS}, so everything is compared whenever something was written. To be told changes only: {}",
            self.consumer.settings.servers[link.server],
            link.provider.hints(Trouble::Lags),
        );
        self.consumer.warnings.note(Topic::Lags, text);
        true
    }

    /// Has the end of the stage look at everything by a plain search, if the provider does not count the
    /// changes of some entries: no cookie covers these. Notes a warning.
    pub(super) fn look_at_uncounted(&mut self, stage: &mut Stage) {
        let link = &self.on.link;
        let Some(dn) = &link.shown.uncounted else {
            return;
        };
        stage.agenda.everything = true;
        let text = format!(
            "{}: its sync search hides changes that a plain search shows, of {dn:?} for one, so everything is \
             compared by plain searches at each start, and live changes may be missing. To be told them: {}",
            self.consumer.settings.servers[link.server],
            link.provider.hints(Trouble::Hides),
        );
        self.consumer.warnings.note(Topic::Hides, text);
    }
}
