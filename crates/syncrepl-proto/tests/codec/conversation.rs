//! The provider's messages in a sync search, random but legal, and a consumer that handles them.

use proptest::prelude::*;
use syncrepl_proto::frame::Frames;
use syncrepl_proto::message::{Message, Scope, SearchRequest};
use syncrepl_proto::session::{Session, SyncEvent};
use syncrepl_proto::sync::{EntryState, SYNC_REFRESH_REQUIRED, SyncInfo, SyncMode, UuidSet};

use crate::wire;

pub(crate) const SEARCH: u32 = 2;
pub(crate) const CANCEL: u32 = 3;

pub(crate) fn search() -> SearchRequest<'static> {
    SearchRequest {
        base: "dc=x",
        scope: Scope::Subtree,
        size_limit: 0,
        time_limit: 0,
        types_only: false,
        filter: b"\x87\x02cn",
        attributes: vec![],
    }
}

/// The messages of the provider, and the number of them after which the consumer cancels.
#[derive(Debug, Clone)]
pub(crate) struct Conversation {
    pub(crate) mode: SyncMode,
    pub(crate) messages: Vec<Vec<u8>>,
    pub(crate) cancel_after: Option<usize>,
}

fn cookie() -> impl Strategy<Value = Option<Vec<u8>>> {
    prop::option::of(prop::collection::vec(any::<u8>(), 0..20))
}

fn state() -> impl Strategy<Value = EntryState> {
    use EntryState::{Add, Delete, Modify, Present};
    prop::sample::select(vec![Present, Add, Modify, Delete])
}

fn step() -> impl Strategy<Value = Vec<u8>> {
    let ids = prop::collection::vec(any::<u8>(), 0..30);
    prop_oneof![
        5 => (state(), any::<u8>(), cookie())
            .prop_map(|(state, id, cookie)| wire::entry(SEARCH, state, id, cookie.as_deref())),
        2 => (state(), any::<u8>(), cookie())
            .prop_map(|(state, id, cookie)| wire::reference(SEARCH, state, id, cookie.as_deref())),
        2 => (any::<bool>(), ids, cookie()).prop_map(|(refresh_deletes, ids, cookie)| {
            let uuids = UuidSet::encode(ids.into_iter().map(wire::uuid));
            let uuids = UuidSet::decode(&uuids).unwrap();
            let cookie = cookie.as_deref();
            wire::info(SEARCH, SyncInfo::SyncIdSet { cookie, refresh_deletes, uuids })
        }),
        1 => cookie().prop_map(|cookie| {
            wire::info(SEARCH, SyncInfo::NewCookie(&cookie.unwrap_or_default()))
        }),
    ]
}

fn steps() -> impl Strategy<Value = Vec<Vec<u8>>> {
    prop::collection::vec(step(), 0..8)
}

fn phase_end(present: bool, refresh_done: bool, cookie: &Option<Vec<u8>>) -> Vec<u8> {
    let cookie = cookie.as_deref();
    wire::info(
        SEARCH,
        if present {
            SyncInfo::RefreshPresent {
                cookie,
                refresh_done,
            }
        } else {
            SyncInfo::RefreshDelete {
                cookie,
                refresh_done,
            }
        },
    )
}

fn refresh_only() -> impl Strategy<Value = Conversation> {
    let end = (cookie(), any::<bool>(), prop::bool::weighted(0.1));
    (steps(), prop::option::of(cookie()), steps(), end).prop_map(
        |(mut messages, middle, more, (cookie, deletes, restart))| {
            if let Some(cookie) = middle {
                messages.push(phase_end(true, false, &cookie));
                messages.extend(more);
            }
            messages.push(if restart {
                wire::bare_done(SEARCH, SYNC_REFRESH_REQUIRED)
            } else {
                wire::done(SEARCH, cookie.as_deref(), deletes)
            });
            Conversation {
                mode: SyncMode::RefreshOnly,
                messages,
                cancel_after: None,
            }
        },
    )
}

