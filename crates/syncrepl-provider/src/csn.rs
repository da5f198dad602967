//! Change sequence numbers in OpenLDAP's form, `20260102030405.000006Z#000000#000#000000`, and a
//! clock that hands out each one later than the last.

use std::fmt;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// A change sequence number. A later one compares as greater.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Csn(Arc<str>);

impl Csn {
    /// Reads a CSN; `None` for any other form.
    pub(crate) fn parse(text: &str) -> Option<Csn> {
        const FORM: &str = "99999999999999.999999Z#hhhhhh#hhh#hhhhhh";
        let fits = |(byte, form): (u8, u8)| match form {
            b'9' => byte.is_ascii_digit(),
            b'h' => byte.is_ascii_hexdigit(),
            other => byte == other,
        };
        (text.len() == FORM.len() && text.bytes().zip(FORM.bytes()).all(fits))
            .then(|| Csn(text.into()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The time as a GeneralizedTime with whole seconds.
    pub(crate) fn timestamp(&self) -> String {
        format!("{}Z", self.0.split('.').next().unwrap_or_default())
    }

    fn from_micros(micros: u64) -> Csn {
        let (seconds, fraction) = (micros / 1_000_000, micros % 1_000_000);
        let (days, second) = (seconds / 86_400, seconds % 86_400);
        let (year, month, day) = date(days);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        Csn(format!(
            "{year:04}{month:02}{day:02}{hour:02}{minute:02}{second:02}.{fraction:06}Z\
             #000000#000#000000"
        )
        .into())
    }
}

impl fmt::Debug for Csn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The year, month and day of a day number that counts from 1970-01-01, by the Gregorian calendar.
/// The calculation lets a year begin in March, so that a leap day is its last day.
fn date(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year + u64::from(month <= 2), month, day)
}

/// A clock for CSNs.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    last: u64,
}

impl Clock {
    pub(crate) fn next(&mut self, after: Option<&Csn>) -> Csn {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.map_or(0, |now| now.as_micros() as u64);
        self.last = now.max(self.last + 1);
        let mut csn = Csn::from_micros(self.last);
        // Restored entries may come from a provider whose clock was ahead.
        while after.is_some_and(|after| csn <= *after) && self.last < u64::MAX / 2 {
            self.last += 1_000_000 + self.last / 1000;
            csn = Csn::from_micros(self.last);
        }
        csn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn csn_has_openldap_form() {
        for (micros, text) in [
            (0, "19700101000000.000000Z"),
            (951_782_400_000_000, "20000229000000.000000Z"),
            (1_798_761_599_123_456, "20261231235959.123456Z"),
        ] {
            let csn = Csn::from_micros(micros);
            assert_eq!(csn.as_str(), format!("{text}#000000#000#000000"));
            assert_eq!(Csn::parse(csn.as_str()), Some(csn));
        }
        assert_eq!(Csn::from_micros(0).timestamp(), "19700101000000Z");
        assert_eq!(Csn::parse("19700101000000.000000Z#000000#000"), None);
    }

    #[test]
    fn clock_never_repeats() {
        let mut clock = Clock::default();
        let mut last = clock.next(None);
        for _ in 0..1000 {
            let next = clock.next(Some(&last));
            assert!(next > last);
            last = next;
        }
        let ahead = Csn::parse("20990101000000.000000Z#000000#001#000000").unwrap();
        assert!(clock.next(Some(&ahead)) > ahead);
    }
}
