//! The one list of attributes that hold secrets: passwords, what is made of them, and keys. Logs and
//! `Debug` do not show their values. And the passwords in URLs, masked.

use std::borrow::Cow;
use std::ops::Range;

/// The text in place of a secret.
pub const MASK: &str = "***";

/// Attributes from whose values a password can be guessed, or which are one.
const PASSWORDS: &[&str] = &[
    "authPassword",
    "dBCSPwd",
    "ipaNTHash",
    "krbMKey",
    "krbPrincipalKey",
    "krbPwdHistory",
    "lmPwdHistory",
    "ms-Mcs-AdmPwd",
    "msLAPS-EncryptedPassword",
    "msLAPS-Password",
    "ntPwdHistory",
    "olcRootPW",
    "passwordHistory",
    "pwdHistory",
    "sambaClearTextPassword",
    "sambaLMPassword",
    "sambaNTPassword",
    "sambaPasswordHistory",
    "sambaPreviousClearTextPassword",
    "supplementalCredentials",
    "unicodePwd",
    "userPassword",
];

/// Attributes that hold other secrets, or the values of any attribute that was written: those of
/// OpenLDAP's accesslog (`reqMod`, `reqOld`) and of 389-ds' changelog (`changes`).
const OTHER_SECRETS: &[&str] = &[
    "changes",
    "idnsSecKeyRef",
    "ipaNTTrustAuthIncoming",
    "ipaNTTrustAuthOutgoing",
    "ipaPrivateKey",
    "ipaSecretKey",
    "ipatokenOTPkey",
    "nsSymmetricKey",
    "olcDbIDAssertBind",
    "olcDbACLBind",
    "olcSyncrepl",
    "olcTLSCertificateKey",
    "reqEntry",
    "reqMod",
    "reqNewRDN",
    "reqOld",
    "reqAssertion",
    "reqFilter",
    "trustAuthIncoming",
    "trustAuthOutgoing",
    "userPKCS12",
];

/// The name of any other attribute has one of these in it when the attribute may hold a secret.
const TELLING: &[&str] = &["passw", "passphrase", "secret", "credential", "privatekey"];

/// Whether the values of the attribute are passwords, or hashes of them. Options do not count.
pub fn is_password(attribute: &str) -> bool {
    is_one_of(PASSWORDS, attribute)
}

/// Whether the values of the attribute stay out of logs. Rather too many attributes than too few.
pub fn is_secret(attribute: &str) -> bool {
    is_password(attribute) || is_one_of(OTHER_SECRETS, attribute) || {
        let name = attribute.to_ascii_lowercase();
        TELLING.iter().any(|part| name.contains(part))
    }
}

/// `text` without the passwords that it may hold: what follows `X-BINDPW=`, in any letter case and also
/// percent-encoded, up to the end, and the password of a user before the host of a URL. For messages
/// that may quote what somebody typed.
pub fn masked(text: &str) -> Cow<'_, str> {
    let text = match bind_password(text) {
        Some(begin) => Cow::Owned(text.get(..begin).unwrap_or_default().to_owned() + MASK),
        None => Cow::Borrowed(text),
    };
    match user_password(&text) {
        Some(Range { start, end }) => {
            let (before, after) = (text.get(..start), text.get(end..));
            let after = masked(after.unwrap_or_default());
            Cow::Owned(format!("{}{MASK}{after}", before.unwrap_or_default()))
        }
        None => text,
    }
}

/// Where the value of the first `X-BINDPW` begins.
fn bind_password(text: &str) -> Option<usize> {
    (0..text.len()).find_map(|at| {
        let mut rest = text.as_bytes().get(at..)?;
        for expected in b"X-BINDPW" {
            let found = next(&mut rest)?;
            if !found.eq_ignore_ascii_case(expected) {
                return None;
            }
        }
        loop {
            match next(&mut rest)? {
                b' ' => {}
                b'=' | b':' if !rest.is_empty() => return Some(text.len() - rest.len()),
                _ => return None,
            }
        }
    })
}

/// The next byte of a text, percent-decoded.
fn next(rest: &mut &[u8]) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let (byte, after) = match **rest {
        [b'%', high, low, ref after @ ..] => match (digit(high), digit(low)) {
            (Some(high), Some(low)) => (u8::try_from(high << 4 | low).ok()?, after),
            _ => (b'%', rest.get(1..)?),
        },
        [byte, ref after @ ..] => (byte, after),
        [] => return None,
    };
    *rest = after;
    Some(byte)
}

/// The password in the first `://USER:PASSWORD@`.
fn user_password(text: &str) -> Option<Range<usize>> {
    text.match_indices("://").find_map(|(at, separator)| {
        let start = at + separator.len();
        let rest = text.get(start..)?;
        let authority = rest.split(['/', '?', '#', '"', ' ']).next()?;
        let (user, _) = authority.rsplit_once('@')?;
        let (name, password) = user.split_once(':')?;
        let hidden = password.is_empty() || password == MASK;
        let begin = start + name.len() + 1;
        (!hidden).then_some(begin..begin + password.len())
    })
}

/// The name of an attribute without its options (RFC 4512 §2.5).
pub fn without_options(attribute: &str) -> &str {
    let end = attribute.bytes().position(|byte| byte == b';');
    end.and_then(|end| attribute.get(..end))
        .unwrap_or(attribute)
}

fn is_one_of(names: &[&str], attribute: &str) -> bool {
    let attribute = without_options(attribute);
    names
        .iter()
        .any(|name| name.eq_ignore_ascii_case(attribute))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_known_by_name() {
        for name in ["userPassword", "USERPASSWORD;x-hash", "krbPrincipalKey"] {
            assert!(is_password(name) && is_secret(name), "{name}");
        }
        for name in ["reqMod", "radiusTunnelPassword", "x-clientSecret;lang-de"] {
            assert!(!is_password(name) && is_secret(name), "{name}");
        }
        for name in ["cn", "pwdChangedTime", "krbLastPwdChange", ""] {
            assert!(!is_secret(name), "{name}");
        }
    }

    #[test]
    fn passwords_in_urls_are_masked() {
        for (text, shown) in [
            (
                "bindname=cn=a,X-BINDPW=geheim",
                "bindname=cn=a,X-BINDPW=***",
            ),
            ("x-bindpw=ge,he im\"", "x-bindpw=***"),
            ("é !X%2dB%49ndPW%3Dgeheim", "é !X%2dB%49ndPW%3D***"),
            ("X-BindPW : geheim", "X-BindPW :***"),
            ("http://ann:geheim@h/x", "http://ann:***@h/x"),
            (
                "ldap://a:geheim@h and ldap://b:g@eheim@i/?X-BINDPW=geheim",
                "ldap://a:***@h and ldap://b:***@i/?X-BINDPW=***",
            ),
            ("X-BINDPW=X-BINDPW=geheim", "X-BINDPW=***"),
        ] {
            assert_eq!(masked(text), shown);
        }
        for harmless in [
            "",
            "known are bindname, X-BINDPW, x-mech and StartTLS",
            "X-BINDPW",
            "X-BINDPW=",
            "%",
            "ldap://[::1]:389/dc=a??sub",
            "ldap://h/cn=a:b@c",
            "cn=ž%X-BINDP",
        ] {
            assert_eq!(masked(harmless), harmless);
        }
    }
}
