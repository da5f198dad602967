//! The errors of rustls in words. Its own texts are names of Rust.

use rustls::{AlertDescription, CertificateError, ExtendedKeyPurpose, PeerIncompatible};
use webpki::Error as WebPki;

/// The kinds of keys that TLS here can check.
pub(super) const KEYS: &str =
    "RSA of 2048 to 8192 bits, ECDSA on P-256, P-384 or P-521, and Ed25519";

/// The fault of a certificate, as the end of a sentence that begins with “the certificate of …”.
pub(super) fn certificate(problem: &CertificateError) -> String {
    match problem {
        CertificateError::BadEncoding => "is damaged".to_owned(),
        CertificateError::UnhandledCriticalExtension => UNKNOWN_EXTENSION.to_owned(),
        CertificateError::UnsupportedSignatureAlgorithmContext {
            signature_algorithm_id,
            ..
        } => signed_with(signature_algorithm_id),
        CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext {
            signature_algorithm_id,
            public_key_algorithm_id,
        } => match key(public_key_algorithm_id) {
            Some(key) => format!("has, or is signed by, a key that cannot be used: {key}"),
            None => signed_with(signature_algorithm_id),
        },
        CertificateError::InvalidPurpose => PURPOSE.to_owned(),
        CertificateError::InvalidPurposeContext { presented, .. } => purposes(presented),
        CertificateError::UnknownRevocationStatus => "may be revoked: nobody tells".to_owned(),
        CertificateError::Other(other) => match other.0.downcast_ref() {
            Some(problem) => webpki(problem).to_owned(),
            None => "was refused by the platform".to_owned(),
        },
        _ => "is not one that TLS accepts".to_owned(),
    }
}

const UNKNOWN_EXTENSION: &str = "has a critical extension that is not known";
const PURPOSE: &str = "is not for servers: its extendedKeyUsage lacks serverAuth";

fn purposes(presented: &[ExtendedKeyPurpose]) -> String {
    let client = presented
        .iter()
        .any(|purpose| matches!(purpose, ExtendedKeyPurpose::ClientAuth));
    match client {
        true => format!("{PURPOSE}, and is for clients"),
        false => PURPOSE.to_owned(),
    }
}

/// The problems that rustls passes on.
fn webpki(problem: &WebPki) -> &'static str {
    match problem {
        WebPki::CaUsedAsEndEntity => {
            "is that of an authority (CA:TRUE), which no server may show; it counts when it is given itself \
             (--ca-file)"
        }
        WebPki::EndEntityUsedAsCa => {
            "is signed by a certificate that is not one of an authority (CA:FALSE)"
        }
        WebPki::PathLenConstraintViolated | WebPki::MaximumPathDepthExceeded => {
            "has too many authorities above it"
        }
        WebPki::NameConstraintViolation => {
            "has a name that its authority may not certify (nameConstraints)"
        }
        WebPki::UnsupportedCertVersion => "is not of version 3 (X.509v3)",
        WebPki::UnsupportedCriticalExtension => UNKNOWN_EXTENSION,
        WebPki::EmptyEkuExtension => PURPOSE,
        WebPki::SignatureAlgorithmMismatch => {
            "is damaged: it names two different kinds of signature"
        }
        WebPki::InvalidSerialNumber => "has no valid serial number",
        WebPki::MaximumNameConstraintComparisonsExceeded
        | WebPki::MaximumPathBuildCallsExceeded
        | WebPki::MaximumSignatureChecksExceeded => {
            "comes with more authorities than can be checked"
        }
        WebPki::CertDistrusted => "is of an authority that is no longer trusted",
        WebPki::ExtensionValueInvalid
        | WebPki::InvalidNetworkMaskConstraint
        | WebPki::MalformedDnsIdentifier
        | WebPki::MalformedExtensions
        | WebPki::MalformedNameConstraint
        | WebPki::UnsupportedNameType => "is damaged: an extension cannot be read",
        _ => "is not one that TLS accepts",
    }
}

fn signed_with(algorithm: &[u8]) -> String {
    match signature(algorithm) {
        Some(name) => format!("is signed in a way that is not accepted: {name}"),
        None => "is signed in a way that is not known".to_owned(),
    }
}

/// The signature of an AlgorithmIdentifier, without its outer tag.
fn signature(algorithm: &[u8]) -> Option<&'static str> {
    Some(match oid(algorithm)? {
        b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x04" => "RSA with MD5, which is broken",
        b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x05" => "RSA with SHA-1, which is broken",
        b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a" => {
            "RSA-PSS whose hash or salt is another than SHA-256, -384 or -512 with a salt as long as the hash"
        }
        b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0e" => "RSA with SHA-224",
        b"\x2a\x86\x48\xce\x3d\x04\x01" => "ECDSA with SHA-1, which is broken",
        b"\x2a\x86\x48\xce\x3d\x04\x03\x01" => "ECDSA with SHA-224",
        b"\x2b\x65\x71" => "Ed448",
        b"\x2a\x86\x48\xce\x38\x04\x03" | b"\x60\x86\x48\x01\x65\x03\x04\x03\x02" => "DSA",
        _ => return None,
    })
}

/// The key of an AlgorithmIdentifier that cannot be used.
fn key(algorithm: &[u8]) -> Option<&'static str> {
    Some(match oid(algorithm)? {
        b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a" => {
            "RSA-PSS with parameters other than SHA-256, -384 or -512 with a salt as long as the hash"
        }
        b"\x2a\x86\x48\xce\x3d\x02\x01" => "ECDSA on a curve other than P-256, P-384 and P-521",
        b"\x2a\x86\x48\xce\x38\x04\x01" => "DSA",
        b"\x2b\x65\x71" => "Ed448",
        _ => return None,
    })
}

