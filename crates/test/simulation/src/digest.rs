//! A hash of everything that a run told and stored, which compares two versions of the consumer
//! over many seeds; and counts of what it did. Neither depends on paths, threads or the time of
//! day.

use std::fmt;
use std::ops::{Add, AddAssign};

/// FNV-1a over all events. It finds a difference; it does not withstand malice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Digest(u64);

const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0000_0100_0000_01b3;

impl Default for Digest {
    fn default() -> Self {
        Digest(OFFSET)
    }
}

impl Digest {
    /// Takes one event with its parts. Each part counts with its length, so that no two lists of
    /// parts read alike.
    pub fn take(&mut self, event: &str, parts: &[&[u8]]) {
        self.part(event.as_bytes());
        for part in parts {
            self.part(part);
        }
    }

    /// Takes a digest of something else.
    pub fn take_digest(&mut self, other: Digest) {
        self.part(&other.0.to_be_bytes());
    }

    /// The digest as a number.
    pub(crate) fn number(self) -> u64 {
        self.0
    }

    fn part(&mut self, bytes: &[u8]) {
        let length = (bytes.len() as u64).to_be_bytes();
        for byte in length.iter().chain(bytes) {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(PRIME);
        }
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// How often each kind of thing happened, in one seed or in many.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Committed transactions.
    pub commits: u64,
    /// Adds, deletes, renames and changes that the consumer told, committed or not.
    pub told: u64,
    /// Renames among them.
    pub renames: u64,
    /// Records at commits. A record counts once for each commit at which the copy holds it.
    pub records: u64,
    /// Records at commits under a DN that their entry never bore.
    pub false_names: u64,
    /// Renames to a DN that the entry never bore.
    pub false_renames: u64,
    /// Records at commits that were older than the cookie says, although the consumer knew that it
    /// had still to ask for them.
    pub excuses: u64,
    /// Lives that ended with an error.
    pub errors: u64,
    /// Plain searches that the consumer made, by kind.
    pub searches: Searches,
}

/// Plain searches that the consumer made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Searches {
    /// For entryUUIDs, in batches.
    pub by_uuid: u64,
    /// For those of some entries that have children.
    pub parents: u64,
    /// For what lies below an entry.
    pub below: u64,
    /// For everything.
    pub whole: u64,
    /// For one entry by its DN.
    pub base: u64,
    /// For entryDNs, in batches.
    pub by_dn: u64,
    /// Entries that all of these showed.
    pub shown: u64,
}

impl Add for Counts {
    type Output = Counts;

    fn add(mut self, other: Counts) -> Counts {
        self += other;
        self
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Counts) {
        self.commits += other.commits;
        self.told += other.told;
        self.renames += other.renames;
        self.records += other.records;
        self.false_names += other.false_names;
        self.false_renames += other.false_renames;
        self.excuses += other.excuses;
        self.errors += other.errors;
        self.searches += other.searches;
    }
}

impl AddAssign for Searches {
    fn add_assign(&mut self, other: Searches) {
        self.by_uuid += other.by_uuid;
        self.parents += other.parents;
        self.below += other.below;
        self.whole += other.whole;
        self.base += other.base;
        self.by_dn += other.by_dn;
        self.shown += other.shown;
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Searches {
            by_uuid,
            parents,
            below,
            whole,
            base,
            by_dn,
            shown,
        } = self.searches;
        write!(
            f,
            "commits={} told={} renames={} records={} \
             false_names={} false_renames={} excuses={} errors={} by_uuid={by_uuid} parents={parents} \
             below={below} whole={whole} base={base} by_dn={by_dn} shown={shown}",
            self.commits,
            self.told,
            self.renames,
            self.records,
            self.false_names,
            self.false_renames,
            self.excuses,
            self.errors
        )
    }
}

#[cfg(test)]
mod tests {
    use super::Digest;

    #[test]
    fn parts_count_with_their_lengths() {
        let digest = |parts: &[&[u8]]| {
            let mut digest = Digest::default();
            digest.take("add", parts);
            digest
        };
        assert_eq!(digest(&[b"ab", b"c"]), digest(&[b"ab", b"c"]));
        assert_ne!(digest(&[b"ab", b"c"]), digest(&[b"a", b"bc"]));
        assert_ne!(digest(&[b"ab"]), digest(&[b"ab", b""]));
    }
}
