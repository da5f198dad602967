//! The contents of a certificate (RFC 5280 §4.1), for messages, and to check one that is trusted by
//! an exact match. Nothing here verifies a signature.

use std::net::{Ipv4Addr, Ipv6Addr};

use syncrepl_proto::ber::{DecodeError, Problem, Reader, tag, utf8};

/// The tag of the version, which version 1 omits.
const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
/// 2.5.4.3 (RFC 5280 appendix A.1).
const COMMON_NAME: &[u8] = &[0x55, 4, 3];
/// 2.5.29.17 (RFC 5280 §4.2.1.6).
const SUBJECT_ALT_NAME: &[u8] = &[0x55, 29, 17];
/// The tags of the extensions of a certificate, and of two kinds of names.
const EXTENSIONS: u8 = 0xa3;
const DNS_NAME: u8 = 0x82;
const IP_ADDRESS: u8 = 0x87;
const BIT_STRING: u8 = 0x03;
/// rsaEncryption and id-RSASSA-PSS (RFC 4055 §1.2).
const RSA: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01";
const RSA_PSS: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a";
const DAY: i64 = 86_400;

/// The contents of a certificate that messages need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Facts {
    /// The period of validity, in seconds since 1970.
    pub(super) not_before: i64,
    pub(super) not_after: i64,
    /// The last common name of the subject, the most specific one.
    pub(super) common_name: Option<String>,
    pub(super) key: Key,
    /// Whether issuer and subject are the same.
    pub(super) self_issued: bool,
    /// The DNS names and IP addresses of the subjectAltName (RFC 5280 §4.2.1.6), as far as they can
    /// be read.
    pub(super) names: Vec<String>,
}

/// The public key, as far as messages need it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    /// RSA with so many bits.
    Rsa(usize),
    /// RSA for PSS only (RFC 4055 §1.2).
    RsaPss,
    Other,
}

impl Key {
    /// Reads the contents of a SubjectPublicKeyInfo.
    fn read(contents: &[u8]) -> Result<Self, DecodeError> {
        const WHAT: &str = "subjectPublicKeyInfo";
        let mut fields = Reader::new(contents, WHAT);
        let algorithm = fields.expect(tag::SEQUENCE, WHAT)?.value;
        match Reader::new(algorithm, WHAT).element()?.value {
            RSA_PSS => Ok(Key::RsaPss),
            RSA => {
                // A BIT STRING, whose first byte counts the unused bits.
                let bits = fields.expect(BIT_STRING, WHAT)?.value;
                let key = bits.get(1..).unwrap_or_default();
                let numbers = Reader::new(key, WHAT).expect(tag::SEQUENCE, WHAT)?.value;
                let modulus = Reader::new(numbers, WHAT).expect(tag::INTEGER, WHAT)?.value;
                let digits = modulus.iter().skip_while(|byte| **byte == 0).count();
                Ok(Key::Rsa(digits * 8))
            }
            _ => Ok(Key::Other),
        }
    }
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
        let key = contents.expect(tag::SEQUENCE, "subjectPublicKeyInfo")?;
        Ok(Facts {
            key: Key::read(key.value).unwrap_or(Key::Other),
            names: names(&mut contents).unwrap_or_default(),
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

fn names(after_the_key: &mut Reader<'_>) -> Result<Vec<String>, DecodeError> {
    const WHAT: &str = "subjectAltName";
    let mut names = Vec::new();
    while !after_the_key.is_empty() {
        let field = after_the_key.element()?;
        if field.tag != EXTENSIONS {
            continue;
        }
        let list = Reader::new(field.value, WHAT)
            .expect(tag::SEQUENCE, WHAT)?
            .value;
        let mut list = Reader::new(list, WHAT);
        while !list.is_empty() {
            let mut extension = Reader::new(list.expect(tag::SEQUENCE, WHAT)?.value, WHAT);
            let id = extension.element()?.value;
            extension.optional(tag::BOOLEAN, WHAT)?;
            if id != SUBJECT_ALT_NAME {
                continue;
            }
            let value = Reader::new(extension.octets(WHAT)?, WHAT)
                .expect(tag::SEQUENCE, WHAT)?
                .value;
            let mut value = Reader::new(value, WHAT);
            while !value.is_empty() {
                let name = value.element()?;
                match (name.tag, <[u8; 4]>::try_from(name.value)) {
                    (DNS_NAME, _) => names.push(utf8(name.value, WHAT)?.to_owned()),
                    (IP_ADDRESS, Ok(address)) => names.push(Ipv4Addr::from(address).to_string()),
                    (IP_ADDRESS, Err(_)) => {
                        let address = <[u8; 16]>::try_from(name.value).map(Ipv6Addr::from);
                        names.extend(address.ok().map(|address| address.to_string()));
                    }
                    _ => {}
                }
            }
        }
    }
    Ok(names)
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

/// Reads the digits of a GeneralizedTime in UTC, `20210131120000`, as seconds since 1970. Ignores
/// what follows them. It does not check the ranges of months, days and hours.
pub(crate) fn seconds_of_digits(text: &str) -> Option<i64> {
    let digits = text.get(..14)?;
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let part = |at: usize, length: usize| digits.get(at..at + length)?.parse::<i64>().ok();
    let days = days(part(0, 4)?, part(4, 2)?, part(6, 2)?);
    Some(days * DAY + part(8, 2)? * 3600 + part(10, 2)? * 60 + part(12, 2)?)
}

/// The number of days from 1970-01-01 to a day of the Gregorian calendar. The calculation lets a
/// year begin in March, so that a leap day is its last day.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    365 * year + leap_days + (153 * month + 2) / 5 + day - 1 - 719_468
}

/// Writes seconds since 1970 for people: `2021-01-31 12:00 UTC`.
pub(crate) fn written(seconds: i64) -> String {
    let (day, second) = (seconds.div_euclid(DAY), seconds.rem_euclid(DAY));
    // Years of 365.2425 days give the right year or the one after.
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
    fn times_agree_with_date() {
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
    fn seconds_of_digits_ignores_rest() {
        for text in ["20210101000000Z", "20210101000000.000001Z#0"] {
            assert_eq!(seconds_of_digits(text), Some(1_609_459_200));
        }
        for wrong in ["", "2021010100000Z", "2021010100000é"] {
            assert_eq!(seconds_of_digits(wrong), None);
        }
    }

    #[test]
    fn truncated_certificates_are_refused() {
        for length in 0..64 {
            let bytes = vec![0x30; length];
            assert!(Facts::read(&bytes).is_err());
        }
    }
}
