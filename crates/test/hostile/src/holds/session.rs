//! The state machine of RFC 4533, fed with any stream: its events agree with a model of a few lines,
//! and an error stays an error.

use syncrepl_proto::attributes::AttributeList;
use syncrepl_proto::frame::Frames;
use syncrepl_proto::message::{Message, Operation, Scope, SearchRequest};
use syncrepl_proto::session::{Session, SyncEvent};
use syncrepl_proto::sync::{SYNC_INFO, SyncInfo, SyncMode};

/// The message ID of the search. Later requests have higher IDs.
pub const SEARCH: u32 = 5;

/// The facts of the stream so far that decide which events may come next.
#[derive(Default)]
struct Model {
    persisting: bool,
    ended: bool,
    present_phase_ended: bool,
    cancelled: bool,
    /// The search that runs, and the searches before it.
    search: u32,
    earlier: Vec<u32>,
    next: u32,
}

/// Two bytes of choices, then the stream. First: bit 0 refreshAndPersist, bit 1 with a cookie,
/// bit 2 passing over references without state, bit 3 starting again when told to. Second: after
/// how many messages a Cancel is sent, if not 0.
pub fn session(bytes: &[u8]) {
    let [choices, cancel_after, stream @ ..] = bytes else {
        return;
    };
    let persist = choices & 1 != 0;
    let mode = match persist {
        true => SyncMode::RefreshAndPersist,
        false => SyncMode::RefreshOnly,
    };
    let mut session = Session::new(mode);
    session.skip_references_without_state(choices & 4 != 0);
    let cookie = (choices & 2 != 0).then_some(&b"rid=000"[..]);
    session.start(SEARCH, &search(), cookie);
    assert!(matches!(sent(&mut session)[..], [Sent::Search(SEARCH)]));
    let mut model = Model {
        search: SEARCH,
        next: SEARCH + 1,
        ..Model::default()
    };
    let mut frames = Frames::default();
    frames.push(stream);
    let mut count = 0;
    while let Ok(Some(bytes)) = frames.poll_message() {
        let Ok(message) = Message::decode(bytes) else {
            return;
        };
        let event = match session.handle_message(&message) {
            Ok(event) => event,
            Err(error) => {
                // The caller closes the connection. Another try would not help.
                assert!(!error.to_string().is_empty());
                let again = session.handle_message(&message);
                assert!(again.is_err(), "{again:?} where {error} was");
                return;
            }
        };
        model.check(&event, &message, persist);
        assert!(!(session.in_refresh_stage() && session.in_persist_stage()));
        assert_eq!(
            session.in_persist_stage(),
            model.persisting && !model.ended,
            "{message:?}"
        );
        if model.wants_again(&message) && choices & 8 != 0 {
            model.again(&mut session);
        }
        count += 1;
        if count == usize::from(*cancel_after) {
            model.cancel(&mut session);
        }
    }
}

enum Sent {
    Search(u32),
    Abandon(u32),
    Cancel,
}

fn sent(session: &mut Session) -> Vec<Sent> {
    std::iter::from_fn(|| session.poll_request())
        .map(|bytes| {
            let message = Message::decode(&bytes).expect("what we send we read");
            match message.op {
                Operation::SearchRequest(request) => {
                    assert_eq!(request, search());
                    Sent::Search(message.id)
                }
                Operation::AbandonRequest(id) => Sent::Abandon(id),
                Operation::ExtendedRequest { .. } => Sent::Cancel,
                other => panic!("sent {}", other.name()),
            }
        })
        .collect()
}

fn search() -> SearchRequest<'static> {
    SearchRequest::new("dc=example,dc=com", Scope::Subtree, b"\x87\x0bobjectClass")
}

impl Model {
    /// Whether the provider wants a refresh without a cookie.
    fn wants_again(&self, message: &Message<'_>) -> bool {
        let required = |code| code == 4096;
        message.id == self.search
            && matches!(&message.op, Operation::SearchResultDone(result) if required(result.code))
    }

