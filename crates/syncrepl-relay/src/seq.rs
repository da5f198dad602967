//! The number of a journal row.

use std::fmt;
use std::str::FromStr;

/// The number of a journal row: it only grows, also after a backup was put back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Seq(u64);

impl Seq {
    /// Before every row.
    pub const ZERO: Seq = Seq(0);

    /// From its number.
    pub fn new(value: u64) -> Seq {
        Seq(value)
    }

    /// Its number, of 53 bits.
    pub fn value(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:014x}", self.0)
    }
}

impl FromStr for Seq {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Seq, Self::Err> {
        u64::from_str_radix(text, 16).map(Seq)
    }
}
