//! A pass over everything: for a new sink, after a marker, after another history, or when a person asks for it.
//!
//! It begins with the entries that were deleted while no rows were written. Then come the records by their rowids,
//! a chunk at a time. Before each chunk come the rows since the last one, of the records that were told of already; and
//! every entry that was deleted since, as it is now. So at each moment the sink knows the records up to a rowid as they are at one row of the
//! journal.

use super::stream::Want;
use super::{FIRST, Idle, Next, Result, Snapshot, sealed};
use crate::event::EventKind;
use crate::make;
use crate::position::{Phase, Position, Step};
use syncrepl_client::journal::Seq;

impl Snapshot<'_> {
    /// Begins a pass. The rows since the sink's position stay in view for their deletes.
    pub(super) fn begin_everything(&self, position: &Position) -> Result<Next> {
        if !self.of.refreshed {
            return Ok(Next::Nothing(Idle::WaitsForRefresh));
        }
        let above = self.head().max(position.generation).max(position.seq);
        let generation = make::draw(above, self.of.now);
        let phase = Phase::Everything {
            step: FIRST,
            marker: self.state.marker,
            again: None,
        };
        let then = self.at(position.seq, generation, phase);
        let event = make::of_pass(EventKind::SnapshotStarted, self.head(), then.clone());
        Ok(Next::Events {
            events: vec![event],
            then,
        })
    }

    pub(super) fn everything(
        &self,
        position: &Position,
        step: Step,
        marker: Seq,
        again: Option<Seq>,
    ) -> Result<Next> {
        let floor = self.state.floor;
        // At the beginning the folded entries tell of what was pruned before.
        let pruned = step != FIRST && position.seq < floor;
        let again = match (pruned, again) {
            (true, again) => Some(again.map_or(position.seq, |again| again.min(position.seq))),
            (false, again) => again,
        };
        let from = &Position {
            seq: position.seq.max(floor),
            ..position.clone()
        };
        match step {
            Step::Deletes(after) => {
                let limit = self.of.limits.rows;
                let folded = self.of.store.folded_after(after, Seq::ZERO, limit)?;
                let Some((last, _)) = folded.last() else {
                    let step = Step::Records(0);
                    return self.records(from, step, 0, marker, again);
                };
                let phase = |uuid| Phase::Everything {
                    step: Step::Deletes(Some(uuid)),
                    marker,
                    again,
                };
                let then = self.at(from.seq, from.generation, phase(*last));
                let mut events = Vec::new();
                for (uuid, _) in &folded {
                    if self.of.store.record_rowid(*uuid)?.is_none() {
                        let at = self.at(from.seq, from.generation, phase(*uuid));
                        events.extend(self.absent(*uuid, None, at));
                    }
                }
                Ok(Next::Events { events, then })
            }
            Step::Records(after) => self.records(from, step, after, marker, again),
        }
    }

    fn records(
        &self,
        position: &Position,
        step: Step,
        after: i64,
        marker: Seq,
        again: Option<Seq>,
    ) -> Result<Next> {
        let phase = |step| Phase::Everything {
            step,
            marker,
            again,
        };
        let rows = self.rows(position, phase(step), |uuid, is_delete| {
            // Earlier rows of an entry that is gone are not told, so this one alone may not tell enough.
            if is_delete {
                return Ok(Want::Now);
            }
            let rowid = self.of.store.record_rowid(uuid)?;
            Ok(match rowid.is_some_and(|rowid| rowid <= after) {
                true => Want::Row,
                false => Want::Nothing,
            })
        })?;
        let (mut events, mut then) = (rows.events, rows.then);
        if !rows.drained {
            return Ok(Next::Events { events, then });
        }
        let head = self.head();
        let limits = self.of.limits;
        let records = self
            .of
            .store
            .records_after(after, limits.rows, limits.bytes)?;
        if records.is_empty() {
            if !events.is_empty() {
                return Ok(Next::Events { events, then });
            }
            let phase = match again {
                None => Phase::Stream,
                Some(base) => Phase::Folded {
                    base,
                    after: None,
                    next: None,
                },
            };
            let end = self.at(head, position.generation, phase);
            let event = make::of_pass(EventKind::SnapshotCompleted, head, end);
            return Ok(Next::EndOfGeneration(Box::new(event)));
        }
        for (id, record) in &records {
            then = self.at(head, position.generation, phase(Step::Records(*id)));
            let event = make::of_record(record, head, then.clone());
            let told = self.of.shape.of_state(event).map(sealed);
            // A record that is none of the sink's may be held from before, if this part of the pass comes again.
            let again = *id <= self.of.may_hold;
            let gone = || self.absent(record.uuid(), Some(record.dn().to_owned()), then.clone());
            events.extend(told.or_else(|| again.then(gone).flatten()));
        }
        Ok(Next::Events { events, then })
    }
}
