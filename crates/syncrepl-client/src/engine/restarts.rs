//! Bounds how often a provider may have a refresh begin anew.

use std::time::{Duration, Instant};

/// The most times that one refresh stage may begin anew,
pub(super) const RESTARTS: u32 = 3;
/// and the most refresh stages within this time that a persist stage may ask for.
const WITHIN: Duration = Duration::from_secs(60);

/// The refreshes that the persist stages of a connection asked for.
#[derive(Debug, Default)]
pub(super) struct Restarts {
    count: u32,
    since: Option<Instant>,
}

impl Restarts {
    /// Notes one more at `now`. Returns whether they are too many in so short a time.
    pub(super) fn too_often(&mut self, now: Instant) -> bool {
        let recent = |since| now.saturating_duration_since(since) < WITHIN;
        if !self.since.is_some_and(recent) {
            (self.count, self.since) = (0, Some(now));
        }
        self.count += 1;
        self.count > RESTARTS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_a_minute_are_allowed() {
        let now = Instant::now();
        let mut restarts = Restarts::default();
        let third = now + Duration::from_secs(2);
        assert!([now, now, third].map(|at| restarts.too_often(at)) == [false; 3]);
        assert!(restarts.too_often(third));
        assert!(!restarts.too_often(now + WITHIN));
    }
}
