//! TLS errors for people: the fault in the certificate or the handshake, and what to do about it.

use rustls::pki_types::UnixTime;
use rustls::{AlertDescription, CertificateError};

use super::certificate::{Facts, Key, written};
use super::seen::Seen;
use super::server::Server;
use super::tls_words as words;
use crate::error::{Error, ErrorKind};
use crate::record::text::excerpt;

const CA_FILE: &str = "if you trust it, give the certificate of its authority (--ca-file); else ask who runs the provider";
const SELF_SIGNED: &str = "if it is the right one, give the certificate itself (--ca-file); else ask who runs the provider";
const CIPHERS: &str = "TLS 1.2 or 1.3 with a current cipher is needed, and mostly 1.3 if its key is on P-521; the provider's log says more";
const CHANGED: &str = "something between here and the provider may have changed the bytes";
const CLIENT_CERTIFICATE: &str = "give one, and its key (--cert, --key)";

/// The error for a TLS failure on the connection to `server`; `seen` makes it specific.
pub(super) fn explain(error: &rustls::Error, server: &Server, seen: Option<&Seen>) -> Error {
    // Its words are names of Rust, so no message has them.
    tracing::debug!("TLS with {server}: {error:?}");
    match error {
        rustls::Error::InvalidCertificate(problem) => {
            let facts = seen.and_then(Seen::facts);
            let passed_over = seen.and_then(|seen| seen.passed_over.as_deref());
            certificate(problem, server, facts.as_ref(), passed_over)
        }
        rustls::Error::NoCertificatesPresented => tls(format!("{server} shows no certificate")),
        rustls::Error::AlertReceived(alert) => self::alert(*alert, server, seen),
        rustls::Error::InvalidMessage(_) => {
            let hint = if server.is_ldaps() {
                "the port seems to speak plain LDAP: use ldap:// with StartTLS, or the ldaps port, mostly 636"
            } else {
                CHANGED
            };
            tls(format!("what {server} sends is not TLS")).with_hint(hint)
        }
        rustls::Error::PeerIncompatible(problem) => tls(format!(
            "{server} has no TLS in common with us: {}",
            words::incompatible(problem)
        ))
        .with_hint("TLS 1.2 or 1.3 with a current cipher is needed on the provider"),
        rustls::Error::PeerMisbehaved(_) if has_pss_key(seen) => tls(format!(
            "the certificate of {server} has an RSA-PSS key, which works with TLS 1.3 only"
        ))
        .with_hint("switch TLS 1.3 on there, or give the provider another key: RSA or ECDSA"),
        rustls::Error::PeerMisbehaved(_)
        | rustls::Error::InappropriateMessage { .. }
        | rustls::Error::InappropriateHandshakeMessage { .. }
        | rustls::Error::PeerSentOversizedRecord => {
            tls(format!("{server} breaks the rules of TLS")).with_hint(CHANGED)
        }
        rustls::Error::DecryptError => {
            tls(format!("what {server} sends cannot be decrypted")).with_hint(CHANGED)
        }
        rustls::Error::FailedToGetCurrentTime => {
            tls("TLS needs the time, and this machine does not tell it".to_owned())
        }
        rustls::Error::FailedToGetRandomBytes => {
            tls("TLS needs random bytes, and this machine gives none".to_owned())
        }
        _ => tls(format!("TLS with {server} failed"))
            .with_hint("the log says more at the level debug (-vv)"),
    }
}

fn has_pss_key(seen: Option<&Seen>) -> bool {
    let facts = seen.and_then(Seen::facts);
    facts.is_some_and(|facts| facts.key == Key::RsaPss)
}

/// The error for a server that asked for a client certificate and closed the connection. It may
/// have closed for another reason, such as a shutdown, so the error is retryable.
pub(super) fn certificate_unwanted(server: &Server, seen: &Seen) -> Error {
    let (without, hint) = match seen.ours {
        true => (
            "",
            "it may not accept the one it was shown (--cert): its log may say why",
        ),
        false => (", got none,", CLIENT_CERTIFICATE),
    };
    Error::new(
        ErrorKind::Unreachable,
        format!("{server} asked for a client certificate{without} and closed the connection"),
    )
    .with_hint(hint)
}

