//! Kerberos errors for people, and what to do about them. The library keeps its error texts for
//! each thread, so the thread that met the error must ask for them.

use libgssapi::error::{Error as GssError, MajorFlags};

use crate::error::{Error, ErrorKind};
use crate::record::text::printable;

/// The name of the mechanism.
pub(super) const NAME: &str = "GSSAPI";

/// The first error code of Kerberos (krb5.h).
const KERBEROS: u32 = 2_529_638_912;

/// The error for a ticket for `service` that Kerberos could not get or use.
pub(super) fn explain(error: &GssError, service: &str) -> Error {
    let (kind, what, hint) = meaning(error);
    let principal = service.replacen('@', "/", 1);
    let what = what.replace("{principal}", &principal);
    Error::new(
        kind,
        format!("SASL {NAME}: {what}: {}", printable_error(error)),
    )
    .with_hint(hint)
}

const EXPIRED: (ErrorKind, &str, &str) = (
    ErrorKind::Credentials,
    "the Kerberos ticket has expired",
    "run kinit again; a service gets tickets by itself with a keytab in KRB5_CLIENT_KTNAME",
);

fn meaning(error: &GssError) -> (ErrorKind, &'static str, &'static str) {
    use ErrorKind::{Credentials, Unreachable};
    // These are numbers in a bit field, although the type treats them as flags: 13 does not contain
    // 12.
    let routine = error.major.bits() & 0x00ff_0000;
    let is = |flag: MajorFlags| routine == flag.bits();
    match error.minor.wrapping_sub(KERBEROS) {
        // KDC_ERR_C_PRINCIPAL_UNKNOWN
        6 => (
            Credentials,
            "the Kerberos realm does not know who we are",
            "is the principal right, and its realm?",
        ),
        // KDC_ERR_S_PRINCIPAL_UNKNOWN
        7 => (
            Credentials,
            "the Kerberos realm does not know the service {principal}",
            "connect by the name that the provider's keytab has; krb5.conf decides whether the name \
             is looked up first (dns_canonicalize_hostname, rdns)",
        ),
        // KRB_AP_ERR_TKT_EXPIRED
        32 => EXPIRED,
        // KRB_AP_ERR_SKEW
        37 => (
            Credentials,
            "the clocks differ too much for Kerberos",
            "set the clock of this machine and of the provider, best by NTP",
        ),
        // KDC_UNREACH
        156 => (
            Unreachable,
            "no key distribution center answers",
            "is it running, and does krb5.conf name it?",
        ),
        // REALM_UNKNOWN, REALM_CANT_RESOLVE
        154 | 220 => (
            Credentials,
            "the Kerberos realm cannot be found",
            "name its key distribution center in krb5.conf, or check the realm",
        ),
        _ if is(MajorFlags::GSS_S_CREDENTIALS_EXPIRED) => EXPIRED,
        _ if is(MajorFlags::GSS_S_CONTEXT_EXPIRED) => EXPIRED,
        _ if is(MajorFlags::GSS_S_NO_CRED) => (
            Credentials,
            "there is no Kerberos ticket",
            "run kinit first; a service gets tickets by itself with a keytab in KRB5_CLIENT_KTNAME",
        ),
        _ => (
            Credentials,
            "Kerberos refuses",
            "does kinit work, and does ldapsearch -Y GSSAPI?",
        ),
    }
}

/// The text of the library on one line, without the sentence or the code that says nothing.
pub(super) fn printable_error(error: &GssError) -> String {
    let text = printable(&error.to_string());
    match text
        .strip_suffix(')')
        .and_then(|text| text.split_once(" ("))
    {
        Some((major, minor)) if error.minor == 0 || minor == "Success" => major.to_owned(),
        Some((major, minor))
            if ["Unspecified GSS failure", "No credentials were supplied"]
                .iter()
                .any(|vague| major.starts_with(vague)) =>
        {
            minor.to_owned()
        }
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_error_has_a_hint() {
        let failure = MajorFlags::GSS_S_FAILURE;
        for (major, minor, kind, words) in [
            (
                failure,
                KERBEROS + 7,
                ErrorKind::Credentials,
                "ldap/host.example",
            ),
            (
                failure,
                KERBEROS + 32,
                ErrorKind::Credentials,
                "kinit again",
            ),
            (
                failure,
                KERBEROS + 37,
                ErrorKind::Credentials,
                "set the clock",
            ),
            (
                failure,
                KERBEROS + 156,
                ErrorKind::Unreachable,
                "is it running",
            ),
            (failure, KERBEROS + 154, ErrorKind::Credentials, "krb5.conf"),
            (failure, 1, ErrorKind::Credentials, "does kinit work"),
            (
                MajorFlags::GSS_S_NO_CRED,
                0,
                ErrorKind::Credentials,
                "kinit first",
            ),
            (
                MajorFlags::GSS_S_CONTEXT_EXPIRED,
                0,
                ErrorKind::Credentials,
                "kinit again",
            ),
        ] {
            let error = explain(&GssError { major, minor }, "ldap@host.example");
            assert_eq!(error.kind(), kind, "{error}");
            assert!(error.to_string().contains(words), "{error}");
            assert_eq!(error.is_retryable(), kind == ErrorKind::Unreachable);
        }
    }
}
