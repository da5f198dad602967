//! The cryptography of TLS: that of aws-lc-rs, and signatures by RSA keys that are for PSS only, which
//! differ from those of other RSA keys in nothing but the name of the key.

use std::sync::{Arc, LazyLock};

use rustls::SignatureScheme;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms};
use rustls::pki_types::{
    AlgorithmIdentifier, InvalidSignature, SignatureVerificationAlgorithm, alg_id,
};

/// id-RSASSA-PSS without parameters: a key for any hash (RFC 4055 §1.2).
const ANY_HASH: AlgorithmIdentifier =
    AlgorithmIdentifier::from_slice(b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a");

/// rsa_pss_pss_sha256, -384 and -512 (RFC 8446 §4.2.3), and the signature that each stands for. rustls has
/// no names for them.
const SCHEMES: [(u16, AlgorithmIdentifier); 3] = [
    (0x0809, alg_id::RSA_PSS_SHA256),
    (0x080a, alg_id::RSA_PSS_SHA384),
    (0x080b, alg_id::RSA_PSS_SHA512),
];

/// What TLS here can do.
pub(super) fn provider() -> Arc<CryptoProvider> {
    Arc::new(CryptoProvider {
        signature_verification_algorithms: ALGORITHMS[0],
        ..default_provider()
    })
}

type Algorithm = &'static dyn SignatureVerificationAlgorithm;
type Mapped = (SignatureScheme, &'static [Algorithm]);

/// The same, for the signature of a TLS 1.3 handshake by a PSS key that is for one hash alone. rustls
/// tries one algorithm a scheme there.
pub(super) fn for_one_hash() -> &'static WebPkiSupportedAlgorithms {
    &ALGORITHMS[1]
}

/// What [`provider`] has, and [`for_one_hash`]. rustls wants them for ever, so they are made once.
static ALGORITHMS: LazyLock<[WebPkiSupportedAlgorithms; 2]> = LazyLock::new(|| {
    let known = default_provider().signature_verification_algorithms;
    let mut all = known.all.to_vec();
    let mut mapping = known.mapping.to_vec();
    let mut for_one_hash: Vec<Mapped> = Vec::new();
    for (scheme, signature) in SCHEMES {
        let inner = known.all.iter().find(|known| {
            known.signature_alg_id() == signature
                && known.public_key_alg_id() == alg_id::RSA_ENCRYPTION
        });
        let Some(inner) = inner else { continue };
        // A key for any hash, or for this one alone.
        let keys: [Algorithm; 2] = [ANY_HASH, signature]
            .map(|key| -> Algorithm { Box::leak(Box::new(PssKey { inner: *inner, key })) });
        all.extend(keys);
        let scheme = SignatureScheme::from(scheme);
        mapping.push((scheme, Box::leak(Box::new(keys))));
        for_one_hash.push((scheme, Box::leak(Box::new([keys[1]]))));
    }
    let all: &[Algorithm] = Box::leak(all.into_boxed_slice());
    [mapping, for_one_hash].map(|mapping| WebPkiSupportedAlgorithms {
        all,
        mapping: Box::leak(mapping.into_boxed_slice()),
    })
});

/// The signatures of `inner`, by a key with another AlgorithmIdentifier.
#[derive(Debug)]
struct PssKey {
    inner: Algorithm,
    key: AlgorithmIdentifier,
}

impl SignatureVerificationAlgorithm for PssKey {
    fn verify_signature(
        &self,
        public_key: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), InvalidSignature> {
        self.inner.verify_signature(public_key, message, signature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        self.key
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        self.inner.signature_alg_id()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_for_pss_are_known() {
        let known = default_provider().signature_verification_algorithms;
        assert_eq!(ALGORITHMS[0].all.len(), known.all.len() + 6);
        assert_eq!(ALGORITHMS[0].mapping.len(), known.mapping.len() + 3);
        assert_eq!(ALGORITHMS[1].mapping.len(), 3);
        let schemes = ALGORITHMS[0].supported_schemes();
        for (scheme, _) in SCHEMES {
            assert!(schemes.contains(&SignatureScheme::Unknown(scheme)));
        }
    }
}
