//! A pass over the folded: the sink was so slow that rows were pruned before it had them. It gets their entries as
//! they are now, in the order of their entryUUIDs, and beside them the rows of all other entries.

use uuid::Uuid;

use super::stream::Want;
use super::{Next, Result, Snapshot};
use crate::position::{Phase, Position};
use syncrepl_client::journal::Seq;

impl Snapshot<'_> {
    /// Begins a pass: the rows up to the floor are gone.
    pub(super) fn begin_folded(&self, position: &Position) -> Next {
        let phase = Phase::Folded {
            base: position.seq,
            after: None,
            next: None,
        };
        Next::Events {
            events: Vec::new(),
            then: self.at(self.state.floor, position.generation, phase),
        }
    }

    pub(super) fn folded(
        &self,
        position: &Position,
        base: Seq,
        after: Option<Uuid>,
        next: Option<Seq>,
    ) -> Result<Next> {
        // More rows were pruned. Entries that this pass has behind it may be among them: another pass follows.
        let next = match position.seq < self.state.floor {
            true => Some(next.map_or(position.seq, |next| next.min(position.seq))),
            false => next,
        };
        let phase = |after| Phase::Folded { base, after, next };
        let from = Position {
            seq: position.seq.max(self.state.floor),
            ..position.clone()
        };
        let store = self.of.store;
        let rows = self.rows(&from, phase(after), |uuid, _| {
            // An entry that is still to come is told of as it will be then.
            let pending = after.is_none_or(|after| uuid > after)
                && store.folded_seq(uuid)?.is_some_and(|seq| seq > base);
            Ok(match pending {
                true => Want::Nothing,
                false => Want::Row,
            })
        })?;
        let (mut events, mut then) = (rows.events, rows.then);
        if !rows.drained {
            return Ok(Next::Events { events, then });
        }
        let folded = store.folded_after(after, base, self.of.limits.rows)?;
        let head = self.head();
        for (uuid, _) in &folded {
            then = self.at(head, position.generation, phase(Some(*uuid)));
            events.extend(self.state_of(*uuid, then.clone())?);
        }
        if folded.is_empty() {
            let phase = next.map_or(Phase::Stream, |base| Phase::Folded {
                base,
                after: None,
                next: None,
            });
            then = Position { phase, ..then };
        }
        Ok(Next::Events { events, then })
    }
}
