//! One sync search, from its start through the refresh stage into the persist stage.

use syncrepl_proto::message::{LdapResult, Message, Operation};
use syncrepl_proto::session::{Session, SessionError, SyncEvent};
use syncrepl_proto::sync::{EntryState, SYNC_REQUEST, SyncInfo, SyncMode, SyncRequest, UuidSet};

use crate::conversation::search;
use crate::wire::{self, uuid};

pub(crate) const ID: u32 = 2;

/// A session that has sent its search as message `ID`.
pub(crate) fn started(mode: SyncMode) -> Session {
    let mut session = Session::new(mode);
    session.start(ID, &search(), None);
    assert!(session.poll_request().is_some());
    assert!(session.poll_request().is_none());
    session
}

pub(crate) fn feed<'a>(
    session: &mut Session,
    bytes: &'a [u8],
) -> Result<SyncEvent<'a>, SessionError> {
    session.handle_message(&Message::decode(bytes)?)
}

/// Feeds one message and compares the event.
macro_rules! hears {
    ($session:expr, $bytes:expr, $event:expr) => {
        assert_eq!($crate::session::feed(&mut $session, &$bytes), $event)
    };
}
pub(crate) use hears;

pub(crate) fn refresh_present(cookie: Option<&[u8]>, refresh_done: bool) -> Vec<u8> {
    wire::info(
        ID,
        SyncInfo::RefreshPresent {
            cookie,
            refresh_done,
        },
    )
}

pub(crate) fn refresh_delete(cookie: Option<&[u8]>, refresh_done: bool) -> Vec<u8> {
    wire::info(
        ID,
        SyncInfo::RefreshDelete {
            cookie,
            refresh_done,
        },
    )
}

fn id_set(refresh_deletes: bool, ids: &[u8], cookie: Option<&[u8]>) -> Vec<u8> {
    let uuids = UuidSet::encode(ids.iter().copied().map(uuid));
    let uuids = UuidSet::decode(&uuids).unwrap();
    wire::info(
        ID,
        SyncInfo::SyncIdSet {
            cookie,
            refresh_deletes,
            uuids,
        },
    )
}

pub(crate) fn refreshed(
    cookie: Option<&[u8]>,
    absent_is_deleted: bool,
    named_present: bool,
) -> Result<SyncEvent<'_>, SessionError> {
    Ok(SyncEvent::RefreshDone {
        cookie,
        absent_is_deleted,
        named_present,
    })
}

/// A session in its persist stage.
pub(crate) fn persisting() -> Session {
    let mut session = started(SyncMode::RefreshAndPersist);
    hears!(
        session,
        refresh_delete(None, true),
        refreshed(None, false, false)
    );
    assert!(session.in_persist_stage() && !session.in_refresh_stage());
    session
}

#[test]
fn request_carries_critical_control() {
    for (mode, cookie) in [
        (SyncMode::RefreshOnly, None),
        (SyncMode::RefreshAndPersist, Some(&b"ck"[..])),
    ] {
        let mut session = Session::new(mode);
        assert!(!session.in_refresh_stage());
        session.start(ID, &search(), cookie);
        assert!(session.in_refresh_stage());
        let bytes = session.poll_request().unwrap();
        let message = Message::decode(&bytes).unwrap();
        assert_eq!(
            (message.id, message.op),
            (ID, Operation::SearchRequest(search()))
        );
        let control = message.controls.find(SYNC_REQUEST).unwrap();
        assert!(control.critical);
        let request = SyncRequest {
            mode,
            cookie,
            reload_hint: false,
        };
        assert_eq!(SyncRequest::decode(control.value.unwrap()), Ok(request));
        assert_eq!(session.poll_request(), None);
    }
}

#[test]
fn refresh_only_ends_with_sync_done() {
    for (refresh_deletes, absent_is_deleted) in [(false, true), (true, false)] {
        let mut session = started(SyncMode::RefreshOnly);
        let done = wire::done(ID, Some(b"ck"), refresh_deletes);
        hears!(
            session,
            done,
            refreshed(Some(b"ck"), absent_is_deleted, false)
        );
        assert!(!session.in_refresh_stage() && !session.in_persist_stage());
    }
}

#[test]
fn refresh_only_continues_after_phase() {
    for refresh_done in [false, true] {
        // A present phase, then a delete phase: an entry named in neither is deleted.
        let mut session = started(SyncMode::RefreshOnly);
        let cookie = Some(&b"p"[..]);
        let phase = Ok(SyncEvent::PhaseDone { cookie });
        hears!(session, refresh_present(cookie, refresh_done), phase);
        assert!(session.in_refresh_stage());
        hears!(
            session,
            wire::done(ID, None, true),
            refreshed(None, true, false)
        );

        let mut session = started(SyncMode::RefreshOnly);
        let phase = Ok(SyncEvent::PhaseDone { cookie: None });
        hears!(session, refresh_delete(None, refresh_done), phase);
        hears!(
            session,
            wire::done(ID, None, true),
            refreshed(None, false, false)
        );
    }
}

#[test]
fn persist_follows_refresh_done() {
    let mut session = started(SyncMode::RefreshAndPersist);
    hears!(
        session,
        refresh_present(Some(b"c"), true),
        refreshed(Some(b"c"), true, false)
    );
    assert!(session.in_persist_stage());
    assert_eq!(persisting().poll_request(), None);
}

