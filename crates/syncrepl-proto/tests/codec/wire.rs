//! The messages that a provider sends.

use syncrepl_proto::Uuid;
use syncrepl_proto::attributes::AttributeList;
use syncrepl_proto::ber::Writer;
use syncrepl_proto::control::Control;
use syncrepl_proto::message::{LdapResult, Message, Operation, SearchResultEntry, Uris};
use syncrepl_proto::sync::{
    EntryState, SYNC_DONE, SYNC_INFO, SYNC_STATE, SyncDone, SyncInfo, SyncState,
};

pub(crate) type Cookie<'a> = Option<&'a [u8]>;

pub(crate) fn uuid(number: u8) -> Uuid {
    Uuid::from_bytes([number; 16])
}

pub(crate) fn state(state: EntryState, number: u8, cookie: Cookie<'_>) -> Vec<u8> {
    SyncState {
        state,
        uuid: uuid(number),
        cookie,
    }
    .encode()
}

pub(crate) fn attributes() -> Vec<u8> {
    let values: Vec<&[u8]> = vec![b"a", b"\xff\x00"];
    AttributeList::encode([("cn", values), ("jpegPhoto;x", vec![])])
}

/// A SearchResultEntry with these controls.
pub(crate) fn entry_with(id: u32, controls: &[Control<'_>]) -> Vec<u8> {
    let attributes = attributes();
    let attributes = AttributeList::decode(&attributes).unwrap();
    let entry = SearchResultEntry {
        dn: "cn=a,dc=example",
        attributes,
    };
    Message::encode(id, &Operation::SearchResultEntry(entry), controls)
}

/// An uncritical control with a value.
pub(crate) fn control<'a>(oid: &'a str, value: &'a [u8]) -> Control<'a> {
    Control {
        oid,
        critical: false,
        value: Some(value),
    }
}

pub(crate) fn entry(id: u32, to: EntryState, number: u8, cookie: Cookie<'_>) -> Vec<u8> {
    entry_with(id, &[control(SYNC_STATE, &state(to, number, cookie))])
}

pub(crate) fn uris(uris: &[&str]) -> Vec<u8> {
    let mut writer = Writer::new();
    uris.iter().for_each(|uri| writer.octets(uri.as_bytes()));
    writer.finish()
}

pub(crate) fn reference_with(id: u32, controls: &[Control<'_>]) -> Vec<u8> {
    let uris = uris(&["ldap://other/dc=example"]);
    let uris = Uris::decode(&uris, "uris").unwrap();
    Message::encode(id, &Operation::SearchResultReference(uris), controls)
}

pub(crate) fn reference(id: u32, to: EntryState, number: u8, cookie: Cookie<'_>) -> Vec<u8> {
    reference_with(id, &[control(SYNC_STATE, &state(to, number, cookie))])
}

pub(crate) fn info(id: u32, info: SyncInfo<'_>) -> Vec<u8> {
    let value = info.encode();
    let op = Operation::IntermediateResponse {
        name: Some(SYNC_INFO),
        value: Some(&value),
    };
    Message::encode(id, &op, &[])
}

/// A SearchResultDone without a Sync Done control.
pub(crate) fn bare_done(id: u32, code: u32) -> Vec<u8> {
    Message::encode(id, &Operation::SearchResultDone(LdapResult::new(code)), &[])
}

pub(crate) fn done(id: u32, cookie: Cookie<'_>, refresh_deletes: bool) -> Vec<u8> {
    let value = SyncDone {
        cookie,
        refresh_deletes,
    }
    .encode();
    let op = Operation::SearchResultDone(LdapResult::new(0));
    Message::encode(id, &op, &[control(SYNC_DONE, &value)])
}

pub(crate) fn extended(id: u32, code: u32, name: Option<&str>) -> Vec<u8> {
    let result = LdapResult::new(code);
    Message::encode(
        id,
        &Operation::ExtendedResponse {
            result,
            name,
            value: None,
        },
        &[],
    )
}
