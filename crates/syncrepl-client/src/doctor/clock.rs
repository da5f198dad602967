//! Compares the server's clock with ours. Certificates and Kerberos depend on it. So does the
//! choice of two providers between conflicting changes.

use std::time::{SystemTime, UNIX_EPOCH};

use syncrepl_proto::message::{Scope, SearchRequest};
use syncrepl_proto::profile::Clock;

use super::{Doctor, Patient};
use crate::connection::{ANY_ENTRY, seconds_of_digits, written};
use crate::engine::trial::Trial;
use crate::engine::{UNTIL_THEN, ahead};
use crate::error::{ErrorKind, Result};

/// A difference of this many seconds or less counts as none.
const SAME: i64 = 5;

impl Doctor<'_> {
    pub(super) fn clock(&mut self, patient: &mut Patient, trial: &Trial) -> Result<()> {
        const ADVICE: &[&str] = &["set both by NTP"];
        let cookie = trial.cookie.as_deref().unwrap_or_default();
        let ahead = ahead(cookie);
        if let Some((by, newest)) = ahead {
            self.warn(
                format!(
                    "clock: {by} s or more ahead of ours: a change is of {}",
                    written(newest)
                ),
                &[UNTIL_THEN],
            );
        }
        let before = now();
        let theirs = self.server_time(patient)?;
        let ours = before + (now() - before) / 2;
        if let Some(theirs) = theirs {
            match apart(theirs - ours) {
                None => self.good("clock: as ours"),
                Some(apart) => self.warn(format!("clock: {apart} ours"), ADVICE),
            }
            return Ok(());
        }
        match self.newest_change(trial) {
            _ if ahead.is_some() => {}
            Some(newest) if newest > ours + SAME => self.warn(
                format!(
                    "clock: {} s or more ahead of ours: a change is of {}",
                    newest - ours,
                    written(newest)
                ),
                ADVICE,
            ),
            Some(newest) => self.warn(
                format!(
                    "clock: unknown, the server does not show it; its last change, of {}, is not in our future",
                    written(newest)
                ),
                &[],
            ),
            None => self.warn("clock: unknown, the server does not show it", &[]),
        }
        Ok(())
    }

    /// The time by the server, if this identity may ask for it.
    fn server_time(&self, patient: &mut Patient) -> Result<Option<i64>> {
        let Some(Clock { entry, attribute }) = patient.provider.clock else {
            return Ok(None);
        };
        let request = SearchRequest {
            base: entry,
            scope: Scope::Base,
            filter: ANY_ENTRY,
            attributes: vec![attribute],
            size_limit: 0,
            time_limit: 0,
            types_only: false,
        };
        let mut time = None;
        let asked = patient.connection.search(&request, &[], |entry| {
            let value = entry.attributes.values(attribute).next();
            time = value
                .and_then(|value| std::str::from_utf8(value).ok())
                .and_then(seconds_of_digits);
            Ok(())
        });
        match asked {
            Err(error) if error.kind() != ErrorKind::Refused => Err(error),
            _ => Ok(time),
        }
    }

    /// The time of the newest change, from the cookie or from an entry.
    fn newest_change(&self, trial: &Trial) -> Option<i64> {
        let cookie = trial.cookie.as_deref().unwrap_or_default();
        let cookie = std::str::from_utf8(cookie).unwrap_or_default();
        let in_cookie = cookie.split(['=', ';', ',']);
        let in_entries = trial.csns.iter().map(String::as_str);
        in_cookie
            .chain(in_entries)
            .filter(|csn| csn.contains('#') && csn.contains('Z'))
            .filter_map(seconds_of_digits)
            .max()
    }
}

/// The difference in words, for a clock that is `ahead` seconds ahead of ours; `None` if there is
/// none.
fn apart(ahead: i64) -> Option<String> {
    let seconds = ahead.unsigned_abs();
    match ahead > 0 {
        _ if ahead.abs() <= SAME => None,
        true => Some(format!("{seconds} s ahead of")),
        false => Some(format!("{seconds} s behind")),
    }
}

fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |now| i64::try_from(now.as_secs()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_that_differ() {
        for (ahead, told) in [
            (0, None),
            (5, None),
            (-5, None),
            (6, Some("6 s ahead of")),
            (-3600, Some("3600 s behind")),
        ] {
            assert_eq!(apart(ahead).as_deref(), told);
        }
    }
}
