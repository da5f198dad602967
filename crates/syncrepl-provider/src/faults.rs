//! The faults of a provider: their names, the list of armed ones, and the count of bytes to a cut.
//!
//! Nothing here is random. A test arms a fault through [`Faults`](crate::Faults), and the first
//! connection or search that can suffer it takes it from the list.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// A moment in the life of a sync search.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Moment {
    /// Before the first message of the refresh stage.
    RefreshStart,
    /// After half of the messages of the refresh stage.
    RefreshMiddle,
    /// After everything in the refresh stage but the message that ends it.
    RefreshEnd,
    /// In the persist stage; at once for a search that is in it already.
    Persist,
}

/// The place where a connection is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cut {
    /// After so many bytes, even in the middle of a message.
    AfterBytes(usize),
    /// Before the message of this number; the first is number 1.
    BeforeMessage(usize),
}

/// A way in which a cookie is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CookieFault {
    /// The provider leaves the cookie out.
    LeftOut,
    /// The cookie stands for the state so many changes earlier, as slapd's do at times.
    SetBack(usize),
    /// The cookie stands for no state (`rid=000`), as slapd's do under concurrent writes.
    WithoutCsn,
    /// The first message of the refresh stage carries the cookie, as with 389-ds. The last one
    /// carries it too.
    Early,
}

/// The order of the entries of a refresh stage. Without this fault parents precede their children.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Order {
    /// Children before their parents.
    ChildrenFirst,
    /// A random order, drawn from this seed.
    Shuffled(u64),
}

/// Messages that no request asked for, in the middle of a refresh stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Extra {
    /// The provider sends every entry and every syncIdSet twice.
    Duplicates,
    /// An unsolicited notification with an unknown name (RFC 4511 §4.4).
    Unsolicited,
    /// A SearchResultDone with a message ID that no request used.
    Stray,
    /// A Notice of Disconnection (RFC 4511 §4.4.1); then the connection closes.
    Disconnection,
}

/// A fault that can be armed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fault {
    /// The provider cuts a connection. Bytes and messages count from its opening.
    CutConnection(Cut),
    /// The provider cuts the connection of a sync search. Bytes and messages of that search alone
    /// count.
    CutSync(Cut),
    /// A sync search sends nothing until [`Faults::release`](crate::Faults::release).
    Stall(Moment),
    /// A sync search ends with this result code.
    Result(Moment, u32),
    /// The cookie at the end of a refresh stage, or of a change in the persist stage, is wrong.
    Cookie(CookieFault),
    /// A present phase names only so many entryUUIDs.
    ShortPresentList(usize),
    /// The entries of a refresh stage come in another order.
    Order(Order),
    /// The provider sends more than was asked for.
    Extra(Extra),
}

/// An armed fault; it counts how often the fault has occurred.
#[derive(Debug, Clone, Default)]
pub struct Armed {
    hits: Arc<(Mutex<usize>, Condvar)>,
}

impl Armed {
    /// The number of times that the fault has occurred.
    pub fn hits(&self) -> usize {
        *self.hits.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the fault has occurred once; false when `patience` is over.
    pub fn wait(&self, patience: Duration) -> bool {
        let hits = self.hits.0.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self
            .hits
            .1
            .wait_timeout_while(hits, patience, |hits| *hits == 0);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }
}

#[derive(Debug)]
struct Waiting {
    fault: Fault,
    every: bool,
    hits: Arc<(Mutex<usize>, Condvar)>,
}

/// The armed faults of a provider.
#[derive(Debug, Default)]
pub(crate) struct FaultList {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    armed: Vec<Waiting>,
    releases: u64,
}

impl FaultList {
    /// Arms a fault for the next connection, search or cookie that can suffer it, or for each.
    pub(crate) fn arm(&self, fault: Fault, every: bool) -> Armed {
        let armed = Armed::default();
        self.lock().armed.push(Waiting {
            fault,
            every,
            hits: Arc::clone(&armed.hits),
        });
        armed
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the first armed fault for which `pick` returns something. The fault counts as having
    /// occurred.
    pub(crate) fn take<T>(&self, pick: impl Fn(&Fault) -> Option<T>) -> Option<T> {
        let mut inner = self.lock();
        let (at, picked) = inner
            .armed
            .iter()
            .enumerate()
            .find_map(|(at, waiting)| Some((at, pick(&waiting.fault)?)))?;
        let waiting = inner.armed.get(at)?;
        *waiting
            .hits
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner) += 1;
        waiting.hits.1.notify_all();
        if !waiting.every {
            inner.armed.remove(at);
        }
        Some(picked)
    }

    /// Takes `fault`; false when it is not armed.
    pub(crate) fn takes(&self, fault: &Fault) -> bool {
        self.take(|armed| (armed == fault).then_some(())).is_some()
    }

    /// Disarms every fault.
    pub(crate) fn disarm(&self) {
        self.lock().armed.clear();
    }

    /// Lets every search go on that stalls now.
    pub(crate) fn release(&self) {
        self.lock().releases += 1;
    }

    /// The number of calls of [`release`](Self::release).
    pub(crate) fn releases(&self) -> u64 {
        self.lock().releases
    }
}

/// Counts sent bytes or messages up to a cut.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    cut: Option<Cut>,
}

impl Meter {
    pub(crate) fn new(cut: Option<Cut>) -> Meter {
        Meter { cut }
    }

    /// The number of bytes that may be sent of a message of this length; `None` when the whole
    /// message may and no cut follows it.
    pub(crate) fn admit(&mut self, length: usize) -> Option<usize> {
        match &mut self.cut {
            None => None,
            Some(Cut::AfterBytes(left)) if *left < length => Some(*left),
            Some(Cut::AfterBytes(left)) => {
                *left -= length;
                (*left == 0).then_some(length)
            }
            Some(Cut::BeforeMessage(left)) if *left <= 1 => Some(0),
            Some(Cut::BeforeMessage(left)) => {
                *left -= 1;
                None
            }
        }
    }
}
