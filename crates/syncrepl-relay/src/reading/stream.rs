//! The rows of the journal, as they come.

use uuid::Uuid;

use super::{Idle, Next, Result, Snapshot};
use crate::delivery::Skip;
use crate::event::Event;
use crate::make;
use crate::position::{Phase, Position};
use syncrepl_client::journal::Seq;

/// Rows of the journal as events, and how far they lead.
pub(super) struct Rows {
    pub(super) events: Vec<Event>,
    /// The newest row that was read; the position before, if there was none.
    pub(super) last: Seq,
    /// No row is after it.
    pub(super) drained: bool,
    /// The position after all of them.
    pub(super) then: Position,
}

impl Snapshot<'_> {
    pub(super) fn stream(&self, position: &Position) -> Result<Next> {
        if position.seq < self.state.floor {
            return Ok(self.begin_folded(position));
        }
        let rows = self.rows(position, position.phase, |_, _| Ok(true))?;
        if rows.last == position.seq {
            return Ok(Next::Nothing(Idle::UpToDate));
        }
        Ok(Next::Events {
            events: rows.events,
            then: rows.then,
        })
    }

    /// The rows after the position, those of them that are `wanted`: by entryUUID, and whether it is a delete.
    pub(super) fn rows(
        &self,
        position: &Position,
        phase: Phase,
        mut wanted: impl FnMut(Uuid, bool) -> Result<bool>,
    ) -> Result<Rows> {
        let limits = self.of.limits;
        let read = self
            .of
            .store
            .journal_rows(position.seq, limits.rows, limits.bytes)?;
        let mut rows = Rows {
            events: Vec::new(),
            last: position.seq,
            drained: true,
            then: Position {
                phase,
                part: None,
                ..position.clone()
            },
        };
        let mut skips: Vec<(Uuid, Skip)> = Vec::new();
        for row in read {
            let here = Position {
                seq: row.seq,
                commit: row.commit,
                tag: row.tag,
                ..rows.then.clone()
            };
            rows.last = row.seq;
            rows.then = here.clone();
            let uuid = row.uuid;
            let Some(event) = make::of_row(row, here) else {
                continue;
            };
            let is_delete = event.kind == crate::event::EventKind::Deleted;
            if wanted(uuid, is_delete)?
                && let Some(event) = self.told(event, &mut skips)?
            {
                rows.events.push(event);
            }
        }
        rows.drained = rows.last >= self.head();
        self.of.delivery.put_skips(self.of.sink, &skips)?;
        Ok(rows)
    }
}
