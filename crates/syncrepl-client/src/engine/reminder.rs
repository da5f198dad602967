//! The warning of a password that expires soon, or has expired: told once a day, however often the consumer binds
//! and however long a connection lasts.

use std::time::{Duration, Instant};

use super::state::Consumer;
use crate::connection::{PasswordWarning, Urgency};

const DAY: Duration = Duration::from_secs(86_400);

/// What the last bind said of the password, and what was told of it.
#[derive(Debug, Default)]
pub(super) struct Reminder {
    said: Option<(PasswordWarning, Instant)>,
    told: Option<(Urgency, Instant)>,
}

impl Reminder {
    /// Takes note of a bind. Without a warning all is well again.
    fn bound(&mut self, warning: Option<PasswordWarning>, now: Instant) {
        if warning.is_none() {
            self.told = None;
        }
        self.said = warning.map(|warning| (warning, now));
    }

    /// The warning, if it is time to tell it: for the first time, when a day has passed, or when it has become
    /// more urgent.
    fn due(&mut self, now: Instant) -> Option<String> {
        let (warning, bound) = self.said.as_ref()?;
        let passed = now.saturating_duration_since(*bound);
        let urgency = warning.urgency(passed);
        let rests = self
            .told
            .is_some_and(|(told, at)| urgency <= told && now.saturating_duration_since(at) < DAY);
        if rests {
            return None;
        }
        self.told = Some((urgency, now));
        Some(warning.words(passed))
    }
}

impl Consumer {
    /// Takes note of what a bind said of the password.
    pub(super) fn note_password(&mut self, warning: Option<PasswordWarning>) {
        let now = self.now();
        self.reminder.bound(warning, now);
        self.remind_of_password();
    }

    /// Tells the warning, if it is time.
    pub(super) fn remind_of_password(&mut self) {
        let now = self.now();
        if let Some(words) = self.reminder.due(now) {
            tracing::warn!("{words}");
        }
    }
}

#[cfg(test)]
mod tests {
    use syncrepl_proto::policy::PasswordPolicy;

    use super::*;

    fn expires_in(seconds: u32) -> Option<PasswordWarning> {
        let policy = PasswordPolicy {
            expires_in: Some(seconds),
            ..PasswordPolicy::default()
        };
        PasswordWarning::of(policy, "cn=a")
    }

    fn binds_left(left: u32) -> Option<PasswordWarning> {
        let policy = PasswordPolicy {
            binds_left: Some(left),
            ..PasswordPolicy::default()
        };
        PasswordWarning::of(policy, "cn=a")
    }

    #[test]
    fn tells_once_a_day() {
        let (mut reminder, start) = (Reminder::default(), Instant::now());
        let hour = DAY / 24;
        reminder.bound(expires_in(3 * 86_400), start);
        let told = reminder.due(start).expect("at once");
        assert_eq!(
            told,
            "the password of cn=a expires in 3 days: set a new one before"
        );
        for passed in 1..24 {
            // Each hour another connection.
            reminder.bound(
                expires_in(3 * 86_400 - passed * 3_600),
                start + passed * hour,
            );
            assert_eq!(reminder.due(start + passed * hour), None);
        }
        // The connection lasts.
        let told = reminder.due(start + 25 * hour).expect("a day later");
        assert!(told.contains("expires in 47 hours"), "{told}");
        assert_eq!(reminder.due(start + 48 * hour), None);
        let told = reminder.due(start + 73 * hour).expect("it has expired");
        assert!(told.contains("has expired"), "{told}");
        assert_eq!(reminder.due(start + 74 * hour), None);
        // A new password.
        reminder.bound(None, start + 75 * hour);
        assert_eq!(reminder.due(start + 200 * hour), None);
        reminder.bound(expires_in(60), start + 200 * hour);
        assert!(reminder.due(start + 200 * hour).is_some());
    }

    #[test]
    fn what_is_more_urgent_is_told_at_once() {
        let (mut reminder, now) = (Reminder::default(), Instant::now());
        let mut told = |warning| {
            reminder.bound(warning, now);
            reminder.due(now).is_some()
        };
        assert!(told(expires_in(60)));
        assert!(!told(expires_in(50)));
        assert!(told(binds_left(2)));
        assert!(!told(binds_left(1)));
        assert!(told(binds_left(0)), "the last one");
        assert!(!told(binds_left(0)));
    }
}