fn oid(algorithm: &[u8]) -> Option<&[u8]> {
    let mut reader = syncrepl_proto::ber::Reader::new(algorithm, "AlgorithmIdentifier");
    reader.expect(0x06, "algorithm").ok().map(|oid| oid.value)
}

/// What the two ends have not in common.
pub(super) fn incompatible(problem: &PeerIncompatible) -> &'static str {
    match problem {
        PeerIncompatible::NoCipherSuitesInCommon => "it chose no cipher that we know",
        PeerIncompatible::NoKxGroupsInCommon => "it has no group for the key exchange that we know",
        PeerIncompatible::NoSignatureSchemesInCommon
        | PeerIncompatible::NoCertificateRequestSignatureSchemesInCommon => {
            "it has no kind of signature that we know"
        }
        PeerIncompatible::ServerDoesNotSupportTls12Or13
        | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig => {
            "it has neither TLS 1.2 nor TLS 1.3"
        }
        _ => "it lacks what TLS 1.2 and 1.3 need",
    }
}

/// The name of an alert (RFC 8446 §6), and of those that older versions of TLS had.
pub(super) fn alert(alert: AlertDescription) -> String {
    use AlertDescription as Alert;
    let name = match alert {
        Alert::CloseNotify => "close_notify",
        Alert::UnexpectedMessage => "unexpected_message",
        Alert::BadRecordMac => "bad_record_mac",
        Alert::RecordOverflow => "record_overflow",
        Alert::HandshakeFailure => "handshake_failure",
        Alert::BadCertificate => "bad_certificate",
        Alert::UnsupportedCertificate => "unsupported_certificate",
        Alert::CertificateRevoked => "certificate_revoked",
        Alert::CertificateExpired => "certificate_expired",
        Alert::CertificateUnknown => "certificate_unknown",
        Alert::IllegalParameter => "illegal_parameter",
        Alert::UnknownCA => "unknown_ca",
        Alert::AccessDenied => "access_denied",
        Alert::DecodeError => "decode_error",
        Alert::DecryptError => "decrypt_error",
        Alert::ProtocolVersion => "protocol_version",
        Alert::InsufficientSecurity => "insufficient_security",
        Alert::InternalError => "internal_error",
        Alert::InappropriateFallback => "inappropriate_fallback",
        Alert::UserCanceled => "user_canceled",
        Alert::NoRenegotiation => "no_renegotiation",
        Alert::MissingExtension => "missing_extension",
        Alert::UnsupportedExtension => "unsupported_extension",
        Alert::UnrecognisedName => "unrecognized_name",
        Alert::BadCertificateStatusResponse => "bad_certificate_status_response",
        Alert::UnknownPSKIdentity => "unknown_psk_identity",
        Alert::CertificateRequired => "certificate_required",
        Alert::NoApplicationProtocol => "no_application_protocol",
        other => return u8::from(other).to_string(),
    };
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    /// No text of Rust: no word with a capital letter inside, and no list of numbers.
    fn assert_words(text: &str) {
        for word in text.split(|c: char| !c.is_ascii_alphanumeric()) {
            let known = ["serverAuth", "extendedKeyUsage", "nameConstraints"];
            let capital = word.chars().skip(1).any(|c| c.is_ascii_uppercase());
            let whole = word.chars().all(|c| !c.is_ascii_lowercase());
            assert!(
                !capital || whole || known.contains(&word),
                "{word} in {text}"
            );
        }
        assert!(!text.contains(['[', '{', '_']), "{text}");
    }

    #[test]
    fn problems_are_words() {
        let other = |problem| CertificateError::Other(rustls::OtherError(Arc::new(problem)));
        let ed448 = b"\x06\x03\x2b\x65\x71".to_vec();
        for problem in [
            CertificateError::BadEncoding,
            CertificateError::UnhandledCriticalExtension,
            CertificateError::InvalidPurpose,
            CertificateError::InvalidPurposeContext {
                required: ExtendedKeyPurpose::ServerAuth,
                presented: vec![ExtendedKeyPurpose::ClientAuth],
            },
            CertificateError::ApplicationVerificationFailure,
            CertificateError::InvalidOcspResponse,
            CertificateError::UnsupportedSignatureAlgorithmContext {
                signature_algorithm_id: ed448.clone(),
                supported_algorithms: Vec::new(),
            },
            CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext {
                signature_algorithm_id: b"\xff".to_vec(),
                public_key_algorithm_id: ed448,
            },
            other(WebPki::CaUsedAsEndEntity),
            other(WebPki::EndEntityUsedAsCa),
            other(WebPki::NameConstraintViolation),
            other(WebPki::PathLenConstraintViolated),
            other(WebPki::UnsupportedCertVersion),
            other(WebPki::MalformedExtensions),
            other(WebPki::IssuerNotCrlSigner),
        ] {
            assert_words(&certificate(&problem));
        }
        assert!(certificate(&other(WebPki::CaUsedAsEndEntity)).contains("CA:TRUE"));
        assert_words(incompatible(&PeerIncompatible::NoCipherSuitesInCommon));
        assert_eq!(
            alert(AlertDescription::HandshakeFailure),
            "handshake_failure"
        );
        assert_eq!(alert(AlertDescription::Unknown(200)), "200");
    }
}
