//! The consumer's side of RFC 4533 as a state machine: messages in, [`SyncEvent`]s out, requests
//! out. It knows the order in which messages may come; it holds no entries and no cookies.

mod event;

pub use event::{SessionError, SyncEvent};

use std::collections::VecDeque;

use crate::ber::{DecodeError, Problem, Writer, tag};
use crate::control::Control;
use crate::message::{
    CANCEL, LdapResult, Message, NOTICE_OF_DISCONNECTION, Operation, SearchRequest,
};
use crate::sync::{
    EntryState, SYNC_DONE, SYNC_INFO, SYNC_REFRESH_REQUIRED, SYNC_REQUEST, SYNC_STATE, SyncDone,
    SyncInfo, SyncMode, SyncRequest, SyncState,
};
use crate::{Uuid, message::result_name};

/// canceled (RFC 3909 §3).
const CANCELED: u32 = 118;

/// The largest message ID (RFC 4511 §4.1.1.1).
const MAX_ID: u32 = i32::MAX as u32;

/// How many given-up requests are remembered. What belongs to an older one is an error.
const MAX_ABANDONED: usize = 16;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// No search is running: none was begun, or its SearchResultDone was seen.
    Idle,
    Refresh {
        present_phase_ended: bool,
        named_present: bool,
    },
    Persist,
    /// A Cancel was answered, but no SearchResultDone was seen: what may still come is ignored.
    Cancelled,
}

/// One sync search on one connection. Message IDs are given by the caller, who shares the
/// connection with other operations.
#[derive(Debug)]
pub struct Session {
    mode: SyncMode,
    stage: Stage,
    search: u32,
    /// The Cancel that has not been answered.
    cancel: Option<u32>,
    /// Requests of earlier searches for which something may still come, oldest first.
    abandoned: VecDeque<u32>,
    requests: VecDeque<Vec<u8>>,
    skip_references_without_state: bool,
}

impl Session {
    /// A session that has not begun.
    pub fn new(mode: SyncMode) -> Self {
        Session {
            mode,
            stage: Stage::Idle,
            search: 0,
            cancel: None,
            abandoned: VecDeque::new(),
            requests: VecDeque::new(),
            skip_references_without_state: false,
        }
    }

    /// Passes over references without a Sync State control instead of failing.
    pub fn skip_references_without_state(&mut self, skip: bool) {
        self.skip_references_without_state = skip;
    }

    /// Begins a refresh stage: the search with a critical Sync Request control, as message `id`.
    /// A search that is still running is abandoned, and what it still sends is ignored.
    pub fn start(&mut self, id: u32, search: &SearchRequest<'_>, cookie: Option<&[u8]>) {
        self.abandon();
        let value = SyncRequest {
            mode: self.mode,
            cookie,
            reload_hint: false,
        }
        .encode();
        let control = Control {
            oid: SYNC_REQUEST,
            critical: true,
            value: Some(&value),
        };
        let request = Operation::SearchRequest(search.clone());
        self.requests
            .push_back(Message::encode(id, &request, &[control]));
        self.search = id;
        self.stage = Stage::Refresh {
            present_phase_ended: false,
            named_present: false,
        };
    }

    /// Gives up the search, if one is running (RFC 4511 §4.11). No answer comes to an Abandon, so
    /// the caller need not know its message ID: callers count from 1, this one is counted from
    /// the other end.
    fn abandon(&mut self) {
        if self.stage != Stage::Idle {
            let id = (MAX_ID - self.search.min(MAX_ID)).max(1);
            let request = Operation::AbandonRequest(self.search);
            self.requests.push_back(Message::encode(id, &request, &[]));
        }
        // Also if it has ended: slapd may send a change to a persistent search that it has just
        // ended with e-syncRefreshRequired. The search that follows tells of it too.
        if self.search != 0 {
            self.abandoned.push_back(self.search);
        }
        self.abandoned.extend(self.cancel.take());
        let surplus = self.abandoned.len().saturating_sub(MAX_ABANDONED);
        self.abandoned.drain(..surplus);
    }

