//! What a certificate (RFC 5280 §4.1) says of itself, for messages and for one that is trusted by an
//! exact match. Nothing is proven here.

use syncrepl_proto::ber::{DecodeError, Problem, Reader, tag, utf8};

/// The tag of the version, which is left out for version 1.
const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
/// 2.5.4.3 (RFC 5280 appendix A.1).
const COMMON_NAME: &[u8] = &[0x55, 4, 3];
const DAY: i64 = 86_400;

/// What a certificate says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Facts {
    /// Seconds since 1970.
    pub(super) not_before: i64,
    pub(super) not_after: i64,
    /// The last common name of the subject: the most special one.
    pub(super) common_name: Option<String>,
    /// Issuer and subject are the same.
    pub(super) self_issued: bool,
}

impl Facts {
    pub(super) fn read(der: &[u8]) -> Result<Self, DecodeError> {
        let mut outer = Reader::new(der, "the certificate");
        let mut outer = Reader::new(
            outer.expect(tag::SEQUENCE, "the certificate")?.value,
            "the certificate",
        );
        let contents = outer.expect(tag::SEQUENCE, "tbsCertificate")?.value;
        let mut contents = Reader::new(contents, "tbsCertificate");
        contents.optional(VERSION, "version")?;
        contents.expect(tag::INTEGER, "serialNumber")?;
        contents.expect(tag::SEQUENCE, "signature")?;
        let issuer = contents.expect(tag::SEQUENCE, "issuer")?;
        let validity = contents.expect(tag::SEQUENCE, "validity")?.value;
        let mut validity = Reader::new(validity, "validity");
        let (not_before, not_after) = (time(&mut validity)?, time(&mut validity)?);
        let subject = contents.expect(tag::SEQUENCE, "subject")?;
        Ok(Facts {
            not_before,
            not_after,
            common_name: common_name(subject.value)?,
            self_issued: issuer.raw == subject.raw,
        })
    }
}

fn common_name(subject: &[u8]) -> Result<Option<String>, DecodeError> {
    let mut found = None;
    let mut names = Reader::new(subject, "subject");
    while !names.is_empty() {
        let mut set = Reader::new(names.expect(tag::SET, "subject")?.value, "subject");
        while !set.is_empty() {
            let pair = set.expect(tag::SEQUENCE, "subject")?.value;
            let mut pair = Reader::new(pair, "subject");
            if pair.element()?.value == COMMON_NAME {
                found = Some(String::from_utf8_lossy(pair.element()?.value).into_owned());
            }
        }
    }
    Ok(found)
}

/// UTCTime or GeneralizedTime, both in UTC and to the second (RFC 5280 §4.1.2.5).
fn time(from: &mut Reader<'_>) -> Result<i64, DecodeError> {
    const WHAT: &str = "the time in validity";
    let element = from.element()?;
    let text = utf8(element.value, WHAT)?;
    let wrong = || DecodeError::new(WHAT, Problem::Invalid("it is not a time in UTC"));
    let digits = text.strip_suffix('Z').ok_or_else(wrong)?;
    let (year, rest) = match element.tag {
        UTC_TIME => digits.split_at_checked(2),
        GENERALIZED_TIME => digits.split_at_checked(4),
        _ => None,
    }
    .ok_or_else(wrong)?;
    if rest.len() != 10 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(wrong());
    }
    let number = |text: &str| text.parse::<i64>().map_err(|_| wrong());
    let part = |at: usize| number(rest.get(at..at + 2).unwrap_or_default());
    let year = match (element.tag, number(year)?) {
        (UTC_TIME, year) if year < 50 => 2000 + year,
        (UTC_TIME, year) => 1900 + year,
        (_, year) => year,
    };
    let days = days(year, part(0)?, part(2)?);
    Ok(days * DAY + part(4)? * 3600 + part(6)? * 60 + part(8)?)
}

/// The days from 1970-01-01 to that day, in the Gregorian calendar. Years begin in March here, so that
/// a leap day is the last of its year.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    365 * year + leap_days + (153 * month + 2) / 5 + day - 1 - 719_468
}

/// Seconds since 1970 as people write a time: `2021-01-31 12:00 UTC`.
pub(super) fn written(seconds: i64) -> String {
    let (day, second) = (seconds.div_euclid(DAY), seconds.rem_euclid(DAY));
    // Years of 365.2425 days lead to the right one or to the one after.
    let mut year = 1970 + (day * 400).div_euclid(146_097);
    while days(year, 1, 1) > day {
        year -= 1;
    }
    while days(year + 1, 1, 1) <= day {
        year += 1;
    }
    let month = (2..=12).rev().find(|&month| days(year, month, 1) <= day);
    let month = month.unwrap_or(1);
    let of_month = day - days(year, month, 1) + 1;
    format!(
        "{year:04}-{month:02}-{of_month:02} {:02}:{:02} UTC",
        second / 3600,
        second / 60 % 60
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_date() {
        // date -u -d @N
        for (seconds, text) in [
            (0, "1970-01-01 00:00 UTC"),
            (951_782_399, "2000-02-28 23:59 UTC"),
            (951_782_400, "2000-02-29 00:00 UTC"),
            (951_868_800, "2000-03-01 00:00 UTC"),
            (1_609_459_199, "2020-12-31 23:59 UTC"),
            (1_609_459_200, "2021-01-01 00:00 UTC"),
            (4_107_542_400, "2100-03-01 00:00 UTC"),
            (253_402_300_799, "9999-12-31 23:59 UTC"),
            (-1, "1969-12-31 23:59 UTC"),
        ] {
            assert_eq!(written(seconds), text);
        }
        let read = |tag: u8, text: &str| {
            let mut element = vec![tag, u8::try_from(text.len()).unwrap()];
            element.extend(text.as_bytes());
            time(&mut Reader::new(&element, "a time"))
        };
        assert_eq!(read(UTC_TIME, "210101000000Z"), Ok(1_609_459_200));
        assert_eq!(read(UTC_TIME, "700101000001Z"), Ok(1));
        assert_eq!(
            read(GENERALIZED_TIME, "99991231235959Z"),
            Ok(253_402_300_799)
        );
        for wrong in [
            "",
            "Z",
            "210101000000",
            "2101010000é0Z",
            "21010100000Z",
            "+10101000000Z",
        ] {
            assert!(read(UTC_TIME, wrong).is_err(), "{wrong}");
        }
        assert!(read(tag::INTEGER, "210101000000Z").is_err());
    }

    #[test]
    fn any_bytes_are_read_or_refused() {
        for length in 0..64 {
            let bytes = vec![0x30; length];
            assert!(Facts::read(&bytes).is_err());
        }
    }
}
