//! The consumer's side of RFC 4533 as a state machine: messages in, [`SyncEvent`]s out, requests
//! out. It knows the order in which messages may come; it holds no entries and no cookies.

use std::collections::VecDeque;

use thiserror::Error;

use crate::attributes::AttributeList;
use crate::ber::{DecodeError, Problem, Writer, tag};
use crate::control::Control;
use crate::message::{
    CANCEL, LdapResult, Message, NOTICE_OF_DISCONNECTION, Operation, SearchRequest, Uris,
};
use crate::sync::{
    EntryState, SYNC_DONE, SYNC_INFO, SYNC_REFRESH_REQUIRED, SYNC_REQUEST, SYNC_STATE, SyncDone,
    SyncInfo, SyncMode, SyncRequest, SyncState, UuidSet,
};
use crate::{Uuid, message::result_name};

/// canceled (RFC 3909 §3).
const CANCELED: u32 = 118;

/// What a message meant.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SyncEvent<'a> {
    /// An entry as it now is (states add and modify, between which providers do not distinguish
    /// reliably).
    Entry {
        /// entryUUID: the entry's only identity.
        uuid: Uuid,
        /// Its DN.
        dn: &'a str,
        /// Its attributes, as far as they were asked for.
        attributes: AttributeList<'a>,
        /// A cookie that came with it.
        cookie: Option<&'a [u8]>,
    },
    /// A reference as it now is.
    Reference {
        /// entryUUID of the referral object.
        uuid: Uuid,
        /// Where it points.
        uris: Uris<'a>,
        /// A cookie that came with it.
        cookie: Option<&'a [u8]>,
    },
    /// An entry or reference is still there, unchanged.
    Present {
        /// entryUUID.
        uuid: Uuid,
        /// A cookie that came with it.
        cookie: Option<&'a [u8]>,
    },
    /// An entry or reference is gone from the search result.
    Delete {
        /// entryUUID.
        uuid: Uuid,
        /// A cookie that came with it.
        cookie: Option<&'a [u8]>,
    },
    /// The same for many at once: gone, or still there.
    IdSet {
        /// Whether they are gone (refreshDeletes).
        deleted: bool,
        /// entryUUIDs.
        uuids: UuidSet<'a>,
        /// A cookie that came with it.
        cookie: Option<&'a [u8]>,
    },
    /// A cookie and nothing else.
    NewCookie(&'a [u8]),
    /// One phase of a refresh stage has ended, and another follows.
    PhaseDone {
        /// A cookie that came with it.
        cookie: Option<&'a [u8]>,
    },
    /// The refresh stage has ended successfully. With refreshOnly the search has ended too.
    RefreshDone {
        /// A cookie that came with it.
        cookie: Option<&'a [u8]>,
        /// Whether, read literally, everything that was not named in this stage is gone.
        absent_is_deleted: bool,
        /// Whether any entry was named as present without being sent.
        named_present: bool,
    },
    /// e-syncRefreshRequired: start again without a cookie.
    RefreshRequired,
    /// The search ended with a result that is not success.
    Refused(LdapResult<'a>),
    /// The provider ended the search, although it was to go on, without an error.
    Ended,
    /// A Cancel was answered: nothing more will come.
    Cancelled,
    /// Notice of Disconnection (RFC 4511 §4.4.1).
    Disconnection(LdapResult<'a>),
    /// A message of no consequence.
    Nothing,
}

/// Why a message cannot be accepted.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SessionError {
    /// Its bytes are wrong.
    #[error("{0}")]
    Decode(#[from] DecodeError),
    /// It carries an operation that has no place here.
    #[error("unexpected {0}")]
    UnexpectedOperation(&'static str),
    /// It belongs to no request of ours.
    #[error("a message for request {0}, which was never made")]
    UnexpectedMessageId(u32),
    /// An entry or reference came without a Sync State control (RFC 4533 §2.3).
    #[error("{0} without a Sync State control")]
    WithoutState(&'static str),
    /// The search succeeded without a Sync Done control (RFC 4533 §2.4).
    #[error(
        "a SearchResultDone without a Sync Done control: the provider ignored the sync request"
    )]
    WithoutDone,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Idle,
    Refresh {
        present_phase_ended: bool,
        named_present: bool,
    },
    Persist,
}

/// One sync search on one connection. Message IDs are given by the caller, who shares the
/// connection with other operations.
#[derive(Debug)]
pub struct Session {
    mode: SyncMode,
    stage: Stage,
    search: u32,
    /// The searches before this one, which the provider has ended.
    ended: Vec<u32>,
    cancel: Option<u32>,
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
            ended: Vec::new(),
            cancel: None,
            requests: VecDeque::new(),
            skip_references_without_state: false,
        }
    }

    /// Passes over references without a Sync State control instead of failing.
    pub fn skip_references_without_state(&mut self, skip: bool) {
        self.skip_references_without_state = skip;
    }

    /// Begins a refresh stage: the search with a critical Sync Request control, as message `id`.
    pub fn start(&mut self, id: u32, search: &SearchRequest<'_>, cookie: Option<&[u8]>) {
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
        if self.search != 0 {
            self.ended.push(self.search);
        }
        self.search = id;
        self.stage = Stage::Refresh {
            present_phase_ended: false,
            named_present: false,
        };
    }

    /// Asks the provider to end the search (RFC 3909), as message `id`. Messages still under way
    /// are delivered until [`SyncEvent::Cancelled`].
    pub fn cancel(&mut self, id: u32) {
        if self.cancel.is_some() || self.stage == Stage::Idle {
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
    pub fn handle_message<'a>(
        &mut self,
        message: &Message<'a>,
    ) -> Result<SyncEvent<'a>, SessionError> {
        if message.id == 0 {
            return Self::handle_unsolicited(message);
        }
        if self.cancel == Some(message.id) {
            let Operation::ExtendedResponse { .. } = message.op else {
                return Err(SessionError::UnexpectedOperation(message.op.name()));
            };
            // Success, or an answer that says why not: either way the caller closes.
            self.stage = Stage::Idle;
            return Ok(SyncEvent::Cancelled);
        }
        // slapd may send changes to a persistent search that it has just ended with
        // e-syncRefreshRequired. The search that followed tells of them too.
        if self.ended.contains(&message.id) {
            return Ok(SyncEvent::Nothing);
        }
        if message.id != self.search {
            return Err(SessionError::UnexpectedMessageId(message.id));
        }
        match &message.op {
            Operation::SearchResultEntry(entry) => {
                let state = self.state(message, "an entry")?;
                let Some(SyncState {
                    state,
                    uuid,
                    cookie,
                }) = state
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
                match self.state(message, "a reference")? {
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

    fn state<'a>(
        &self,
        message: &Message<'a>,
        what: &'static str,
    ) -> Result<Option<SyncState<'a>>, SessionError> {
        if self.stage == Stage::Idle {
            return Err(SessionError::UnexpectedOperation(what));
        }
        Ok(message
            .controls
            .value(SYNC_STATE, "syncStateValue")?
            .map(SyncState::decode)
            .transpose()?)
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
            return Ok(if self.cancel.is_some() {
                SyncEvent::Nothing
            } else {
                SyncEvent::Ended
            });
        };
        if self.mode == SyncMode::RefreshAndPersist {
            return Ok(SyncEvent::Ended);
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
}

/// A result code for people: its name in the RFCs and its number.
pub fn describe_result(code: u32) -> String {
    match result_name(code) {
        Some(name) => format!("{name} ({code})"),
        None => format!("result {code}"),
    }
}