fn alert(alert: AlertDescription, server: &Server, seen: Option<&Seen>) -> Error {
    use AlertDescription as Alert;
    let asked = seen.is_some_and(Seen::was_asked);
    let ours = seen.is_some_and(|seen| seen.ours);
    let name = words::alert(alert);
    let ended = || tls(format!("{server} ended TLS with the alert {name}"));
    match alert {
        Alert::CertificateRequired => {
            tls(format!("{server} wants a client certificate")).with_hint(CLIENT_CERTIFICATE)
        }
        _ if asked && !ours => tls(format!(
            "{server} asked for a client certificate, got none, and ended TLS with the alert {name}"
        ))
        .with_hint(CLIENT_CERTIFICATE),
        Alert::BadCertificate
        | Alert::UnsupportedCertificate
        | Alert::CertificateRevoked
        | Alert::CertificateExpired
        | Alert::CertificateUnknown
        | Alert::UnknownCA
        | Alert::AccessDenied
        | Alert::DecryptError
            if asked =>
        {
            tls(format!(
                "{server} does not accept the client certificate (its alert is {name})"
            ))
            .with_hint(match alert {
                Alert::CertificateExpired => {
                    "renew it (--cert), or look at the clock of the provider"
                }
                Alert::UnknownCA => {
                    "the provider has to trust its authority; certificates between the two belong \
                     behind it in the same file (--cert)"
                }
                _ => "the provider's log says more",
            })
        }
        Alert::ProtocolVersion | Alert::HandshakeFailure => ended().with_hint(CIPHERS),
        _ => ended().with_hint("the provider's log says more"),
    }
}

fn certificate(
    problem: &CertificateError,
    server: &Server,
    facts: Option<&Facts>,
    passed_over: Option<&str>,
) -> Error {
    let whose = format!("the certificate of {server}");
    let self_signed = facts.is_some_and(|facts| facts.self_issued);
    match problem {
        CertificateError::Expired => expired(&whose, ""),
        CertificateError::ExpiredContext { time, not_after } => {
            let whose = match facts {
                Some(facts) if facts.not_after != seconds(*not_after) => {
                    format!("the certificate of an authority above that of {server}")
                }
                _ => whose,
            };
            let (until, now) = (written(seconds(*not_after)), written(seconds(*time)));
            expired(
                &whose,
                &format!(": it was valid until {until}, and here it is {now}"),
            )
        }
        CertificateError::NotValidYet => not_yet(&whose, ""),
        CertificateError::NotValidYetContext { time, not_before } => {
            let (from, now) = (written(seconds(*not_before)), written(seconds(*time)));
            not_yet(
                &whose,
                &format!(": it is valid from {from}, and here it is {now}"),
            )
        }
        CertificateError::Revoked => {
            tls(format!("{whose} is revoked")).with_hint("replace it on the provider")
        }
        CertificateError::NotValidForName => mismatch(&whose, ""),
        CertificateError::NotValidForNameContext { presented, .. } if presented.is_empty() => {
            common_name_only(&whose, facts)
        }
        CertificateError::NotValidForNameContext { presented, .. } => mismatch(
            &whose,
            &format!(": it is for {}", excerpt(&names(presented))),
        ),
        CertificateError::UnknownIssuer | CertificateError::Other(_) if self_signed => {
            let why = "is self-signed, and not one that was given to trust";
            untrusted(&format!("{whose} {why}"), SELF_SIGNED, passed_over)
        }
        CertificateError::UnknownIssuer => {
            let why = "is signed by an unknown authority";
            untrusted(&format!("{whose} {why}"), CA_FILE, passed_over)
        }
        CertificateError::BadSignature => bad_signature(&whose, facts),
        other => tls(format!("{whose} {}", words::certificate(other))).with_hint(
            "replace it on the provider; the program openssl x509 -text shows what is in it",
        ),
    }
}

/// The error for a certificate that nobody told us to trust. It names a setting about trust that is not
/// honoured.
fn untrusted(message: &str, hint: &str, passed_over: Option<&str>) -> Error {
    tls(message.to_owned()).with_hint(match passed_over {
        Some(setting) => {
            format!("{setting} is not honoured: a folder of authorities is not read; {hint}")
        }
        None => hint.to_owned(),
    })
}

