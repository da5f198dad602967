//! The form of a run's state in its file: a few lines of a name and a value, always of the same length, so
//! that it can be written in place even when the disk is full. A checksum tells a text that was read while it
//! was being written.

use std::fmt::Write;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::{Lag, LastError, Progress, RunState, Written};
use crate::record::text::printable;

/// The size of the file.
pub(super) const SIZE: usize = 4096;

/// The first line. A later form has another one.
const HEAD: &str = "syncrepl-status 1";

/// The most bytes of a server's URL and of an error message.
const LONGEST: usize = 1500;

pub(super) fn encode(written: &Written) -> Vec<u8> {
    let mut body = String::new();
    let mut put = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            // Writing to a String cannot fail.
            let _ = writeln!(body, "{name} {value}");
        }
    };
    let run = &written.run;
    put("state", Some(run.state.name().to_owned()));
    put("since", run.since.map(millis));
    put("pid", run.pid.map(|pid| pid.to_string()));
    put("started", run.started.map(millis));
    put("seen", written.seen.map(millis));
    put("server", run.server.as_deref().map(shortened));
    let progress = run.progress;
    put(
        "progress",
        progress.map(|Progress { entries, before }| format!("{entries} {before}")),
    );
    put("contact", run.last_contact.map(millis));
    put("confirmed", run.confirmed.map(millis));
    let place = &written.place;
    put(
        "place",
        (!place.store.is_empty())
            .then(|| format!("{} {} {}", place.store, place.commit, place.tag)),
    );
    put("lag", run.lag.map(lag));
    put("retry", run.next_retry.map(millis));
    put("connections", Some(run.connections.to_string()));
    put("failures", Some(run.failures.to_string()));
    put("changes", Some(run.changes.to_string()));
    let error = run.last_error.as_ref();
    put("failed", error.map(|error| millis(error.time)));
    put("error", error.map(|error| shortened(&error.message)));
    let mut text = format!("{HEAD}\ncheck {:016x}\n{body}", check(&body)).into_bytes();
    text.resize(SIZE, b'\n');
    text
}

/// Reads what [`encode`] wrote. `None` if it is something else, or not whole.
pub(super) fn decode(bytes: &[u8]) -> Option<Written> {
    let text = std::str::from_utf8(bytes).ok()?.trim_end_matches('\n');
    let rest = text.strip_prefix(HEAD)?.strip_prefix("\ncheck ")?;
    let (sum, body) = rest.split_once('\n')?;
    let body = format!("{body}\n");
    if u64::from_str_radix(sum, 16).ok()? != check(&body) {
        return None;
    }
    let mut written = Written::default();
    let mut failed = None;
    for (name, value) in body.lines().filter_map(|line| line.split_once(' ')) {
        match name {
            "failed" => failed = time(value),
            "error" => {
                let message = printable(value);
                written.run.last_error = failed.map(|time| LastError { message, time });
            }
            _ => take(&mut written, name, value),
        }
    }
    Some(written)
}

/// Takes one line. A name that is not known is of a later version.
fn take(written: &mut Written, name: &str, value: &str) {
    let run = &mut written.run;
    let number = || value.parse().unwrap_or_default();
    match name {
        "state" => run.state = RunState::of(value).unwrap_or_default(),
        "since" => run.since = time(value),
        "pid" => run.pid = value.parse().ok(),
        "started" => run.started = time(value),
        "seen" => written.seen = time(value),
        "server" => run.server = Some(printable(value)),
        "progress" => run.progress = progress(value),
        "contact" => run.last_contact = time(value),
        "confirmed" => run.confirmed = time(value),
        "place" => {
            let mut words = value.split(' ').map(str::to_owned);
            let place = &mut written.place;
            place.store = words.next().unwrap_or_default();
            place.commit = words.next().and_then(|n| n.parse().ok()).unwrap_or(0);
            place.tag = words.next().unwrap_or_default();
        }
        "lag" => run.lag = read_lag(value),
        "retry" => run.next_retry = time(value),
        "connections" => run.connections = number(),
        "failures" => run.failures = number(),
        "changes" => run.changes = number(),
        _ => {}
    }
}

