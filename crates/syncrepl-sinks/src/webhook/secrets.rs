//! What proves to a receiver that a request is ours: signatures as Standard Webhooks has them, a token, other
//! headers. All of it comes from files, and nothing of it is ever shown.

use aws_lc_rs::hmac;
use base64::Engine;
use base64::alphabet::STANDARD as ALPHABET;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use syncrepl_relay::{SinkError, SinkResult};
use ureq::http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};

use super::Settings;
use crate::secret::Secret;

/// With or without the padding at the end.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &ALPHABET,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Headers that are ours, or that decide what belongs to a request.
const OURS: [&str; 10] = [
    "connection",
    "content-length",
    "content-type",
    "expect",
    "host",
    "idempotency-key",
    "transfer-encoding",
    "webhook-id",
    "webhook-signature",
    "webhook-timestamp",
];

/// What goes with each request.
pub(super) struct Secrets {
    keys: Vec<hmac::Key>,
    headers: HeaderMap,
}

impl Secrets {
    /// Reads the files.
    pub(super) fn read(settings: &Settings) -> SinkResult<Secrets> {
        let keys = settings.secret.as_ref().map(keys).transpose()?;
        let mut headers = match &settings.headers {
            Some(file) => headers(file)?,
            None => HeaderMap::new(),
        };
        if let Some(file) = &settings.token {
            let bearer = [b"Bearer ".as_slice(), &file.read()?].concat();
            let mut value = HeaderValue::from_bytes(&bearer)
                .map_err(|_| unusable(file, "holds a character that no header may hold"))?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        Ok(Secrets {
            keys: keys.unwrap_or_default(),
            headers,
        })
    }

    /// The headers of the files.
    pub(super) fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The value of `webhook-signature`: one signature for each secret. `None` without a secret.
    pub(super) fn signatures(&self, id: &str, timestamp: u64, body: &[u8]) -> Option<String> {
        let signatures: Vec<_> = self
            .keys
            .iter()
            .map(|key| {
                let mut context = hmac::Context::with_key(key);
                context.update(format!("{id}.{timestamp}.").as_bytes());
                context.update(body);
                format!("v1,{}", STANDARD.encode(context.sign()))
            })
            .collect();
        (!signatures.is_empty()).then(|| signatures.join(" "))
    }
}

/// The secrets of a file, one a line: while one takes the place of another, both sign.
fn keys(file: &Secret) -> SinkResult<Vec<hmac::Key>> {
    let bytes = file.read()?;
    lines(&bytes)
        .map(|(_, line)| {
            let key = match line.strip_prefix(b"whsec_") {
                None => line.to_owned(),
                Some(text) => LENIENT
                    .decode(text)
                    .map_err(|_| unusable(file, "holds no base64 after whsec_"))?,
            };
            match key.is_empty() {
                true => Err(unusable(file, "holds an empty secret")),
                false => Ok(hmac::Key::new(hmac::HMAC_SHA256, &key)),
            }
        })
        .collect()
}

/// The headers of a file, one a line.
fn headers(file: &Secret) -> SinkResult<HeaderMap> {
    let bytes = file.read()?;
    let mut headers = HeaderMap::new();
    for (number, line) in lines(&bytes) {
        let colon = line.iter().position(|byte| *byte == b':');
        let (name, value) = line.split_at(colon.unwrap_or(0));
        let value = value.get(1..).unwrap_or_default().trim_ascii();
        let read = HeaderName::from_bytes(name)
            .ok()
            .zip(HeaderValue::from_bytes(value).ok());
        let Some((name, mut value)) = read else {
            return Err(unusable(file, &format!("holds no header in line {number}")));
        };
        if OURS.contains(&name.as_str()) {
            let what = format!("names a header in line {number} that syncrepl itself sets");
            return Err(unusable(file, &what));
        }
        value.set_sensitive(true);
        headers.append(name, value);
    }
    Ok(headers)
}

/// The lines with something in them, and their numbers.
fn lines(bytes: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let lines = bytes.split(|byte| *byte == b'\n');
    let lines = lines.map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    (1..).zip(lines).filter(|(_, line)| !line.is_empty())
}

fn unusable(file: &Secret, what: &str) -> SinkError {
    SinkError::manual("secret", format!("{} {what}", file.path().display()))
        .with_hint("docs/delivery/webhook.md says what belongs into it")
}
