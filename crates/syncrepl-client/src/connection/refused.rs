//! The one table from LDAP result codes (RFC 4511 appendix A) to words for people.

use syncrepl_proto::message::{
    LdapResult, Message, NOTICE_OF_DISCONNECTION, Operation, Uris, result_name,
};
use syncrepl_proto::profile::{self, Trouble};
use syncrepl_proto::session::SessionError;

use super::server::Server;
use crate::error::retry::Asked;
use crate::error::{Error, ErrorKind};
use crate::record::text::excerpt;

const NO_SUCH_OBJECT: u32 = 32;
const UNWILLING_TO_PERFORM: u32 = 53;

/// The most URIs of a referral that a message names.
const MOST_URIS: usize = 4;

/// The error for a result of `what` (“the bind”) other than success, with the provider's diagnostic
/// and its referral.
pub(crate) fn refused(result: &LdapResult<'_>, what: &str) -> Error {
    said(
        ErrorKind::Refused,
        result,
        &format!("the provider refused {what}"),
    )
}

/// As [`refused`], for the sync search below `base`.
pub(crate) fn sync_refused(result: &LdapResult<'_>, base: &str) -> Error {
    match result.code {
        NO_SUCH_OBJECT => refused(result, &format!("the sync search of {}", excerpt(base))),
        _ => refused(result, "the sync search"),
    }
}

/// As [`refused`], with words and a hint in place of those in the table.
pub(super) fn refused_because(
    result: &LdapResult<'_>,
    what: &str,
    words: &'static str,
    hint: String,
) -> Error {
    let what = format!("the provider refused {what}");
    in_words(ErrorKind::Refused, result, &what, (Some(words), Some(hint)))
}

/// The error for a message with the ID 0: a Notice of Disconnection (RFC 4511 §4.4.1), or a message
/// that may not come unsolicited. `None` for other notifications, which RFC 4511 §4.4 lets a client
/// ignore.
pub(crate) fn notice_of_disconnection(message: &Message<'_>) -> Option<Error> {
    match &message.op {
        Operation::ExtendedResponse { result, name, .. } => match name {
            Some(name) if *name != NOTICE_OF_DISCONNECTION => {
                tracing::debug!("ignored the notification {}", excerpt(name));
                None
            }
            _ => {
                // busy, unavailable: the provider is going down or overloaded.
                let kind = match result.code {
                    51 | 52 => ErrorKind::Unreachable,
                    _ => ErrorKind::Refused,
                };
                let what = "the provider ended the connection";
                Some(said(kind, result, what).answering(Asked::Nothing))
            }
        },
        other => Some(Error::new(
            ErrorKind::Protocol,
            format!("the provider sent {} unasked", other.name()),
        )),
    }
}

/// The error for a message that RFC 4533 does not allow. Some providers refuse the control with an
/// ExtendedResponse; its result then says why.
pub(crate) fn not_allowed(error: SessionError, op: &Operation<'_>, server: &Server) -> Error {
    if let (SessionError::UnexpectedOperation(_), Operation::ExtendedResponse { result, .. }) =
        (&error, op)
        && result.code != 0
    {
        return refused(result, "the sync search");
    }
    let text = format!("{server} sent what RFC 4533 does not allow");
    Error::new(ErrorKind::Protocol, text).with_source(error)
}

fn said(kind: ErrorKind, result: &LdapResult<'_>, what: &str) -> Error {
    if result.code != 0 && profile::wants_new_password(result.diagnostic) {
        let words = "the server wants the password of this identity to be changed first";
        let hint = "set a new one, and give that one".to_owned();
        return in_words(kind, result, what, (Some(words), Some(hint)));
    }
    let (words, hint) = explanation(result.code);
    let hint = hint.map(|hint| hint.to_owned() + &of_vendors(result.code));
    in_words(kind, result, what, (words, hint))
}

