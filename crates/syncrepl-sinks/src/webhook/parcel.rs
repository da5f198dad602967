//! What goes into one request, and what is remembered of a request without an answer.
//!
//! A request that got no answer goes again as it was, so that a receiver which has it already knows its `webhook-id`.
//! After an error the relay sends the first event alone; the whole request goes in its place, and the events that
//! were in it are acknowledged as the relay comes to them.

use std::collections::VecDeque;

use syncrepl_relay::Event;
use uuid::Uuid;

/// A body takes no more events above so many bytes.
const LARGE: usize = 8 << 20;
/// So often a request goes again as it was. Then the relay's choice of events goes: one of these may be at fault.
const SAME: u32 = 5;

/// One request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Parcel {
    /// Of the events, in order. Never empty.
    ids: Vec<String>,
    pub(super) body: Vec<u8>,
    pub(super) is_array: bool,
}

impl Parcel {
    /// The first of the events, as many as fit: at least one, and no more than that if it is no array.
    pub(super) fn of(events: &[Event], source: Uuid, is_array: bool) -> Parcel {
        let mut parcel = Parcel {
            ids: Vec::new(),
            body: Vec::new(),
            is_array,
        };
        for event in events {
            let json = event.to_json(source);
            let more = !parcel.ids.is_empty();
            if more && (!is_array || parcel.body.len() + json.len() > LARGE) {
                break;
            }
            if is_array {
                parcel.body.push(if more { b',' } else { b'[' });
            }
            parcel.body.extend_from_slice(json.as_bytes());
            parcel.ids.push(event.part_id());
        }
        if is_array {
            parcel.body.push(b']');
        }
        parcel
    }

    /// How many events are in it.
    pub(super) fn len(&self) -> usize {
        self.ids.len()
    }

    /// The `webhook-id`: that of the event, or the first and the last one's.
    pub(super) fn id(&self) -> String {
        match self.ids.as_slice() {
            [first, .., last] => format!("{first}..{last}"),
            [only] => only.clone(),
            [] => String::new(),
        }
    }

    /// How many of the events are in it from its first one on; `None` if it has others.
    fn overlap(&self, events: &[Event]) -> Option<usize> {
        let mut both = self.ids.iter().zip(events);
        let same = both.all(|(id, event)| *id == event.part_id());
        same.then(|| self.ids.len().min(events.len()))
    }
}

/// What is remembered between requests.
#[derive(Debug, Default)]
pub(super) struct Unanswered {
    parcel: Option<Parcel>,
    /// How often it has gone.
    tries: u32,
    /// The events that the receiver took with a remembered request, and the relay has not come to yet.
    taken: VecDeque<String>,
}

impl Unanswered {
    /// How many of the events, from the first on, the receiver took already.
    pub(super) fn known(&mut self, events: &[Event]) -> usize {
        let mut known = 0;
        for event in events {
            match self.taken.front() {
                Some(id) if *id == event.part_id() => {
                    self.taken.pop_front();
                    known += 1;
                }
                // The relay goes another way: nothing is known of that.
                _ => break,
            }
        }
        if known < events.len() {
            self.taken.clear();
        }
        known
    }

    /// The request to send again in the place of these events.
    pub(super) fn again(&mut self, events: &[Event]) -> Option<Parcel> {
        let parcel = self.parcel.take()?;
        (parcel.overlap(events).is_some() && self.tries < SAME).then_some(parcel)
    }

    /// A request may have been taken, or not.
    pub(super) fn remember(&mut self, parcel: Parcel) {
        self.tries = (self.tries + 1).min(SAME);
        self.parcel = Some(parcel);
    }

    /// The receiver took a request. Returns how many of these events were in it.
    pub(super) fn taken(&mut self, parcel: Parcel, events: &[Event]) -> usize {
        self.tries = 0;
        let now = parcel.overlap(events).unwrap_or(0);
        self.taken = parcel.ids.into_iter().skip(now).collect();
        now
    }
}
