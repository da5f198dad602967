//! What a provider's password policy says in the response to a bind: the control of
//! draft-behera-ldap-password-policy, and the two older ones of Netscape, which 389-ds sends.

use crate::ber::{self, DecodeError, Reader};
use crate::control::{Control, Controls};

/// The control of the draft (§6), with the same OID in the request and in the response.
pub const PASSWORD_POLICY: &str = "1.3.6.1.4.1.42.2.27.8.5.1";
/// The password has expired; with a bind that succeeds, it has to be changed first.
pub const PASSWORD_EXPIRED: &str = "2.16.840.1.113730.3.4.4";
/// The password expires after so many seconds, as text.
pub const PASSWORD_EXPIRING: &str = "2.16.840.1.113730.3.4.5";

/// The request control: with it, the provider tells what its policy says. One that does not know it
/// passes over it.
pub const REQUEST: Control<'static> = Control {
    oid: PASSWORD_POLICY,
    critical: false,
    value: None,
};

/// What the policy says of the password of this bind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PasswordPolicy {
    /// The problem.
    pub error: Option<PolicyError>,
    /// Seconds until the password expires.
    pub expires_in: Option<u32>,
    /// The password has expired, and this many more binds are allowed.
    pub binds_left: Option<u32>,
}

/// A problem of an account or its password (§6.2 of the draft).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PolicyError {
    /// passwordExpired.
    Expired,
    /// accountLocked.
    Locked,
    /// changeAfterReset: nothing but a change of the password is allowed.
    ChangeFirst,
    /// One that concerns changes of a password only.
    Other(u32),
}

impl PasswordPolicy {
    /// Reads the controls of a BindResponse that succeeded, or did not. No control says nothing.
    ///
    /// # Errors
    /// The value of a control is malformed.
    pub fn read(controls: &Controls<'_>, succeeded: bool) -> Result<Self, DecodeError> {
        const WHAT: &str = "password policy response";
        if let Some(value) = controls.value(PASSWORD_POLICY, WHAT)? {
            return Self::decode(value);
        }
        let mut policy = PasswordPolicy::default();
        if controls.find(PASSWORD_EXPIRED).is_some() {
            policy.error = Some(match succeeded {
                true => PolicyError::ChangeFirst,
                false => PolicyError::Expired,
            });
        }
        if let Some(control) = controls.find(PASSWORD_EXPIRING) {
            let text = std::str::from_utf8(control.value.unwrap_or_default());
            policy.expires_in = text.ok().and_then(|text| text.trim().parse().ok());
        }
        Ok(policy)
    }

    /// Reads a PasswordPolicyResponseValue (§6.2 of the draft).
    fn decode(value: &[u8]) -> Result<Self, DecodeError> {
        const WHAT: &str = "PasswordPolicyResponseValue";
        let mut outer = Reader::new(value, WHAT);
        let mut fields = Reader::new(outer.expect(ber::tag::SEQUENCE, WHAT)?.value, WHAT);
        let mut policy = PasswordPolicy::default();
        if let Some(warning) = fields.optional(0xa0, "warning")? {
            let choice = Reader::new(warning, "warning").element()?;
            let number = Some(ber::number(choice.value, "warning")?);
            match choice.tag {
                0x80 => policy.expires_in = number,
                0x81 => policy.binds_left = number,
                _ => {}
            }
        }
        if let Some(error) = fields.optional(0x81, "error")? {
            policy.error = Some(match ber::number(error, "error")? {
                0 => PolicyError::Expired,
                1 => PolicyError::Locked,
                2 => PolicyError::ChangeFirst,
                other => PolicyError::Other(other),
            });
        }
        Ok(policy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ber::Writer;

    fn read(
        list: &[(&str, Option<&[u8]>)],
        succeeded: bool,
    ) -> Result<PasswordPolicy, DecodeError> {
        let mut writer = Writer::new();
        for (oid, value) in list {
            let (critical, value) = (false, *value);
            Control {
                oid,
                critical,
                value,
            }
            .encode(&mut writer);
        }
        PasswordPolicy::read(&Controls::decode(&writer.finish()).unwrap(), succeeded)
    }

    #[test]
    fn golden_bytes() {
        let of = |value: &[u8]| read(&[(PASSWORD_POLICY, Some(value))], true);
        let nothing = PasswordPolicy::default();
        assert_eq!(read(&[], true), Ok(nothing));
        assert_eq!(of(b"\x30\x00"), Ok(nothing));
        let expires_in = Some(3600);
        let expected = PasswordPolicy {
            expires_in,
            ..nothing
        };
        assert_eq!(of(b"\x30\x06\xa0\x04\x80\x02\x0e\x10"), Ok(expected));
        let binds_left = Some(2);
        let expected = PasswordPolicy {
            binds_left,
            ..nothing
        };
        assert_eq!(of(b"\x30\x05\xa0\x03\x81\x01\x02"), Ok(expected));
        for (code, error) in [
            (0, PolicyError::Expired),
            (1, PolicyError::Locked),
            (2, PolicyError::ChangeFirst),
            (8, PolicyError::Other(8)),
        ] {
            let error = Some(error);
            let expected = PasswordPolicy { error, ..nothing };
            assert_eq!(of(&[0x30, 3, 0x81, 1, code]), Ok(expected));
        }
        for broken in [
            &b""[..],
            b"\x30",
            b"\x04\0",
            b"\x30\x02\xa0\0",
            b"\x30\x03\x81\x01\xff",
        ] {
            assert!(of(broken).is_err(), "{broken:?}");
        }
    }

    #[test]
    fn older_controls() {
        let expired = [(PASSWORD_EXPIRED, Some(&b"0"[..]))];
        let error = |succeeded| read(&expired, succeeded).unwrap().error;
        assert_eq!(error(true), Some(PolicyError::ChangeFirst));
        assert_eq!(error(false), Some(PolicyError::Expired));
        let expiring = |text: &[u8]| {
            read(&[(PASSWORD_EXPIRING, Some(text))], true)
                .unwrap()
                .expires_in
        };
        assert_eq!(expiring(b"86400"), Some(86400));
        assert_eq!(expiring(b"soon\xff"), None);
        // The newer control says more, so it counts.
        let both = [
            expired[0],
            (PASSWORD_POLICY, Some(&b"\x30\x05\xa0\x03\x81\x01\x02"[..])),
        ];
        let both = read(&both, true).unwrap();
        assert_eq!((both.error, both.binds_left), (None, Some(2)));
    }
}
