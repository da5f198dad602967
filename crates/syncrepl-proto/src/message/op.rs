//! The identifier octets of the operations (RFC 4511 §4.2 to §4.14).

pub(super) const BIND_REQUEST: u8 = 0x60;
pub(super) const BIND_RESPONSE: u8 = 0x61;
pub(super) const UNBIND_REQUEST: u8 = 0x42;
pub(super) const SEARCH_REQUEST: u8 = 0x63;
pub(super) const SEARCH_RESULT_ENTRY: u8 = 0x64;
pub(super) const SEARCH_RESULT_DONE: u8 = 0x65;
pub(super) const SEARCH_RESULT_REFERENCE: u8 = 0x73;
pub(super) const MODIFY_REQUEST: u8 = 0x66;
pub(super) const MODIFY_RESPONSE: u8 = 0x67;
pub(super) const ADD_REQUEST: u8 = 0x68;
pub(super) const ADD_RESPONSE: u8 = 0x69;
pub(super) const DEL_REQUEST: u8 = 0x4a;
pub(super) const DEL_RESPONSE: u8 = 0x6b;
pub(super) const MODIFY_DN_REQUEST: u8 = 0x6c;
pub(super) const MODIFY_DN_RESPONSE: u8 = 0x6d;
pub(super) const COMPARE_REQUEST: u8 = 0x6e;
pub(super) const COMPARE_RESPONSE: u8 = 0x6f;
pub(super) const ABANDON_REQUEST: u8 = 0x50;
pub(super) const EXTENDED_REQUEST: u8 = 0x77;
pub(super) const EXTENDED_RESPONSE: u8 = 0x78;
pub(super) const INTERMEDIATE_RESPONSE: u8 = 0x79;
