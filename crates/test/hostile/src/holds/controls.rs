//! Controls: the envelopes, and the values of RFC 4533 in them.

use syncrepl_proto::ber::{Writer, tag};
use syncrepl_proto::control::Control;
use syncrepl_proto::message::{Message, Operation};

use super::sync;

/// The contents of the field `controls` of an LDAPMessage; alone, too, as the value of a control.
pub fn controls(bytes: &[u8]) {
    sync::values(bytes);
    let mut writer = Writer::new();
    writer.constructed(tag::SEQUENCE, |writer| {
        writer.number(tag::INTEGER, 1);
        writer.value(0x42, &[]);
        writer.value(0xa0, bytes);
    });
    let whole = writer.finish();
    let Ok(message) = Message::decode(&whole) else {
        return;
    };
    let controls: Vec<Control<'_>> = message.controls.iter().collect();
    for control in &controls {
        let first = controls.iter().find(|other| other.oid == control.oid);
        assert_eq!(message.controls.find(control.oid).as_ref(), first);
        control.value.into_iter().for_each(sync::values);
    }
    assert_eq!(message.controls.find("no OID"), None);
    let written = Message::encode(1, &Operation::UnbindRequest, &controls);
    let again = Message::decode(&written).expect("what we write we read");
    assert_eq!(again.controls.iter().collect::<Vec<_>>(), controls);
    assert!(written.len() <= whole.len(), "ours is the shortest form");
}
