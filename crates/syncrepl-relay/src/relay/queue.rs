//! The events that were read and not yet acknowledged.

use std::collections::VecDeque;

use uuid::Uuid;

use crate::event::Event;
use crate::parts;
use crate::position::Position;

/// Events in order, and the position after them.
#[derive(Debug, Default)]
pub(super) struct Queue {
    events: VecDeque<Event>,
    then: Option<Position>,
}

impl Queue {
    pub(super) fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.events.len()
    }

    pub(super) fn clear(&mut self) {
        self.events.clear();
        self.then = None;
    }

    /// Puts events in that were read from `read` on. Large ones are cut; parts that the sink has are left out.
    pub(super) fn fill(
        &mut self,
        events: Vec<Event>,
        then: Position,
        read: &Position,
        max: Option<usize>,
        source: Uuid,
    ) {
        let mut before = Position {
            part: None,
            ..read.clone()
        };
        for (number, event) in events.into_iter().enumerate() {
            let after = event.position.clone();
            let mut parts = parts::cut(event, max, source, &before);
            if number == 0 {
                parts::without_sent(&mut parts, read.part.as_ref());
            }
            self.events.extend(parts);
            before = after;
        }
        self.then = Some(then);
    }

    /// The first events, `count` at most.
    pub(super) fn first(&mut self, count: usize) -> &[Event] {
        let all = self.events.make_contiguous();
        all.get(..count.min(all.len())).unwrap_or_default()
    }

    pub(super) fn pop(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Drops the rest of an event, part by part. Returns the position after it.
    pub(super) fn drop_event(&mut self, id: &str) -> Option<Position> {
        let mut end = None;
        while self.events.front().is_some_and(|event| event.id == id) {
            end = self.events.pop_front().map(|event| event.position);
        }
        end
    }

    pub(super) fn take_then(&mut self) -> Option<Position> {
        self.then.take()
    }
}
