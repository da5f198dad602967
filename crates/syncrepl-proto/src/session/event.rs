//! What comes out of a session: what a message meant, or why it cannot be accepted.

use thiserror::Error;

use crate::Uuid;
use crate::attributes::AttributeList;
use crate::ber::DecodeError;
use crate::message::{LdapResult, Uris};
use crate::sync::UuidSet;

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