fn refresh_and_persist() -> impl Strategy<Value = Conversation> {
    let refresh = (steps(), prop::option::of(cookie()), steps());
    let end = (any::<bool>(), cookie(), steps());
    (refresh, end, 0..3u8, steps()).prop_map(
        |((mut messages, middle, more), (present, cookie, persist), end, late)| {
            if let Some(cookie) = middle {
                messages.push(phase_end(true, false, &cookie));
                messages.extend(more);
            }
            messages.push(phase_end(present, true, &cookie));
            messages.extend(persist);
            let cancel_after = (end > 0).then_some(messages.len());
            if end > 0 {
                // More messages may come between the Cancel and its response.
                messages.extend(late);
                let done = wire::bare_done(SEARCH, 118);
                let answer = wire::extended(CANCEL, 0, None);
                messages.extend(if end == 1 {
                    [done, answer]
                } else {
                    [answer, done]
                });
            }
            Conversation {
                mode: SyncMode::RefreshAndPersist,
                messages,
                cancel_after,
            }
        },
    )
}

pub(crate) fn conversation() -> impl Strategy<Value = Conversation> {
    prop_oneof![refresh_only(), refresh_and_persist()]
}

/// The places to cut a stream, in any order.
pub(crate) fn cuts() -> impl Strategy<Value = Vec<prop::sample::Index>> {
    prop::collection::vec(any::<prop::sample::Index>(), 0..40)
}

/// The same places, in the order of the stream.
pub(crate) fn places(stream: &[u8], cuts: &[prop::sample::Index]) -> Vec<usize> {
    let mut places: Vec<_> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
    places.sort_unstable();
    places
}

impl Conversation {
    /// The consumer's events when `stream` arrives in these pieces. Ends at an error.
    pub(crate) fn hear(&self, stream: &[u8], cuts: &[usize]) -> Vec<String> {
        let mut session = Session::new(self.mode);
        session.start(SEARCH, &search(), None);
        let mut frames = Frames::new(1 << 16);
        let (mut start, mut heard) = (0, Vec::new());
        for cut in cuts.iter().copied().chain([stream.len()]) {
            frames.push(&stream[start..cut]);
            start = cut;
            loop {
                if self.cancel_after == Some(heard.len()) {
                    session.cancel(CANCEL);
                }
                match frames.poll_message() {
                    Ok(None) => break,
                    Ok(Some(bytes)) => match event(&mut session, bytes) {
                        Ok(event) => heard.push(event),
                        Err(error) => {
                            heard.push(error);
                            return heard;
                        }
                    },
                    Err(error) => {
                        heard.push(format!("ERROR {error}"));
                        return heard;
                    }
                }
            }
            // Memory grows with the bytes that have arrived, not with an announced length.
            assert!(frames.buffered() + frames.space().len() <= 2 * stream.len() + (512 << 10));
        }
        heard
    }
}

/// Reads every part of an event, because a lazy view that finds an error too late would panic or
/// hang here.
fn event(session: &mut Session, bytes: &[u8]) -> Result<String, String> {
    let message = Message::decode(bytes).map_err(|error| format!("ERROR {error}"))?;
    let event = session
        .handle_message(&message)
        .map_err(|error| format!("ERROR {error}"))?;
    let inside = match &event {
        SyncEvent::Entry { attributes, .. } => {
            let without = attributes.without("cn").len();
            let all: Vec<_> = attributes
                .iter()
                .map(|a| (a.name, a.values().count()))
                .collect();
            format!("{without} {} {all:?}", attributes.same(attributes))
        }
        SyncEvent::Reference { uris, .. } => format!("{:?}", uris.iter().collect::<Vec<_>>()),
        SyncEvent::IdSet { uuids, .. } => format!("{:?}", uuids.iter().collect::<Vec<_>>()),
        _ => String::new(),
    };
    Ok(format!("{event:?} {inside}"))
}
