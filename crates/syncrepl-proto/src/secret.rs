//! The one list of attributes that hold secrets: passwords, what is made of them, and keys. Logs and
//! `Debug` do not show their values.

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
}