/// The signature of the certificate or of the handshake is bad. Unless the key is too short to be checked,
/// the server is not the one it claims to be.
fn bad_signature(whose: &str, facts: Option<&Facts>) -> Error {
    match facts.map(|facts| facts.key) {
        Some(Key::Rsa(bits)) if bits < 2048 => tls(format!(
            "{whose} has an RSA key of {bits} bits, which is too few"
        ))
        .with_hint("give the provider a new one: RSA of at least 2048 bits, or ECDSA"),
        _ => tls(format!(
            "{whose} proves nothing: it is not signed by the authority that it names, or the other end has \
             not the key that belongs to it"
        ))
        .with_hint(
            "somebody may be tampering with the connection; or the RSA key of its authority has fewer than \
             2048 bits; else ask who runs the provider",
        ),
    }
}

fn expired(whose: &str, when: &str) -> Error {
    tls(format!("{whose} has expired{when}"))
        .with_hint("renew it on the provider, or set the clock of this machine")
}

fn not_yet(whose: &str, when: &str) -> Error {
    tls(format!("{whose} is not valid yet{when}"))
        .with_hint("set the clock of this machine, or replace it on the provider")
}

/// Only names in the subjectAltName count. RFC 6125 §6.4.4 allows that, and browsers do the same.
fn common_name_only(whose: &str, facts: Option<&Facts>) -> Error {
    let message = match facts.and_then(|facts| facts.common_name.as_ref()) {
        Some(name) => format!(
            "{whose} does not match: it has a common name only (CN={}), which does not count, and no subjectAltName",
            excerpt(name)
        ),
        None => format!("{whose} does not match: it has no subjectAltName"),
    };
    tls(message).with_hint(
        "make a new one on the provider with the name in the subjectAltName: with openssl, \
         -addext subjectAltName=DNS:…",
    )
}

/// rustls shows each name as `DnsName("…")` or `IpAddress(…)`. People want the name alone.
fn names(presented: &[String]) -> String {
    let bare = |name: &String| {
        let inside = name
            .split_once('(')
            .and_then(|(_, inside)| inside.strip_suffix(')'))
            .unwrap_or(name);
        inside.trim_matches('"').to_owned()
    };
    presented.iter().map(bare).collect::<Vec<_>>().join(", ")
}

fn mismatch(whose: &str, names: &str) -> Error {
    tls(format!("the name in {whose} does not match{names}"))
        .with_hint("connect by a name that is in the certificate, or add this one on the provider")
}

fn seconds(time: UnixTime) -> i64 {
    i64::try_from(time.as_secs()).unwrap_or(i64::MAX)
}

fn tls(message: String) -> Error {
    Error::new(ErrorKind::Tls, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_problem_has_its_words() {
        let server = Server::ldaps("ldap.example.com", 636);
        for (problem, words) in [
            (CertificateError::Expired, "has expired"),
            (CertificateError::NotValidYet, "not valid yet"),
            (CertificateError::UnknownIssuer, "unknown authority (if"),
            (CertificateError::NotValidForName, "does not match"),
            (CertificateError::BadEncoding, "is damaged"),
        ] {
            let error = explain(&rustls::Error::InvalidCertificate(problem), &server, None);
            assert_eq!(error.kind(), ErrorKind::Tls);
            assert!(!error.is_retryable());
            assert!(error.to_string().contains(words), "{error}");
            assert!(error.to_string().contains("ldap.example.com"), "{error}");
        }
        let alert = rustls::Error::AlertReceived(AlertDescription::CertificateRequired);
        let error = explain(&alert, &server, None).to_string();
        assert!(error.contains("client certificate"), "{error}");
    }

    #[test]
    fn names_lose_their_wrapper() {
        let presented = [
            "DnsName(\"a.example\")".to_owned(),
            "IpAddress(::1)".to_owned(),
            "odd".to_owned(),
        ];
        assert_eq!(names(&presented), "a.example, ::1, odd");
    }
}
