//! What the status of an answer means: one table.

use std::time::{Duration, SystemTime};

use syncrepl_relay::SinkError;
use ureq::http::StatusCode;

/// The longest wait that a receiver may ask for.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

/// An answer, without its body, which nobody is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) retry_after: Option<Duration>,
}

impl Answer {
    /// What the relay is told; `None`: the events are safe. `events` is how many were in the request.
    pub(super) fn error(&self, origin: &str, events: usize) -> Option<SinkError> {
        let message = format!("{origin} answered {}", self.status);
        let manual = |reason, hint: &str| SinkError::manual(reason, &message).with_hint(hint);
        Some(match self.status.as_u16() {
            200..=299 => return None,
            300..=399 => manual(
                "redirect",
                "write the address that it points to: a redirect is never followed",
            ),
            401 | 403 => manual(
                "credentials",
                "check token_file, headers_file and secret_file, and what the receiver expects",
            ),
            407 => manual(
                "credentials",
                "a proxy wants a password: give syncrepl a way past it",
            ),
            404 | 405 => manual(
                "missing",
                "check the path of `to`: nothing there takes a POST",
            ),
            410 => manual(
                "gone",
                "the receiver wants no more events: take the sink out of the configuration, or pause it",
            ),
            408 => self.passing("timeout", message),
            425 | 429 => self.passing("busy", message),
            413 if events > 1 => SinkError::refused("size", message),
            400..=499 => SinkError::refused("refused", message),
            500..=599 => self.passing("server", message),
            // No final status of HTTP.
            _ => SinkError::passing("protocol", message),
        })
    }

    fn passing(&self, reason: &'static str, message: String) -> SinkError {
        let error = SinkError::passing(reason, message);
        match self.retry_after {
            Some(wait) => error.with_retry_after(wait),
            None => error,
        }
    }

    /// Whether somebody between us and the receiver says so, who does not know what the receiver did.
    pub(super) fn leaves_doubt(&self) -> bool {
        matches!(self.status.as_u16(), 408 | 502 | 504)
    }
}

/// The value of `Retry-After`: seconds, or a date.
pub(super) fn retry_after(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    let wait = match value.bytes().all(|byte| byte.is_ascii_digit()) && !value.is_empty() {
        // More digits than fit are a long wait too.
        true => Duration::from_secs(value.parse().unwrap_or(u64::MAX)),
        false => {
            let date = httpdate::parse_http_date(value).ok()?;
            date.duration_since(now).unwrap_or_default()
        }
    };
    Some(wait.min(LONGEST_WAIT))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::UNIX_EPOCH;
    use syncrepl_relay::Trouble;

    #[test]
    fn statuses_have_their_meaning() {
        for (status, events, trouble, reason) in [
            (301, 1, Trouble::Manual, "redirect"),
            (304, 1, Trouble::Manual, "redirect"),
            (400, 1, Trouble::Refused, "refused"),
            (401, 1, Trouble::Manual, "credentials"),
            (403, 1, Trouble::Manual, "credentials"),
            (404, 1, Trouble::Manual, "missing"),
            (405, 1, Trouble::Manual, "missing"),
            (408, 1, Trouble::Passing, "timeout"),
            (410, 1, Trouble::Manual, "gone"),
            (413, 1, Trouble::Refused, "refused"),
            (413, 2, Trouble::Refused, "size"),
            (422, 9, Trouble::Refused, "refused"),
            (425, 1, Trouble::Passing, "busy"),
            (429, 1, Trouble::Passing, "busy"),
            (500, 1, Trouble::Passing, "server"),
            (503, 1, Trouble::Passing, "server"),
            (999, 1, Trouble::Passing, "protocol"),
        ] {
            let answer = Answer {
                status: StatusCode::from_u16(status).unwrap(),
                retry_after: None,
            };
            let error = answer.error("https://example.com", events).unwrap();
            assert_eq!(
                (error.trouble(), error.reason()),
                (trouble, reason),
                "{status}"
            );
        }
        let ok = Answer {
            status: StatusCode::NO_CONTENT,
            retry_after: None,
        };
        assert!(ok.error("https://example.com", 1).is_none());
    }

    #[test]
    fn retry_after_is_seconds_or_a_date_and_an_hour_at_most() {
        let now = UNIX_EPOCH + Duration::from_secs(784_111_777);
        let seconds = |value| retry_after(value, now).map(|wait| wait.as_secs());
        assert_eq!(seconds("7"), Some(7));
        assert_eq!(seconds("7200"), Some(3600));
        assert_eq!(seconds("99999999999999999999999"), Some(3600));
        assert_eq!(seconds("Sun, 06 Nov 1994 08:50:37 GMT"), Some(60));
        assert_eq!(seconds("Sun, 06 Nov 1994 08:00:00 GMT"), Some(0));
        for wrong in ["", "soon", "-1", "1.5"] {
            assert_eq!(seconds(wrong), None, "{wrong:?}");
        }
    }
}
