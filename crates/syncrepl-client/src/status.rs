//! The status of a store: the settings that a refresh writes, and their reading.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use roaring::RoaringTreemap;
use syncrepl_proto::Uuid;
use syncrepl_proto::url::LdapUrl;

use crate::error::{Error, ErrorKind, Result};
use crate::run::{self, RunStatus, Written};
use crate::store::{Cursor, DAMAGED, Position, Store};

pub(crate) const URL: &str = "syncrepl_url";
pub(crate) const AUTHZID: &str = "syncrepl_authzid";
pub(crate) const PROVIDER: &str = "syncrepl_provider";
pub(crate) const COOKIE: &str = "syncrepl_cookie";
pub(crate) const LAST_REFRESH: &str = "syncrepl_last_refresh";
/// Set once the warning was given that the copy holds password hashes.
pub(crate) const HASHES_TOLD: &str = "syncrepl_hashes_told";
/// The time of the last full comparison: milliseconds since 1970, UTC, in decimal.
pub(crate) const LAST_RECONCILE: &str = "syncrepl_last_reconcile";
/// Set while the store knows every hidden parent of a record, from searches that are newer than the
/// cookie.
pub(crate) const PARENTS: &str = "syncrepl_parents";
/// The server of the last refresh, and the node behind its name.
pub(crate) const NODE: &str = "syncrepl_node";
/// What the provider showed of its changelog before the last refresh, one a line: server, when it was
/// started, requests, changes kept, writes.
pub(crate) const COUNTS: &str = "syncrepl_counts";
/// How a node answered a very old cookie, and when: node, answer, seconds since 1970; one a line.
pub(crate) const DELETES: &str = "syncrepl_deletes";
/// How often in a row the server ended when it was sent a cookie.
pub(crate) const CRASHES: &str = "syncrepl_crashes";
/// Set while the cookie lies in the future, or did when it was stored.
pub(crate) const AHEAD: &str = "syncrepl_ahead";
/// The server that told a change which its changelog leaves out, and when it was started.
pub(crate) const LEFT_OUT: &str = "syncrepl_left_out";
/// The records whose DN was stated in the last refresh stage, as a bitmap over their ids.
pub(crate) const FRESH: &str = "syncrepl_fresh";
/// The records that the persist stage placed soon after it, in the same form: few, and stored often.
pub(crate) const FRESH_PLACED: &str = "syncrepl_fresh_placed";
/// The attributes of which live messages have lacked values that a search showed, separated by spaces.
pub(crate) const LACKED: &str = "syncrepl_lacked";
/// The records to ask the provider about when it is silent, in the same form.
pub(crate) const QUIET: &str = "syncrepl_suspects";

/// What holds for one search alone, and not for another one that takes over its copy.
pub(crate) const OF_THE_SEARCH: [&str; 14] = [
    COOKIE,
    LAST_REFRESH,
    HASHES_TOLD,
    LAST_RECONCILE,
    PARENTS,
    NODE,
    COUNTS,
    DELETES,
    CRASHES,
    AHEAD,
    LEFT_OUT,
    FRESH,
    FRESH_PLACED,
    QUIET,
];

/// The status of a store at one moment.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Status {
    /// How many entries the copy holds.
    pub entries: u64,
    /// The search whose result is copied, as an LDAP URL without secrets. `None` before the first
    /// refresh.
    pub url: Option<LdapUrl>,
    /// The identity that the provider gave us (RFC 4513 §5.2.1.8); empty for anonymous.
    pub authzid: Option<String>,
    /// The kind of the provider.
    pub provider: Option<String>,
    /// The cookie with which the next refresh begins.
    pub cookie: Option<Vec<u8>>,
    /// When a refresh stage last ended (RFC 3339, UTC).
    pub last_refresh: Option<String>,
    /// The number of the last commit.
    pub commit: u64,
    /// When the last commit was made.
    pub committed: Option<SystemTime>,
    /// The run that keeps the copy up to date, or that last did: is it there, and is the copy current?
    pub run: RunStatus,
}

impl Status {
    /// Whether the copy was confirmed to be current within this time. A confirmation that lies in the future
    /// counts only if the clocks may differ by so much.
    pub fn is_current_within(&self, age: Duration) -> bool {
        const SKEW: Duration = Duration::from_secs(60);
        let Some(confirmed) = self.run.confirmed else {
            return false;
        };
        match confirmed.elapsed() {
            Ok(ago) => ago <= age,
            Err(ahead) => ahead.duration() <= SKEW,
        }
    }
}

impl fmt::Debug for Status {
    /// The URL as it is written, and the cookie as text: what is not printable is escaped.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = self.url.as_ref().map(LdapUrl::to_string);
        let cookie = self.cookie.as_ref().map(|cookie| cookie.escape_ascii());
        f.debug_struct("Status")
            .field("entries", &self.entries)
            .field("url", &url)
            .field("authzid", &self.authzid)
            .field("provider", &self.provider)
            .field("cookie", &cookie.map(|cookie| cookie.to_string()))
            .field("last_refresh", &self.last_refresh)
            .field("commit", &self.commit)
            .field("committed", &self.committed)
            .field("run", &self.run)
            .finish()
    }
}

