//! A request to stop. Any thread can make it, and every wait sees it at once. The work that is under way
//! decides what a request means for it.

use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use mio::Waker;

/// The longest single wait. The clock may not be able to tell a time further away.
pub(crate) const LONGEST_WAIT: Duration = Duration::from_secs(365 * 24 * 3600);

/// How long the provider may be silent in a refresh stage that a stop request lets end.
pub(crate) const SILENCE_AFTER_STOP: Duration = Duration::from_secs(5);

/// Asks a running synchronization to stop. Clones ask the same synchronization.
///
/// The first request lets it finish cleanly: a refresh stage that is under way completes and is
/// committed, unless the provider then sends nothing for five seconds. The second abandons what is under
/// way and rolls it back whole.
///
/// Ask from any thread. A signal handler proper may not take locks: let it hand the signal to a
/// thread (as `signal_hook::iterator::Signals` does) and ask from there.
#[derive(Clone, Default)]
pub struct StopHandle(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    requests: u32,
    /// How often somebody ended a wait without a request.
    nudges: u32,
    wakers: Vec<Weak<Waker>>,
}

impl StopHandle {
    /// A handle without a request.
    pub fn new() -> Self {
        StopHandle::default()
    }

    /// Asks to stop: the first time cleanly, the second time at once. Returns immediately and
    /// never fails; further requests change nothing.
    pub fn please_stop(&self) {
        let mut state = self.lock();
        state.requests = state.requests.saturating_add(1);
        self.wake(state);
    }

    /// Ends a [`poll`](crate::Syncrepl::poll) that waits, without asking to stop: it returns as if its time
    /// were over. So a program can look at something else that has happened.
    pub fn end_wait(&self) {
        let mut state = self.lock();
        state.nudges = state.nudges.wrapping_add(1);
        self.wake(state);
    }

    fn wake(&self, mut state: MutexGuard<'_, State>) {
        state.wakers.retain(|waker| match waker.upgrade() {
            Some(waker) => {
                if let Err(error) = waker.wake() {
                    tracing::warn!("a waiting connection could not be woken: {error}");
                }
                true
            }
            None => false,
        });
        self.0.changed.notify_all();
    }

    /// Whether a stop was requested.
    pub fn is_requested(&self) -> bool {
        self.requests() > 0
    }

    /// Waits for `time`, or until a stop is requested. Returns whether one was.
    pub fn wait(&self, time: Duration) -> bool {
        let until = Instant::now() + time.min(LONGEST_WAIT);
        let mut state = self.lock();
        loop {
            if state.requests > 0 {
                return true;
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            state = self
                .0
                .changed
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    /// The number of stop requests so far.
    pub fn requests(&self) -> u32 {
        self.lock().requests
    }

    /// How often a wait was ended without a request.
    pub(crate) fn nudges(&self) -> u32 {
        self.lock().nudges
    }

    /// Every later request wakes `waker`, for as long as it lives.
    pub(crate) fn register(&self, waker: &Arc<Waker>) {
        let mut state = self.lock();
        state.wakers.retain(|waker| waker.strong_count() > 0);
        state.wakers.push(Arc::downgrade(waker));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for StopHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StopHandle")
            .field("requests", &self.requests())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn requests_are_counted_across_clones() {
        let stop = StopHandle::new();
        assert!(!stop.is_requested());
        stop.clone().please_stop();
        stop.please_stop();
        assert!(stop.is_requested());
        assert_eq!(stop.requests(), 2);
    }

    #[test]
    fn a_request_ends_a_wait_from_another_thread() {
        let stop = StopHandle::new();
        let (began, far) = (Instant::now(), Duration::from_secs(60));
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| stop.wait(far));
            stop.please_stop();
            assert!(waiting.join().unwrap());
        });
        assert!(began.elapsed() < far);
    }

    #[test]
    fn dropped_wakers_are_forgotten() {
        let stop = StopHandle::new();
        let poll = mio::Poll::new().unwrap();
        let waker = Arc::new(Waker::new(poll.registry(), mio::Token(0)).unwrap());
        stop.register(&waker);
        stop.please_stop();
        assert_eq!(stop.lock().wakers.len(), 1);
        drop(waker);
        stop.please_stop();
        assert_eq!(stop.lock().wakers.len(), 0);
    }
}
