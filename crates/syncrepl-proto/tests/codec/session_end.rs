//! The ends of a sync search: by the provider, by a Cancel, or by a new start.

use syncrepl_proto::ber::{Reader, tag};
use syncrepl_proto::message::{
    CANCEL, LdapResult, Message, NOTICE_OF_DISCONNECTION, Operation, START_TLS,
};
use syncrepl_proto::session::{Session, SessionError, SyncEvent, describe_result};
use syncrepl_proto::sync::{EntryState, SYNC_REFRESH_REQUIRED, SyncInfo, SyncMode};

use crate::conversation::search;
use crate::session::{ID, feed, hears, persisting, refresh_delete, refreshed, started};
use crate::wire::{self, uuid};

const CANCEL_ID: u32 = 5;
const NEXT: u32 = 6;

fn ended(session: &Session) -> bool {
    !session.in_refresh_stage() && !session.in_persist_stage()
}

#[test]
fn refresh_required_in_both_stages() {
    for mut session in [
        started(SyncMode::RefreshOnly),
        started(SyncMode::RefreshAndPersist),
        persisting(),
    ] {
        let done = wire::bare_done(ID, SYNC_REFRESH_REQUIRED);
        hears!(session, done, Ok(SyncEvent::RefreshRequired));
        assert!(ended(&session));
    }
}

#[test]
fn other_results_are_refusals() {
    for code in [1, 4, 53, 118, 4097] {
        for mut session in [started(SyncMode::RefreshOnly), persisting()] {
            let refused = Ok(SyncEvent::Refused(LdapResult::new(code)));
            hears!(session, wire::bare_done(ID, code), refused);
            assert!(ended(&session));
        }
    }
    assert_eq!(describe_result(53), "unwillingToPerform (53)");
    assert_eq!(describe_result(4097), "result 4097");
}

#[test]
fn success_without_sync_done_is_an_error() {
    let mut session = started(SyncMode::RefreshOnly);
    hears!(
        session,
        wire::bare_done(ID, 0),
        Err(SessionError::WithoutDone)
    );
}

#[test]
fn success_in_refresh_and_persist_is_an_end() {
    for mut session in [started(SyncMode::RefreshAndPersist), persisting()] {
        hears!(
            session,
            wire::done(ID, Some(b"c"), false),
            Ok(SyncEvent::Ended)
        );
        assert!(ended(&session));
    }
}

#[test]
fn messages_after_the_end_are_errors() {
    let late = |name| Err(SessionError::UnexpectedOperation(name));
    for message in [wire::done(ID, None, true), wire::bare_done(ID, 53)] {
        let mut session = started(SyncMode::RefreshOnly);
        assert!(feed(&mut session, &message).is_ok());
        let newcookie = wire::info(ID, SyncInfo::NewCookie(b"c"));
        hears!(session, newcookie, late("IntermediateResponse"));
        hears!(
            session,
            wire::done(ID, None, false),
            late("SearchResultDone")
        );
        let entry = wire::entry(ID, EntryState::Delete, 1, None);
        hears!(session, entry, late("SearchResultEntry"));
        session.cancel(CANCEL_ID);
        assert_eq!(session.poll_request(), None);
    }
}

#[test]
fn unsolicited_messages() {
    let mut session = persisting();
    for name in [Some(NOTICE_OF_DISCONNECTION), None] {
        let gone = Ok(SyncEvent::Disconnection(LdapResult::new(52)));
        hears!(session, wire::extended(0, 52, name), gone);
    }
    hears!(
        session,
        wire::extended(0, 0, Some(START_TLS)),
        Ok(SyncEvent::Nothing)
    );
    let entry = wire::entry(0, EntryState::Add, 1, None);
    hears!(
        session,
        entry,
        Err(SessionError::UnexpectedOperation("SearchResultEntry"))
    );
    assert!(session.in_persist_stage());
}

fn cancelling() -> Session {
    let mut session = persisting();
    session.cancel(CANCEL_ID);
    session
}

