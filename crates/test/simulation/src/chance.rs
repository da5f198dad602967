//! Chance, a stream for each purpose. One more draw for one purpose changes nothing that is drawn
//! for another: a consumer that reads or asks once more meets the same directory, the same provider
//! and the same faults.

use std::fmt;

use fastrand::Rng;

use crate::digest::Digest;

/// What is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// What holds for all of a run.
    Options,
    /// The consumer's limits.
    Limits,
    /// What the directory and the provider have beside what is usual.
    Traits,
    /// What each life is like, and how often the directory changes between them.
    Lives,
    /// How a life ends.
    Endings,
    /// What is done between two polls.
    Polls,
    /// What happens to the server and the store between the lives.
    Strikes,
    /// What changes in the directory.
    Workload,
    /// When it changes while the consumer waits,
    Moments,
    /// and while the consumer searches.
    SearchMoments,
    /// Which messages a sync search is answered with, and in which order.
    Answers,
    /// At which moment the provider reads an entry.
    Views,
    /// Which cookies come with the changes of the persist stage.
    Cookies,
    /// How the messages of the sync search are worded,
    Words,
    /// and those of plain searches.
    SearchWords,
    /// How a Cancel is answered.
    Cancel,
    /// How many bytes and messages arrive at once.
    Network,
    /// How much time passes.
    Clock,
    /// Connections that are refused, and binds.
    ConnectFaults,
    /// Sync searches that are refused.
    AnswerFaults,
    /// Sync searches that are broken off.
    StreamFaults,
    /// The same while nothing is said.
    IdleFaults,
    /// Plain searches that fail.
    SearchFaults,
}

const COUNT: usize = Purpose::SearchFaults as usize + 1;

/// The streams of one seed.
pub struct Chance {
    seed: u64,
    streams: [Option<Rng>; COUNT],
    /// For which purposes was drawn, and how often.
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

/// How often was drawn, for each purpose that was drawn for: where two traces part, this tells why.
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

/// The seed of a stream, of which the purpose's name is a part: a new purpose leaves the others as
/// they were.
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
