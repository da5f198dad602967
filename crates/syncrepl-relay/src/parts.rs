//! Cuts an event that is too large for one message into parts.

use uuid::Uuid;

use crate::encode::value;
use crate::event::{Attribute, Event, Part, ValueChange};
use crate::position::{PartSent, Position};

/// The most that JSON makes of a byte: `\u0000`.
const LONGEST: usize = 6;

/// The event, or its parts if it has more than `max` bytes as JSON. All parts have its sequence, and are cut from
/// the one event. `before` is the position before it: until the last part is safe, the sink stands there, with
/// the parts that it has. A single value that is larger than `max` is not cut: the sink will refuse it.
pub(crate) fn cut(event: Event, max: Option<usize>, source: Uuid, before: &Position) -> Vec<Event> {
    let Some(max) = max else {
        return vec![event];
    };
    if may_fit(&event, max) || event.to_json(source).len() <= max {
        return vec![event];
    }
    let bare = Event {
        attrs: event.attrs.as_ref().map(|_| Vec::new()),
        changes: Vec::new(),
        ..event.clone()
    };
    // The number of a part, and how many there are, take some bytes too.
    let room = max.saturating_sub(bare.to_json(source).len() + 100);
    let mut cutter = Cutter {
        bare,
        room,
        left: room,
        parts: Vec::new(),
    };
    cutter.begin();
    for change in &event.changes {
        cutter.change(change);
    }
    for attribute in event.attrs.iter().flatten() {
        cutter.attribute(attribute);
    }
    number(cutter.parts, &event, before)
}

/// Whether the event is so small that it fits however its bytes are escaped.
fn may_fit(event: &Event, max: usize) -> bool {
    let values = |values: &[Vec<u8>]| values.iter().map(|value| value.len() + 20).sum::<usize>();
    let attrs = event.attrs.iter().flatten();
    let attrs = attrs.map(|attribute| attribute.name.len() + values(&attribute.values));
    let changes = event
        .changes
        .iter()
        .map(|change| change.name.len() + 40 + values(&change.added) + values(&change.removed));
    let names = [&event.dn, &event.old_dn]
        .into_iter()
        .flatten()
        .map(String::len);
    let bytes: usize = attrs.chain(changes).chain(names).sum();
    bytes.saturating_mul(LONGEST).saturating_add(2000) <= max
}

/// Fills parts with values, one after another.
struct Cutter {
    bare: Event,
    room: usize,
    left: usize,
    parts: Vec<Event>,
}

impl Cutter {
    fn begin(&mut self) {
        self.parts.push(self.bare.clone());
        self.left = self.room;
    }

    /// Makes room for so many bytes. Returns whether a new part was begun.
    fn take(&mut self, bytes: usize) -> bool {
        let begin = bytes > self.left && self.left < self.room;
        if begin {
            self.begin();
        }
        self.left = self.left.saturating_sub(bytes);
        begin
    }

    fn change(&mut self, change: &ValueChange) {
        let empty = ValueChange {
            added: Vec::new(),
            removed: Vec::new(),
            ..change.clone()
        };
        let name = change.name.len() + 40;
        self.take(name);
        self.put_change(&empty);
        for (values, removed) in [(&change.added, false), (&change.removed, true)] {
            for bytes in values {
                if self.take(length(bytes)) {
                    self.take(name);
                    self.put_change(&empty);
                }
                if let Some(last) = self
                    .parts
                    .last_mut()
                    .and_then(|part| part.changes.last_mut())
                {
                    let list = match removed {
                        false => &mut last.added,
                        true => &mut last.removed,
                    };
                    list.push(bytes.clone());
                }
            }
        }
    }

    fn put_change(&mut self, change: &ValueChange) {
        if let Some(part) = self.parts.last_mut() {
            part.changes.push(change.clone());
        }
    }

    fn attribute(&mut self, attribute: &Attribute) {
        let name = attribute.name.len() + 10;
        self.take(name);
        self.put_attribute(&attribute.name);
        for bytes in &attribute.values {
            if self.take(length(bytes)) {
                self.take(name);
                self.put_attribute(&attribute.name);
            }
            let part = self.parts.last_mut().and_then(|part| part.attrs.as_mut());
            if let Some(last) = part.and_then(|attrs| attrs.last_mut()) {
                last.values.push(bytes.clone());
            }
        }
    }

