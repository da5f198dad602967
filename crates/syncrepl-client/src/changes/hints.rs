//! Which live messages are no statement but a reason to look; `values` looks.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::time::{Duration, Instant};

use syncrepl_proto::Uuid;

/// A search may be ahead of the stream for so long, at the most.
const AHEAD: Duration = Duration::from_secs(60);

/// The most entries of which it is remembered that a search showed them lately.
const MOST: usize = 10_000;

/// What makes a live message a hint.
#[derive(Debug, Default)]
pub(crate) struct Hints {
    /// Each message: the provider sends entries that this identity may not see.
    pub(crate) all: bool,
    /// The provider sends entries as it stores them.
    pub(crate) as_stored: bool,
    /// A message shows by its values alone whether it is complete: not if the search names attributes
    /// that are known to be computed, or shows no objectClass, by which a subentry is known.
    pub(crate) telling: bool,
    /// How many new entries came in this group.
    pub(crate) added: u64,
    /// A search has shown values that a message lacked.
    pub(crate) refuted: bool,
    pub(crate) lately: Lately,
    /// The attributes of which messages of this stage lacked values that a search shows, once for each
    /// message.
    pub(crate) lacked: Vec<String>,
    /// The attributes of which messages of this stage would have taken values away, in the same way.
    pub(crate) lost: Vec<String>,
    /// The entries whose values a search of this stage showed.
    pub(crate) shown: BTreeSet<Uuid>,
}

/// The entries whose values a search showed lately. A message about one of them may be older than that
/// search, and would grant again what was revoked.
#[derive(Debug, Default)]
pub(crate) struct Lately {
    at: HashMap<Uuid, Instant>,
    order: VecDeque<(Instant, Uuid)>,
}

impl Lately {
    /// A search showed this entry.
    pub(crate) fn note(&mut self, uuid: Uuid, now: Instant) {
        if self.order.len() < MOST {
            self.at.insert(uuid, now);
            self.order.push_back((now, uuid));
        }
    }

    /// Forgets the entries of which the stream must have told everything by now.
    pub(crate) fn forget(&mut self, now: Instant) {
        while let Some((at, uuid)) = self.order.front().copied()
            && now.saturating_duration_since(at) > AHEAD
        {
            self.order.pop_front();
            if self.at.get(&uuid) == Some(&at) {
                self.at.remove(&uuid);
            }
        }
    }

    /// Whether it may be one of them. If they are too many, each may be.
    pub(super) fn contains(&self, uuid: Uuid) -> bool {
        self.order.len() >= MOST || self.at.contains_key(&uuid)
    }
}

/// The values in doubt: entries, and what messages would have taken away.
pub(crate) type Doubts = BTreeMap<Uuid, Vec<(String, u64)>>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lately_is_bounded_by_time_and_number() {
        let (mut lately, begin) = (Lately::default(), Instant::now());
        let uuid = Uuid::from_u128;
        lately.note(uuid(1), begin);
        lately.note(uuid(2), begin + AHEAD / 2);
        lately.note(uuid(1), begin + AHEAD / 2);
        lately.forget(begin + AHEAD + Duration::from_secs(1));
        assert!(lately.contains(uuid(1)), "it was shown again");
        assert!(lately.contains(uuid(2)) && !lately.contains(uuid(3)));
        lately.forget(begin + 2 * AHEAD);
        assert!(!lately.contains(uuid(1)) && lately.at.is_empty());
        for number in 0..MOST as u128 {
            lately.note(uuid(number), begin);
        }
        assert!(
            lately.contains(uuid(u128::MAX)),
            "they are too many to tell"
        );
        lately.forget(begin + 2 * AHEAD);
        assert!(!lately.contains(uuid(u128::MAX)));
    }
}