/// The URL as the store keeps it.
pub(crate) fn parse_url(stored: &[u8]) -> Result<LdapUrl> {
    let text = std::str::from_utf8(stored).unwrap_or_default();
    LdapUrl::parse(text).map_err(|error| {
        let message = "the search that the store holds cannot be read";
        let error = Error::new(ErrorKind::Store, message).with_source(error);
        // An earlier version let an attribute list in one word through, and then copied no attribute.
        match text.starts_with("ldap") {
            true => error.with_hint("begin anew with another data file"),
            false => error.with_hint(DAMAGED),
        }
    })
}

impl Store {
    /// The search whose result is copied, as in [`Status::url`].
    ///
    /// # Errors
    /// Those of the store.
    pub fn url(&self) -> Result<Option<LdapUrl>> {
        self.get_setting(URL)?
            .map(|url| parse_url(&url))
            .transpose()
    }

    /// The records with an open question, and those whose DN is from a search: `true` for a question.
    /// Their DNs are certain only once the provider has sent everything it was about to send. For
    /// tests of a copy that is not at rest.
    #[doc(hidden)]
    pub fn open_questions(&self) -> Result<Vec<(Uuid, bool)>> {
        const SHOWN: &str =
            "SELECT id, uuid, id IN (SELECT id FROM syncrepl_placed) FROM syncrepl_records";
        self.read(|cursor| {
            let quiet = self.get_setting(QUIET)?.unwrap_or_default();
            let quiet = match quiet.is_empty() {
                true => RoaringTreemap::new(),
                false => RoaringTreemap::deserialize_from(quiet.as_slice())?,
            };
            let rows = cursor.query_map(SHOWN, [], |row| row.try_into())?;
            let open = rows
                .into_iter()
                .filter_map(|(id, uuid, shown): (i64, [u8; 16], bool)| {
                    let asked = quiet.contains(id.unsigned_abs());
                    (asked || shown).then(|| (Uuid::from_bytes(uuid), asked))
                });
            Ok(open.collect())
        })
    }

    /// The status: the copy's, all of one snapshot, and that of the run, from the file `FILE.status` beside
    /// it. It waits for nobody, and nobody waits for it.
    ///
    /// # Errors
    /// Those of the store. A file of the run that is not there or cannot be read is none: its state is then
    /// [`Unknown`](crate::RunState::Unknown).
    pub fn status(&self) -> Result<Status> {
        // The run writes its state after a commit: so the snapshot has the commit that the state names.
        let written = run::read(self.path()).unwrap_or_default();
        self.read(|cursor| {
            let position = self.position()?;
            let run = RunStatus {
                confirmed: self.confirmed(&written, &position, cursor)?,
                ..written.run
            };
            let text = |name| -> Result<Option<String>> {
                Ok(self
                    .get_setting(name)?
                    .map(|value| String::from_utf8_lossy(&value).into_owned()))
            };
            Ok(Status {
                entries: self.noted_count()?,
                url: self.url()?,
                authzid: text(AUTHZID)?,
                provider: text(PROVIDER)?,
                cookie: self.get_setting(COOKIE)?,
                last_refresh: text(LAST_REFRESH)?,
                commit: position.commit,
                committed: position.time,
                run,
            })
        })
    }

    /// When the copy was last confirmed to be current: by the run, unless the store's history is another
    /// one since a backup was put back, or by the last refresh.
    fn confirmed(
        &self,
        written: &Written,
        position: &Position,
        cursor: &Cursor<'_>,
    ) -> Result<Option<SystemTime>> {
        let place = &written.place;
        let same = place.store == position.store.to_string()
            && match place.tag.parse() {
                Ok(tag) => self.knows(place.commit, tag)?,
                Err(_) => false,
            };
        let refreshed = match self.get_setting(LAST_REFRESH)? {
            Some(time) => {
                let seconds = "SELECT CAST(strftime('%s', ?1) AS INTEGER)";
                let time = String::from_utf8_lossy(&time).into_owned();
                let seconds: Option<i64> = cursor.query_row(seconds, [time], |row| row.get(0))?;
                let seconds = seconds.and_then(|seconds| u64::try_from(seconds).ok());
                seconds.and_then(|seconds| UNIX_EPOCH.checked_add(Duration::from_secs(seconds)))
            }
            None => None,
        };
        Ok(written.run.confirmed.filter(|_| same).max(refreshed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_is_one_line_that_people_read() {
        let status = Status {
            entries: 2,
            url: LdapUrl::parse("ldap://h/dc=example??sub").ok(),
            authzid: Some("dn:cn=\nreader".to_owned()),
            provider: None,
            cookie: Some(b"rid=000,csn=1\xff\0".to_vec()),
            last_refresh: None,
            commit: 7,
            committed: None,
            run: RunStatus::default(),
        };
        let shown = format!("{status:?}");
        for part in [
            r#"url: Some("ldap://h/dc=example??sub")"#,
            r#"authzid: Some("dn:cn=\nreader")"#,
            r"rid=000,csn=1\\xff\\x00",
        ] {
            assert!(shown.contains(part), "{part} is not in {shown}");
        }
    }
}
