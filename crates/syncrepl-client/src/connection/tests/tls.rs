//! A TLS server with the right certificate, which is public, but without its key.

use std::net::TcpListener;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, ServerConnection, SupportedProtocolVersion};
use syncrepl_testing::tls::{Certificates, Pair};

use super::*;

#[derive(Debug)]
struct Shown(Arc<CertifiedKey>);

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.clone())
    }
}

/// Connects to a server that shows this certificate and signs with this key.
fn connect(
    shown: &Pair,
    signing: &Pair,
    version: &'static SupportedProtocolVersion,
    options: &ConnectOptions,
) -> Result<()> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let key = PrivateKeyDer::from_pem_file(&signing.key).unwrap();
    let key = provider.key_provider.load_private_key(key).unwrap();
    let certificate = CertificateDer::from_pem_file(&shown.cert).unwrap();
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(Shown(Arc::new(CertifiedKey::new(
            vec![certificate],
            key,
        )))));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let thread = std::thread::spawn(move || {
        let mut stream = listener.accept().unwrap().0;
        let mut session = ServerConnection::new(Arc::new(config)).unwrap();
        // Until the handshake ends, or the other end gives up.
        let _ = session.complete_io(&mut stream);
    });
    let opened = open(&Server::ldaps("127.0.0.1", port), options);
    thread.join().unwrap();
    opened.map(drop)
}

#[test]
fn certificate_without_its_key_fails() {
    let folder = tempfile::TempDir::new().unwrap();
    let made = Certificates::make(folder.path());
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let exact = ConnectOptions {
            ca_file: Some(made.self_signed.cert.clone()),
            ..ConnectOptions::default()
        };
        let signed = ConnectOptions {
            ca_file: Some(made.ca.clone()),
            ..ConnectOptions::default()
        };
        let anybody = ConnectOptions {
            accept_any_certificate: true,
            ..ConnectOptions::default()
        };
        for (shown, options) in [
            (&made.self_signed, &exact),
            (&made.server, &signed),
            (&made.expired, &anybody),
        ] {
            connect(shown, shown, version, options).unwrap();
            let stolen = connect(shown, &made.wrong_name, version, options);
            fails(stolen, ErrorKind::Tls, &["not the key"]);
        }
    }
}
