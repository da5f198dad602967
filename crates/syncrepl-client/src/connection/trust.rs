//! The server certificates that TLS accepts: those signed by an authority of the platform or of a
//! file, a server's own certificate in that file, or any certificate at all if the user insists.

use std::path::Path;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_name;
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
};
use rustls_platform_verifier::Verifier;

use super::algorithms;
use super::certificate::Facts;
use super::identity::Identity;
use super::options::{ConnectOptions, Named, by};
use super::pem;
use super::seen::Seen;
use crate::error::{Error, ErrorKind, Result};

/// The configuration of TLS, and the record of what the handshake shows of the server.
pub(super) struct Setup {
    pub(super) config: Arc<ClientConfig>,
    pub(super) seen: Arc<Seen>,
}

/// Configures TLS from `options`. Every connection reads the files again, because they may have
/// been renewed.
pub(super) fn setup(options: &ConnectOptions) -> Result<Setup> {
    let unusable = |error: rustls::Error| {
        tracing::debug!("TLS cannot be set up: {error}");
        Error::new(
            ErrorKind::Tls,
            "this machine has no certificate authorities to trust",
        )
        .with_hint("give the certificate authority of the provider (--ca-file)")
    };
    let provider = algorithms::provider();
    let believed = match (&options.ca_file, options.accept_any_certificate) {
        (_, true) => Believed::Anybody,
        (Some(path), _) => Believed::file(path, &options.named, &provider)?,
        (None, _) => Believed::Platform(Verifier::new(provider.clone()).map_err(unusable)?),
    };
    let seen = Arc::new(Seen::new(
        options.client_certificate.is_some(),
        options.named.passed_over.clone(),
    ));
    let identity = match &options.client_certificate {
        Some((certificate, key)) => {
            Identity::read((certificate, key), &options.named, &provider, seen.clone())?
        }
        None => Identity::none(seen.clone()),
    };
    let trust = Trust {
        believed,
        algorithms: provider.signature_verification_algorithms,
        seen: seen.clone(),
    };
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(unusable)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(trust))
        .with_client_cert_resolver(Arc::new(identity));
    Ok(Setup {
        config: Arc::new(config),
        seen,
    })
}

#[derive(Debug)]
enum Believed {
    Platform(Verifier),
    /// The authorities in the file, and its certificates themselves.
    File(Arc<WebPkiServerVerifier>, Vec<CertificateDer<'static>>),
    Anybody,
}

impl Believed {
    fn file(path: &Path, named: &Named, provider: &Arc<CryptoProvider>) -> Result<Self> {
        let file = pem::Named {
            what: "the CA file",
            path,
            place: &by(&named.ca_file),
        };
        let certificates = file.certificates()?;
        // A bundle with the authorities of a whole platform may hold a few that cannot be used.
        let mut roots = RootCertStore::empty();
        let (_, odd) = roots.add_parsable_certificates(certificates.iter().cloned());
        if roots.is_empty() {
            return Err(file.is("holds a certificate that is damaged"));
        }
        if odd > 0 {
            tracing::debug!("{odd} certificates in {path:?} cannot be used");
        }
        let verifier =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone())
                .build()
                .map_err(|error| file.is("cannot be used").with_source(error))?;
        Ok(Believed::File(verifier, certificates))
    }
}

#[derive(Debug)]
struct Trust {
    believed: Believed,
    algorithms: WebPkiSupportedAlgorithms,
    seen: Arc<Seen>,
}

impl ServerCertVerifier for Trust {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        self.seen.keep(end_entity);
        match &self.believed {
            Believed::Platform(inner) => {
                inner.verify_server_cert(end_entity, intermediates, name, ocsp, now)
            }
            // WebPKI refuses a server certificate that is its own authority, even if the user has
            // named it as trusted.
            Believed::File(_, given) if given.iter().any(|given| given == end_entity) => {
                is_valid_now(end_entity, now)?;
                verify_server_name(&ParsedCertificate::try_from(end_entity)?, name)?;
                Ok(ServerCertVerified::assertion())
            }
            Believed::File(inner, _) => {
                inner.verify_server_cert(end_entity, intermediates, name, ocsp, now)
            }
            Believed::Anybody => Ok(ServerCertVerified::assertion()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let verify =
            |algorithms| verify_tls13_signature(message, certificate, signature, algorithms);
        verify(&self.algorithms).or_else(|error| match error {
            rustls::Error::InvalidCertificate(
                CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. },
            ) => verify(algorithms::for_one_hash()).map_err(|_| error),
            error => Err(error),
        })
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

fn is_valid_now(certificate: &CertificateDer<'_>, now: UnixTime) -> Result<(), rustls::Error> {
    let facts = Facts::read(certificate).map_err(|_| CertificateError::BadEncoding)?;
    let seconds = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    let time = |seconds: i64| {
        let seconds = u64::try_from(seconds).unwrap_or_default();
        UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds))
    };
    if seconds < facts.not_before {
        return Err(rustls::Error::from(CertificateError::NotValidYetContext {
            time: now,
            not_before: time(facts.not_before),
        }));
    }
    if seconds > facts.not_after {
        return Err(rustls::Error::from(CertificateError::ExpiredContext {
            time: now,
            not_after: time(facts.not_after),
        }));
    }
    Ok(())
}
