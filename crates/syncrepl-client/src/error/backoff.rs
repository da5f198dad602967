//! How long to wait before another try.

use std::time::Duration;

/// The first wait is not longer than this,
const FIRST: Duration = Duration::from_millis(500);
/// none is shorter than this,
const SHORTEST: Duration = Duration::from_millis(100);
/// and none longer than this, unless told otherwise.
const LONGEST: Duration = Duration::from_secs(60);

/// How long to wait before the next [`reconnect`](crate::Syncrepl::reconnect): up to half a second at
/// first, and up to twice as long each time, a minute at most. Each wait is drawn at random from all of
/// that ("full jitter"), so that many consumers of one provider do not come back at the same moment.
#[derive(Debug, Clone)]
pub struct Backoff {
    longest: Duration,
    waits: u32,
}

impl Default for Backoff {
    fn default() -> Self {
        Backoff::new(LONGEST)
    }
}

impl Backoff {
    /// With no wait longer than `longest`.
    pub fn new(longest: Duration) -> Self {
        Backoff { longest, waits: 0 }
    }

    /// The next wait, after a failure.
    pub fn next_wait(&mut self) -> Duration {
        let ceiling = self.ceiling();
        let floor = SHORTEST.min(ceiling);
        self.waits = self.waits.saturating_add(1);
        floor + (ceiling - floor).mul_f64(fastrand::f64())
    }

    /// Begins with short waits again: all was well for a good while, say for a minute.
    pub fn reset(&mut self) {
        self.waits = 0;
    }

    fn ceiling(&self) -> Duration {
        let doubled = FIRST.saturating_mul(1 << self.waits.min(20));
        doubled.min(self.longest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_the_longest_and_begin_anew() {
        let mut backoff = Backoff::default();
        let ceilings: Vec<_> = (0..10)
            .map(|_| {
                let ceiling = backoff.ceiling();
                let wait = backoff.next_wait();
                assert!(
                    SHORTEST <= wait && wait <= ceiling,
                    "{wait:?} of {ceiling:?}"
                );
                ceiling.as_millis()
            })
            .collect();
        let doubled = [500, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000];
        assert_eq!(ceilings[..7], doubled);
        assert_eq!(ceilings[7..], [60_000; 3]);
        backoff.waits = u32::MAX;
        assert!(backoff.next_wait() <= LONGEST);
        backoff.reset();
        assert!(backoff.next_wait() <= FIRST);
        let mut short = Backoff::new(Duration::from_millis(5));
        for _ in 0..10 {
            assert!(short.next_wait() <= Duration::from_millis(5));
        }
    }

    /// Consumers that lost the same provider at the same moment do not come back at the same moment.
    #[test]
    fn waits_are_spread_over_all_of_the_time() {
        let mut quarters = [0; 4];
        for _ in 0..1000 {
            let mut backoff = Backoff {
                waits: 6,
                ..Backoff::default()
            };
            let part = backoff.next_wait().as_secs_f64() / 32.0;
            quarters[((part * 4.0) as usize).min(3)] += 1;
        }
        assert!(quarters.iter().all(|&count| count > 150), "{quarters:?}");
    }
}
