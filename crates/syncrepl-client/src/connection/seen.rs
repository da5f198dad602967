//! The facts that a TLS handshake shows of the server, kept for messages.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use rustls::pki_types::CertificateDer;

use super::certificate::Facts;

/// The facts seen during the handshake, for error messages.
#[derive(Debug, Default)]
pub(super) struct Seen {
    certificate: Mutex<Option<CertificateDer<'static>>>,
    asked: AtomicBool,
    /// Whether this end has a client certificate.
    pub(super) ours: bool,
    /// A setting about trust that is not honoured, and where it stands.
    pub(super) passed_over: Option<String>,
}

impl Seen {
    /// Nothing yet. `ours` says whether this end has a client certificate.
    pub(super) fn new(ours: bool, passed_over: Option<String>) -> Self {
        Seen {
            ours,
            passed_over,
            ..Seen::default()
        }
    }

    /// Records the certificate that the server shows.
    pub(super) fn keep(&self, certificate: &CertificateDer<'_>) {
        let mut kept = self
            .certificate
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *kept = Some(certificate.clone().into_owned());
    }

    /// The contents of the server's certificate, if one came and can be read.
    pub(super) fn facts(&self) -> Option<Facts> {
        let certificate = self.certificate.lock();
        let certificate = certificate.unwrap_or_else(PoisonError::into_inner);
        Facts::read(certificate.as_ref()?).ok()
    }

    /// Records that the server asks for a client certificate.
    pub(super) fn ask(&self) {
        self.asked.store(true, Ordering::Relaxed);
    }

    /// Whether the server asked for a client certificate.
    pub(super) fn was_asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }
}
