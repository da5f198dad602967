//! What the errors of NATS mean for the relay: one table.

use async_nats::ConnectErrorKind;
use serde::Deserialize;
use syncrepl_relay::SinkError;

use super::settings::Settings;

/// An error as JetStream tells it.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct ApiError {
    /// As in HTTP.
    #[serde(default)]
    pub(super) code: u16,
    /// One number for each error.
    #[serde(default)]
    pub(super) err_code: u32,
    /// For people.
    #[serde(default)]
    pub(super) description: String,
}

pub(super) const STREAM_NOT_FOUND: u32 = 10059;
pub(super) const MESSAGE_NOT_FOUND: u32 = 10037;
pub(super) const NAME_IN_USE: u32 = 10058;
pub(super) const WRONG_SEQUENCE: u32 = 10071;
pub(super) const MESSAGE_TOO_LARGE: u32 = 10054;

/// Errors that a person has to mend: the number, what it is, what to do.
const MANUAL: &[(u32, &str, &str)] = &[
    (
        10005,
        "server",
        "fewer servers than replicas: add servers, or ask for fewer replicas",
    ),
    (
        10023,
        "full",
        "the servers have no room left: free some, or raise the limits of JetStream",
    ),
    (
        10026,
        "full",
        "the account has used up its room: raise its limit, or lower those of its streams",
    ),
    (
        10027,
        "full",
        "the account has all streams that it may have: raise its limit",
    ),
    (
        10028,
        "full",
        "the account has used up its room: raise its limit, or lower those of its streams",
    ),
    (10035, "no_jetstream", "enable JetStream for this account"),
    (10039, "no_jetstream", "enable JetStream for this account"),
    (
        10047,
        "full",
        "the servers have no room left: free some, or raise the limits of JetStream",
    ),
    (10052, "stream", "make the stream by hand"),
    (
        10060,
        "stream",
        "another stream takes this subject: mend the subjects of the streams",
    ),
    (
        10065,
        "stream",
        "another stream takes this subject: choose another one",
    ),
    (
        10074,
        "stream",
        "this server is in no cluster: leave replicas out",
    ),
    (10076, "no_jetstream", "enable JetStream on the servers"),
    (
        10077,
        "full",
        "the stream is full and discards new messages: raise its limits, or let it discard old ones",
    ),
    (10109, "stream", "the stream is sealed: take another one"),
];

/// What the relay does after this error of JetStream.
pub(super) fn of_api(error: &ApiError, doing: &str) -> SinkError {
    let text = format!(
        "{doing}: {} ({}/{})",
        short(&error.description),
        error.code,
        error.err_code
    );
    match MANUAL.iter().find(|(code, ..)| *code == error.err_code) {
        Some((_, reason, hint)) => SinkError::manual(reason, text).with_hint(*hint),
        None => SinkError::passing("server", text),
    }
}

/// Why no connection came about.
pub(super) fn of_connect(error: &async_nats::ConnectError, settings: &Settings) -> SinkError {
    let servers = settings.servers.join(", ");
    let text = format!("{servers}: {}", short(&error.to_string()));
    match error.kind() {
        ConnectErrorKind::AuthorizationViolation | ConnectErrorKind::Authentication => {
            SinkError::manual("login", text)
                .with_hint("check user and password_file, token_file, nkey_file or creds_file")
        }
        ConnectErrorKind::Tls | ConnectErrorKind::ServerParse => {
            SinkError::manual("tls", text).with_hint("check ca_file, cert_file and key_file")
        }
        ConnectErrorKind::Io if is_of_tls(error) => {
            SinkError::manual("tls", text).with_hint(
                "check that the servers speak TLS, and the names and the issuer of their certificates (ca_file)",
            )
        }
        ConnectErrorKind::TimedOut => SinkError::passing("timeout", text),
        _ => SinkError::passing("network", text),
    }
}

/// A refused certificate comes as an error of the socket.
fn is_of_tls(error: &async_nats::ConnectError) -> bool {
    let mut next: Option<&(dyn std::error::Error + 'static)> = std::error::Error::source(error);
    while let Some(error) = next {
        let inner = error
            .downcast_ref::<std::io::Error>()
            .and_then(std::io::Error::get_ref);
        if error.is::<rustls::Error>() || inner.is_some_and(|inner| inner.is::<rustls::Error>()) {
            return true;
        }
        next = error.source();
    }
    false
}

/// What a server complains of outside of any answer.
pub(super) fn of_complaint(text: &str, settings: &Settings) -> SinkError {
    let text = short(text);
    if text.to_ascii_lowercase().contains("permissions violation") {
        let (stream, prefix) = (&settings.stream, &settings.prefix);
        return SinkError::manual("permission", format!("the server says: {text}")).with_hint(
            format!(
                "allow the user to publish {prefix}.>, $JS.API.STREAM.INFO.{stream} and \
                 $JS.API.STREAM.MSG.GET.{stream}, and to subscribe to _INBOX.>"
            ),
        );
    }
    let text_lower = text.to_ascii_lowercase();
    if text_lower.contains("authorization") || text_lower.contains("authentication") {
        return SinkError::manual("login", format!("the server says: {text}"))
            .with_hint("renew what the user logs in with");
    }
    SinkError::passing("server", format!("the server says: {text}"))
}

/// A server's words, cut and without characters that steer a terminal.
pub(super) fn short(text: &str) -> String {
    let clean = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    clean.take(200).collect()
}

#[cfg(test)]
mod tests {
    use syncrepl_relay::Trouble;

    use super::*;

    #[test]
    fn known_codes_need_a_person_and_others_pass() {
        let error = |err_code| ApiError {
            code: 503,
            err_code,
            description: "no\u{1b}[2J".repeat(100),
        };
        let full = of_api(&error(10077), "publish");
        assert_eq!((full.trouble(), full.reason()), (Trouble::Manual, "full"));
        assert!(full.hint().is_some());
        let other = of_api(&error(10008), "publish");
        assert_eq!(other.trouble(), Trouble::Passing);
        assert!(other.message().len() < 300 && !other.message().contains('\u{1b}'));
    }
}
