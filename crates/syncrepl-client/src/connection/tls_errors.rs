//! TLS errors in words: what was wrong with the certificate or the handshake, and what to do.

use rustls::{AlertDescription, CertificateError};

use super::server::Server;
use crate::error::{Error, ErrorKind};
use crate::text::excerpt;

const CA_FILE: &str = "if you trust it, give the certificate of its authority (--ca-file); else ask who runs the provider";

/// The error for a TLS failure on the connection to `server`.
pub(super) fn explain(error: &rustls::Error, server: &Server) -> Error {
    match error {
        rustls::Error::InvalidCertificate(problem) => certificate(problem, server),
        rustls::Error::NoCertificatesPresented => tls(format!("{server} shows no certificate")),
        rustls::Error::AlertReceived(alert) => {
            let message = format!("{server} ended TLS with the alert {alert:?}");
            match alert {
                AlertDescription::CertificateRequired | AlertDescription::AccessDenied => {
                    tls(message).with_hint("it wants a client certificate")
                }
                AlertDescription::ProtocolVersion | AlertDescription::HandshakeFailure => tls(
                    message,
                )
                .with_hint(
                    "TLS 1.2 or 1.3 with a current cipher is needed; the provider's log says more",
                ),
                _ => tls(message).with_hint("the provider's log says more"),
            }
        }
        rustls::Error::InvalidMessage(_) => {
            let hint = if server.is_ldaps() {
                "the port seems to speak plain LDAP: use ldap:// with StartTLS, or the ldaps port, mostly 636"
            } else {
                "something between here and the provider may have changed the bytes"
            };
            tls(format!("what {server} sends is not TLS"))
                .with_source(error.clone())
                .with_hint(hint)
        }
        rustls::Error::PeerIncompatible(_) => tls(format!("{server} has no TLS in common with us"))
            .with_source(error.clone())
            .with_hint("TLS 1.2 or 1.3 with a current cipher is needed on the provider"),
        _ => tls(format!("TLS with {server} failed")).with_source(error.clone()),
    }
}

fn certificate(problem: &CertificateError, server: &Server) -> Error {
    match problem {
        CertificateError::UnknownIssuer => tls(format!(
            "the certificate of {server} is signed by an unknown authority"
        ))
        .with_hint(CA_FILE),
        CertificateError::BadSignature => tls(format!(
            "the certificate of {server} is not signed by the authority that it names"
        ))
        .with_hint(CA_FILE),
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            tls(format!("the certificate of {server} has expired"))
                .with_hint("renew it on the provider, or set the clock of this machine")
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            tls(format!("the certificate of {server} is not valid yet"))
                .with_hint("set the clock of this machine, or replace it on the provider")
        }
        CertificateError::Revoked => tls(format!("the certificate of {server} is revoked"))
            .with_hint("replace it on the provider"),
        CertificateError::NotValidForName => mismatch(server, ""),
        CertificateError::NotValidForNameContext { presented, .. } => {
            let names = match presented.is_empty() {
                true => ": it has no subjectAltName".to_owned(),
                false => format!(": it is for {}", excerpt(&names(presented))),
            };
            mismatch(server, &names)
        }
        other => tls(format!("the certificate of {server} cannot be used: {other}"))
            .with_hint("self-signed certificates need --ca-file with the authority that signed them, and a name"),
    }
}

/// rustls shows each name as `DnsName("…")` or the like; people want what is in the quotes.
fn names(presented: &[String]) -> String {
    let bare = |name: &String| name.split('"').nth(1).unwrap_or(name).to_owned();
    presented.iter().map(bare).collect::<Vec<_>>().join(", ")
}

fn mismatch(server: &Server, names: &str) -> Error {
    tls(format!(
        "the name in the certificate of {server} does not match{names}"
    ))
    .with_hint("connect by a name that is in the certificate, or add this one on the provider")
}

fn tls(message: String) -> Error {
    Error::new(ErrorKind::Tls, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_is_said_in_words() {
        let server = Server::ldaps("ldap.example.com", 636);
        for (problem, words) in [
            (CertificateError::Expired, "has expired"),
            (CertificateError::NotValidYet, "not valid yet"),
            (CertificateError::UnknownIssuer, "unknown authority (if"),
            (CertificateError::NotValidForName, "does not match"),
            (CertificateError::BadEncoding, "cannot be used"),
        ] {
            let error = explain(&rustls::Error::InvalidCertificate(problem), &server);
            assert_eq!(error.kind(), ErrorKind::Tls);
            assert!(!error.is_retryable());
            assert!(error.to_string().contains(words), "{error}");
            assert!(error.to_string().contains("ldap.example.com"), "{error}");
        }
        let alert = rustls::Error::AlertReceived(AlertDescription::CertificateRequired);
        let error = explain(&alert, &server).to_string();
        assert!(error.contains("client certificate"), "{error}");
    }
}
