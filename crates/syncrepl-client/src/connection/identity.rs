//! The client certificate and its key, by which TLS identifies this end. Nothing logs or shows a
//! key.

use std::path::Path;
use std::sync::Arc;

use rustls::client::ResolvesClientCert;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use rustls::sign::CertifiedKey;
use rustls::{InconsistentKeys, SignatureScheme};
use zeroize::Zeroizing;

use super::options::{Named, by};
use super::pem;
use super::seen::Seen;
use super::tls_words::KEYS;
use crate::error::Result;

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
        let chain = pem::Named {
            what: "the client certificate",
            path: certificate,
            place: &by(&named.certificate),
        }
        .certificates()?;
        let place = by(&named.key);
        let key_file = pem::Named {
            what: "the client key",
            path: key,
            place: &place,
        };
        let signing = provider
            .key_provider
            .load_private_key(private_key(&key_file)?)
            .map_err(|error| {
                tracing::debug!("the client key: {error}");
                key_file
                    .is("is damaged, or of a kind that cannot be used")
                    .with_hint(format!("{KEYS} can"))
            })?;
        let pair = CertifiedKey::new(chain, signing);
        // The server decides everything else about the certificate.
        if let Err(rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch)) =
            pair.keys_match()
        {
            let what = format!("does not belong to the client certificate {certificate:?}");
            return Err(key_file.is(&what).with_hint(
                "the first certificate in that file has to be the one that the key was made for",
            ));
        }
        Ok(Identity {
            pair: Some(Arc::new(pair)),
            seen,
        })
    }
}

fn private_key(file: &pem::Named<'_>) -> Result<PrivateKeyDer<'static>> {
    let bytes = Zeroizing::new(file.read()?);
    if is_encrypted(&bytes) {
        return Err(file
            .is("is encrypted with a passphrase, which nobody can be asked for")
            .with_hint(
            "decrypt it into a file that only you can read: umask 077; openssl pkey -in KEY -out NEW",
        ));
    }
    PrivateKeyDer::from_pem_slice(&bytes).map_err(|error| match error {
        rustls::pki_types::pem::Error::NoItemsFound => file.unfit(&bytes, "holds no private key"),
        // The error itself may quote the file.
        _ => file.unfit(&bytes, "is damaged"),
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
