//! The choice of the points that a test visits: a few, by a seed that it prints, or all of them.
//!
//! `SYNCREPL_SWEEP=all` is all of them, `SYNCREPL_SWEEP=100` about a hundred of each call that is made
//! more often than that; `SYNCREPL_SEED` is the seed of a run that failed.

use std::collections::BTreeMap;

use crate::environment::{number, seed};

/// The choice.
#[derive(Debug)]
pub struct Sweep {
    /// How many are asked for; none in an ordinary run of the tests.
    wanted: Option<usize>,
    /// For other random choices of the test.
    pub rng: fastrand::Rng,
}

impl Default for Sweep {
    fn default() -> Sweep {
        Sweep::new()
    }
}

impl Sweep {
    /// A choice by a new seed, unless the environment says otherwise.
    pub fn new() -> Sweep {
        let wanted = match std::env::var("SYNCREPL_SWEEP").as_deref() {
            Ok("all") => Some(usize::MAX),
            _ => number("SYNCREPL_SWEEP").map(|wanted| wanted as usize),
        };
        Sweep {
            wanted,
            rng: fastrand::Rng::with_seed(seed()),
        }
    }

    /// Whether more was asked for than an ordinary run of the tests visits.
    pub fn is_long(&self) -> bool {
        self.wanted.is_some()
    }

    /// Whether every point is visited.
    pub fn is_all(&self) -> bool {
        self.wanted == Some(usize::MAX)
    }

    /// How many cases a random test runs: `few`, or up to `many` in a long sweep.
    pub fn count(&self, few: usize, many: usize) -> usize {
        self.wanted.map_or(few, |wanted| wanted.min(many))
    }

    /// Numbers from 1 to `last`: all, or about `few` at equal distances from a random first.
    pub fn numbers(&mut self, last: usize, few: usize) -> Vec<usize> {
        let step = last.div_ceil(self.wanted.unwrap_or(few).max(1));
        if step == 0 {
            return Vec::new();
        }
        (self.rng.usize(1..=step)..=last).step_by(step).collect()
    }

    /// Calls and their numbers: all that were counted, or about `few` of those made most often and
    /// one of each of the others.
    ///
    /// # Panics
    /// When there is nothing to visit.
    pub fn points(&mut self, calls: &BTreeMap<String, usize>, few: usize) -> Vec<(String, usize)> {
        let most = calls.values().copied().max().unwrap_or(0);
        let mut points = Vec::new();
        for (call, &count) in calls {
            let few = if count == most { few } else { 1 };
            let numbers = self.numbers(count, few);
            points.extend(numbers.into_iter().map(|number| (call.clone(), number)));
        }
        assert!(!points.is_empty(), "nothing was counted");
        println!("calls {calls:?}: {} points", points.len());
        points
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_or_a_few() {
        let sweep = |all| Sweep {
            wanted: if all { Some(usize::MAX) } else { None },
            rng: fastrand::Rng::with_seed(1),
        };
        assert_eq!(sweep(true).numbers(4, 2), [1, 2, 3, 4]);
        let few = sweep(false).numbers(1000, 4);
        assert!((3..=4).contains(&few.len()), "{few:?}");
        assert!(few.windows(2).all(|two| two[1] - two[0] == 250));
        assert!(sweep(false).numbers(0, 4).is_empty());
        let calls = [("fsync".to_owned(), 3), ("pwrite64".to_owned(), 100)].into();
        assert_eq!(sweep(true).points(&calls, 2).len(), 103);
        assert_eq!(sweep(false).points(&calls, 2).len(), 3);
    }
}
