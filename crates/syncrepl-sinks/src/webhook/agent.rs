//! One connection to a receiver, kept open, and the requests over it.

use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use syncrepl_relay::{SinkError, SinkResult};
use ureq::http::header::RETRY_AFTER;
use ureq::tls::{Certificate, ClientCert, PrivateKey, RootCerts, TlsConfig, TlsProvider};

use super::Settings;
use super::answer::{Answer, retry_after};
use super::parcel::Parcel;
use super::secrets::Secrets;
use crate::tls::{TlsFiles, certificates, unusable};

/// How much of the body of an answer is read, so that the connection can be used again.
const BODY: u64 = 64 << 10;
/// How long that may take.
const BODY_TIME: Duration = Duration::from_secs(5);
/// How long an idle connection is kept.
const IDLE: Duration = Duration::from_secs(60);

/// A connection to a receiver. It is made with the first request.
pub(super) struct Agent {
    agent: ureq::Agent,
    uri: ureq::http::Uri,
    secrets: Secrets,
    /// Whether a request has succeeded: then the connection may be one that the receiver has closed since.
    is_used: bool,
}

/// Why there is no answer.
pub(super) struct Failure(ureq::Error);

impl Agent {
    /// Reads the files.
    ///
    /// # Errors
    /// `Manual`: a file cannot be used.
    pub(super) fn new(settings: &Settings) -> SinkResult<Agent> {
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(settings.timeout))
            .timeout_recv_body(Some(BODY_TIME.min(settings.timeout)))
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            // What the configuration says holds, not a variable of the environment.
            .proxy(None)
            .max_idle_connections(1)
            .max_idle_connections_per_host(1)
            .max_idle_age(IDLE)
            .user_agent(concat!("syncrepl/", env!("CARGO_PKG_VERSION")));
        let config = match settings.url.is_clear() {
            true => config,
            false => config.https_only(true).tls_config(tls(&settings.tls)?),
        };
        Ok(Agent {
            agent: config.build().into(),
            uri: settings.url.uri().clone(),
            secrets: Secrets::read(settings)?,
            is_used: false,
        })
    }

    /// Sends a request, and waits for its answer. A connection that the receiver closed while it was idle is made
    /// anew.
    pub(super) fn post(&mut self, parcel: &Parcel) -> Result<Answer, Failure> {
        let mut answer = self.try_post(parcel);
        if let Err(failure) = &answer
            && self.is_used
            && failure.is_of_a_closed_connection()
        {
            answer = self.try_post(parcel);
        }
        self.is_used = answer.is_ok();
        answer
    }

    fn try_post(&self, parcel: &Parcel) -> Result<Answer, Failure> {
        let now = SystemTime::now();
        let timestamp = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let id = parcel.id();
        let kind = match parcel.is_array {
            true => "application/cloudevents-batch+json",
            false => "application/cloudevents+json",
        };
        let mut request = self
            .agent
            .post(&self.uri)
            .header("content-type", kind)
            // A string of HTTP's structured fields, as the draft of this header wants it.
            .header("idempotency-key", format!("\"{id}\""))
            .header("webhook-id", &id)
            .header("webhook-timestamp", timestamp.to_string());
        for (name, value) in self.secrets.headers() {
            request = request.header(name, value);
        }
        if let Some(signatures) = self.secrets.signatures(&id, timestamp, &parcel.body) {
            request = request.header("webhook-signature", signatures);
        }
        let mut response = request.send(parcel.body.as_slice()).map_err(Failure)?;
        let wait = response.headers().get(RETRY_AFTER);
        let wait = wait.and_then(|wait| wait.to_str().ok());
        let answer = Answer {
            status: response.status(),
            retry_after: wait.and_then(|wait| retry_after(wait, now)),
        };
        // Nothing in it counts. If it cannot be read, the next request gets a new connection.
        let _ = response.body_mut().with_config().limit(BODY).read_to_vec();
        Ok(answer)
    }
}

