//! The statements that wait for a name, over their rows in the store: which entries may have one, and
//! the rows in their order.

use std::collections::VecDeque;

use roaring::RoaringTreemap;
use syncrepl_proto::Uuid;

use super::ledger::member;
use super::stage::Work;
use crate::error::Result;
use crate::store::records::{Parked, Records};

/// A summary of the waiting statements, so that most questions need no look at their rows. It may name
/// records that wait no longer. It leaves out none that waits.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    any: bool,
    /// The records that wait for another name.
    renames: RoaringTreemap,
    /// Of those that had their turn, some found the name taken. Such a one is tried again once it is free.
    pub(super) passed_over: bool,
    /// The entry whose statement the last walk came to.
    turn: Option<Uuid>,
    /// How often a row came, changed, or left before its turn.
    disturbed: u64,
}

impl Waiting {
    /// The statements that an earlier group left, `any` of them.
    pub(crate) fn read(any: bool, records: Records<'_>) -> Result<Self> {
        let mut renames = RoaringTreemap::new();
        if any {
            records.parked_ids(|id| _ = renames.insert(member(id)))?;
        }
        Ok(Waiting {
            any,
            renames,
            ..Waiting::default()
        })
    }

    pub(crate) fn any(&self) -> bool {
        self.any
    }

    /// Whether a statement about this record may wait.
    pub(crate) fn may_hold(&self, id: i64) -> bool {
        self.any && self.renames.contains(member(id))
    }
}

/// A walk over the waiting renames, or over the waiting adds, parents first. It reads a few rows ahead,
/// and reads them again when others came or left meanwhile.
#[derive(Debug)]
pub(crate) struct Walk {
    adds: bool,
    ahead: VecDeque<Parked>,
    last: Option<(Vec<u8>, Uuid)>,
    disturbed: u64,
}

impl Walk {
    pub(crate) fn renames() -> Self {
        Walk::new(false)
    }

    pub(crate) fn adds() -> Self {
        Walk::new(true)
    }

    fn new(adds: bool) -> Self {
        Walk {
            adds,
            ahead: VecDeque::new(),
            last: None,
            disturbed: 0,
        }
    }
}

impl Work<'_> {
    /// The next row of a walk.
    pub(crate) fn next_waiting(&mut self, walk: &mut Walk) -> Result<Option<Parked>> {
        if !self.stage.waiting.any {
            return Ok(None);
        }
        if walk.ahead.is_empty() || walk.disturbed != self.stage.waiting.disturbed {
            let after = walk.last.as_ref().map(|(key, uuid)| (&key[..], *uuid));
            walk.ahead = self.apply.records().next_parked(walk.adds, after)?.into();
            walk.disturbed = self.stage.waiting.disturbed;
        }
        let next = walk.ahead.pop_front();
        self.stage.waiting.turn = next.as_ref().map(|next| next.uuid);
        walk.last = next.as_ref().map(|next| (next.dn_key.clone(), next.uuid));
        Ok(next)
    }

    pub(crate) fn let_wait(&mut self, parked: &Parked) -> Result<()> {
        let waiting = &mut self.stage.waiting;
        waiting.any = true;
        waiting.disturbed += 1;
        waiting.passed_over = true;
        waiting.renames.extend(parked.id.map(member));
        self.apply.records().park(parked)
    }

    /// The statement about this entry, if there is one, waits no longer.
    pub(crate) fn waits_no_longer(&mut self, uuid: Uuid) -> Result<()> {
        let left = self.apply.records().unpark(uuid)?;
        // A walk has passed the row whose turn it is.
        if left && self.stage.waiting.turn != Some(uuid) {
            self.stage.waiting.disturbed += 1;
        }
        Ok(())
    }

    /// A rename that waits leaves the attributes of the entry as they are.
    pub(crate) fn waits_for_its_name_alone(&mut self, uuid: Uuid) -> Result<()> {
        self.stage.waiting.disturbed += 1;
        self.apply.records().park_dn_alone(uuid)
    }

    /// Looks whether any statement still waits.
    pub(crate) fn look_who_waits(&mut self) -> Result<()> {
        self.stage.waiting.any = self.apply.records().any_parked()?;
        if !self.stage.waiting.any {
            self.stage.waiting.renames.clear();
        }
        Ok(())
    }
}
