//! The client certificate and its key, by which TLS identifies this end. Nothing logs or shows a
//! key.

use std::path::Path;
use std::sync::Arc;

use rustls::client::ResolvesClientCert;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{InconsistentKeys, SignatureScheme};
use zeroize::Zeroizing;

use super::options::{Named, by};
use super::seen::Seen;
use crate::error::{Error, ErrorKind, Result};

/// The answer to a server that asks for a client certificate.
#[derive(Debug)]
pub(super) struct Identity {
    pair: Option<Arc<CertifiedKey>>,
    seen: Arc<Seen>,
}

impl Identity {
    pub(super) fn none(seen: Arc<Seen>) -> Self {
        Identity { pair: None, seen }
    }

    /// Reads a certificate, followed by those of its authorities, and its key. Both are PEM, and
    /// may be in one file.
    pub(super) fn read(
        (certificate, key): (&Path, &Path),
        named: &Named,
        provider: &CryptoProvider,
        seen: Arc<Seen>,
    ) -> Result<Self> {
        let chain = chain(certificate, &by(&named.certificate))?;
        let place = by(&named.key);
        let signing = provider
            .key_provider
            .load_private_key(private_key(key, &place)?)
            .map_err(|error| {
                unusable("client key", key, &place, "cannot be used").with_source(error)
            })?;
        let pair = CertifiedKey::new(chain, signing);
        // The server decides everything else about the certificate.
        if let Err(rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch)) =
            pair.keys_match()
        {
            let what = format!("does not belong to the client certificate {certificate:?}");
            return Err(unusable("client key", key, &place, &what).with_hint(
                "the first certificate in that file has to be the one that the key was made for",
            ));
        }
        Ok(Identity {
            pair: Some(Arc::new(pair)),
            seen,
        })
    }
}

fn chain(path: &Path, place: &str) -> Result<Vec<CertificateDer<'static>>> {
    let unusable = |what: &str| unusable("client certificate", path, place, what);
    let pem = std::fs::read(path).map_err(|error| unusable("cannot be read").with_source(error))?;
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&pem)
        .collect::<Result<_, _>>()
        .map_err(|error| unusable("is damaged").with_source(error))?;
    match chain.is_empty() {
        true => Err(unusable("holds no certificate").with_hint("it has to be in PEM form")),
        false => Ok(chain),
    }
}

fn private_key(path: &Path, place: &str) -> Result<PrivateKeyDer<'static>> {
    let unusable = |what: &str| unusable("client key", path, place, what);
    let pem = std::fs::read(path).map_err(|error| unusable("cannot be read").with_source(error))?;
    let pem = Zeroizing::new(pem);
    if is_encrypted(&pem) {
        return Err(unusable(
            "is encrypted with a passphrase, which nobody can be asked for",
        )
        .with_hint(
            "decrypt it into a file that only you can read: umask 077; openssl pkey -in KEY -out NEW",
        ));
    }
    PrivateKeyDer::from_pem_slice(&pem).map_err(|error| match error {
        rustls::pki_types::pem::Error::NoItemsFound => {
            unusable("holds no private key").with_hint("it has to be in PEM form")
        }
        // The source error may quote the file, so it is not kept.
        _ => unusable("is damaged").with_hint("it has to be in PEM form"),
    })
}

/// Whether a key is encrypted: as PKCS#8, or in OpenSSL's older form (RFC 1421 §4.6.1.1).
fn is_encrypted(pem: &[u8]) -> bool {
    [
        &b"-----BEGIN ENCRYPTED PRIVATE KEY-----"[..],
        b"Proc-Type: 4,ENCRYPTED",
    ]
    .iter()
    .any(|mark| pem.windows(mark.len()).any(|window| window == *mark))
}

fn unusable(what: &str, path: &Path, place: &str, problem: &str) -> Error {
    Error::new(
        ErrorKind::InvalidInput,
        format!("the {what} {path:?}{place} {problem}"),
    )
}

impl ResolvesClientCert for Identity {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.seen.ask();
        self.pair.clone()
    }

    fn has_certs(&self) -> bool {
        // If this were false, rustls would not call `resolve`, and we would not learn that the
        // server asked.
        true
    }
}
