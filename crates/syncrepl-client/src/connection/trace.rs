//! Logs the protocol: one line for each message, at the level debug (`-vv`). It masks credentials
//! and the values of attributes that hold secrets.

use syncrepl_proto::attributes::AttributeList;
use syncrepl_proto::control::{Control, Controls};
use syncrepl_proto::filter::Filter;
use syncrepl_proto::message::{
    Authentication, LdapResult, Message, Operation, SearchRequest, result_name,
};
use syncrepl_proto::sync::{
    SYNC_DONE, SYNC_INFO, SYNC_REQUEST, SYNC_STATE, SyncDone, SyncInfo, SyncRequest, SyncState,
};

use crate::record::secret::{MASK, is_secret, masked};
use crate::record::text::printable;
use crate::terms;

/// The target of these lines, so that `RUST_LOG` can select them.
const TARGET: &str = "syncrepl_client::protocol";
/// The longest value shown, in bytes.
const VALUE: usize = 100;
/// The longest line, in characters.
const LINE: usize = 2000;

/// Logs a message that is about to be sent.
pub(super) fn sent(bytes: &[u8]) {
    log("->", bytes);
}

/// Logs a message that was received.
pub(super) fn received(bytes: &[u8]) {
    log("<-", bytes);
}

fn log(direction: &str, bytes: &[u8]) {
    if !tracing::enabled!(target: TARGET, tracing::Level::DEBUG) {
        return;
    }
    let told = match Message::decode(bytes) {
        Ok(message) => line(&message),
        // An error about this message follows. Its bytes may be anything, so they are not shown.
        Err(error) => format!("{} bytes that cannot be read ({error})", bytes.len()),
    };
    tracing::debug!(target: TARGET, "{direction} {told}");
}

fn line(message: &Message<'_>) -> String {
    let mut line = format!("{} {}", message.id, message.op.name());
    line += &match &message.op {
        Operation::BindRequest(request) => match request.authentication {
            Authentication::Simple([]) => format!(" {:?} without a password", request.name),
            Authentication::Simple(_) => format!(" {:?} simple {MASK}", request.name),
            Authentication::Sasl(mechanism, _) => format!(" {mechanism:?} {MASK}"),
        },
        Operation::BindResponse(result, credentials) => {
            let more = credentials.map_or_else(String::new, |_| format!(" {MASK}"));
            outcome(result) + &more
        }
        Operation::SearchRequest(request) => search(request),
        Operation::SearchResultEntry(entry) => {
            format!(" {:?}{}", entry.dn, attributes(&entry.attributes))
        }
        Operation::SearchResultReference(uris) => {
            let uris: Vec<_> = uris.iter().collect();
            format!(" {uris:?}")
        }
        Operation::SearchResultDone(result) => outcome(result),
        Operation::ExtendedRequest { name, value } => format!(" {name}{}", size(*value)),
        // Most values are harmless, but the responses to some requests are secrets.
        Operation::ExtendedResponse {
            result,
            name,
            value,
        } => {
            let name = name.map_or_else(String::new, |name| format!(" {name}"));
            outcome(result) + &name + &size(*value)
        }
        Operation::IntermediateResponse {
            name: Some(SYNC_INFO),
            value: Some(bytes),
        } => match SyncInfo::decode(bytes) {
            Ok(info) => format!(" {}", sync_info(&info)),
            Err(error) => format!(" {error}"),
        },
        Operation::IntermediateResponse { name, value } => {
            format!(" {}{}", name.unwrap_or_default(), size(*value))
        }
        _ => String::new(),
    };
    line += &controls(&message.controls);
    let line = masked(&line);
    match line.char_indices().nth(LINE) {
        Some((end, _)) => printable(line.get(..end).unwrap_or_default()) + "…",
        None => printable(&line),
    }
}

fn outcome(result: &LdapResult<'_>) -> String {
    let name = result_name(result.code).unwrap_or("a code of its own");
    let mut told = format!(" {} {name}", result.code);
    if !result.diagnostic.is_empty() {
        told += &format!(" {:?}", result.diagnostic);
    }
    if let Some(uris) = result.referral {
        told += &format!(" {:?}", uris.iter().collect::<Vec<_>>());
    }
    told
}

fn search(request: &SearchRequest<'_>) -> String {
    let filter = match Filter::from_ber(request.filter) {
        Ok(filter) => terms::shown(&filter),
        Err(error) => error.to_string(),
    };
    let SearchRequest {
        base,
        scope,
        size_limit,
        ..
    } = request;
    let mut told = format!(" {base:?} {} {filter}", scope.as_str());
    for attribute in &request.attributes {
        told += &format!(" {attribute}");
    }
    if *size_limit > 0 {
        told += &format!(", {size_limit} entries at most");
    }
    told
}

fn attributes(list: &AttributeList<'_>) -> String {
    let mut told = String::new();
    for attribute in list.iter() {
        told += &format!("; {}:", attribute.name);
        if is_secret(attribute.name) {
            told += &format!(" {MASK}");
            continue;
        }
        for value in attribute.values() {
            match std::str::from_utf8(value) {
                Ok(text) if text.len() <= VALUE => told += &format!(" {text:?}"),
                _ => told += &format!(" ({} bytes)", value.len()),
            }
            if told.len() > 4 * LINE {
                return told;
            }
        }
    }
    told
}

