//! The one list of attributes that hold secrets: passwords, what is made of them, and keys. Logs and
//! `Debug` do not show their values. And the passwords in URLs, masked.

use std::borrow::Cow;
use std::ops::Range;

/// The text in place of a secret.
pub const MASK: &str = "***";

/// Attributes from whose values a password can be guessed, or which are one: name and OID. A provider
/// may show either (RFC 4512 §2.5).
const PASSWORDS: &[[&str; 2]] = &[
    ["authPassword", "1.3.6.1.4.1.4203.1.3.4"],
    ["dBCSPwd", "1.2.840.113556.1.4.55"],
    ["ipaNTHash", "2.16.840.1.113730.3.8.11.5"],
    ["krbMKey", "2.16.840.1.113719.1.301.4.46.1"],
    ["krbPrincipalKey", "2.16.840.1.113719.1.301.4.39.1"],
    ["krbPwdHistory", "2.16.840.1.113719.1.301.4.44.1"],
    ["lmPwdHistory", "1.2.840.113556.1.4.160"],
    [
        "ms-Mcs-AdmPwd",
        "1.2.840.113556.1.8000.2554.50051.45980.28112.18903.35903.6685103.1224907.2.1",
    ],
    ["msLAPS-EncryptedPassword", "1.2.840.113556.1.6.44.1.3"],
    ["msLAPS-Password", "1.2.840.113556.1.6.44.1.2"],
    ["ntPwdHistory", "1.2.840.113556.1.4.94"],
    ["olcRootPW", "1.3.6.1.4.1.4203.1.12.2.3.2.0.9"],
    ["passwordHistory", "2.16.840.1.113730.3.1.96"],
    ["pwdHistory", "1.3.6.1.4.1.42.2.27.8.1.20"],
    ["sambaClearTextPassword", "1.3.6.1.4.1.7165.2.1.68"],
    ["sambaLMPassword", "1.3.6.1.4.1.7165.2.1.24"],
    ["sambaNTPassword", "1.3.6.1.4.1.7165.2.1.25"],
    ["sambaPasswordHistory", "1.3.6.1.4.1.7165.2.1.54"],
    ["sambaPreviousClearTextPassword", "1.3.6.1.4.1.7165.2.1.69"],
    ["supplementalCredentials", "1.2.840.113556.1.4.125"],
    ["unicodePwd", "1.2.840.113556.1.4.90"],
    ["userPassword", "2.5.4.35"],
];

/// Attributes that hold other secrets, or the values of any attribute that was written: those of
/// OpenLDAP's accesslog (`reqMod`, `reqOld`) and of 389-ds' changelog (`changes`).
const OTHER_SECRETS: &[[&str; 2]] = &[
    ["changes", "2.16.840.1.113730.3.1.8"],
    ["idnsSecKeyRef", "2.16.840.1.113730.3.8.5.28"],
    ["ipaNTTrustAuthIncoming", "2.16.840.1.113730.3.8.11.16"],
    ["ipaNTTrustAuthOutgoing", "2.16.840.1.113730.3.8.11.15"],
    ["ipaPrivateKey", "2.16.840.1.113730.3.8.11.54"],
    ["ipaSecretKey", "2.16.840.1.113730.3.8.11.55"],
    ["ipatokenOTPkey", "2.16.840.1.113730.3.8.16.1.8"],
    ["nsSymmetricKey", "2.16.840.1.113730.3.1.2084"],
    ["olcDbACLBind", "1.3.6.1.4.1.4203.1.12.2.3.2.3.4"],
    ["olcDbIDAssertBind", "1.3.6.1.4.1.4203.1.12.2.3.2.3.7"],
    ["olcSyncrepl", "1.3.6.1.4.1.4203.1.12.2.3.2.0.11"],
    ["olcTLSCertificateKey", "1.3.6.1.4.1.4203.1.12.2.3.0.99"],
    ["reqAssertion", "1.3.6.1.4.1.4203.666.11.5.1.15"],
    // slapd has it in its documentation, not in its schema.
    ["reqEntry", "reqEntry"],
    ["reqFilter", "1.3.6.1.4.1.4203.666.11.5.1.24"],
    ["reqMod", "1.3.6.1.4.1.4203.666.11.5.1.16"],
    ["reqNewRDN", "1.3.6.1.4.1.4203.666.11.5.1.18"],
    ["reqOld", "1.3.6.1.4.1.4203.666.11.5.1.17"],
    ["trustAuthIncoming", "1.2.840.113556.1.4.129"],
    ["trustAuthOutgoing", "1.2.840.113556.1.4.135"],
    ["userPKCS12", "2.16.840.1.113730.3.1.216"],
];

/// The name of any other attribute has one of these in it when the attribute may hold a secret.
const TELLING: &[&str] = &["passw", "passphrase", "secret", "credential", "privatekey"];

/// Whether the values of the attribute are passwords, or hashes of them. It may be named by its OID;
/// options and letter case do not count.
pub fn is_password(attribute: &str) -> bool {
    password(attribute).is_some()
}

/// The name of such an attribute, however it was spelt.
pub fn password(attribute: &str) -> Option<&'static str> {
    name_in(PASSWORDS, attribute)
}

/// Whether the values of the attribute stay out of logs. Rather too many attributes than too few.
pub fn is_secret(attribute: &str) -> bool {
    is_password(attribute) || name_in(OTHER_SECRETS, attribute).is_some() || {
        let name = attribute.to_ascii_lowercase();
        TELLING.iter().any(|part| name.contains(part))
    }
}

/// A number for the list of secret attributes: another list has another one.
pub fn version() -> u64 {
    let names = PASSWORDS
        .iter()
        .chain(OTHER_SECRETS)
        .flatten()
        .chain(TELLING);
    // FNV-1a. The zero byte keeps two names apart.
    let bytes = names.flat_map(|name| name.bytes().chain([0]));
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
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

/// The name of the attribute, if it is one of these. Its OID may have the prefix `OID.`, which older
/// servers write.
fn name_in(names: &[[&'static str; 2]], attribute: &str) -> Option<&'static str> {
    let attribute = without_options(attribute);
    let attribute = match attribute.get(..4) {
        Some(prefix) if prefix.eq_ignore_ascii_case("oid.") => attribute.get(4..)?,
        _ => attribute,
    };
    let is_it = |spelt: &&str| spelt.eq_ignore_ascii_case(attribute);
    let [name, _] = names.iter().find(|spelt| spelt.iter().any(is_it))?;
    Some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_known_by_oid() {
        for [name, oid] in PASSWORDS {
            for spelt in [
                oid.to_string(),
                format!("{oid};x-foo"),
                format!("oid.{oid};BINARY"),
            ] {
                assert!(is_password(&spelt) && is_secret(&spelt), "{name} {spelt}");
            }
        }
        for [name, oid] in OTHER_SECRETS {
            for spelt in [
                oid.to_string(),
                format!("OID.{oid};x-foo"),
                name.to_uppercase(),
            ] {
                assert!(!is_password(&spelt) && is_secret(&spelt), "{name} {spelt}");
            }
        }
        for [_, oid] in PASSWORDS.iter().chain(OTHER_SECRETS) {
            for near in [format!("{oid}.1"), format!("1.{oid}"), format!("{oid}9")] {
                assert!(!is_secret(&near), "{near}");
            }
        }
    }

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
