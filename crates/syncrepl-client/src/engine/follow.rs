//! [`Syncrepl::follow`]: `poll` and `reconnect` in a loop. It calls public methods only.

use std::time::{Duration, Instant};

use super::Syncrepl;
use crate::callback::Callback;
use crate::error::backoff::Backoff;
use crate::error::{Error, ErrorKind, Result};

/// After a persist stage of this length the next failure is a new one, and the waits begin short
/// again.
const GOOD_WHILE: Duration = Duration::from_secs(60);

impl<C: Callback> Syncrepl<C> {
    /// Keeps the copy up to date until a stop is requested, over restarts of the provider and of the
    /// network. It [polls](Syncrepl::poll), and after every failure that
    /// [may pass by itself](Error::is_retryable) it waits as `backoff` says and
    /// [reconnects](Syncrepl::reconnect). Without a connection it begins by connecting, so a consumer that
    /// was only [opened](crate::Builder::open) waits for a provider that is not there yet.
    ///
    /// It tells each such failure, with the wait that follows, to [`Callback::debug`], and logs it as a
    /// warning. After a minute in the persist stage the waits begin short again. Changes that were not
    /// committed are told again.
    ///
    /// Returns `Ok` when a stop was requested by the [`StopHandle`](crate::StopHandle), and in refresh-only
    /// mode when one refresh has ended. A stop ends a wait at once. A second stop abandons an open refresh
    /// stage, as for `poll`, and is `Ok` too.
    ///
    /// # Errors
    /// Any failure that cannot pass by itself.
    pub fn follow(&mut self, mut backoff: Backoff) -> Result<()> {
        let stop = self.stop_handle();
        loop {
            let (result, good) = self.follow_once();
            let error = match result {
                Ok(()) => return Ok(()),
                Err(error) if stop.is_requested() && ends_with_the_connection(&error) => {
                    if error.is_retryable() {
                        tracing::warn!("stopped: {error}");
                        self.callback().debug(&format!("stopped: {error}"));
                    }
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
            self.will_retry(wait);
            tracing::warn!("{said}");
            self.callback().debug(&said);
            if stop.wait(wait) {
                return Ok(());
            }
        }
    }

    /// Runs one connection to its end. Also returns whether its persist stage lasted for
    /// [`GOOD_WHILE`].
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

/// Whether a requested stop ends well with this error: the connection is gone, or the stop
/// abandoned it.
fn ends_with_the_connection(error: &Error) -> bool {
    error.is_retryable() || error.kind() == ErrorKind::Stopped
}