#[test]
fn present_phase_counts_until_refresh_done() {
    let phase = || Ok(SyncEvent::PhaseDone { cookie: None });
    let mut session = started(SyncMode::RefreshAndPersist);
    hears!(session, refresh_present(None, false), phase());
    assert!(session.in_refresh_stage());
    hears!(
        session,
        refresh_delete(Some(b"c"), true),
        refreshed(Some(b"c"), true, false)
    );

    let mut session = started(SyncMode::RefreshAndPersist);
    hears!(session, refresh_delete(None, false), phase());
    hears!(
        session,
        refresh_delete(None, true),
        refreshed(None, false, false)
    );

    // A present phase counts for its own refresh stage, not for the next.
    session.start(7, &search(), None);
    let end = wire::info(
        7,
        SyncInfo::RefreshDelete {
            cookie: None,
            refresh_done: true,
        },
    );
    hears!(session, end, refreshed(None, false, false));
}

#[test]
fn named_present_is_remembered() {
    for message in [
        wire::entry(ID, EntryState::Present, 1, None),
        wire::reference(ID, EntryState::Present, 1, None),
        id_set(false, &[1], None),
    ] {
        let mut session = started(SyncMode::RefreshOnly);
        assert!(feed(&mut session, &message).is_ok());
        hears!(
            session,
            wire::done(ID, None, false),
            refreshed(None, true, true)
        );
    }
    for message in [
        wire::entry(ID, EntryState::Add, 1, None),
        wire::entry(ID, EntryState::Delete, 1, None),
        id_set(true, &[1], None),
    ] {
        let mut session = started(SyncMode::RefreshOnly);
        assert!(feed(&mut session, &message).is_ok());
        hears!(
            session,
            wire::done(ID, None, false),
            refreshed(None, true, false)
        );
    }
}

#[test]
fn entries_and_references_of_each_state() {
    for mut session in [started(SyncMode::RefreshOnly), persisting()] {
        let (cookie, uuid) = (Some(&b"ck"[..]), uuid(9));
        for state in [EntryState::Add, EntryState::Modify] {
            let bytes = wire::entry(ID, state, 9, cookie);
            let event = feed(&mut session, &bytes);
            let Ok(SyncEvent::Entry {
                uuid: id,
                dn,
                attributes,
                added,
                cookie: sent,
            }) = event
            else {
                panic!("{event:?}");
            };
            assert_eq!((id, dn, sent), (uuid, "cn=a,dc=example", cookie));
            assert_eq!(added, state == EntryState::Add);
            assert_eq!(attributes.as_bytes(), wire::attributes());
            let bytes = wire::reference(ID, state, 9, cookie);
            let event = feed(&mut session, &bytes);
            let Ok(SyncEvent::Reference {
                uuid: id,
                uris,
                cookie: sent,
            }) = event
            else {
                panic!("{event:?}");
            };
            assert_eq!((id, sent), (uuid, cookie));
            assert_eq!(uris.iter().collect::<Vec<_>>(), ["ldap://other/dc=example"]);
        }
        for message in [wire::entry, wire::reference] {
            let present = message(ID, EntryState::Present, 9, cookie);
            hears!(session, present, Ok(SyncEvent::Present { uuid, cookie }));
            let delete = message(ID, EntryState::Delete, 9, cookie);
            hears!(session, delete, Ok(SyncEvent::Delete { uuid, cookie }));
        }
    }
}

#[test]
fn id_sets_and_cookies_in_both_stages() {
    for mut session in [started(SyncMode::RefreshAndPersist), persisting()] {
        let refreshing = session.in_refresh_stage();
        for (deletes, cookie) in [(true, None), (false, Some(&b"ck"[..]))] {
            let bytes = id_set(deletes, &[3, 1], cookie);
            let event = feed(&mut session, &bytes);
            let Ok(SyncEvent::IdSet {
                deleted,
                uuids,
                cookie: sent,
            }) = event
            else {
                panic!("{event:?}");
            };
            assert_eq!((deleted, sent), (deletes, cookie));
            assert_eq!(uuids.iter().collect::<Vec<_>>(), [uuid(3), uuid(1)]);
        }
        let newcookie = wire::info(ID, SyncInfo::NewCookie(b"n"));
        hears!(session, newcookie, Ok(SyncEvent::NewCookie(b"n")));
        assert_eq!(session.in_refresh_stage(), refreshing);
    }
}

#[test]
fn phase_end_in_persist_stage_is_only_a_cookie() {
    let mut session = persisting();
    let cookie = Some(&b"c"[..]);
    for bytes in [refresh_present(cookie, true), refresh_delete(cookie, true)] {
        hears!(session, bytes, Ok(SyncEvent::PhaseDone { cookie }));
        assert!(session.in_persist_stage());
    }
}

#[test]
fn other_intermediate_responses_are_ignored() {
    let mut session = started(SyncMode::RefreshOnly);
    for (name, value) in [(None, None), (Some("1.2.3"), Some(&b"\xa3\x00"[..]))] {
        let op = Operation::IntermediateResponse { name, value };
        hears!(
            session,
            Message::encode(ID, &op, &[]),
            Ok(SyncEvent::Nothing)
        );
    }
    let name = Some(syncrepl_proto::sync::SYNC_INFO);
    let empty = Operation::IntermediateResponse { name, value: None };
    assert!(feed(&mut session, &Message::encode(ID, &empty, &[])).is_err());
}

#[test]
fn misplaced_messages_are_errors() {
    let mut session = started(SyncMode::RefreshOnly);
    let bind = Operation::BindResponse(LdapResult::new(0), None);
    let unexpected = Err(SessionError::UnexpectedOperation("BindResponse"));
    hears!(session, Message::encode(ID, &bind, &[]), unexpected);
    let stranger = wire::entry(9, EntryState::Add, 1, None);
    hears!(session, stranger, Err(SessionError::UnexpectedMessageId(9)));
    let early = wire::entry(ID, EntryState::Add, 1, None);
    let mut session = Session::new(SyncMode::RefreshOnly);
    hears!(session, early, Err(SessionError::UnexpectedMessageId(ID)));
}