    /// Asks the provider to end the search (RFC 3909), as message `id`. Messages still under way
    /// are delivered until [`SyncEvent::Cancelled`].
    pub fn cancel(&mut self, id: u32) {
        let running = self.in_refresh_stage() || self.in_persist_stage();
        if self.cancel.is_some() || !running {
            return;
        }
        let mut writer = Writer::new();
        writer.constructed(tag::SEQUENCE, |writer| {
            writer.number(tag::INTEGER, self.search)
        });
        let value = writer.finish();
        let request = Operation::ExtendedRequest {
            name: CANCEL,
            value: Some(&value),
        };
        self.requests.push_back(Message::encode(id, &request, &[]));
        self.cancel = Some(id);
    }

    /// The next bytes to send, if any.
    pub fn poll_request(&mut self) -> Option<Vec<u8>> {
        self.requests.pop_front()
    }

    /// Whether a refresh stage is under way.
    pub fn in_refresh_stage(&self) -> bool {
        matches!(self.stage, Stage::Refresh { .. })
    }

    /// Whether the persist stage is under way.
    pub fn in_persist_stage(&self) -> bool {
        self.stage == Stage::Persist
    }

    /// Takes the next message in.
    ///
    /// # Errors
    /// When it has no place here. What follows on the same connection cannot be trusted then: the
    /// caller lets go of both, and of what was not committed.
    pub fn handle_message<'a>(
        &mut self,
        message: &Message<'a>,
    ) -> Result<SyncEvent<'a>, SessionError> {
        if message.id == 0 {
            return Self::handle_unsolicited(message);
        }
        if let Some(index) = self.abandoned.iter().position(|&id| id == message.id) {
            // RFC 4511 §4.11: what was in transit may still arrive.
            if let Operation::SearchResultDone(_) | Operation::ExtendedResponse { .. } = message.op
            {
                self.abandoned.remove(index);
            }
            return Ok(SyncEvent::Nothing);
        }
        if self.cancel == Some(message.id) {
            let Operation::ExtendedResponse { .. } = message.op else {
                return Err(SessionError::UnexpectedOperation(message.op.name()));
            };
            // Success, or an answer that says why not: either way the caller closes.
            self.cancel = None;
            if self.stage != Stage::Idle {
                self.stage = Stage::Cancelled;
            }
            return Ok(SyncEvent::Cancelled);
        }
        if message.id != self.search {
            return Err(SessionError::UnexpectedMessageId(message.id));
        }
        match self.stage {
            Stage::Idle => return Err(SessionError::UnexpectedOperation(message.op.name())),
            Stage::Cancelled => {
                if let Operation::SearchResultDone(_) = message.op {
                    self.stage = Stage::Idle;
                }
                return Ok(SyncEvent::Nothing);
            }
            Stage::Refresh { .. } | Stage::Persist => {}
        }
        match &message.op {
            Operation::SearchResultEntry(entry) => {
                let Some(SyncState {
                    state,
                    uuid,
                    cookie,
                }) = sync_state(message)?
                else {
                    return Err(SessionError::WithoutState("an entry"));
                };
                Ok(match state {
                    EntryState::Present => self.present(uuid, cookie),
                    EntryState::Delete => SyncEvent::Delete { uuid, cookie },
                    EntryState::Add | EntryState::Modify => {
                        let (dn, attributes) = (entry.dn, entry.attributes);
                        SyncEvent::Entry {
                            uuid,
                            dn,
                            attributes,
                            cookie,
                        }
                    }
                })
            }
            Operation::SearchResultReference(uris) => {
                let uris = *uris;
                match sync_state(message)? {
                    None if self.skip_references_without_state => Ok(SyncEvent::Nothing),
                    None => Err(SessionError::WithoutState("a reference")),
                    Some(SyncState {
                        state,
                        uuid,
                        cookie,
                    }) => Ok(match state {
                        EntryState::Present => self.present(uuid, cookie),
                        EntryState::Delete => SyncEvent::Delete { uuid, cookie },
                        EntryState::Add | EntryState::Modify => {
                            SyncEvent::Reference { uuid, uris, cookie }
                        }
                    }),
                }
            }
            Operation::IntermediateResponse {
                name: Some(SYNC_INFO),
                value,
            } => {
                let missing = DecodeError::new("syncInfoValue", Problem::Missing);
                Ok(self.handle_info(SyncInfo::decode(value.ok_or(missing)?)?))
            }
            // RFC 4511 §4.13: an intermediate response nobody asked for is no harm.
            Operation::IntermediateResponse { .. } => Ok(SyncEvent::Nothing),
            Operation::SearchResultDone(result) => self.handle_done(*result, message),
            other => Err(SessionError::UnexpectedOperation(other.name())),
        }
    }

    fn handle_unsolicited<'a>(message: &Message<'a>) -> Result<SyncEvent<'a>, SessionError> {
        match &message.op {
            Operation::ExtendedResponse { result, name, .. }
                if name.is_none_or(|name| name == NOTICE_OF_DISCONNECTION) =>
            {
                Ok(SyncEvent::Disconnection(*result))
            }
            Operation::ExtendedResponse { .. } => Ok(SyncEvent::Nothing),
            other => Err(SessionError::UnexpectedOperation(other.name())),
        }
    }

    fn present<'a>(&mut self, uuid: Uuid, cookie: Option<&'a [u8]>) -> SyncEvent<'a> {
        if let Stage::Refresh { named_present, .. } = &mut self.stage {
            *named_present = true;
        }
        SyncEvent::Present { uuid, cookie }
    }

    fn handle_info<'a>(&mut self, info: SyncInfo<'a>) -> SyncEvent<'a> {
        let (cookie, refresh_done, present) = match info {
            SyncInfo::NewCookie(cookie) => return SyncEvent::NewCookie(cookie),
            SyncInfo::SyncIdSet {
                cookie,
                refresh_deletes: deleted,
                uuids,
            } => {
                if let Stage::Refresh { named_present, .. } = &mut self.stage
                    && !deleted
                {
                    *named_present = true;
                }
                return SyncEvent::IdSet {
                    deleted,
                    uuids,
                    cookie,
                };
            }
            SyncInfo::RefreshDelete {
                cookie,
                refresh_done,
            } => (cookie, refresh_done, false),
            SyncInfo::RefreshPresent {
                cookie,
                refresh_done,
            } => (cookie, refresh_done, true),
        };
        let Stage::Refresh {
            present_phase_ended,
            named_present,
        } = &mut self.stage
        else {
            // A phase cannot end where none is: only the cookie means anything.
            return SyncEvent::PhaseDone { cookie };
        };
        *present_phase_ended |= present;
        if !refresh_done || self.mode == SyncMode::RefreshOnly {
            return SyncEvent::PhaseDone { cookie };
        }
        let (absent_is_deleted, named_present) = (*present_phase_ended, *named_present);
        self.stage = Stage::Persist;
        SyncEvent::RefreshDone {
            cookie,
            absent_is_deleted,
            named_present,
        }
    }

    fn handle_done<'a>(
        &mut self,
        result: LdapResult<'a>,
        message: &Message<'a>,
    ) -> Result<SyncEvent<'a>, SessionError> {
        let stage = std::mem::replace(&mut self.stage, Stage::Idle);
        match result.code {
            0 => {}
            CANCELED if self.cancel.is_some() => return Ok(SyncEvent::Nothing),
            SYNC_REFRESH_REQUIRED => return Ok(SyncEvent::RefreshRequired),
            _ => return Ok(SyncEvent::Refused(result)),
        }
        let Stage::Refresh {
            present_phase_ended,
            named_present,
        } = stage
        else {
            return Ok(self.ended());
        };
        if self.mode == SyncMode::RefreshAndPersist {
            return Ok(self.ended());
        }
        let done = message
            .controls
            .value(SYNC_DONE, "syncDoneValue")?
            .ok_or(SessionError::WithoutDone)?;
        let SyncDone {
            cookie,
            refresh_deletes,
        } = SyncDone::decode(done)?;
        let absent_is_deleted = !refresh_deletes || present_phase_ended;
        Ok(SyncEvent::RefreshDone {
            cookie,
            absent_is_deleted,
            named_present,
        })
    }

    /// The search was to go on. That it ended is our own doing if we cancelled it.
    fn ended<'a>(&self) -> SyncEvent<'a> {
        match self.cancel {
            Some(_) => SyncEvent::Nothing,
            None => SyncEvent::Ended,
        }
    }
}

fn sync_state<'a>(message: &Message<'a>) -> Result<Option<SyncState<'a>>, DecodeError> {
    message
        .controls
        .value(SYNC_STATE, "syncStateValue")?
        .map(SyncState::decode)
        .transpose()
}

/// A result code for people: its name in the RFCs and its number.
pub fn describe_result(code: u32) -> String {
    match result_name(code) {
        Some(name) => format!("{name} ({code})"),
        None => format!("result {code}"),
    }
}
