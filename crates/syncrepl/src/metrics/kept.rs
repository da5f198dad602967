//! Something that costs to read, and is read no more often than is good, however often clients ask.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Reading takes at most one part in so many of the time.
const SHARE: u32 = 10;
/// How long a failure is kept: the file may be there in a moment.
const FAILURE: Duration = Duration::from_millis(500);

/// The last thing read, or why it cannot be read, and until when that will do.
pub(super) struct Kept<T>(Mutex<Option<(Instant, Read<T>)>>);

/// The thing read, or why it cannot be read.
pub(super) type Read<T> = Arc<Result<T, String>>;

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Kept(Mutex::new(None))
    }
}

impl<T> Kept<T> {
    /// The thing read within `age`, or read now by `read`. Clients that come meanwhile wait for it.
    pub(super) fn get(&self, age: Duration, read: impl FnOnce() -> Result<T, String>) -> Read<T> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let began = Instant::now();
        if let Some((until, value)) = &*kept
            && began < *until
        {
            return Arc::clone(value);
        }
        let value = Arc::new(read());
        let now = Instant::now();
        let age = if value.is_ok() { age } else { age.min(FAILURE) };
        let until = now + age.max((now - began).saturating_mul(SHARE));
        *kept = Some((until, Arc::clone(&value)));
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(3600);

    #[test]
    fn what_is_young_is_not_read_again() {
        let kept = Kept::default();
        assert_eq!(*kept.get(LONG, || Ok(1)), Ok(1));
        assert_eq!(*kept.get(LONG, || Ok(2)), Ok(1));
    }

    #[test]
    fn failure_is_soon_forgotten() {
        let kept = Kept::default();
        let began = Instant::now();
        let failed = || Err("not there yet".to_owned());
        assert!(kept.get(LONG, failed).is_err());
        while kept.get(LONG, || Ok(1)).is_err() {
            assert!(began.elapsed() < Duration::from_secs(60));
            std::thread::yield_now();
        }
    }
}
