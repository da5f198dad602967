//! What can be made to go wrong, and when. Nothing here is random; a fault is armed, and the
//! connection or search that comes upon it first takes it.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use crate::shared::Shared;

/// A moment in the life of a sync search.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Moment {
    /// Before the first message of the refresh stage.
    RefreshStart,
    /// When half of the messages of the refresh stage have been sent.
    RefreshMiddle,
    /// When everything of the refresh stage has been sent but its end.
    RefreshEnd,
    /// In the persist stage: at once for a search that is in it.
    Persist,
}

/// Where a connection is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cut {
    /// When so many bytes have been sent, be it in the middle of a message.
    AfterBytes(usize),
    /// Instead of this message; the first is number 1.
    BeforeMessage(usize),
}

/// What is wrong with a cookie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CookieFault {
    /// It is not sent.
    LeftOut,
    /// It names the state so many changes before, as slapd's do at times.
    SetBack(usize),
    /// It names no state, `rid=000`, as slapd's do under concurrent writes.
    WithoutCsn,
    /// It comes already with the first message of a refresh stage, as 389-ds sends it. The one at
    /// the end comes as well.
    Early,
}

/// The order in which the entries of a refresh stage are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Order {
    /// Children before their parents.
    ChildrenFirst,
    /// Any order, decided by this seed.
    Shuffled(u64),
}

/// Messages nobody asked for, in the middle of a refresh stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Extra {
    /// Every entry and every id set is sent twice.
    Duplicates,
    /// An unsolicited notification of a kind nobody knows (RFC 4511 §4.4).
    Unsolicited,
    /// A SearchResultDone for a request that was never made.
    Stray,
    /// A Notice of Disconnection (RFC 4511 §4.4.1), and the connection is closed.
    Disconnection,
}

/// Something that goes wrong.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fault {
    /// A connection is cut; bytes and messages count from where it was opened.
    CutConnection(Cut),
    /// The connection of a sync search is cut; bytes and messages of that search alone count.
    CutSync(Cut),
    /// A sync search sends nothing more until [`Faults::release`].
    Stall(Moment),
    /// A sync search ends with this result code.
    Result(Moment, u32),
    /// The cookie at the end of a refresh stage, or of a change in the persist stage, is wrong.
    Cookie(CookieFault),
    /// Only so many ids are named in a present phase.
    ShortPresentList(usize),
    /// The entries of a refresh stage come in another order.
    Order(Order),
    /// More comes than was asked for.
    Extra(Extra),
}

/// The faults of a provider; see [`Provider::faults`](crate::Provider::faults).
///
/// ```
/// use std::time::Duration;
/// use syncrepl_provider::{Cut, Fault, Moment, Provider};
///
/// # fn main() -> std::io::Result<()> {
/// let provider = Provider::builder().start()?;
/// let faults = provider.faults();
/// // The next sync search loses its connection when it has got two messages.
/// let cut = faults.next(Fault::CutSync(Cut::BeforeMessage(3)));
/// // The one after it is told that the server is busy, when it believes to be nearly done.
/// let busy = faults.next(Fault::Result(Moment::RefreshEnd, 51));
/// // … here your consumer refreshes its copy until it succeeds …
/// # assert!(!cut.wait(Duration::from_millis(1)));
/// println!("cut {} times, busy {} times", cut.hits(), busy.hits());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Faults<'a> {
    shared: &'a Shared,
}

impl<'a> Faults<'a> {
    pub(crate) fn new(shared: &'a Shared) -> Self {
        Faults { shared }
    }

    /// Arms a fault for the next connection, search or cookie that it can befall, once.
    pub fn next(&self, fault: Fault) -> Armed {
        self.arm(fault, false)
    }

    /// Arms a fault for each that it can befall, until [`clear`](Faults::clear).
    pub fn every(&self, fault: Fault) -> Armed {
        self.arm(fault, true)
    }

    fn arm(&self, fault: Fault, every: bool) -> Armed {
        let armed = Armed::default();
        self.shared.faults.lock().armed.push(Waiting {
            fault,
            every,
            hits: Arc::clone(&armed.hits),
        });
        self.shared.wake();
        armed
    }

    /// Disarms everything, and lets go of what stalls.
    pub fn clear(&self) {
        self.shared.faults.disarm();
        self.release();
    }

    /// Lets everything go on that stalls at this moment.
    pub fn release(&self) {
        self.shared.faults.lock().releases += 1;
        self.shared.wake();
    }
}

/// A fault that was armed: tells whether it has happened.
#[derive(Debug, Clone, Default)]
pub struct Armed {
    hits: Arc<(Mutex<usize>, Condvar)>,
}

impl Armed {
    /// How often it has happened.
    pub fn hits(&self) -> usize {
        *self.hits.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until it has happened; false when time is up.
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

/// What is armed at a provider.
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
    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first armed fault that `pick` wants. It has happened then.
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

    /// Whether `fault` is armed; takes it.
    pub(crate) fn takes(&self, fault: &Fault) -> bool {
        self.take(|armed| (armed == fault).then_some(())).is_some()
    }

    /// Forgets every fault that is armed.
    pub(crate) fn disarm(&self) {
        self.lock().armed.clear();
    }

    /// How often [`Faults::release`] was called.
    pub(crate) fn releases(&self) -> u64 {
        self.lock().releases
    }
}

/// Counts what is sent, up to where it is cut.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    cut: Option<Cut>,
}

impl Meter {
    pub(crate) fn new(cut: Option<Cut>) -> Meter {
        Meter { cut }
    }

    /// How many bytes of a message of this length may be sent before the cut; none when there is
    /// no cut within it.
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
