//! A refresh stage that stores nothing and only counts: for `doctor`, and to find out how a provider
//! answers a certain cookie.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use syncrepl_proto::Uuid;
use syncrepl_proto::cookie;
use syncrepl_proto::filter::Filter;
use syncrepl_proto::message::{Message, Scope, SearchRequest};
use syncrepl_proto::profile::Provider;
use syncrepl_proto::session::{Session, SyncEvent};
use syncrepl_proto::sync::SyncMode;

use crate::changes::apply::stopped;
use crate::connection::{
    Connection, Woken, not_allowed, notice_of_disconnection, sync_refused, undecodable,
};
use crate::error::{Error, ErrorKind, Result};
use crate::stop::LONGEST_WAIT;
use crate::store::search::Search;

/// The number of CSNs to keep, the newest ones.
const CSNS: usize = 8;

/// The messages of a refresh stage, counted.
#[derive(Debug, Default)]
pub(crate) struct Trial {
    /// The number of entries sent.
    pub(crate) entries: u64,
    /// The number of references sent.
    pub(crate) references: u64,
    /// The last entry sent other than the base, or else the base.
    pub(crate) example: Option<(Uuid, String)>,
    /// The last cookie that came, as the store would keep it.
    pub(crate) cookie: Option<Vec<u8>>,
    /// The newest `entryCSN`s.
    pub(crate) csns: BTreeSet<String>,
    /// Whether it named present entries, instead of changes.
    pub(crate) present: bool,
    /// Whether it named deleted entries.
    pub(crate) deleted: bool,
    /// Whether it asked for a refresh without a cookie.
    pub(crate) required: bool,
    /// Whether it said that it told all deletes, instead of what is present.
    pub(crate) told_deletes: bool,
    /// Its duration.
    pub(crate) took: Duration,
}

/// Runs a refresh stage of this search, from `cookie` on.
pub(crate) fn run(
    connection: &mut Connection,
    provider: Provider,
    search: &Search,
    sent: Option<&[u8]>,
    patience: Duration,
) -> Result<Trial> {
    let began = Instant::now();
    let mut session = Session::new(SyncMode::RefreshOnly);
    session.skip_references_without_state(provider.sends_references_without_state);
    let id = connection.next_message_id();
    let request = SearchRequest {
        attributes: vec!["entryCSN"],
        ..search.request()
    };
    session.start(id, &request, sent);
    while let Some(request) = session.poll_request() {
        connection.send(&request)?;
    }
    let mut trial = Trial::default();
    let server = connection.server().clone();
    loop {
        while let Some(bytes) = connection.next_message()? {
            let message = Message::decode(bytes).map_err(undecodable)?;
            if message.id == 0 {
                match notice_of_disconnection(&message) {
                    Some(error) => return Err(error),
                    None => continue,
                }
            }
            let event = session
                .handle_message(&message)
                .map_err(|error| not_allowed(error, &message.op, &server))?;
            if trial.take(event, search)? {
                trial.took = began.elapsed();
                return Ok(trial);
            }
        }
        match connection.wait(Some(Instant::now() + patience.min(LONGEST_WAIT)))? {
            Woken::Readable | Woken::Nudge => {}
            Woken::Stop => return Err(stopped()),
            Woken::Deadline => {
                let message = format!("{server} was silent for {patience:?} in a refresh");
                return Err(Error::new(ErrorKind::Unreachable, message));
            }
        }
    }
}

/// Whether a provider with cookies of CSNs claims to know all deletes since the beginning of time. Then it
/// was told never to say what is present, and leaves out each delete that it does not remember. It is asked
/// about the base alone, so it sends one entry at the most.
pub(crate) fn claims_to_know_all_deletes(
    connection: &mut Connection,
    provider: Provider,
    search: &Search,
    kept: &[u8],
    patience: Duration,
) -> Result<Option<bool>> {
    let Some(ancient) = cookie::of_long_ago(kept) else {
        return Ok(None);
    };
    let base = Search {
        scope: Scope::Base,
        filter: Filter::present("objectClass"),
        attributes: Vec::new(),
        except: Vec::new(),
        base: search.base.clone(),
    };
    match run(connection, provider, &base, Some(&ancient), patience) {
        Ok(trial) => Ok(Some(trial.told_deletes && !trial.required)),
        Err(error) if error.kind() == ErrorKind::Refused => Ok(None),
        Err(error) => Err(error),
    }
}

impl Trial {
    /// Whether it sent or deleted anything.
    pub(crate) fn tells(&self) -> bool {
        self.entries + self.references > 0 || self.deleted
    }

    /// Counts an event. Returns whether it ends the stage.
    fn take(&mut self, event: SyncEvent<'_>, search: &Search) -> Result<bool> {
        if let Some(kept) = event.cookie().and_then(cookie::after_refresh) {
            self.cookie = Some(kept);
        }
        match event {
            SyncEvent::Entry {
                uuid,
                dn,
                attributes,
                ..
            } => {
                self.entries += 1;
                if self.example.is_none() || dn.len() > search.base.len() {
                    self.example = Some((uuid, dn.to_owned()));
                }
                let csn = attributes.values("entryCSN").next();
                if let Some(csn) = csn.and_then(|csn| std::str::from_utf8(csn).ok()) {
                    self.csns.insert(csn.to_owned());
                    if self.csns.len() > CSNS {
                        self.csns.pop_first();
                    }
                }
            }
            SyncEvent::Reference { .. } => self.references += 1,
            SyncEvent::Present { .. } | SyncEvent::IdSet { deleted: false, .. } => {
                self.present = true;
            }
            SyncEvent::Delete { .. } | SyncEvent::IdSet { deleted: true, .. } => {
                self.deleted = true;
            }
            SyncEvent::RefreshRequired => {
                self.required = true;
                return Ok(true);
            }
            SyncEvent::RefreshDone {
                absent_is_deleted, ..
            } => {
                self.told_deletes = !absent_is_deleted;
                return Ok(true);
            }
            SyncEvent::Refused(result) => {
                return Err(sync_refused(&result, &search.base));
            }
            SyncEvent::Ended => {
                return Err(Error::new(
                    ErrorKind::Unreachable,
                    "the provider ended the sync search",
                ));
            }
            _ => {}
        }
        Ok(false)
    }
}