fn progress(value: &str) -> Option<Progress> {
    let (entries, before) = value.split_once(' ')?;
    Some(Progress::of(entries.parse().ok()?, before.parse().ok()?))
}

fn lag(lag: Lag) -> String {
    match lag {
        Lag::None => "none".to_owned(),
        Lag::Time(time) => format!("time {}", time.as_millis()),
        Lag::Changes(changes) => format!("changes {changes}"),
    }
}

fn read_lag(value: &str) -> Option<Lag> {
    match value.split_once(' ') {
        None => (value == "none").then_some(Lag::None),
        Some(("time", millis)) => Some(Lag::Time(Duration::from_millis(millis.parse().ok()?))),
        Some(("changes", changes)) => Some(Lag::Changes(changes.parse().ok()?)),
        Some(_) => None,
    }
}

/// Milliseconds since 1970, in decimal.
fn millis(time: SystemTime) -> String {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_millis().to_string()
}

fn time(millis: &str) -> Option<SystemTime> {
    UNIX_EPOCH.checked_add(Duration::from_millis(millis.parse().ok()?))
}

/// One line that fits.
fn shortened(text: &str) -> String {
    let mut text = printable(text);
    if text.len() > LONGEST {
        let end = (0..=LONGEST).rev().find(|&end| text.is_char_boundary(end));
        text.truncate(end.unwrap_or(0));
        text.push('…');
    }
    text
}

/// FNV-1a: it is to find a text that is not whole, and nothing more.
fn check(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |sum, byte| {
        (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::super::{Place, RunStatus};
    use super::*;

    fn whole() -> Written {
        let at = |seconds| Some(UNIX_EPOCH + Duration::from_secs(seconds));
        Written {
            run: RunStatus {
                state: RunState::Refreshing,
                since: at(1),
                pid: Some(7),
                started: at(2),
                server: Some("ldap://h".to_owned()),
                progress: Some(Progress::of(3, 9)),
                last_contact: at(3),
                confirmed: at(4),
                lag: Some(Lag::Changes(5)),
                last_error: Some(LastError {
                    message: "gone; trying".to_owned(),
                    time: UNIX_EPOCH,
                }),
                next_retry: at(6),
                connections: 2,
                failures: 1,
                changes: 8,
            },
            place: Place {
                store: "id".to_owned(),
                commit: 4,
                tag: "t".to_owned(),
            },
            seen: at(7),
        }
    }

    #[test]
    fn read_as_written() {
        let mut written = whole();
        for state in RunState::ALL {
            written.run.state = state;
            for lag in [
                None,
                Some(Lag::None),
                Some(Lag::Time(Duration::from_millis(1))),
            ] {
                written.run.lag = lag;
                let text = encode(&written);
                assert_eq!(text.len(), SIZE);
                assert_eq!(decode(&text), Some(written.clone()));
            }
        }
    }

    #[test]
    fn torn_text_is_not_taken() {
        let (one, mut other) = (whole(), whole());
        other.run.failures = 2;
        other.run.last_error = None;
        let (one, other) = (encode(&one), encode(&other));
        let differ = one.iter().zip(&other).position(|(one, other)| one != other);
        for cut in differ.expect("they differ") + 1..one.len() {
            let torn = [&one[..cut], &other[cut..]].concat();
            if torn != one && torn != other {
                assert_eq!(decode(&torn), None, "cut at {cut}");
            }
        }
        for length in 0..100 {
            assert_eq!(decode(&one[..length]), None);
        }
    }

    /// A provider's message is as long and as wild as it likes.
    #[test]
    fn wild_message_stays_one_line() {
        let mut written = whole();
        let wild = LastError {
            message: "\u{1b}[2J\nstate following ".repeat(500) + "é",
            time: UNIX_EPOCH,
        };
        written.run.last_error = Some(wild);
        written.run.server = Some("é\n".repeat(5000));
        let text = encode(&written);
        assert_eq!(text.len(), SIZE);
        let read = decode(&text).expect("it is whole");
        assert_eq!(read.run.state, RunState::Refreshing);
        let message = read.run.last_error.expect("the error").message;
        assert!(message.ends_with('…') && !message.contains('\u{1b}'));
    }
}
