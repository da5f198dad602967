//! The latest changes, from which a delete phase names the deleted entries (RFC 4533 §3.3.2).
//!
//! The log is bounded: it answers only for cookies newer than the newest change it has dropped.

use std::collections::VecDeque;
use std::sync::Arc;

use syncrepl_proto::Uuid;

use crate::csn::Csn;
use crate::entry::View;

/// One change of one entry. The rename of a parent is one change: like a real provider, this one
/// says nothing of the children.
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
    /// The newest change that the log has dropped.
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

    /// Restored entries come without a history, so no cookie older than `csn` can be answered.
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

    /// The entries changed after `csn`, each once, oldest change first. `None` when the log has
    /// dropped some of these changes, and for a CSN from before its first change: no cookie of this
    /// provider has that.
    pub(crate) fn since(&self, csn: &Csn) -> Option<Vec<Uuid>> {
        if self
            .forgotten
            .as_ref()
            .is_some_and(|forgotten| csn < forgotten)
        {
            return None;
        }
        if self.forgotten.is_none() && self.changes.front().is_some_and(|(first, _)| csn < first) {
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

    /// The CSN of the state `changes` changes ago, or the oldest one known.
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
