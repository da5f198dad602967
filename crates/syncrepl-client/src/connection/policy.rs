//! What the provider's password policy says of a simple bind, in words.

use std::time::Duration;

use syncrepl_proto::control::Controls;
use syncrepl_proto::message::LdapResult;
use syncrepl_proto::policy::{PasswordPolicy, PolicyError};

use super::refused::{refused, refused_because};
use super::wire::Connection;
use crate::error::{Error, ErrorKind, Result};
use crate::record::text::excerpt;

const NEW_PASSWORD: &str =
    "set a new one, with ldappasswd or as its administrator, and give that one";

impl Connection {
    /// What the policy said of the password at the bind.
    pub(crate) fn password_warning(&self) -> Option<&PasswordWarning> {
        self.password_warning.as_ref()
    }
}

/// The outcome of a simple bind of `dn`, and a warning about its password.
pub(super) fn outcome(
    result: &LdapResult<'_>,
    controls: &Controls<'_>,
    dn: &str,
) -> (Result<()>, Option<PasswordWarning>) {
    let policy = PasswordPolicy::read(controls, result.code == 0).unwrap_or_else(|error| {
        tracing::debug!("what the password policy says cannot be read: {error}");
        PasswordPolicy::default()
    });
    let what = "the bind";
    let because = |words, hint: &str| refused_because(result, what, words, hint.to_owned());
    match (result.code, policy.error) {
        (0, Some(PolicyError::ChangeFirst)) => (Err(change_first(dn)), None),
        (0, _) => (Ok(()), PasswordWarning::of(policy, dn)),
        (_, Some(PolicyError::Locked)) => (
            Err(because(
                "the account is locked",
                "its administrator has to unlock it, or the lock ends by itself",
            )),
            None,
        ),
        (_, Some(PolicyError::Expired)) => {
            (Err(because("the password has expired", NEW_PASSWORD)), None)
        }
        (_, Some(PolicyError::ChangeFirst)) => (
            Err(because(
                "the password has to be changed first",
                NEW_PASSWORD,
            )),
            None,
        ),
        _ => (Err(refused(result, what)), None),
    }
}

/// The error for a bind after which the provider refuses everything but a new password.
fn change_first(dn: &str) -> Error {
    let message = format!(
        "the server wants the password of {} to be changed first: until then it refuses everything else",
        excerpt(dn)
    );
    Error::new(ErrorKind::Refused, message).with_hint(NEW_PASSWORD)
}

/// What the policy says of a password with which the bind succeeded: that it expires soon, or has expired.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PasswordWarning {
    policy: PasswordPolicy,
    dn: String,
}

/// How much a warning matters; more comes last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Urgency {
    /// It expires soon.
    Soon,
    /// It has expired.
    Expired,
    /// The next bind will fail.
    Last,
}

impl PasswordWarning {
    /// The warning about the password of `dn`, if there is something to warn of.
    pub(crate) fn of(policy: PasswordPolicy, dn: &str) -> Option<Self> {
        let expired = policy.error == Some(PolicyError::Expired);
        let any = policy.binds_left.is_some() || policy.expires_in.is_some() || expired;
        let dn = dn.to_owned();
        any.then_some(PasswordWarning { policy, dn })
    }

    /// How urgent it is so long after the bind.
    pub(crate) fn urgency(&self, passed: Duration) -> Urgency {
        match (self.policy.binds_left, self.expires_in(passed)) {
            (Some(0), _) => Urgency::Last,
            (None, Some(1..)) => Urgency::Soon,
            _ => Urgency::Expired,
        }
    }

    /// The warning in words, so long after the bind.
    pub(crate) fn words(&self, passed: Duration) -> String {
        let whose = format!("the password of {}", excerpt(&self.dn));
        match (self.policy.binds_left, self.expires_in(passed)) {
            (Some(left), _) => format!(
                "{whose} has expired, and {}: set a new one",
                match left {
                    0 => "this was the last bind that the server accepts".to_owned(),
                    1 => "the server accepts one more bind".to_owned(),
                    more => format!("the server accepts {more} more binds"),
                }
            ),
            (None, Some(seconds @ 1..)) => {
                format!("{whose} expires in {}: set a new one before", time(seconds))
            }
            _ => format!("{whose} has expired: set a new one"),
        }
    }

    /// The seconds that are left; `None` if it had expired at the bind.
    fn expires_in(&self, passed: Duration) -> Option<u32> {
        let expired = self.policy.error == Some(PolicyError::Expired);
        let seconds = self.policy.expires_in.filter(|_| !expired)?;
        let passed = u32::try_from(passed.as_secs()).unwrap_or(u32::MAX);
        Some(seconds.saturating_sub(passed))
    }
}

/// A time for people, in the largest unit that fits.
fn time(seconds: u32) -> String {
    let (number, unit) = match seconds {
        0..120 => (seconds, "seconds"),
        120..7_200 => (seconds / 60, "minutes"),
        7_200..172_800 => (seconds / 3_600, "hours"),
        _ => (seconds / 86_400, "days"),
    };
    format!("{number} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_in_the_largest_unit() {
        for (seconds, words) in [
            (0, "0 seconds"),
            (119, "119 seconds"),
            (120, "2 minutes"),
            (7_200, "2 hours"),
            (172_800, "2 days"),
            (u32::MAX, "49710 days"),
        ] {
            assert_eq!(time(seconds), words);
        }
    }
}
