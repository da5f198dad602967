//! The place of a row in the journal.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::error::{Error, ErrorKind, Result};

/// 2025-01-01T00:00:00Z, from which sequence numbers count.
const BEGIN: Duration = Duration::from_secs(1_735_689_600);

/// So many rows fit into a millisecond before the numbers run ahead of the clock.
const IN_A_MILLISECOND: u64 = 4096;

/// The place of a row in a journal. It only grows, also when a backup of the file is put back: it is the time
/// in milliseconds since 2025-01-01 × 4096, or one more than that of the row before if that is larger. It
/// fits into 53 bits until the year 2094.
///
/// As text it has 14 hexadecimal digits, so that texts are in the same order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Seq(u64);

impl Seq {
    /// Before every row.
    pub const ZERO: Seq = Seq(0);

    /// The number.
    pub fn value(self) -> u64 {
        self.0
    }

    /// The place with this number; the last one of all for a number above what SQLite can store.
    pub fn new(value: u64) -> Seq {
        Seq(value.min(i64::MAX.unsigned_abs()))
    }

    /// The place with this number. `None` above what SQLite can store.
    pub fn from_value(value: u64) -> Option<Seq> {
        i64::try_from(value).is_ok().then_some(Seq(value))
    }

    /// The place of the row that follows `self` at `now`.
    pub(super) fn after(self, now: SystemTime) -> Seq {
        let begin = UNIX_EPOCH + BEGIN;
        let since = now.duration_since(begin).unwrap_or_default().as_millis();
        let clock = u64::try_from(since)
            .unwrap_or(0)
            .saturating_mul(IN_A_MILLISECOND);
        Seq(self.next().0.max(clock.min(i64::MAX.unsigned_abs())))
    }

    /// The next place. The last one of all has none, and is never reached.
    pub(super) fn next(self) -> Seq {
        Seq((self.0 + 1).min(i64::MAX.unsigned_abs()))
    }

    pub(super) fn stored(self) -> i64 {
        self.0.cast_signed()
    }

    /// A place as SQLite holds it; none is negative.
    pub(super) fn of_stored(stored: i64) -> Seq {
        Seq(u64::try_from(stored).unwrap_or(0))
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:014x}", self.0)
    }
}

impl FromStr for Seq {
    type Err = Error;

    fn from_str(text: &str) -> Result<Seq> {
        let digits = text.len() >= 14 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let number = u64::from_str_radix(text, 16).ok().filter(|_| digits);
        number.and_then(Seq::from_value).ok_or_else(|| {
            let message = "a place in the journal has 14 hexadecimal digits";
            Error::new(ErrorKind::InvalidInput, message)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn number_grows_when_the_clock_stands_or_goes_back() {
        let at = |millis| UNIX_EPOCH + BEGIN + Duration::from_millis(millis);
        let first = Seq::ZERO.after(at(5));
        assert_eq!(first, Seq(5 * 4096));
        assert_eq!(first.after(at(5)), Seq(5 * 4096 + 1));
        assert_eq!(first.after(at(1)), Seq(5 * 4096 + 1));
        assert_eq!(first.after(UNIX_EPOCH), Seq(5 * 4096 + 1));
        assert_eq!(first.after(at(6)), Seq(6 * 4096));
        let last = Seq(i64::MAX.unsigned_abs());
        assert_eq!(last.after(at(6)), last);
    }

    #[test]
    fn text_is_read_as_written_and_in_the_same_order() {
        let all = [Seq(0), Seq(0xf3a1_c200_4a7f), Seq(1 << 53)];
        for seq in all {
            assert_eq!(seq.to_string().parse::<Seq>().unwrap(), seq);
        }
        assert_eq!(all[1].to_string(), "00f3a1c2004a7f");
        assert!(all.map(|seq| seq.to_string()).is_sorted());
        for text in [
            "",
            "1",
            "+0f3a1c2004a7f",
            "ffffffffffffffff",
            "00f3a1c2004a7g",
        ] {
            assert!(text.parse::<Seq>().is_err(), "{text}");
        }
    }
}
