//! Messages: a message that was read is written and read again as the same, and `rasn-ldap` agrees.

use syncrepl_proto::control::Control;
use syncrepl_proto::message::{Message, Operation};

use super::oracle;

/// One LDAPMessage.
pub fn message(bytes: &[u8]) {
    let Ok(message) = Message::decode(bytes) else {
        return;
    };
    let controls: Vec<Control<'_>> = message.controls.iter().collect();
    let written = Message::encode(message.id, &message.op, &controls);
    let again = Message::decode(&written).expect("what we write we read");
    assert_eq!(again.id, message.id);
    assert_eq!(again.op, message.op);
    assert_eq!(again.controls.iter().collect::<Vec<_>>(), controls);
    assert_eq!(Message::encode(again.id, &again.op, &controls), written);
    // Debug output reads the lazy parts: that must not panic.
    let shown = format!("{message:?}{}", message.op.name());
    assert!(!shown.is_empty());
    match &message.op {
        Operation::SearchResultEntry(entry) => {
            super::attributes(entry.attributes.as_bytes());
            super::dn(entry.dn.as_bytes());
        }
        Operation::SearchRequest(request) => {
            let mut text = vec![1];
            text.extend(request.filter);
            super::filter(&text);
        }
        Operation::SearchResultReference(uris) => {
            uris.iter().for_each(|uri| super::url(uri.as_bytes()));
        }
        _ => {}
    }
    oracle::compare(bytes, &message);
}