impl Failure {
    fn is_of_a_closed_connection(&self) -> bool {
        match &self.0 {
            ureq::Error::Io(error) => matches!(
                error.kind(),
                ErrorKind::BrokenPipe
                    | ErrorKind::ConnectionAborted
                    | ErrorKind::ConnectionReset
                    | ErrorKind::UnexpectedEof
            ),
            _ => false,
        }
    }

    /// What the relay is told. Nothing that the receiver sent is in it.
    pub(super) fn error(&self, settings: &Settings) -> SinkError {
        let origin = settings.url.origin();
        let unreached = |what: &dyn std::fmt::Display| {
            SinkError::passing("network", format!("{origin} cannot be reached: {what}"))
        };
        match &self.0 {
            ureq::Error::Timeout(_) => {
                let limit = humantime::format_duration(settings.timeout);
                SinkError::passing("timeout", format!("{origin} did not answer within {limit}"))
            }
            ureq::Error::HostNotFound => unreached(&"its name cannot be resolved"),
            ureq::Error::Rustls(error) => tls_error(origin, error),
            ureq::Error::Tls(what) => unreached(what),
            ureq::Error::Io(error) => match tls_error_in(error) {
                Some(error) => tls_error(origin, error),
                None => unreached(error),
            },
            ureq::Error::ConnectionFailed => unreached(&"no connection"),
            _ => SinkError::passing("protocol", format!("{origin} did not answer in HTTP")),
        }
    }
}

fn tls_error_in(error: &std::io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}

fn tls_error(origin: &str, error: &rustls::Error) -> SinkError {
    let message = format!("no TLS with {origin}: {error}");
    match error {
        rustls::Error::InvalidCertificate(_) => SinkError::manual("tls", message)
            .with_hint("check the certificate of the receiver, and ca_file"),
        rustls::Error::AlertReceived(_) => SinkError::manual("tls", message)
            .with_hint("the receiver refused: check cert_file and key_file"),
        _ => SinkError::passing("network", message),
    }
}

/// TLS with the files of the configuration, and the one provider of cryptography that is built in.
fn tls(files: &TlsFiles) -> SinkResult<TlsConfig> {
    let roots = match &files.ca_file {
        None => RootCerts::PlatformVerifier,
        Some(path) => {
            let read = certificates(path)?;
            let own = read.iter().map(|der| Certificate::from_der(der).to_owned());
            own.collect::<Vec<_>>().into()
        }
    };
    // Says so if only one of them is given, or one cannot be read.
    files.config()?;
    let client = match (&files.cert_file, &files.key_file) {
        (Some(certificate), Some(key)) => Some(client(certificate, key)?),
        _ => None,
    };
    Ok(TlsConfig::builder()
        .provider(TlsProvider::Rustls)
        .unversioned_rustls_crypto_provider(Arc::new(aws_lc_rs::default_provider()))
        .root_certs(roots)
        .client_cert(client)
        .build())
}

fn client(certificate: &Path, key: &Path) -> SinkResult<ClientCert> {
    let chain = certificates(certificate)?;
    let shown = key.display();
    let pem = std::fs::read(key).map_err(|error| unusable(format!("{shown}: {error}")))?;
    let der = PrivateKeyDer::from_pem_slice(&pem);
    let der = der.map_err(|error| unusable(format!("{shown}: {error}")))?;
    // The files may have changed since they were looked at. Later it would be a panic that they do not belong
    // together.
    rustls::sign::CertifiedKey::from_der(chain.clone(), der, &aws_lc_rs::default_provider())
        .map_err(unusable)?;
    let key = PrivateKey::from_pem(&pem).map_err(|_| unusable(format!("{shown} holds no key")))?;
    let chain: Vec<_> = chain
        .iter()
        .map(|der| Certificate::from_der(der).to_owned())
        .collect();
    Ok(ClientCert::new_with_certs(&chain, key))
}
