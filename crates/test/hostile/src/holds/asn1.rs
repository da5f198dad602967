//! RFC 4533 §2.2 to §2.5 for `rasn`, with the RFC's implicit tags: the second opinion on our reader
//! and writer.

use rasn::prelude::*;

#[derive(AsnType, Encode, Decode, Debug, Clone, Copy, PartialEq, Eq)]
#[rasn(enumerated)]
pub(super) enum Mode {
    RefreshOnly = 1,
    RefreshAndPersist = 3,
}

#[derive(AsnType, Encode, Decode, Debug, PartialEq)]
pub(super) struct SyncRequestValue {
    pub(super) mode: Mode,
    pub(super) cookie: Option<OctetString>,
    #[rasn(default)]
    pub(super) reload_hint: bool,
}

#[derive(AsnType, Encode, Decode, Debug, Clone, Copy, PartialEq, Eq)]
#[rasn(enumerated)]
pub(super) enum State {
    Present = 0,
    Add = 1,
    Modify = 2,
    Delete = 3,
}

#[derive(AsnType, Encode, Decode, Debug, PartialEq)]
pub(super) struct SyncStateValue {
    pub(super) state: State,
    pub(super) entry_uuid: OctetString,
    pub(super) cookie: Option<OctetString>,
}

#[derive(AsnType, Encode, Decode, Debug, PartialEq)]
pub(super) struct SyncDoneValue {
    pub(super) cookie: Option<OctetString>,
    #[rasn(default)]
    pub(super) refresh_deletes: bool,
}

fn yes() -> bool {
    true
}

#[derive(AsnType, Encode, Decode, Debug, PartialEq)]
pub(super) struct PhaseEnd {
    pub(super) cookie: Option<OctetString>,
    #[rasn(default = "yes")]
    pub(super) refresh_done: bool,
}

#[derive(AsnType, Encode, Decode, Debug, PartialEq)]
pub(super) struct SyncIdSet {
    pub(super) cookie: Option<OctetString>,
    #[rasn(default)]
    pub(super) refresh_deletes: bool,
    pub(super) sync_uuids: SetOf<OctetString>,
}

#[derive(AsnType, Encode, Decode, Debug, PartialEq)]
#[rasn(choice)]
pub(super) enum SyncInfoValue {
    #[rasn(tag(0))]
    NewCookie(OctetString),
    #[rasn(tag(1))]
    RefreshDelete(PhaseEnd),
    #[rasn(tag(2))]
    RefreshPresent(PhaseEnd),
    #[rasn(tag(3))]
    SyncIdSet(SyncIdSet),
}
