//! Random numbers, a stream for each purpose. One more draw for one purpose leaves the draws for
//! the others as they were: a consumer that reads or asks once more meets the same directory, the
//! same provider and the same faults.

use std::fmt;

use fastrand::Rng;

use crate::digest::Digest;

/// The purpose of a draw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// The options of a run.
    Options,
    /// The consumer's limits.
    Limits,
    /// Unusual traits of the directory and the provider.
    Traits,
    /// The conditions of each life, and how often the directory changes between two.
    Lives,
    /// How a life ends.
    Endings,
    /// The events between two polls.
    Polls,
    /// Strikes at the server and the store, between the lives.
    Strikes,
    /// The changes to the directory.
    Workload,
    /// When the directory changes while the consumer waits.
    Moments,
    /// When the directory changes while the consumer searches.
    SearchMoments,
    /// Which messages answer a sync search, and in which order.
    Answers,
    /// At which moment the provider reads an entry.
    Views,
    /// Which cookies come with the changes of the persist stage.
    Cookies,
    /// How the provider words the messages of the sync search.
    Words,
    /// How the provider words the results of plain searches.
    SearchWords,
    /// How the provider answers a Cancel.
    Cancel,
    /// How many bytes and messages arrive at once.
    Network,
    /// How much time passes.
    Clock,
    /// Connections and binds that the provider refuses.
    ConnectFaults,
    /// Sync searches that the provider refuses.
    AnswerFaults,
    /// Sync searches that the provider breaks off while it has something to send.
    StreamFaults,
    /// Sync searches that the provider breaks off while it has nothing to send.
    IdleFaults,
    /// Plain searches that fail.
    SearchFaults,
    /// When the provider is silent although it has something to tell.
    Lags,
    /// Whether the consumer keeps a journal, and how; when its readers read.
    Journal,
    /// Which sinks there are, and what they do.
    Sinks,
}

const COUNT: usize = Purpose::Sinks as usize + 1;

/// The streams of one seed.
pub struct Chance {
    seed: u64,
    streams: [Option<Rng>; COUNT],
    /// How often the run drew for each purpose.
    drawn: [(Option<Purpose>, u64); COUNT],
}

impl Chance {
    pub fn new(seed: u64) -> Self {
        Chance {
            seed,
            streams: std::array::from_fn(|_| None),
            drawn: [(None, 0); COUNT],
        }
    }

    /// The next draw for a purpose.
    pub fn of(&mut self, purpose: Purpose) -> &mut Rng {
        let place = purpose as usize;
        let (named, count) = &mut self.drawn[place];
        *named = Some(purpose);
        *count += 1;
        self.streams[place].get_or_insert_with(|| Rng::with_seed(mixed(self.seed, purpose)))
    }
}

/// How often the run drew for each purpose. Where two traces part, this shows which draw was new.
impl fmt::Display for Chance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("drawn:")?;
        for (purpose, count) in &self.drawn {
            if let Some(purpose) = purpose {
                write!(f, " {purpose:?} {count}")?;
            }
        }
        Ok(())
    }
}

/// The seed of a stream. It depends on the purpose's name, not on its place, so a new purpose
/// leaves the other streams as they were.
fn mixed(seed: u64, purpose: Purpose) -> u64 {
    let mut digest = Digest::default();
    digest.take(
        "seed",
        &[&seed.to_be_bytes(), format!("{purpose:?}").as_bytes()],
    );
    digest.number()
}

#[cfg(test)]
mod tests {
    use super::{Chance, Purpose};

    #[test]
    fn draws_for_one_purpose_leave_others_alone() {
        let (mut one, mut other) = (Chance::new(1), Chance::new(1));
        one.of(Purpose::Network).u64(..);
        assert_eq!(
            one.of(Purpose::Workload).u64(..),
            other.of(Purpose::Workload).u64(..)
        );
        assert_ne!(
            one.of(Purpose::Network).u64(..),
            other.of(Purpose::Network).u64(..)
        );
        assert!(one.to_string().contains("Network 2"), "{one}");
    }
}
