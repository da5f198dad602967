//! The consumer's side of RFC 4533 as a state machine: messages in, [`SyncEvent`]s and requests
//! out.
//!
//! It knows the order in which messages may come. It holds no entries and no cookies.

mod event;

pub use event::{SessionError, SyncEvent};

pub use crate::message::describe_result;

use std::collections::VecDeque;

use uuid::Uuid;

use crate::ber::{DecodeError, Problem, Writer, tag};
use crate::control::Control;
use crate::message::{
    CANCEL, LdapResult, Message, NOTICE_OF_DISCONNECTION, Operation, SearchRequest,
    SearchResultEntry, Uris,
};
use crate::sync::{
    EntryState, SYNC_DONE, SYNC_INFO, SYNC_REFRESH_REQUIRED, SYNC_REQUEST, SYNC_STATE, SyncDone,
    SyncInfo, SyncMode, SyncRequest, SyncState,
};

/// The result code canceled (RFC 3909 §3).
const CANCELED: u32 = 118;

/// The largest message ID (RFC 4511 §4.1.1.1).
const MAX_ID: u32 = i32::MAX as u32;

/// The number of abandoned requests remembered. A message for an older one is an error.
const MAX_ABANDONED: usize = 16;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// No search runs: none has begun, or its SearchResultDone has come.
    Idle,
    Refresh {
        present_phase_ended: bool,
        named_present: bool,
    },
    Persist,
    /// The provider has answered a Cancel, but sent no SearchResultDone. Messages of the search are
    /// ignored.
    Cancelled,
}

/// One sync search on one connection. The caller assigns the message IDs, because the connection
/// carries other operations too.
#[derive(Debug)]
pub struct Session {
    mode: SyncMode,
    stage: Stage,
    search: u32,
    /// The message ID of a Cancel without an answer so far.
    cancel: Option<u32>,
    /// Abandoned requests for which messages may still come, oldest first.
    abandoned: VecDeque<u32>,
    requests: VecDeque<Vec<u8>>,
    skip_references_without_state: bool,
}

impl Session {
    /// A session without a search.
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

    /// Whether to ignore a reference without a Sync State control. Default: false, such a reference
    /// is [`SessionError::WithoutState`].
    pub fn skip_references_without_state(&mut self, skip: bool) {
        self.skip_references_without_state = skip;
    }

    /// Begins a refresh stage: sends the search as message `id`, with a critical Sync Request
    /// control. A search that still runs is abandoned, and its later messages are ignored.
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

    /// Abandons the search, if one runs (RFC 4511 §4.11).
    ///
    /// No response follows an Abandon, so the caller need not know its message ID. The caller
    /// counts up from 1; this ID counts down from the largest.
    fn abandon(&mut self) {
        if self.stage != Stage::Idle {
            let id = (MAX_ID - self.search.min(MAX_ID)).max(1);
            let request = Operation::AbandonRequest(self.search);
            self.requests.push_back(Message::encode(id, &request, &[]));
        }
        // slapd may send a change for a persistent search that it has just ended with
        // e-syncRefreshRequired. The next search tells of that change too.
        if self.search != 0 {
            self.abandoned.push_back(self.search);
        }
        self.abandoned.extend(self.cancel.take());
        let surplus = self.abandoned.len().saturating_sub(MAX_ABANDONED);
        self.abandoned.drain(..surplus);
    }

    /// Asks the provider to end the search (Cancel, RFC 3909), as message `id`. Messages still in
    /// transit become events until [`SyncEvent::Cancelled`]. Does nothing when no search runs or a
    /// Cancel is under way.
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

    /// The next request to send, encoded.
    pub fn poll_request(&mut self) -> Option<Vec<u8>> {
        self.requests.pop_front()
    }

    /// Whether the search is in a refresh stage.
    pub fn in_refresh_stage(&self) -> bool {
        matches!(self.stage, Stage::Refresh { .. })
    }

    /// Whether the search is in the persist stage.
    pub fn in_persist_stage(&self) -> bool {
        self.stage == Stage::Persist
    }

