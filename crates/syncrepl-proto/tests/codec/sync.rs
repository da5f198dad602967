//! The values of RFC 4533: golden bytes, comparison with the same ASN.1 in `rasn`, and malformed
//! values.

use proptest::prelude::*;
use rasn::prelude::*;
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

// The ASN.1 of RFC 4533 §2.2 to §2.5, with implicit tags.

#[derive(AsnType, Encode, Decode, Debug, Clone, Copy, PartialEq, Eq)]
#[rasn(enumerated)]
enum Mode {
    RefreshOnly = 1,
    RefreshAndPersist = 3,
}

#[derive(AsnType, Encode, Decode, Debug, PartialEq)]
struct SyncRequestValue {
    mode: Mode,
    cookie: Option<OctetString>,
    #[rasn(default)]
    reload_hint: bool,
}

#[derive(AsnType, Encode, Decode, Debug, Clone, Copy, PartialEq, Eq)]
#[rasn(enumerated)]
enum State {
    Present = 0,
    Add = 1,
    Modify = 2,
    Delete = 3,
}

#[derive(AsnType, Encode, Decode, Debug, PartialEq)]
struct SyncStateValue {
    state: State,
    entry_uuid: OctetString,
    cookie: Option<OctetString>,
}

#[derive(AsnType, Encode, Decode, Debug, PartialEq)]
struct SyncDoneValue {
    cookie: Option<OctetString>,
    #[rasn(default)]
    refresh_deletes: bool,
}

fn yes() -> bool {
    true
}

#[derive(AsnType, Encode, Decode, Debug, PartialEq)]
struct PhaseEnd {
    cookie: Option<OctetString>,
    #[rasn(default = "yes")]
    refresh_done: bool,
}

#[derive(AsnType, Encode, Decode, Debug, PartialEq)]
struct SyncIdSet {
    cookie: Option<OctetString>,
    #[rasn(default)]
    refresh_deletes: bool,
    sync_uuids: SetOf<OctetString>,
}

#[derive(AsnType, Encode, Decode, Debug, PartialEq)]
#[rasn(choice)]
enum SyncInfoValue {
    #[rasn(tag(0))]
    NewCookie(OctetString),
    #[rasn(tag(1))]
    RefreshDelete(PhaseEnd),
    #[rasn(tag(2))]
    RefreshPresent(PhaseEnd),
    #[rasn(tag(3))]
    SyncIdSet(SyncIdSet),
}

fn agree<T: Encode + Decode + PartialEq + std::fmt::Debug>(ours: &[u8], theirs: &T) {
    assert_eq!(&rasn::ber::decode::<T>(ours).unwrap(), theirs);
    assert_eq!(rasn::ber::encode(theirs).unwrap(), ours);
}

fn cookies() -> impl Strategy<Value = Option<Vec<u8>>> {
    prop::option::of(prop::collection::vec(any::<u8>(), 0..200))
}

/// The cookie in the oracle's type.
fn theirs(cookie: Option<&[u8]>) -> Option<OctetString> {
    cookie.map(OctetString::from_slice)
}

proptest! {
    #[test]
    fn request_and_done_agree_with_oracle(cookie in cookies(), flag in any::<bool>()) {
        let cookie = cookie.as_deref();
        let (mode, their_mode) = if flag {
            (SyncMode::RefreshOnly, Mode::RefreshOnly)
        } else {
            (SyncMode::RefreshAndPersist, Mode::RefreshAndPersist)
        };
        let request = SyncRequest { mode, cookie, reload_hint: flag };
        let bytes = request.encode();
        prop_assert_eq!(SyncRequest::decode(&bytes), Ok(request));
        agree(&bytes, &SyncRequestValue {
            mode: their_mode, cookie: theirs(cookie), reload_hint: flag,
        });

        let done = SyncDone { cookie, refresh_deletes: flag };
        let bytes = done.encode();
        prop_assert_eq!(SyncDone::decode(&bytes), Ok(done));
        agree(&bytes, &SyncDoneValue { cookie: theirs(cookie), refresh_deletes: flag });
    }

    #[test]
    fn state_agrees_with_oracle(
        cookie in cookies(),
        id in any::<[u8; 16]>(),
        which in 0usize..4,
    ) {
        let cookie = cookie.as_deref();
        let state = [EntryState::Present, EntryState::Add, EntryState::Modify, EntryState::Delete];
        let their_state = [State::Present, State::Add, State::Modify, State::Delete];
        let value = SyncState { state: state[which], uuid: Uuid::from_bytes(id), cookie };
        let bytes = value.encode();
        prop_assert_eq!(SyncState::decode(&bytes), Ok(value));
        agree(&bytes, &SyncStateValue {
            state: their_state[which],
            entry_uuid: id.to_vec().into(),
            cookie: theirs(cookie),
        });
    }

    #[test]
    fn info_agrees_with_oracle(
        cookie in cookies(),
        flag in any::<bool>(),
        // The oracle sorts every SET OF, like DER.
        ids in prop::collection::btree_set(any::<[u8; 16]>(), 1..20),
        which in 0usize..4,
    ) {
        let cookie = cookie.as_deref();
        let set = UuidSet::encode(ids.iter().copied().map(Uuid::from_bytes));
        let end = PhaseEnd { cookie: theirs(cookie), refresh_done: flag };
        let (info, their_info) = match which {
            0 => (
                SyncInfo::NewCookie(cookie.unwrap_or_default()),
                SyncInfoValue::NewCookie(theirs(cookie).unwrap_or_default()),
            ),
            1 => (
                SyncInfo::RefreshDelete { cookie, refresh_done: flag },
                SyncInfoValue::RefreshDelete(end),
            ),
            2 => (
                SyncInfo::RefreshPresent { cookie, refresh_done: flag },
                SyncInfoValue::RefreshPresent(end),
            ),
            _ => (
                SyncInfo::SyncIdSet {
                    cookie, refresh_deletes: flag, uuids: UuidSet::decode(&set).unwrap(),
                },
                SyncInfoValue::SyncIdSet(SyncIdSet {
                    cookie: theirs(cookie),
                    refresh_deletes: flag,
                    sync_uuids: SetOf::from_vec(ids.iter().map(|id| id.to_vec().into()).collect()),
                }),
            ),
        };
        let bytes = info.encode();
        prop_assert_eq!(SyncInfo::decode(&bytes), Ok(info));
        agree(&bytes, &their_info);
    }
}