fn controls(controls: &Controls<'_>) -> String {
    controls
        .iter()
        .map(|control| {
            let critical = if control.critical { "!" } else { "" };
            format!(" [{critical}{}]", control_value(&control))
        })
        .collect()
}

fn control_value(control: &Control<'_>) -> String {
    let bytes = control.value.unwrap_or_default();
    let told = match control.oid {
        SYNC_REQUEST => SyncRequest::decode(bytes)
            .map(|value| format!("sync request {:?}{}", value.mode, cookie(value.cookie))),
        SYNC_STATE => SyncState::decode(bytes).map(|value| {
            let SyncState {
                state,
                uuid,
                cookie: sent,
                ..
            } = value;
            format!("sync state {state:?} {uuid}{}", cookie(sent))
        }),
        SYNC_DONE => SyncDone::decode(bytes).map(|value| {
            let deletes = value.refresh_deletes;
            format!(
                "sync done, refreshDeletes {deletes}{}",
                cookie(value.cookie)
            )
        }),
        oid => return format!("{oid}{}", size(control.value)),
    };
    told.unwrap_or_else(|error| error.to_string())
}

fn sync_info(info: &SyncInfo<'_>) -> String {
    match *info {
        SyncInfo::NewCookie(sent) => format!("newcookie{}", cookie(Some(sent))),
        SyncInfo::RefreshDelete {
            cookie: sent,
            refresh_done,
        } => format!("refreshDelete, refreshDone {refresh_done}{}", cookie(sent)),
        SyncInfo::RefreshPresent {
            cookie: sent,
            refresh_done,
        } => format!("refreshPresent, refreshDone {refresh_done}{}", cookie(sent)),
        SyncInfo::SyncIdSet {
            cookie: sent,
            refresh_deletes,
            uuids,
        } => format!(
            "syncIdSet of {}, refreshDeletes {refresh_deletes}{}",
            uuids.iter().count(),
            cookie(sent)
        ),
    }
}

fn cookie(cookie: Option<&[u8]>) -> String {
    match cookie.map(std::str::from_utf8) {
        None => String::new(),
        Some(Ok(text)) => format!(" cookie {text:?}"),
        Some(Err(_)) => format!(" cookie{}", size(cookie)),
    }
}

fn size(value: Option<&[u8]>) -> String {
    value.map_or_else(String::new, |value| format!(" ({} bytes)", value.len()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use syncrepl_proto::message::{BindRequest, Scope};

    fn shown(op: &Operation<'_>) -> String {
        let bytes = Message::encode(7, op, &[]);
        line(&Message::decode(&bytes).unwrap())
    }

    #[test]
    fn log_masks_secrets() {
        let list = AttributeList::encode([
            ("cn", vec![&b"Ann\x1b[2J"[..]]),
            ("userPassword;x-a", vec![b"{SSHA}geheim"]),
            ("KRBPRINCIPALKEY", vec![b"geheim"]),
            ("2.5.4.35;X-Foo", vec![b"geheim"]),
            ("1.3.6.1.4.1.4203.1.3.4", vec![b"geheim"]),
            ("jpegPhoto", vec![&[0xff; 9]]),
        ]);
        let op = Operation::SearchResultEntry(syncrepl_proto::message::SearchResultEntry {
            dn: "cn=Ann",
            attributes: AttributeList::decode(&list).unwrap(),
        });
        let told = shown(&op);
        assert!(!told.contains("geheim") && !told.contains('\x1b'), "{told}");
        assert!(told.contains("jpegPhoto: (9 bytes)"), "{told}");
        let bind = |authentication| {
            Operation::BindRequest(BindRequest {
                name: "cn=a",
                authentication,
            })
        };
        for authentication in [
            Authentication::Simple(b"geheim"),
            Authentication::Sasl("PLAIN", Some(b"geheim")),
        ] {
            let told = shown(&bind(authentication));
            assert!(!told.contains("geheim") && told.contains(MASK), "{told}");
        }
        let response = Operation::BindResponse(LdapResult::new(14), Some(b"geheim"));
        assert_eq!(shown(&response), "7 BindResponse 14 saslBindInProgress ***");
    }

    #[test]
    fn log_masks_filters_with_secrets() {
        let search = |filter: &str| {
            let filter = Filter::parse(filter).unwrap();
            shown(&Operation::SearchRequest(SearchRequest {
                base: "dc=a",
                scope: Scope::Subtree,
                size_limit: 0,
                time_limit: 0,
                types_only: false,
                filter: filter.as_bytes(),
                attributes: vec!["cn"],
            }))
        };
        let open = search("(&(cn=Ann)(userPassword=*))");
        assert_eq!(
            open,
            r#"7 SearchRequest "dc=a" sub (&(cn=Ann)(userPassword=*)) cn"#
        );
        for filter in [
            "(&(cn=Ann)(userPassword=geheim))",
            "(userPassword=ge*heim)",
            "(userPassword:octetStringMatch:=geheim)",
            "(!(sambaNTPassword>=geheim))",
            "(2.5.4.35=geheim)",
            "(2.5.4.35;x-foo:2.5.13.17:=geheim)",
        ] {
            assert!(!search(filter).contains("geheim"), "{filter}");
        }
    }
}