/// The steps on each known provider that carry out the hint for a code, in brackets. The caller does
/// not know which provider refused, so it names them all.
fn of_vendors(code: u32) -> String {
    let trouble = match code {
        3 => Trouble::TimeLimit,
        4 => Trouble::SizeLimit,
        11 => Trouble::LookThroughLimit,
        12 => Trouble::SyncIsOff,
        _ => return String::new(),
    };
    format!(" ({})", profile::hints_of_all(trouble))
}

fn in_words(
    kind: ErrorKind,
    result: &LdapResult<'_>,
    what: &str,
    (words, hint): (Option<&'static str>, Option<String>),
) -> Error {
    let LdapResult {
        code,
        matched_dn,
        diagnostic,
        ..
    } = *result;
    let mut message = format!("{what}: ");
    if let Some(words) = words {
        message.push_str(words);
        message.push_str(", ");
    }
    match result_name(code) {
        Some(name) => message.push_str(&format!("{name} ({code})")),
        None => message.push_str(&format!("result code {code}")),
    }
    if !diagnostic.is_empty() {
        message.push_str(": ");
        message.push_str(&excerpt(diagnostic));
    }
    if !matched_dn.is_empty() {
        let nearest = excerpt(matched_dn);
        message.push_str(&format!("; the nearest entry that it has is {nearest}"));
    }
    if let Some(uris) = result.referral {
        message.push_str(&points_to(uris));
    }
    let error = Error::new(kind, message).with_result_code(code);
    let full = (code == UNWILLING_TO_PERFORM)
        .then(|| profile::hint_if_full(diagnostic))
        .flatten();
    match full.map(str::to_owned).or(hint) {
        Some(hint) => error.with_hint(hint),
        None => error,
    }
}

/// The URIs of a referral, in words.
fn points_to(uris: Uris<'_>) -> String {
    let mut named: Vec<_> = uris.iter().take(MOST_URIS).map(excerpt).collect();
    let more = uris.iter().skip(MOST_URIS).count();
    if more > 0 {
        named.push(format!("{more} more"));
    }
    match named.is_empty() {
        true => "; it names none".to_owned(),
        false => format!("; it points to {}", named.join(", ")),
    }
}

/// The meaning of a code where its name does not say it, and what to do about it.
fn explanation(code: u32) -> (Option<&'static str>, Option<&'static str>) {
    let (words, hint) = match code {
        1 => (
            "",
            "some providers give this result to a client that has not bound",
        ),
        2 => (
            "",
            "the provider does not know the request, or not in this form",
        ),
        3 => ("", "raise the time limit for this identity on the provider"),
        4 => ("", "raise the size limit for this identity on the provider"),
        7 => (
            "",
            "choose another way to bind; the root DSE lists supportedSASLMechanisms",
        ),
        8 => (
            "",
            "bind with credentials, or encrypt: StartTLS or ldaps://",
        ),
        10 => (
            "another server holds it",
            "referrals are not followed: connect to that server (-H) if it is the right one",
        ),
        11 => (
            "",
            "index what the filter asks for, or raise the limits for this identity on the provider",
        ),
        12 => (
            "",
            "content synchronization is off; the provider has to offer it for this base",
        ),
        13 => ("", "encrypt the connection: StartTLS or ldaps://"),
        14 => (
            "",
            "the mechanism wants another step, which this one does not have",
        ),
        32 => (
            "no such base, or this identity may not see it",
            "compare the base with the namingContexts of the root DSE",
        ),
        34 => ("a DN is not well formed", "check the base and the bind DN"),
        48 => (
            "",
            "this identity may not bind in this way; the provider may not allow anonymous binds",
        ),
        49 => (
            "wrong bind DN or password",
            "the provider does not tell which, nor whether the account is locked",
        ),
        50 => ("", "grant this identity the right on the provider"),
        51 | 52 => ("", "try again later"),
        53 => ("", "the provider's words, or its log, say why"),
        80 => ("", "the provider's log says more"),
        _ => return (None, None),
    };
    (Some(words).filter(|words| !words.is_empty()), Some(hint))
}

#[cfg(test)]
mod tests {
    use super::*;
    use syncrepl_proto::ber::{Writer, tag};

    #[test]
    fn refusal_has_code_name_words_and_hint() {
        fn refused(code: u32, diagnostic: &str, what: &str) -> Error {
            super::refused(
                &LdapResult {
                    diagnostic,
                    ..LdapResult::new(code)
                },
                what,
            )
        }
        let error = refused(49, "bad\r\npassword\u{7}", "the bind");
        assert_eq!(error.kind(), ErrorKind::Refused);
        assert_eq!(error.result_code(), Some(49));
        assert_eq!(
            error.to_string(),
            "the provider refused the bind: wrong bind DN or password, invalidCredentials (49): \
             bad\\r\\npassword\\u{7} (the provider does not tell which, nor whether the account is locked)"
        );
        assert_eq!(
            refused(4711, "", "the search").to_string(),
            "the provider refused the search: result code 4711"
        );
        assert!(
            refused(12, "", "x")
                .hint()
                .unwrap()
                .contains("overlay syncprov")
        );
        assert!(refused(13, "", "x").hint().unwrap().contains("StartTLS"));
        assert_eq!(refused(4096, "", "x").hint(), None);
    }

    #[test]
    fn missing_base_is_named_with_the_nearest_entry() {
        let result = LdapResult {
            matched_dn: "dc=ex\u{202e}ample\n",
            ..LdapResult::new(32)
        };
        let error = sync_refused(&result, "ou=gone,dc=example").to_string();
        let words = "the provider refused the sync search of ou=gone,dc=example: no such base, or this \
                     identity may not see it, noSuchObject (32); the nearest entry that it has is \
                     dc=ex\\u{202e}ample\\n (compare";
        assert!(error.starts_with(words), "{error}");
    }

    #[test]
    fn referral_lists_its_uris() {
        let points = |uris: &[&str]| {
            let mut writer = Writer::new();
            for uri in uris {
                writer.value(tag::OCTET_STRING, uri.as_bytes());
            }
            let bytes = writer.finish();
            let result = LdapResult {
                referral: Some(Uris::decode(&bytes, "referral").unwrap()),
                ..LdapResult::new(10)
            };
            refused(&result, "the sync search").to_string()
        };
        assert_eq!(
            points(&["ldap://b.example/dc=x??sub", "ldap://c\x1b[2J\n"]),
            "the provider refused the sync search: another server holds it, referral (10); it points to \
             ldap://b.example/dc=x??sub, ldap://c\\u{1b}[2J\\n (referrals are not followed: connect to \
             that server (-H) if it is the right one)"
        );
        let many = points(&[
            "ldap://a", "ldap://b", "ldap://c", "ldap://d", "ldap://e", "ldap://f",
        ]);
        assert!(many.contains("ldap://d, 2 more"), "{many}");
        assert!(!many.contains("ldap://e"), "{many}");
        let long = format!("ldap://{}", "x".repeat(100_000));
        assert!(points(&[&long]).len() < 1000);
        assert!(points(&[]).contains("it names none"));
    }

    #[test]
    fn notice_kind_follows_code() {
        let notice = |code, name| {
            let mut result = LdapResult::new(code);
            result.diagnostic = "bye";
            let op = Operation::ExtendedResponse {
                result,
                name,
                value: None,
            };
            let bytes = Message::encode(0, &op, &[]);
            notice_of_disconnection(&Message::decode(&bytes).unwrap())
        };
        let error = notice(52, Some(NOTICE_OF_DISCONNECTION)).unwrap();
        assert_eq!(error.kind(), ErrorKind::Unreachable);
        assert_eq!(error.result_code(), Some(52));
        let error = notice(8, None).unwrap();
        assert_eq!(error.kind(), ErrorKind::Refused);
        assert!(notice(0, Some("1.2.3")).is_none());
        let bytes = Message::encode(0, &Operation::UnbindRequest, &[]);
        let error = notice_of_disconnection(&Message::decode(&bytes).unwrap()).unwrap();
        assert_eq!(error.kind(), ErrorKind::Protocol);
    }
}
