//! The events of a session, and its errors.

use thiserror::Error;
use uuid::Uuid;

use crate::attributes::AttributeList;
use crate::ber::DecodeError;
use crate::message::{LdapResult, Uris};
use crate::sync::UuidSet;

/// The meaning of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SyncEvent<'a> {
    /// The current state of an entry.
    Entry {
        /// entryUUID, the entry's only identity.
        uuid: Uuid,
        /// The DN.
        dn: &'a str,
        /// The requested attributes.
        attributes: AttributeList<'a>,
        /// Whether the provider says that the entry has come into the content (state add, RFC 4533
        /// §3.4.2). In a refresh stage providers say so of changed entries, too.
        added: bool,
        /// The cookie in the message, if any.
        cookie: Option<&'a [u8]>,
    },
    /// The current state of a reference.
    Reference {
        /// The entryUUID of the referral object.
        uuid: Uuid,
        /// The URIs it points to.
        uris: Uris<'a>,
        /// The cookie in the message, if any.
        cookie: Option<&'a [u8]>,
    },
    /// An entry or reference is unchanged.
    Present {
        /// entryUUID.
        uuid: Uuid,
        /// The cookie in the message, if any.
        cookie: Option<&'a [u8]>,
    },
    /// An entry or reference has left the content of the search.
    Delete {
        /// entryUUID.
        uuid: Uuid,
        /// The cookie in the message, if any.
        cookie: Option<&'a [u8]>,
    },
    /// Many entries or references have left the content, or are unchanged.
    IdSet {
        /// refreshDeletes: whether they have left the content.
        deleted: bool,
        /// The entryUUIDs.
        uuids: UuidSet<'a>,
        /// The cookie in the message, if any.
        cookie: Option<&'a [u8]>,
    },
    /// A new cookie alone.
    NewCookie(&'a [u8]),
    /// A phase of the refresh stage has ended, and another follows.
    PhaseDone {
        /// The cookie in the message, if any.
        cookie: Option<&'a [u8]>,
    },
    /// The refresh stage has ended successfully. With refreshOnly the search has ended too.
    RefreshDone {
        /// The cookie in the message, if any.
        cookie: Option<&'a [u8]>,
        /// Whether RFC 4533, read literally, means that every entry not named in this stage is
        /// deleted.
        absent_is_deleted: bool,
        /// Whether the provider named an entry as present without sending it.
        named_present: bool,
    },
    /// e-syncRefreshRequired: the consumer must start again without a cookie.
    RefreshRequired,
    /// The search ended with a result other than success.
    Refused(LdapResult<'a>),
    /// The provider ended a search that should persist, without an error.
    Ended,
    /// The provider answered a Cancel. No message follows.
    Cancelled,
    /// Notice of Disconnection (RFC 4511 §4.4.1).
    Disconnection(LdapResult<'a>),
    /// The message changes nothing.
    Nothing,
}

impl<'a> SyncEvent<'a> {
    /// The cookie that came with it, if any.
    pub fn cookie(&self) -> Option<&'a [u8]> {
        match self {
            SyncEvent::NewCookie(cookie) => Some(cookie),
            SyncEvent::Entry { cookie, .. }
            | SyncEvent::Reference { cookie, .. }
            | SyncEvent::Present { cookie, .. }
            | SyncEvent::Delete { cookie, .. }
            | SyncEvent::IdSet { cookie, .. }
            | SyncEvent::PhaseDone { cookie }
            | SyncEvent::RefreshDone { cookie, .. } => *cookie,
            _ => None,
        }
    }
}

/// The reason why a message cannot be accepted.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SessionError {
    /// The message is malformed.
    #[error("{0}")]
    Decode(#[from] DecodeError),
    /// The operation has no place at this point.
    #[error("unexpected {0}")]
    UnexpectedOperation(&'static str),
    /// The message ID belongs to no request of this session.
    #[error("a message for request {0}, which was never made")]
    UnexpectedMessageId(u32),
    /// An entry or a reference has no Sync State control (RFC 4533 §2.3).
    #[error("{0} without a Sync State control")]
    WithoutState(&'static str),
    /// The search succeeded without a Sync Done control (RFC 4533 §2.4).
    #[error(
        "a SearchResultDone without a Sync Done control: the provider ignored the sync request"
    )]
    WithoutDone,
}
