//! The rows of the journal, as they come.

use std::collections::HashSet;

use uuid::Uuid;

use super::{Idle, Next, Result, Snapshot};
use crate::delivery::Skip;
use crate::event::{Event, EventKind};
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

/// The fate of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Want {
    /// It is told.
    Row,
    /// Its entry is told of as it is now.
    Now,
    /// Nothing is told.
    Nothing,
}

impl Snapshot<'_> {
    pub(super) fn stream(&self, position: &Position) -> Result<Next> {
        if position.seq < self.state.floor {
            return Ok(self.begin_folded(position));
        }
        let rows = self.rows(position, position.phase, |_, _| Ok(Want::Row))?;
        if rows.last == position.seq {
            return Ok(Next::Nothing(Idle::UpToDate));
        }
        Ok(Next::Events {
            events: rows.events,
            then: rows.then,
        })
    }

    /// The rows after the position, as `want` says: by entryUUID, and whether it is a delete.
    pub(super) fn rows(
        &self,
        position: &Position,
        phase: Phase,
        mut want: impl FnMut(Uuid, bool) -> Result<Want>,
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
        let mut now = HashSet::new();
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
            let is_delete = event.kind == EventKind::Deleted;
            match want(uuid, is_delete)? {
                Want::Row => rows.events.extend(self.told(event, &mut skips)?),
                Want::Now if now.insert(uuid) => {
                    rows.events.extend(self.state_of(uuid, event.position)?);
                }
                Want::Now | Want::Nothing => {}
            }
        }
        rows.drained = rows.last >= self.head();
        self.of.delivery.put_skips(self.of.sink, &skips)?;
        Ok(rows)
    }
}
