//! What the provider's password policy says of a simple bind, in words.

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
    /// What the policy says of the password, for a warning: that it expires soon, or has expired.
    pub(crate) fn password_warning(&self) -> Option<&str> {
        self.password_warning.as_deref()
    }
}

/// The outcome of a simple bind of `dn`, and a warning about its password.
pub(super) fn outcome(
    result: &LdapResult<'_>,
    controls: &Controls<'_>,
    dn: &str,
) -> (Result<()>, Option<String>) {
    let policy = PasswordPolicy::read(controls, result.code == 0).unwrap_or_else(|error| {
        tracing::debug!("what the password policy says cannot be read: {error}");
        PasswordPolicy::default()
    });
    let what = "the bind";
    let because = |words, hint: &str| refused_because(result, what, words, hint.to_owned());
    match (result.code, policy.error) {
        (0, Some(PolicyError::ChangeFirst)) => (Err(change_first(dn)), None),
        (0, _) => (Ok(()), warning(&policy, dn)),
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

fn warning(policy: &PasswordPolicy, dn: &str) -> Option<String> {
    let whose = format!("the password of {}", excerpt(dn));
    match *policy {
        PasswordPolicy {
            binds_left: Some(left),
            ..
        } => Some(format!(
            "{whose} has expired, and {}: set a new one",
            match left {
                0 => "this was the last bind that the server accepts".to_owned(),
                1 => "the server accepts one more bind".to_owned(),
                more => format!("the server accepts {more} more binds"),
            }
        )),
        PasswordPolicy {
            error: Some(PolicyError::Expired),
            ..
        } => Some(format!("{whose} has expired: set a new one")),
        PasswordPolicy {
            expires_in: Some(seconds),
            ..
        } => Some(format!(
            "{whose} expires in {}: set a new one before",
            time(seconds)
        )),
        _ => None,
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
