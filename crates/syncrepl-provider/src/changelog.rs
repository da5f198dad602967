//! The last changes, so that a delete phase can tell what is gone (RFC 4533 §3.3.1). Bounded; what
//! is older than it reaches is not known any more.

use std::collections::VecDeque;
use std::sync::Arc;

use syncrepl_proto::Uuid;

use crate::csn::Csn;
use crate::entry::View;

/// One change of one entry. A rename of a parent is one change: of its descendants nothing is said.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) csn: Csn,
    pub(crate) uuid: Uuid,
    pub(crate) before: Option<View>,
    pub(crate) after: Option<View>,
}

#[derive(Debug)]
pub(crate) struct ChangeLog {
    changes: VecDeque<(Csn, Uuid)>,
    capacity: usize,
    /// The newest change that is not in the log any more.
    forgotten: Option<Csn>,
}

impl ChangeLog {
    pub(crate) fn new(capacity: usize) -> ChangeLog {
        ChangeLog {
            changes: VecDeque::new(),
            capacity,
            forgotten: None,
        }
    }

    /// Entries that came without a history: nothing before `csn` is known.
    pub(crate) fn begin_at(&mut self, csn: Csn) {
        self.forgotten = self.forgotten.take().max(Some(csn));
    }

    pub(crate) fn push(&mut self, change: &Arc<Change>) {
        self.changes.push_back((change.csn.clone(), change.uuid));
        while self.changes.len() > self.capacity {
            if let Some((csn, _)) = self.changes.pop_front() {
                self.forgotten = Some(csn);
            }
        }
    }

    /// Which entries were changed after `csn`, oldest first, each once. `None` when the log does
    /// not reach that far.
    pub(crate) fn since(&self, csn: &Csn) -> Option<Vec<Uuid>> {
        if self
            .forgotten
            .as_ref()
            .is_some_and(|forgotten| csn < forgotten)
        {
            return None;
        }
        let mut uuids: Vec<Uuid> = Vec::new();
        let mut seen = std::collections::HashSet::new();
        let later = self.changes.iter().filter(|(later, _)| later > csn);
        uuids.extend(
            later
                .map(|(_, uuid)| *uuid)
                .filter(|uuid| seen.insert(*uuid)),
        );
        Some(uuids)
    }

    /// The CSN that was the newest so many changes ago, or the oldest that is known.
    pub(crate) fn back(&self, changes: usize) -> Option<Csn> {
        let wanted = self.changes.len().checked_sub(changes + 1);
        match wanted.and_then(|at| self.changes.get(at)) {
            Some((csn, _)) => Some(csn.clone()),
            None => self
                .forgotten
                .clone()
                .or_else(|| self.changes.front().map(|(csn, _)| csn.clone())),
        }
    }
}
