//! The tags of the Filter choice and of its parts (RFC 4511 §4.5.1.7).

pub(super) const AND: u8 = 0xa0;
pub(super) const OR: u8 = 0xa1;
pub(super) const NOT: u8 = 0xa2;
pub(super) const EQUALITY: u8 = 0xa3;
pub(super) const SUBSTRINGS: u8 = 0xa4;
pub(super) const GREATER_OR_EQUAL: u8 = 0xa5;
pub(super) const LESS_OR_EQUAL: u8 = 0xa6;
pub(super) const PRESENT: u8 = 0x87;
pub(super) const APPROXIMATE: u8 = 0xa8;
pub(super) const EXTENSIBLE: u8 = 0xa9;
pub(super) const OCTETS: u8 = 0x04;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const INITIAL: u8 = 0x80;
pub(super) const ANY: u8 = 0x81;
pub(super) const FINAL: u8 = 0x82;
pub(super) const MATCHING_RULE: u8 = 0x81;
pub(super) const TYPE: u8 = 0x82;
pub(super) const MATCH_VALUE: u8 = 0x83;
pub(super) const DN_ATTRIBUTES: u8 = 0x84;
