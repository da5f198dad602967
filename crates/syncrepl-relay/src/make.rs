//! Makes events: of a row of the journal, of a record as it is now, of a pass over everything.

use std::collections::HashMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use syncrepl_client::journal::{JournalDiff, JournalOp, JournalRow};
use syncrepl_client::{Attributes, OwnedRecord};
use uuid::Uuid;

use crate::event::{Attribute, Event, EventKind, ValueChange};
use crate::position::Position;
use syncrepl_client::journal::Seq;

/// 2025-01-01, from which the numbers of rows count.
const EPOCH: Duration = Duration::from_secs(1_735_689_600);

/// The event of a row; `None` for a marker.
pub(crate) fn of_row(row: JournalRow, position: Position) -> Option<Event> {
    let kind = match row.op {
        JournalOp::Add => EventKind::Added,
        JournalOp::Change => EventKind::Changed,
        JournalOp::Rename => EventKind::Renamed,
        JournalOp::Delete => EventKind::Deleted,
        JournalOp::Refreshed | JournalOp::Marker => return None,
    };
    let tag = row.tag.map(|tag| tag.to_string()).unwrap_or_default();
    let changes = row.diff.as_ref().map(changes).unwrap_or_default();
    let after = row.after.as_ref().map(|after| after.as_list());
    let attrs = after.as_ref().map(told);
    // The journal keeps a masked attribute without values.
    let masked = after.iter().flat_map(|after| after.valueless());
    let masked = masked.map(str::to_owned).collect();
    Some(Event {
        id: format!("{tag}.{}.{}", row.commit, row.n),
        kind,
        uuid: row.uuid,
        sequence: row.seq,
        generation: position.generation,
        time: row.time,
        cause: Some(row.cause),
        dn: row.dn,
        old_dn: row.old_dn,
        changes,
        attrs,
        omitted: Vec::new(),
        masked,
        part: None,
        position,
    })
}

/// The state of a record as it is now, at `head`.
pub(crate) fn of_record(record: &OwnedRecord, head: Seq, position: Position) -> Event {
    let mut event = now(EventKind::Snapshot, record.uuid(), head, position);
    event.dn = Some(record.dn().to_owned());
    event.attrs = Some(told(&record.attrs()));
    event
}

/// An entry that is not there now, at `head`.
pub(crate) fn of_absent(uuid: Uuid, head: Seq, position: Position) -> Event {
    now(EventKind::Deleted, uuid, head, position)
}

/// The begin or the end of a pass over everything.
pub(crate) fn of_pass(kind: EventKind, head: Seq, position: Position) -> Event {
    let word = match kind {
        EventKind::SnapshotStarted => "started",
        _ => "completed",
    };
    let mut event = now(kind, Uuid::nil(), head, position);
    event.id = format!("{}.{head}.{word}", event.generation);
    event
}

fn now(kind: EventKind, uuid: Uuid, head: Seq, position: Position) -> Event {
    let generation = position.generation;
    Event {
        // `seal` makes it the event's own.
        id: String::new(),
        kind,
        uuid,
        sequence: head,
        generation,
        time: time_of(generation),
        cause: None,
        dn: None,
        old_dn: None,
        changes: Vec::new(),
        attrs: None,
        omitted: Vec::new(),
        masked: Vec::new(),
        part: None,
        position,
    }
}

/// Gives an event about a state the id of its content: the same state, read again, has the same id, and another
/// one has another. Rows have their ids from the store.
pub(crate) fn seal(event: &mut Event) {
    if event.id.is_empty() {
        let content = event.data().to_string();
        let hash = fnv(content.as_bytes());
        event.id = format!(
            "{}.s.{}.{}.{hash:016x}",
            event.generation, event.uuid, event.sequence
        );
    }
}

/// FNV-1a of 64 bits. It tells two states of one entry apart that were read under one number, which is rare; nobody
/// gains from a collision.
fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// The time at which a number was drawn.
fn time_of(seq: Seq) -> SystemTime {
    UNIX_EPOCH + EPOCH + Duration::from_millis(seq.value() >> 12)
}

/// A number that nothing was given yet: of now, and larger than `above`.
pub(crate) fn draw(above: Seq, now: SystemTime) -> Seq {
    let since = now.duration_since(UNIX_EPOCH + EPOCH).unwrap_or_default();
    let millis = u64::try_from(since.as_millis()).unwrap_or(u64::MAX >> 12);
    let drawn = (millis << 12).max(above.value().saturating_add(1));
    Seq::new(drawn)
}

fn changes(diff: &JournalDiff) -> Vec<ValueChange> {
    diff.iter()
        .map(|change| ValueChange {
            name: change.name.to_owned(),
            masked: change.masked,
            added: change.added().map(<[u8]>::to_vec).collect(),
            removed: change.removed().map(<[u8]>::to_vec).collect(),
        })
        .collect()
}

/// The attributes, each name once: a provider may name one twice. `shape` masks those that a sink may not have.
fn told(attributes: &Attributes<'_>) -> Vec<Attribute> {
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut all: Vec<Attribute> = Vec::new();
    for attribute in attributes.iter() {
        let place = *places
            .entry(attribute.name.to_ascii_lowercase())
            .or_insert_with(|| {
                all.push(Attribute {
                    name: attribute.name.to_owned(),
                    values: Vec::new(),
                });
                all.len() - 1
            });
        if let Some(merged) = all.get_mut(place) {
            merged.values.extend(attribute.values().map(<[u8]>::to_vec));
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use syncrepl_client::journal::Cause;
    use syncrepl_proto::attributes::{AttributeList, OwnedAttributeList};

    use super::*;

    #[test]
    fn attribute_that_the_journal_masks_is_named_in_the_event() {
        let after = AttributeList::encode([("cn", vec![&b"Ann"[..]]), ("userPassword", vec![])]);
        let row = JournalRow {
            seq: Seq::ZERO,
            commit: 1,
            tag: None,
            n: 1,
            op: JournalOp::Add,
            uuid: Uuid::nil(),
            cause: Cause::Persist,
            time: UNIX_EPOCH,
            dn: Some("cn=Ann".to_owned()),
            old_dn: None,
            diff: None,
            after: Some(OwnedAttributeList::decode(after).unwrap()),
        };
        let event = of_row(row, Position::START).unwrap();
        assert_eq!(event.masked, ["userPassword"]);
        assert_eq!(event.attrs.unwrap().len(), 1);
    }
}
