//! The writer against `rasn`: for any value, `rasn` reads what we wrote, and writes the same bytes.

use std::collections::BTreeSet;

use proptest::prelude::*;
use rasn::prelude::*;
use syncrepl_proto::Uuid;
use syncrepl_proto::sync::{
    EntryState, SyncDone, SyncInfo, SyncMode, SyncRequest, SyncState, UuidSet,
};

use crate::holds::asn1::{
    Mode, PhaseEnd, State, SyncDoneValue, SyncIdSet, SyncInfoValue, SyncRequestValue,
    SyncStateValue,
};

fn agree<T: Encode + Decode + PartialEq + std::fmt::Debug>(ours: &[u8], theirs: &T) {
    assert_eq!(&rasn::ber::decode::<T>(ours).unwrap(), theirs);
    assert_eq!(rasn::ber::encode(theirs).unwrap(), ours);
}

fn cookie() -> impl Strategy<Value = Option<Vec<u8>>> {
    prop::option::of(prop::collection::vec(any::<u8>(), 0..200))
}

/// In order, because `rasn` sorts every SET OF, as DER has it.
fn ids() -> impl Strategy<Value = BTreeSet<[u8; 16]>> {
    prop::collection::btree_set(any::<[u8; 16]>(), 1..20)
}

proptest! {
    #[test]
    fn sync_request(cookie in cookie(), persist in any::<bool>(), reload_hint in any::<bool>()) {
        let (mode, theirs) = match persist {
            true => (SyncMode::RefreshAndPersist, Mode::RefreshAndPersist),
            false => (SyncMode::RefreshOnly, Mode::RefreshOnly),
        };
        let request = SyncRequest { mode, cookie: cookie.as_deref(), reload_hint };
        let bytes = request.encode();
        prop_assert_eq!(SyncRequest::decode(&bytes), Ok(request));
        agree(&bytes, &SyncRequestValue {
            mode: theirs,
            cookie: cookie.map(OctetString::from),
            reload_hint,
        });
    }

    #[test]
    fn sync_state(cookie in cookie(), id in any::<[u8; 16]>(), which in 0usize..4) {
        let ours = [EntryState::Present, EntryState::Add, EntryState::Modify, EntryState::Delete];
        let theirs = [State::Present, State::Add, State::Modify, State::Delete];
        let uuid = Uuid::from_bytes(id);
        let value = SyncState { state: ours[which], uuid, cookie: cookie.as_deref() };
        let bytes = value.encode();
        prop_assert_eq!(SyncState::decode(&bytes), Ok(value));
        agree(&bytes, &SyncStateValue {
            state: theirs[which],
            entry_uuid: id.to_vec().into(),
            cookie: cookie.map(OctetString::from),
        });
    }

    #[test]
    fn sync_done(cookie in cookie(), refresh_deletes in any::<bool>()) {
        let done = SyncDone { cookie: cookie.as_deref(), refresh_deletes };
        let bytes = done.encode();
        prop_assert_eq!(SyncDone::decode(&bytes), Ok(done));
        agree(&bytes, &SyncDoneValue {
            cookie: cookie.map(OctetString::from),
            refresh_deletes,
        });
    }

    #[test]
    fn sync_info(cookie in cookie(), flag in any::<bool>(), ids in ids(), which in 0usize..4) {
        let set = UuidSet::encode(ids.iter().copied().map(Uuid::from_bytes));
        let uuids = UuidSet::decode(&set).unwrap();
        let ours = our_info(which, cookie.as_deref(), flag, uuids);
        let bytes = ours.encode();
        prop_assert_eq!(SyncInfo::decode(&bytes), Ok(ours));
        agree(&bytes, &their_info(which, cookie.map(OctetString::from), flag, &ids));
    }
}

/// The alternative number `which` of the CHOICE.
fn our_info<'a>(
    which: usize,
    cookie: Option<&'a [u8]>,
    flag: bool,
    uuids: UuidSet<'a>,
) -> SyncInfo<'a> {
    let (refresh_done, refresh_deletes) = (flag, flag);
    match which {
        0 => SyncInfo::NewCookie(cookie.unwrap_or_default()),
        1 => SyncInfo::RefreshDelete {
            cookie,
            refresh_done,
        },
        2 => SyncInfo::RefreshPresent {
            cookie,
            refresh_done,
        },
        _ => SyncInfo::SyncIdSet {
            cookie,
            refresh_deletes,
            uuids,
        },
    }
}

/// The same for `rasn`.
fn their_info(
    which: usize,
    cookie: Option<OctetString>,
    flag: bool,
    ids: &BTreeSet<[u8; 16]>,
) -> SyncInfoValue {
    let end = |cookie| PhaseEnd {
        cookie,
        refresh_done: flag,
    };
    match which {
        0 => SyncInfoValue::NewCookie(cookie.unwrap_or_default()),
        1 => SyncInfoValue::RefreshDelete(end(cookie)),
        2 => SyncInfoValue::RefreshPresent(end(cookie)),
        _ => SyncInfoValue::SyncIdSet(SyncIdSet {
            cookie,
            refresh_deletes: flag,
            sync_uuids: SetOf::from_vec(ids.iter().map(|id| id.to_vec().into()).collect()),
        }),
    }
}