    fn put_attribute(&mut self, name: &str) {
        if let Some(attrs) = self.parts.last_mut().and_then(|part| part.attrs.as_mut()) {
            attrs.push(Attribute {
                name: name.to_owned(),
                values: Vec::new(),
            });
        }
    }
}

fn length(bytes: &[u8]) -> usize {
    value(bytes).to_string().len() + 1
}

fn number(mut parts: Vec<Event>, whole: &Event, before: &Position) -> Vec<Event> {
    let of = u32::try_from(parts.len()).unwrap_or(u32::MAX);
    for (number, part) in (1..).zip(&mut parts) {
        part.part = Some(Part { number, of });
        if number < of {
            part.position = Position {
                part: Some(PartSent {
                    id: whole.id.clone(),
                    sent: number,
                }),
                ..before.clone()
            };
        }
    }
    parts
}

/// Drops the parts that the sink has already, of the first event if it is that one.
pub(crate) fn without_sent(parts: &mut Vec<Event>, sent: Option<&PartSent>) {
    let Some(sent) = sent else { return };
    if parts.first().is_some_and(|first| first.id == sent.id) {
        parts.retain(|event| event.part.is_some_and(|part| part.number > sent.sent));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::EventKind;
    use crate::make;
    use syncrepl_client::journal::Seq;

    fn event(values: usize) -> Event {
        let before = Position::START;
        let mut event = make::of_absent(Uuid::from_bytes([7; 16]), Seq::new(9), before);
        event.kind = EventKind::Changed;
        event.position.seq = Seq::new(9);
        let member = |number| format!("uid=person \"{number}\",dc=example,dc=com").into_bytes();
        event.changes = vec![ValueChange {
            name: "member".to_owned(),
            masked: false,
            added: (0..values).map(member).collect(),
            removed: (0..3).map(member).collect(),
        }];
        event.attrs = Some(vec![
            Attribute {
                name: "cn".to_owned(),
                values: vec![b"group".to_vec()],
            },
            Attribute {
                name: "member".to_owned(),
                values: (0..values).map(member).collect(),
            },
        ]);
        make::seal(&mut event);
        event
    }

    #[test]
    fn parts_fit_and_make_up_the_whole() {
        let (whole, source) = (event(1000), Uuid::nil());
        for max in [2_000, 10_000, 60_000] {
            let parts = cut(whole.clone(), Some(max), source, &Position::START);
            assert!(parts.len() > 1);
            let (mut added, mut removed, mut member) = (Vec::new(), Vec::new(), Vec::new());
            for (number, part) in (1..).zip(&parts) {
                assert!(part.to_json(source).len() <= max);
                assert_eq!(part.part.unwrap().number, number);
                assert_eq!((part.sequence, &part.id), (whole.sequence, &whole.id));
                for change in &part.changes {
                    added.extend(change.added.clone());
                    removed.extend(change.removed.clone());
                }
                for attribute in part
                    .attrs
                    .iter()
                    .flatten()
                    .filter(|one| one.name == "member")
                {
                    member.extend(attribute.values.clone());
                }
            }
            assert_eq!(added, whole.changes[0].added);
            assert_eq!(removed, whole.changes[0].removed);
            assert_eq!(member, whole.attrs.as_ref().unwrap()[1].values);
            let last = parts.last().unwrap();
            assert_eq!(last.position, whole.position);
            assert_eq!(parts[0].position.seq, Position::START.seq);
        }
    }

    #[test]
    fn small_event_stays_whole() {
        let whole = event(10);
        for max in [None, Some(100_000), Some(5_000)] {
            assert_eq!(
                cut(whole.clone(), max, Uuid::nil(), &Position::START),
                std::slice::from_ref(&whole)
            );
        }
    }

    #[test]
    fn parts_that_the_sink_has_are_not_sent_again() {
        let mut parts = cut(event(1000), Some(10_000), Uuid::nil(), &Position::START);
        let all = parts.len();
        let sent = parts[1].position.part.clone();
        without_sent(&mut parts, sent.as_ref());
        assert_eq!((parts.len(), parts[0].part.unwrap().number), (all - 2, 3));
        let other = PartSent {
            id: "other".to_owned(),
            sent: 1,
        };
        without_sent(&mut parts, Some(&other));
        assert_eq!(parts.len(), all - 2);
    }
}