#[test]
fn cancel_names_search_and_is_sent_once() {
    let mut session = cancelling();
    session.cancel(CANCEL_ID + 1);
    let bytes = session.poll_request().unwrap();
    let message = Message::decode(&bytes).unwrap();
    assert_eq!(message.id, CANCEL_ID);
    let Operation::ExtendedRequest {
        name: CANCEL,
        value: Some(value),
    } = message.op
    else {
        panic!("{message:?}");
    };
    // SEQUENCE { cancelID } (RFC 3909 §2.1).
    let mut outer = Reader::new(value, "cancelRequestValue");
    let mut inner = Reader::new(outer.expect(tag::SEQUENCE, "value").unwrap().value, "value");
    assert_eq!(inner.number(tag::INTEGER, "cancelID"), Ok(ID));
    assert_eq!(session.poll_request(), None);
    let mut idle = Session::new(SyncMode::RefreshOnly);
    idle.cancel(CANCEL_ID);
    assert_eq!(idle.poll_request(), None);
}

#[test]
fn messages_before_cancel_response_are_events() {
    let mut session = cancelling();
    let deleted = Ok(SyncEvent::Delete {
        uuid: uuid(1),
        cookie: None,
    });
    hears!(
        session,
        wire::entry(ID, EntryState::Delete, 1, None),
        deleted
    );
    let newcookie = wire::info(ID, SyncInfo::NewCookie(b"c"));
    hears!(session, newcookie, Ok(SyncEvent::NewCookie(b"c")));
    assert!(session.in_persist_stage());
}

#[test]
fn cancelled_search_ends_before_or_after_response() {
    // Success, and the codes of servers that do not support Cancel or got it too late.
    for code in [0, 2, 12, 119, 120, 121] {
        for result in [118, 0] {
            let answer = wire::extended(CANCEL_ID, code, None);
            let mut session = cancelling();
            hears!(session, wire::bare_done(ID, result), Ok(SyncEvent::Nothing));
            hears!(session, answer, Ok(SyncEvent::Cancelled));
            assert!(ended(&session));

            let mut session = cancelling();
            hears!(session, answer, Ok(SyncEvent::Cancelled));
            assert!(ended(&session));
            // The search was not cancelled after all. Its messages are ignored.
            hears!(
                session,
                wire::entry(ID, EntryState::Delete, 1, None),
                Ok(SyncEvent::Nothing)
            );
            hears!(session, wire::bare_done(ID, result), Ok(SyncEvent::Nothing));
            // A second response has no request.
            hears!(
                session,
                answer,
                Err(SessionError::UnexpectedMessageId(CANCEL_ID))
            );
        }
    }
    let mut session = cancelling();
    let done = wire::bare_done(CANCEL_ID, 0);
    hears!(
        session,
        done,
        Err(SessionError::UnexpectedOperation("SearchResultDone"))
    );
}

#[test]
fn cancelled_refresh_is_not_done() {
    let mut session = started(SyncMode::RefreshOnly);
    session.cancel(CANCEL_ID);
    hears!(session, wire::bare_done(ID, 118), Ok(SyncEvent::Nothing));
    let mut session = started(SyncMode::RefreshAndPersist);
    session.cancel(CANCEL_ID);
    hears!(session, wire::bare_done(ID, 0), Ok(SyncEvent::Nothing));
    hears!(
        session,
        wire::extended(CANCEL_ID, 0, None),
        Ok(SyncEvent::Cancelled)
    );
}

/// The queued requests: their IDs, and for an Abandon the ID of its target.
fn requests(session: &mut Session) -> Vec<(u32, Option<u32>)> {
    std::iter::from_fn(|| session.poll_request())
        .map(|bytes| {
            let message = Message::decode(&bytes).unwrap();
            match message.op {
                Operation::AbandonRequest(id) => (message.id, Some(id)),
                Operation::SearchRequest(_) => (message.id, None),
                other => panic!("{other:?}"),
            }
        })
        .collect()
}