    fn again(&mut self, session: &mut Session) {
        let id = self.next;
        self.next += 1;
        session.start(id, &search(), None);
        assert!(matches!(sent(session)[..], [Sent::Search(new)] if new == id));
        self.earlier.push(self.search);
        self.search = id;
        (self.persisting, self.ended) = (false, false);
        self.present_phase_ended = false;
        assert!(session.in_refresh_stage());
    }

    fn cancel(&mut self, session: &mut Session) {
        let running = session.in_refresh_stage() || session.in_persist_stage();
        session.cancel(self.next);
        self.next += 1;
        let sent = sent(session);
        match running && !self.cancelled {
            true => assert!(matches!(sent[..], [Sent::Cancel])),
            false => assert!(!sent.iter().any(|sent| matches!(sent, Sent::Cancel))),
        }
        assert!(
            !sent
                .iter()
                .any(|sent| matches!(sent, Sent::Abandon(id) if *id == 0))
        );
        self.cancelled |= running;
    }

    /// Checks that the event may come now, and takes note of what it changes.
    fn check(&mut self, event: &SyncEvent<'_>, message: &Message<'_>, persist: bool) {
        let silent = matches!(event, SyncEvent::Nothing);
        if message.id == 0 {
            assert!(silent || matches!(event, SyncEvent::Disconnection(_)));
            return;
        }
        if message.id != self.search {
            let of_cancel = matches!(event, SyncEvent::Cancelled) && message.id >= SEARCH;
            assert!(silent || of_cancel, "{event:?} from another's message");
            if of_cancel {
                self.ended = true;
            }
            return;
        }
        if self.ended {
            assert!(silent, "{event:?} after the end");
            return;
        }
        if let Operation::IntermediateResponse {
            name: Some(SYNC_INFO),
            value: Some(value),
        } = message.op
            && let Ok(SyncInfo::RefreshPresent { .. }) = SyncInfo::decode(value)
            && !self.persisting
        {
            self.present_phase_ended = true;
        }
        self.check_own(event, message, persist);
    }

    /// An event from a message of the search that runs.
    fn check_own(&mut self, event: &SyncEvent<'_>, message: &Message<'_>, persist: bool) {
        use SyncEvent as E;
        match event {
            E::Entry { dn, attributes, .. } => {
                let Operation::SearchResultEntry(entry) = &message.op else {
                    panic!("an entry from {}", message.op.name());
                };
                assert_eq!((*dn, *attributes), (entry.dn, entry.attributes));
                assert!(AttributeList::decode(attributes.as_bytes()).is_ok());
            }
            E::Reference { uris, .. } => {
                assert!(
                    matches!(&message.op, Operation::SearchResultReference(own) if own == uris)
                );
            }
            E::RefreshDone {
                absent_is_deleted, ..
            } => {
                assert!(!self.persisting, "a second end of a refresh");
                if persist {
                    assert_eq!(*absent_is_deleted, self.present_phase_ended);
                    self.persisting = true;
                } else {
                    assert!(*absent_is_deleted || !self.present_phase_ended);
                    assert!(matches!(message.op, Operation::SearchResultDone(_)));
                    self.ended = true;
                }
            }
            E::RefreshRequired | E::Refused(_) | E::Ended => {
                let Operation::SearchResultDone(result) = &message.op else {
                    panic!("{event:?} from {}", message.op.name());
                };
                assert_eq!(matches!(event, E::RefreshRequired), result.code == 4096);
                assert_eq!(matches!(event, E::Ended), result.code == 0);
                self.ended = true;
            }
            E::Cancelled | E::Disconnection(_) => panic!("{event:?} from the search"),
            E::Nothing => {
                if let Operation::SearchResultDone(_) = message.op {
                    assert!(self.cancelled, "an end in silence");
                    self.ended = true;
                }
            }
            _ => {}
        }
    }
}
