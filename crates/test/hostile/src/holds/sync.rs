//! The values of RFC 4533: a value that was read is written and read again as the same, and we read
//! every value as `rasn` does by the RFC's ASN.1.

use rasn::types::OctetString;
use syncrepl_proto::Uuid;
use syncrepl_proto::sync::{SyncDone, SyncInfo, SyncMode, SyncRequest, SyncState, UuidSet};

use super::asn1::{Mode, SyncDoneValue, SyncInfoValue, SyncRequestValue, SyncStateValue};

/// The value of a Sync Info message.
pub fn sync_info(bytes: &[u8]) {
    let ours = SyncInfo::decode(bytes);
    if let Ok(info) = ours {
        let written = info.encode();
        assert_eq!(SyncInfo::decode(&written), Ok(info));
        assert!(written.len() <= bytes.len(), "ours is the shortest form");
        if let SyncInfo::SyncIdSet { uuids, .. } = info {
            let ids: Vec<Uuid> = uuids.iter().collect();
            let set = UuidSet::encode(ids.iter().copied());
            let again = UuidSet::decode(&set).expect("what we write we read");
            assert!(again.iter().eq(ids));
        }
    }
    let Ok(theirs) = rasn::ber::decode::<SyncInfoValue>(bytes) else {
        return;
    };
    let Ok(ours) = ours else {
        // Our reader may be stricter, but only for a reason that `rasn` cannot see. `rasn` writes
        // the value anew in a form that leaves no doubt.
        let plain = rasn::ber::encode(&theirs).expect("what they read they write");
        assert!(SyncInfo::decode(&plain).is_ok() || has_other_ids(&theirs));
        return;
    };
    let cookie = |cookie: &Option<OctetString>| cookie.as_ref().map(|bytes| bytes.to_vec());
    let (their_cookie, their_flag) = match &theirs {
        SyncInfoValue::NewCookie(bytes) => (Some(bytes.to_vec()), false),
        SyncInfoValue::RefreshDelete(end) | SyncInfoValue::RefreshPresent(end) => {
            (cookie(&end.cookie), end.refresh_done)
        }
        SyncInfoValue::SyncIdSet(set) => (cookie(&set.cookie), set.refresh_deletes),
    };
    let (our_cookie, our_flag) = match ours {
        SyncInfo::NewCookie(bytes) => (Some(bytes), false),
        SyncInfo::RefreshDelete {
            cookie,
            refresh_done,
        }
        | SyncInfo::RefreshPresent {
            cookie,
            refresh_done,
        } => (cookie, refresh_done),
        SyncInfo::SyncIdSet {
            cookie,
            refresh_deletes,
            ..
        } => (cookie, refresh_deletes),
    };
    assert_eq!(our_cookie, their_cookie.as_deref());
    assert_eq!(our_flag, their_flag);
}

fn has_other_ids(info: &SyncInfoValue) -> bool {
    match info {
        SyncInfoValue::SyncIdSet(set) => set.sync_uuids.to_vec().iter().any(|id| id.len() != 16),
        _ => false,
    }
}

/// The value of any control.
pub(super) fn values(bytes: &[u8]) {
    if let Ok(request) = SyncRequest::decode(bytes) {
        assert_eq!(SyncRequest::decode(&request.encode()), Ok(request));
        if let Ok(theirs) = rasn::ber::decode::<SyncRequestValue>(bytes) {
            assert_eq!(request.cookie, theirs.cookie.as_deref());
            assert_eq!(request.reload_hint, theirs.reload_hint);
            let only = request.mode == SyncMode::RefreshOnly;
            assert_eq!(only, theirs.mode == Mode::RefreshOnly);
        }
    }
    if let Ok(state) = SyncState::decode(bytes) {
        assert_eq!(SyncState::decode(&state.encode()), Ok(state));
        if let Ok(theirs) = rasn::ber::decode::<SyncStateValue>(bytes) {
            assert_eq!(state.cookie, theirs.cookie.as_deref());
            assert_eq!(state.uuid.as_bytes(), &theirs.entry_uuid[..]);
            assert_eq!(state.state as isize, theirs.state as isize);
        }
    }
    if let Ok(done) = SyncDone::decode(bytes) {
        assert_eq!(SyncDone::decode(&done.encode()), Ok(done));
        if let Ok(theirs) = rasn::ber::decode::<SyncDoneValue>(bytes) {
            assert_eq!(done.cookie, theirs.cookie.as_deref());
            assert_eq!(done.refresh_deletes, theirs.refresh_deletes);
        }
    }
}

#[cfg(test)]
mod tests;
