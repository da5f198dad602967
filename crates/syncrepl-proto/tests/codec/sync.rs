//! The values of RFC 4533: golden bytes, and malformed values. The comparison with the same ASN.1 in
//! `rasn` is in `crates/test/hostile`.

use syncrepl_proto::Uuid;
use syncrepl_proto::sync::{
    EntryState, SyncDone, SyncInfo, SyncMode, SyncRequest, SyncState, UuidSet,
};

const ID: [u8; 16] = *b"0123456789abcdef";

#[test]
fn golden_sync_request() {
    for (request, bytes) in [
        (
            SyncRequest {
                mode: SyncMode::RefreshOnly,
                cookie: None,
                reload_hint: false,
            },
            &b"\x30\x03\x0a\x01\x01"[..],
        ),
        (
            SyncRequest {
                mode: SyncMode::RefreshAndPersist,
                cookie: Some(b"ck"),
                reload_hint: true,
            },
            b"\x30\x0a\x0a\x01\x03\x04\x02ck\x01\x01\xff",
        ),
    ] {
        assert_eq!(request.encode(), bytes);
        assert_eq!(SyncRequest::decode(bytes), Ok(request));
    }
    assert!(SyncRequest::decode(b"\x30\x03\x0a\x01\x02").is_err());
}

#[test]
fn golden_sync_state() {
    let mut bytes = b"\x30\x19\x0a\x01\x02\x04\x10".to_vec();
    bytes.extend(ID);
    bytes.extend(b"\x04\x02ck");
    let state = SyncState {
        state: EntryState::Modify,
        uuid: Uuid::from_bytes(ID),
        cookie: Some(b"ck"),
    };
    assert_eq!(state.encode(), bytes);
    assert_eq!(SyncState::decode(&bytes), Ok(state));
    assert!(SyncState::decode(b"\x30\x08\x0a\x01\x01\x04\x03abc").is_err());
    assert!(SyncState::decode(b"\x30\x03\x0a\x01\x04").is_err());
}

#[test]
fn golden_sync_done() {
    for (bytes, cookie, refresh_deletes) in [
        (&b"\x30\x00"[..], None, false),
        (b"\x30\x03\x01\x01\xff", None, true),
        (b"\x30\x04\x04\x02ck", Some(&b"ck"[..]), false),
        (b"\x30\x07\x04\x02ck\x01\x01\xff", Some(b"ck"), true),
    ] {
        let done = SyncDone {
            cookie,
            refresh_deletes,
        };
        assert_eq!(SyncDone::decode(bytes), Ok(done));
        assert_eq!(done.encode(), bytes);
    }
    // An explicit default and another order of the fields read alike.
    let odd = SyncDone::decode(b"\x30\x07\x01\x01\x00\x04\x02ck").unwrap();
    assert_eq!(
        odd,
        SyncDone {
            cookie: Some(b"ck"),
            refresh_deletes: false
        }
    );
}

#[test]
fn golden_sync_info() {
    let uuids = UuidSet::encode([Uuid::from_bytes(ID)]);
    let mut set = b"\xa3\x17\x01\x01\xff\x31\x12\x04\x10".to_vec();
    set.extend(ID);
    let mut present = b"\xa3\x18\x04\x02ck\x31\x12\x04\x10".to_vec();
    present.extend(ID);
    let uuids = UuidSet::decode(&uuids).unwrap();
    for (info, bytes) in [
        (SyncInfo::NewCookie(b"ck"), &b"\x80\x02ck"[..]),
        (
            SyncInfo::RefreshDelete {
                cookie: None,
                refresh_done: true,
            },
            b"\xa1\x00",
        ),
        (
            SyncInfo::RefreshPresent {
                cookie: Some(b"c"),
                refresh_done: false,
            },
            b"\xa2\x06\x04\x01c\x01\x01\x00",
        ),
        (
            SyncInfo::SyncIdSet {
                cookie: None,
                refresh_deletes: true,
                uuids,
            },
            &set,
        ),
        (
            SyncInfo::SyncIdSet {
                cookie: Some(b"ck"),
                refresh_deletes: false,
                uuids,
            },
            &present,
        ),
    ] {
        assert_eq!(info.encode(), bytes);
        assert_eq!(SyncInfo::decode(bytes), Ok(info));
    }
    assert_eq!(uuids.iter().collect::<Vec<_>>(), [Uuid::from_bytes(ID)]);
    assert!(SyncInfo::decode(b"\xa3\x00").is_err());
    assert!(SyncInfo::decode(b"\x84\x00").is_err());
    assert!(SyncInfo::decode(b"\xa3\x07\x31\x05\x04\x03abc").is_err());
}

#[test]
fn refresh_deletes_without_a_cookie_is_still_true() {
    // A reader that goes by position loses the flag here, and its consumer deletes every entry.
    let done = SyncDone::decode(b"\x30\x03\x01\x01\xff").unwrap();
    assert!(done.refresh_deletes && done.cookie.is_none());
    // BER allows any byte but zero for TRUE; RFC 4511 §5.1 does not.
    assert!(
        SyncDone::decode(b"\x30\x03\x01\x01\x01")
            .unwrap()
            .refresh_deletes
    );
}

#[test]
fn sync_uuids_without_cookie_are_not_the_cookie() {
    let mut bytes = b"\xa3\x14\x31\x12\x04\x10".to_vec();
    bytes.extend(ID);
    let SyncInfo::SyncIdSet {
        cookie,
        refresh_deletes,
        uuids,
    } = SyncInfo::decode(&bytes).unwrap()
    else {
        panic!("not a syncIdSet");
    };
    assert_eq!((cookie, refresh_deletes), (None, false));
    assert_eq!(uuids.iter().collect::<Vec<_>>(), [Uuid::from_bytes(ID)]);
}

#[test]
fn repeated_and_trailing_fields_are_refused() {
    for bytes in [
        &b"\x30\x06\x01\x01\xff\x01\x01\x00"[..],
        b"\x30\x06\x04\x01a\x04\x01a",
        // The flag is outside the SEQUENCE: the reader must not take refreshDeletes for FALSE.
        b"\x30\x00\x01\x01\xff",
        b"\x30\x03\x04\x01a\x00",
        b"\x30\x04\x01\x01\xff",
        b"\x30\x02\x01\x01\xff",
    ] {
        assert!(SyncDone::decode(bytes).is_err(), "{bytes:?}");
    }
    for bytes in [
        &b"\x80\x01c\x00"[..],
        b"\xa1\x00\x01\x01\x00",
        b"\xa2\x06\x01\x01\xff\x01\x01\x00",
        b"\xa3\x04\x31\x00\x31\x00",
        b"\xa0\x02ck",
        b"\x30\x00",
        b"",
    ] {
        assert!(SyncInfo::decode(bytes).is_err(), "{bytes:?}");
    }
    assert!(SyncRequest::decode(b"\x30\x03\x0a\x01\x01\x00").is_err());
    let mut state = b"\x30\x1b\x0a\x01\x01\x04\x10".to_vec();
    state.extend(ID);
    state.extend(b"\x04\x01a\x04\x01b");
    assert!(SyncState::decode(&state).is_err());
}

#[test]
fn fields_of_later_versions_are_skipped() {
    let done = SyncDone::decode(b"\x30\x07\x80\x02zz\x01\x01\xff").unwrap();
    assert!(done.refresh_deletes);
}
