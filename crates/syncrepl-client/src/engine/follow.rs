//! [`Syncrepl::follow`]: `poll` and `reconnect` in a loop. What `poll` does is decided elsewhere.

use std::time::{Duration, Instant};

use super::Syncrepl;
use crate::callback::Callback;
use crate::error::backoff::Backoff;
use crate::error::{Error, ErrorKind, Result};

/// A connection whose persist stage lasted so long was good: its end is a new failure, so that the
/// waits begin short again.
const GOOD_WHILE: Duration = Duration::from_secs(60);

impl<C: Callback> Syncrepl<C> {
    /// Keeps the copy up to date until a stop is requested, over restarts of the provider and of the
    /// network: [`poll`](Syncrepl::poll), and [`reconnect`](Syncrepl::reconnect) after every failure
    /// that [may pass by itself](Error::is_retryable), with the waits of `backoff` in between. It
    /// connects at once if there is no connection yet, so that a consumer that was only
    /// [opened](crate::Builder::open) waits for a provider that is not there yet.
    ///
    /// Each such failure, with the wait that follows, is told to [`Callback::debug`] and logged as a
    /// warning. The waits begin short again after a minute in the persist stage. Nothing is lost
    /// meanwhile: what was not committed is told again.
    ///
    /// Returns `Ok` when a stop was requested ([`StopHandle`](crate::StopHandle)), which also ends a
    /// wait at once, and in refresh-only mode when one refresh has ended.
    ///
    /// # Errors
    /// Whatever cannot pass by itself: see [`is_retryable`](Error::is_retryable).
    pub fn follow(&mut self, mut backoff: Backoff) -> Result<()> {
        let stop = self.stop_handle();
        loop {
            let (result, good) = self.follow_once();
            let error = match result {
                Ok(()) => return Ok(()),
                Err(error) if stop.is_requested() && ends_with_the_connection(&error) => {
                    return Ok(());
                }
                Err(error) if error.is_retryable() => error,
                Err(error) => return Err(error),
            };
            if good {
                backoff.reset();
            }
            let wait = backoff.next_wait();
            let said = format!("{error}; trying again in {:.1} s", wait.as_secs_f64());
            tracing::warn!("{said}");
            self.callback().debug(&said);
            if stop.wait(wait) {
                return Ok(());
            }
        }
    }

    /// One connection, from its beginning to its end, and whether it was up for a good while.
    fn follow_once(&mut self) -> (Result<()>, bool) {
        let mut persists_since = None;
        let result = self.poll_to_the_end(&mut persists_since);
        let good = persists_since.is_some_and(|since: Instant| since.elapsed() >= GOOD_WHILE);
        (result, good)
    }

    fn poll_to_the_end(&mut self, persists_since: &mut Option<Instant>) -> Result<()> {
        if self.server().is_none() {
            self.reconnect()?;
        }
        while self.poll(GOOD_WHILE)? {
            if self.in_persist_stage() {
                persists_since.get_or_insert_with(Instant::now);
            }
        }
        Ok(())
    }
}

/// Whether a requested stop needs nothing more: the connection is gone, or was given up for the stop.
fn ends_with_the_connection(error: &Error) -> bool {
    error.is_retryable() || error.kind() == ErrorKind::Stopped
}
