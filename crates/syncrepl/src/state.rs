//! The state of a run in one line, as `status` prints it and a service manager shows it.

use std::time::{Duration, SystemTime};

use syncrepl_client::{Lag, RunState, RunStatus, printable};

/// The state in one line, which cannot steer a terminal.
pub(crate) fn line(run: &RunStatus, now: SystemTime) -> String {
    let server = run.server.as_deref().unwrap_or("the server");
    let mut said = match run.state {
        RunState::Following => format!("following {server}"),
        RunState::Refreshing => format!("refreshing from {server}"),
        RunState::Connecting => format!("connecting to {server}"),
        RunState::Waiting => format!("waiting for {server}"),
        other => other.name().to_owned(),
    };
    if let Some(since) = run.since {
        said += &format!(" for {}", rough(between(since, now)));
    }
    if let Some(progress) = run.progress {
        said += &match progress.before {
            0 => format!(", {} entries so far", progress.entries),
            before => format!(", {} of about {before} entries", progress.entries),
        };
    }
    if let Some(at) = run.next_retry {
        said += &format!(", next try in {}", rough(between(now, at)));
    }
    said += &match run.confirmed {
        Some(time) => format!(", confirmed current {} ago", rough(between(time, now))),
        None => ", never confirmed current".to_owned(),
    };
    if let Some(behind) = run.lag.filter(|lag| *lag != Lag::None) {
        said += &format!(", {}", lag(behind));
    }
    let down = matches!(run.state, RunState::Waiting | RunState::Failed);
    if let Some(error) = run.last_error.as_ref().filter(|_| down) {
        said += &format!("; {}", error.message);
    }
    printable(&said)
}

/// How far the copy is behind, in words.
pub(crate) fn lag(lag: Lag) -> String {
    match lag {
        Lag::Time(time) => format!("{} behind", rough(time)),
        Lag::Changes(changes) => {
            format!("{changes} changes behind, which need not concern the search")
        }
        _ => "not behind".to_owned(),
    }
}

/// The time from one moment to another; zero if it is negative.
pub(crate) fn between(from: SystemTime, to: SystemTime) -> Duration {
    to.duration_since(from).unwrap_or_default()
}

/// A time as people say it: two units at the most.
pub(crate) fn rough(time: Duration) -> String {
    let seconds = time.as_secs();
    let unit = match seconds {
        0..3600 => 1,
        3600..86_400 => 60,
        _ => 3600,
    };
    humantime::format_duration(Duration::from_secs(seconds / unit * unit)).to_string()
}

/// A moment as RFC 3339 writes it, in UTC.
pub(crate) fn written(time: SystemTime) -> String {
    // Other years than 1970 to 9999 would panic.
    let most = SystemTime::UNIX_EPOCH + Duration::from_secs(253_402_300_799);
    let time = time.clamp(SystemTime::UNIX_EPOCH, most);
    humantime::format_rfc3339_millis(time).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::UNIX_EPOCH;

    #[test]
    fn wild_times_are_no_panic() {
        assert_eq!(written(UNIX_EPOCH), "1970-01-01T00:00:00.000Z");
        let far = UNIX_EPOCH + Duration::from_secs(1 << 50);
        assert_eq!(written(far), "9999-12-31T23:59:59.000Z");
        assert_eq!(rough(Duration::from_secs(90_061)), "1day 1h");
        assert_eq!(rough(Duration::from_secs(3_661)), "1h 1m");
        assert_eq!(rough(Duration::from_millis(61_500)), "1m 1s");
        assert_eq!(rough(Duration::ZERO), "0s");
    }

    #[test]
    fn line_names_what_matters() {
        let mut run = RunStatus::default();
        let now = UNIX_EPOCH + Duration::from_secs(1000);
        assert_eq!(line(&run, now), "unknown, never confirmed current");
        run.state = RunState::Following;
        run.server = Some("ldap://h\u{1b}".to_owned());
        run.since = Some(UNIX_EPOCH);
        run.confirmed = Some(now - Duration::from_secs(4));
        run.lag = Some(Lag::Time(Duration::from_secs(5)));
        assert_eq!(
            line(&run, now),
            "following ldap://h\\u{1b} for 16m 40s, confirmed current 4s ago, 5s behind"
        );
    }
}
