//! TLS of the sinks that are reached over a network: one way to configure it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt;
use serde::Deserialize;
use syncrepl_relay::{SinkError, SinkResult};

/// The files of TLS, in the words of the configuration.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct TlsFiles {
    /// The certificate authorities to trust, as PEM; without it, those that the machine trusts.
    pub ca_file: Option<PathBuf>,
    /// Our certificate, as PEM,
    pub cert_file: Option<PathBuf>,
    /// and its key.
    pub key_file: Option<PathBuf>,
}

/// The names of its keys.
pub const TLS_KEYS: &[&str] = &["ca_file", "cert_file", "key_file"];

impl TlsFiles {
    /// The configuration of a client. The files are read anew at each call, since they may have been renewed.
    ///
    /// # Errors
    /// `Manual`: a file cannot be read, or holds no certificate or key.
    pub fn config(&self) -> SinkResult<ClientConfig> {
        let provider: Arc<CryptoProvider> = Arc::new(aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(unusable)?;
        let builder = match &self.ca_file {
            None => builder.with_platform_verifier().map_err(unusable)?,
            Some(path) => {
                let mut roots = RootCertStore::empty();
                for certificate in certificates(path)? {
                    roots.add(certificate).map_err(unusable)?;
                }
                builder.with_root_certificates(roots)
            }
        };
        match (&self.cert_file, &self.key_file) {
            (None, None) => Ok(builder.with_no_client_auth()),
            (Some(certificate), Some(key)) => builder
                .with_client_auth_cert(certificates(certificate)?, private_key(key)?)
                .map_err(unusable),
            _ => Err(
                SinkError::manual("tls", "one of cert_file and key_file is missing")
                    .with_hint("give both, or neither"),
            ),
        }
    }
}

pub(crate) fn unusable(error: impl std::fmt::Display) -> SinkError {
    SinkError::manual("tls", format!("TLS cannot be set up: {error}"))
        .with_hint("check ca_file, cert_file and key_file")
}

pub(crate) fn certificates(path: &Path) -> SinkResult<Vec<CertificateDer<'static>>> {
    let shown = path.display();
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let read = read.map_err(|error| unusable(format!("{shown}: {error}")))?;
    match read.is_empty() {
        true => Err(unusable(format!("{shown} holds no certificate"))),
        false => Ok(read),
    }
}

fn private_key(path: &Path) -> SinkResult<PrivateKeyDer<'static>> {
    PrivateKeyDer::from_pem_file(path)
        .map_err(|error| unusable(format!("{}: {error}", path.display())))
}