#[test]
fn start_abandons_running_search() {
    for mut session in [started(SyncMode::RefreshAndPersist), persisting()] {
        session.start(NEXT, &search(), None);
        // The Abandon comes first, with an ID that the caller does not reach.
        assert_eq!(
            requests(&mut session),
            [(i32::MAX as u32 - ID, Some(ID)), (NEXT, None)]
        );
        assert!(session.in_refresh_stage());
        // Late messages of the old search are ignored, and end nothing.
        for bytes in [
            wire::entry(ID, EntryState::Delete, 1, Some(b"c")),
            wire::entry_with(ID, &[]),
            refresh_delete(Some(b"c"), true),
            wire::done(ID, Some(b"c"), false),
        ] {
            hears!(session, bytes, Ok(SyncEvent::Nothing));
            assert!(session.in_refresh_stage());
        }
        // The old search has ended now.
        hears!(
            session,
            wire::bare_done(ID, 0),
            Err(SessionError::UnexpectedMessageId(ID))
        );
        let deleted = Ok(SyncEvent::Delete {
            uuid: uuid(1),
            cookie: None,
        });
        hears!(
            session,
            wire::entry(NEXT, EntryState::Delete, 1, None),
            deleted
        );
    }
}

#[test]
fn ended_search_is_not_abandoned() {
    for done in [
        wire::bare_done(ID, SYNC_REFRESH_REQUIRED),
        wire::bare_done(ID, 53),
        wire::bare_done(ID, 0),
        wire::done(ID, Some(b"c"), false),
    ] {
        let mut session = started(SyncMode::RefreshOnly);
        let _ = feed(&mut session, &done);
        session.start(NEXT, &search(), None);
        assert_eq!(requests(&mut session), [(NEXT, None)]);
        // slapd may still send changes for it.
        let stale = wire::entry(ID, EntryState::Add, 1, None);
        hears!(session, stale, Ok(SyncEvent::Nothing));
        hears!(
            session,
            wire::done(NEXT, None, true),
            refreshed(None, false, false)
        );
    }
}

#[test]
fn old_cancel_spares_new_search() {
    let mut session = cancelling();
    assert!(session.poll_request().is_some());
    session.start(NEXT, &search(), None);
    assert_eq!(
        requests(&mut session),
        [(i32::MAX as u32 - ID, Some(ID)), (NEXT, None)]
    );
    hears!(session, wire::bare_done(ID, 118), Ok(SyncEvent::Nothing));
    hears!(
        session,
        wire::extended(CANCEL_ID, 0, None),
        Ok(SyncEvent::Nothing)
    );
    assert!(session.in_refresh_stage());
    let stale = wire::extended(CANCEL_ID, 0, None);
    hears!(
        session,
        stale,
        Err(SessionError::UnexpectedMessageId(CANCEL_ID))
    );
    // The new search can be cancelled too. A refused Cancel left the old search running.
    let mut session = cancelling();
    hears!(
        session,
        wire::extended(CANCEL_ID, 2, None),
        Ok(SyncEvent::Cancelled)
    );
    assert!(session.poll_request().is_some());
    session.start(NEXT, &search(), None);
    assert_eq!(
        requests(&mut session),
        [(i32::MAX as u32 - ID, Some(ID)), (NEXT, None)]
    );
    session.cancel(NEXT + 1);
    hears!(
        session,
        wire::extended(NEXT + 1, 0, None),
        Ok(SyncEvent::Cancelled)
    );
}

#[test]
fn abandoned_searches_are_bounded() {
    let mut session = Session::new(SyncMode::RefreshOnly);
    for id in 1..=100 {
        session.start(id, &search(), None);
    }
    let late = |id| wire::entry(id, EntryState::Add, 1, None);
    for id in 84..100 {
        hears!(session, late(id), Ok(SyncEvent::Nothing));
    }
    for id in [1, 83] {
        hears!(
            session,
            late(id),
            Err(SessionError::UnexpectedMessageId(id))
        );
    }
}