    /// Handles the next message.
    ///
    /// # Errors
    /// The message is malformed, or has no place at this point of the protocol. Nothing that
    /// follows on this connection can be trusted: the caller must close it and roll back.
    pub fn handle_message<'a>(
        &mut self,
        message: &Message<'a>,
    ) -> Result<SyncEvent<'a>, SessionError> {
        if message.id == 0 {
            return Self::handle_unsolicited(message);
        }
        if let Some(index) = self.abandoned.iter().position(|&id| id == message.id) {
            // Messages in transit may still arrive (RFC 4511 §4.11).
            if let Operation::SearchResultDone(_) | Operation::ExtendedResponse { .. } = message.op
            {
                self.abandoned.remove(index);
            }
            return Ok(SyncEvent::Nothing);
        }
        if self.cancel == Some(message.id) {
            return self.handle_cancel_answer(message);
        }
        if message.id != self.search {
            return Err(SessionError::UnexpectedMessageId(message.id));
        }
        match self.stage {
            Stage::Idle => Err(SessionError::UnexpectedOperation(message.op.name())),
            Stage::Cancelled => {
                if let Operation::SearchResultDone(_) = message.op {
                    self.stage = Stage::Idle;
                }
                Ok(SyncEvent::Nothing)
            }
            Stage::Refresh { .. } | Stage::Persist => self.handle_search(message),
        }
    }

    fn handle_cancel_answer<'a>(
        &mut self,
        message: &Message<'a>,
    ) -> Result<SyncEvent<'a>, SessionError> {
        let Operation::ExtendedResponse { .. } = message.op else {
            return Err(SessionError::UnexpectedOperation(message.op.name()));
        };
        // Whether the Cancel succeeded or not, the caller closes the connection.
        self.cancel = None;
        if self.stage != Stage::Idle {
            self.stage = Stage::Cancelled;
        }
        Ok(SyncEvent::Cancelled)
    }

    /// Handles a message of the running search.
    fn handle_search<'a>(&mut self, message: &Message<'a>) -> Result<SyncEvent<'a>, SessionError> {
        match &message.op {
            Operation::SearchResultEntry(entry) => self.handle_entry(*entry, message),
            Operation::SearchResultReference(uris) => self.handle_reference(*uris, message),
            Operation::IntermediateResponse {
                name: Some(SYNC_INFO),
                value,
            } => {
                let missing = DecodeError::new("syncInfoValue", Problem::Missing);
                Ok(self.handle_info(SyncInfo::decode(value.ok_or(missing)?)?))
            }
            // An intermediate response of another kind does no harm (RFC 4511 §4.13).
            Operation::IntermediateResponse { .. } => Ok(SyncEvent::Nothing),
            Operation::SearchResultDone(result) => self.handle_done(*result, message),
            other => Err(SessionError::UnexpectedOperation(other.name())),
        }
    }

    fn handle_entry<'a>(
        &mut self,
        entry: SearchResultEntry<'a>,
        message: &Message<'a>,
    ) -> Result<SyncEvent<'a>, SessionError> {
        let state = sync_state(message)?.ok_or(SessionError::WithoutState("an entry"))?;
        let SyncState { uuid, cookie, .. } = state;
        Ok(match state.state {
            EntryState::Present => self.present(uuid, cookie),
            EntryState::Delete => SyncEvent::Delete { uuid, cookie },
            EntryState::Add | EntryState::Modify => SyncEvent::Entry {
                uuid,
                dn: entry.dn,
                attributes: entry.attributes,
                added: state.state == EntryState::Add,
                cookie,
            },
        })
    }

    fn handle_reference<'a>(
        &mut self,
        uris: Uris<'a>,
        message: &Message<'a>,
    ) -> Result<SyncEvent<'a>, SessionError> {
        let Some(state) = sync_state(message)? else {
            return match self.skip_references_without_state {
                true => Ok(SyncEvent::Nothing),
                false => Err(SessionError::WithoutState("a reference")),
            };
        };
        let SyncState { uuid, cookie, .. } = state;
        Ok(match state.state {
            EntryState::Present => self.present(uuid, cookie),
            EntryState::Delete => SyncEvent::Delete { uuid, cookie },
            EntryState::Add | EntryState::Modify => SyncEvent::Reference { uuid, uris, cookie },
        })
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
            // Outside a refresh stage no phase can end: only the cookie has a meaning.
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

    /// The event for a search that ended before it should. After our own Cancel the end is
    /// expected.
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
