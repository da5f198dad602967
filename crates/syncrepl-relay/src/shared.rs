//! The state that the relays of a process share with its consumer, and with the person who speaks to them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use syncrepl_client::journal::{JournalLink, ReadGate};

use syncrepl_client::journal::Seq;

/// How long the rows are kept that all sinks have. A broker may lose what it acknowledged last.
const SETTLE: Duration = Duration::from_secs(600);
/// How often a position is noted for that.
const NOTED_EVERY: Duration = Duration::from_secs(30);

/// The state that the relays of a process share.
#[derive(Debug)]
pub struct Shared {
    link: Arc<JournalLink>,
    refreshed: AtomicBool,
    sinks: Mutex<BTreeMap<String, Standing>>,
    committed: Mutex<u64>,
    wake: Condvar,
}

#[derive(Debug, Default)]
struct Standing {
    needs: Seq,
    /// Where the sink stood, and when.
    past: VecDeque<(Instant, Seq)>,
    wishes: Wishes,
}

/// The wishes of a person about a relay.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Wishes {
    pub(crate) paused: bool,
    /// The file of deliveries says something new of the sink.
    pub(crate) changed: bool,
    /// The end of a generation may remove more than the limit, once.
    pub(crate) allow_removal: bool,
}

impl Shared {
    /// Shared with the consumer that `link` belongs to.
    pub fn new(link: Arc<JournalLink>) -> Shared {
        Shared {
            link,
            refreshed: AtomicBool::new(false),
            sinks: Mutex::default(),
            committed: Mutex::default(),
            wake: Condvar::new(),
        }
    }

    /// The gate through which relays read the store.
    pub(crate) fn gate(&self) -> &ReadGate {
        self.link.gate()
    }

    /// This process has completed a refresh: what is not in the copy is not in the directory.
    pub fn refreshed(&self) {
        self.refreshed.store(true, Ordering::Release);
        self.wake();
    }

    pub(crate) fn is_refreshed(&self) -> bool {
        self.refreshed.load(Ordering::Acquire)
    }

    /// The store has committed, or something else is new: wakes all relays.
    pub fn wake(&self) {
        *lock(&self.committed) += 1;
        self.wake.notify_all();
    }

    /// Waits until somebody wakes the relays, for `timeout` at most. `seen` is what the last call returned.
    pub(crate) fn wait(&self, seen: u64, timeout: Duration) -> u64 {
        let count = lock(&self.committed);
        let waited = self
            .wake
            .wait_timeout_while(count, timeout, |count| *count == seen);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }

    pub(crate) fn woken(&self) -> u64 {
        *lock(&self.committed)
    }

    /// A sink needs the rows after `needs`.
    pub(crate) fn stands_at(&self, sink: &str, needs: Seq) {
        let mut sinks = lock(&self.sinks);
        let standing = sinks.entry(sink.to_owned()).or_default();
        standing.needs = needs;
        let now = Instant::now();
        let last = standing.past.back().map(|(at, _)| *at);
        if last.is_none_or(|at| now.saturating_duration_since(at) >= NOTED_EVERY) {
            standing.past.push_back((now, needs));
        }
        // A sink that stands before where it stood needs those rows again.
        standing.past.retain(|(_, seq)| *seq <= needs);
        while standing
            .past
            .get(1)
            .is_some_and(|(at, _)| now.saturating_duration_since(*at) >= SETTLE)
        {
            standing.past.pop_front();
        }
        self.tell_writer(&sinks, now);
    }

    fn tell_writer(&self, sinks: &BTreeMap<String, Standing>, now: Instant) {
        let settled = |standing: &Standing| {
            let old = |(at, _): &&(Instant, Seq)| now.saturating_duration_since(*at) >= SETTLE;
            standing
                .past
                .iter()
                .rev()
                .find(old)
                .map_or(Seq::ZERO, |(_, seq)| *seq)
        };
        let needed = sinks.values().map(|standing| standing.needs).min();
        let settled = sinks.values().map(settled).min();
        self.link.set_needed(needed);
        self.link.set_settled(settled.unwrap_or_default());
    }

    /// A person pauses a sink, or lets it go on.
    pub fn pause(&self, sink: &str, paused: bool) {
        self.wish(sink, |wishes| {
            wishes.paused = paused;
            wishes.changed = true;
        });
    }

    /// The file of deliveries says something new of a sink.
    pub fn changed(&self, sink: &str) {
        self.wish(sink, |wishes| wishes.changed = true);
    }

    /// A person lets the end of the next pass over everything remove more than the limit.
    pub fn allow_removal(&self, sink: &str) {
        self.wish(sink, |wishes| {
            wishes.allow_removal = true;
            wishes.changed = true;
        });
    }

    fn wish(&self, sink: &str, wish: impl FnOnce(&mut Wishes)) {
        wish(&mut lock(&self.sinks).entry(sink.to_owned()).or_default().wishes);
        self.wake();
    }

    pub(crate) fn take_wishes(&self, sink: &str) -> Wishes {
        let mut sinks = lock(&self.sinks);
        let Some(standing) = sinks.get_mut(sink) else {
            return Wishes::default();
        };
        let wishes = standing.wishes;
        standing.wishes = Wishes {
            paused: wishes.paused,
            ..Wishes::default()
        };
        wishes
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
