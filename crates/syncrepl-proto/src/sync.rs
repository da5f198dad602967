//! The elements of RFC 4533: Sync Request, Sync State and Sync Done controls, Sync Info message.
//! Optional fields are found by their tags.

use uuid::Uuid;

use crate::ber::{DecodeError, Problem, Reader, Writer, tag};

/// Sync Request control (RFC 4533 §2.2).
pub const SYNC_REQUEST: &str = "1.3.6.1.4.1.4203.1.9.1.1";
/// Sync State control (RFC 4533 §2.3).
pub const SYNC_STATE: &str = "1.3.6.1.4.1.4203.1.9.1.2";
/// Sync Done control (RFC 4533 §2.4).
pub const SYNC_DONE: &str = "1.3.6.1.4.1.4203.1.9.1.3";
/// Sync Info message (RFC 4533 §2.5).
pub const SYNC_INFO: &str = "1.3.6.1.4.1.4203.1.9.1.4";
/// e-syncRefreshRequired (RFC 4533 §2.6).
pub const SYNC_REFRESH_REQUIRED: u32 = 4096;

/// How a sync search goes on once the copy is up to date (RFC 4533 §2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SyncMode {
    /// refreshOnly: the search ends.
    RefreshOnly,
    /// refreshAndPersist: changes are sent as they happen.
    RefreshAndPersist,
}

/// syncRequestValue (RFC 4533 §2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SyncRequest<'a> {
    /// mode.
    pub mode: SyncMode,
    /// cookie; an empty one counts as none.
    pub cookie: Option<&'a [u8]>,
    /// reloadHint: whether e-syncRefreshRequired is preferred to a full present phase.
    pub reload_hint: bool,
}

impl<'a> SyncRequest<'a> {
    /// Reads the value of a Sync Request control.
    pub fn decode(value: &'a [u8]) -> Result<Self, DecodeError> {
        let mut fields = sequence(value, "syncRequestValue")?;
        let mode = match fields.number(tag::ENUMERATED, "mode")? {
            1 => SyncMode::RefreshOnly,
            3 => SyncMode::RefreshAndPersist,
            _ => return Err(DecodeError::new("mode", Problem::Number)),
        };
        let mut request = SyncRequest {
            mode,
            cookie: None,
            reload_hint: false,
        };
        while !fields.is_empty() {
            let field = fields.element()?;
            match field.tag {
                tag::OCTET_STRING => request.cookie = Some(field.value),
                tag::BOOLEAN => {
                    request.reload_hint = crate::ber::boolean(field.value, "reloadHint")?;
                }
                _ => {}
            }
        }
        Ok(request)
    }

    /// Writes the value of a Sync Request control.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        writer.constructed(tag::SEQUENCE, |writer| {
            let mode = match self.mode {
                SyncMode::RefreshOnly => 1,
                SyncMode::RefreshAndPersist => 3,
            };
            writer.number(tag::ENUMERATED, mode);
            if let Some(cookie) = self.cookie {
                writer.octets(cookie);
            }
            if self.reload_hint {
                writer.boolean(tag::BOOLEAN, true);
            }
        });
        writer.finish()
    }
}

/// The state of a Sync State control (RFC 4533 §2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EntryState {
    /// present: it is there, unchanged.
    Present,
    /// add.
    Add,
    /// modify.
    Modify,
    /// delete.
    Delete,
}

/// syncStateValue (RFC 4533 §2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SyncState<'a> {
    /// state.
    pub state: EntryState,
    /// entryUUID.
    pub uuid: Uuid,
    /// cookie.
    pub cookie: Option<&'a [u8]>,
}

impl<'a> SyncState<'a> {
    /// Reads the value of a Sync State control.
    pub fn decode(value: &'a [u8]) -> Result<Self, DecodeError> {
        let mut fields = sequence(value, "syncStateValue")?;
        let state = match fields.number(tag::ENUMERATED, "state")? {
            0 => EntryState::Present,
            1 => EntryState::Add,
            2 => EntryState::Modify,
            3 => EntryState::Delete,
            _ => return Err(DecodeError::new("state", Problem::Number)),
        };
        let uuid = uuid(fields.octets("entryUUID")?)?;
        let cookie = fields.optional(tag::OCTET_STRING, "cookie")?;
        fields.skip_rest()?;
        Ok(SyncState {
            state,
            uuid,
            cookie,
        })
    }

    /// Writes the value of a Sync State control.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        writer.constructed(tag::SEQUENCE, |writer| {
            let state = match self.state {
                EntryState::Present => 0,
                EntryState::Add => 1,
                EntryState::Modify => 2,
                EntryState::Delete => 3,
            };
            writer.number(tag::ENUMERATED, state);
            writer.octets(self.uuid.as_bytes());
            if let Some(cookie) = self.cookie {
                writer.octets(cookie);
            }
        });
        writer.finish()
    }
}

/// syncDoneValue (RFC 4533 §2.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SyncDone<'a> {
    /// cookie.
    pub cookie: Option<&'a [u8]>,
    /// refreshDeletes, FALSE by default: the refresh told deletes one by one.
    pub refresh_deletes: bool,
}

impl<'a> SyncDone<'a> {
    /// Reads the value of a Sync Done control.
    pub fn decode(value: &'a [u8]) -> Result<Self, DecodeError> {
        let mut fields = sequence(value, "syncDoneValue")?;
        let (cookie, refresh_deletes) = cookie_and_flag(&mut fields, "refreshDeletes", false)?;
        Ok(SyncDone {
            cookie,
            refresh_deletes,
        })
    }

    /// Writes the value of a Sync Done control.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        writer.constructed(tag::SEQUENCE, |writer| {
            write_cookie_and_flag(writer, self.cookie, self.refresh_deletes, false);
        });
        writer.finish()
    }
}

/// syncInfoValue (RFC 4533 §2.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SyncInfo<'a> {
    /// newcookie.
    NewCookie(&'a [u8]),
    /// refreshDelete: a delete phase has ended.
    RefreshDelete {
        /// cookie.
        cookie: Option<&'a [u8]>,
        /// refreshDone, TRUE by default: the refresh stage has ended with it.
        refresh_done: bool,
    },
    /// refreshPresent: a present phase has ended.
    RefreshPresent {
        /// cookie.
        cookie: Option<&'a [u8]>,
        /// refreshDone, TRUE by default: the refresh stage has ended with it.
        refresh_done: bool,
    },
    /// syncIdSet.
    SyncIdSet {
        /// cookie.
        cookie: Option<&'a [u8]>,
        /// refreshDeletes, FALSE by default: the entries are deleted, not present.
        refresh_deletes: bool,
        /// syncUUIDs.
        uuids: UuidSet<'a>,
    },
}

impl<'a> SyncInfo<'a> {
    /// Reads the value of a Sync Info message.
    pub fn decode(value: &'a [u8]) -> Result<Self, DecodeError> {
        let mut outer = Reader::new(value, "syncInfoValue");
        let choice = outer.element()?;
        let mut fields = Reader::new(choice.value, "syncInfoValue");
        Ok(match choice.tag {
            0x80 => SyncInfo::NewCookie(choice.value),
            0xa1 => {
                let (cookie, refresh_done) = cookie_and_flag(&mut fields, "refreshDone", true)?;
                SyncInfo::RefreshDelete {
                    cookie,
                    refresh_done,
                }
            }
            0xa2 => {
                let (cookie, refresh_done) = cookie_and_flag(&mut fields, "refreshDone", true)?;
                SyncInfo::RefreshPresent {
                    cookie,
                    refresh_done,
                }
            }
            0xa3 => {
                let (mut cookie, mut refresh_deletes, mut uuids) = (None, false, None);
                while !fields.is_empty() {
                    let field = fields.element()?;
                    match field.tag {
                        tag::OCTET_STRING => cookie = Some(field.value),
                        tag::BOOLEAN => {
                            refresh_deletes = crate::ber::boolean(field.value, "refreshDeletes")?;
                        }
                        tag::SET => uuids = Some(UuidSet::decode(field.value)?),
                        _ => {}
                    }
                }
                let uuids = uuids.ok_or(DecodeError::new("syncUUIDs", Problem::Missing))?;
                SyncInfo::SyncIdSet {
                    cookie,
                    refresh_deletes,
                    uuids,
                }
            }
            found => {
                return Err(DecodeError::new(
                    "syncInfoValue",
                    Problem::Tag {
                        expected: 0x80,
                        found,
                    },
                ));
            }
        })
    }

    /// Writes the value of a Sync Info message.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        match *self {
            SyncInfo::NewCookie(cookie) => writer.value(0x80, cookie),
            SyncInfo::RefreshDelete {
                cookie,
                refresh_done,
            } => {
                writer.constructed(0xa1, |writer| {
                    write_cookie_and_flag(writer, cookie, refresh_done, true);
                });
            }
            SyncInfo::RefreshPresent {
                cookie,
                refresh_done,
            } => {
                writer.constructed(0xa2, |writer| {
                    write_cookie_and_flag(writer, cookie, refresh_done, true);
                });
            }
            SyncInfo::SyncIdSet {
                cookie,
                refresh_deletes,
                uuids,
            } => {
                writer.constructed(0xa3, |writer| {
                    write_cookie_and_flag(writer, cookie, refresh_deletes, false);
                    writer.value(tag::SET, uuids.0);
                });
            }
        }
        writer.finish()
    }
}

/// syncUUIDs (RFC 4533 §2.5), validated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UuidSet<'a>(&'a [u8]);

impl<'a> UuidSet<'a> {
    /// Reads the contents of a SET OF syncUUID.
    pub fn decode(contents: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(contents, "syncUUIDs");
        while !reader.is_empty() {
            uuid(reader.octets("syncUUIDs")?)?;
        }
        Ok(UuidSet(contents))
    }

    /// The contents of a SET OF syncUUID.
    pub fn encode(uuids: impl IntoIterator<Item = Uuid>) -> Vec<u8> {
        let mut writer = Writer::new();
        uuids
            .into_iter()
            .for_each(|uuid| writer.octets(uuid.as_bytes()));
        writer.finish()
    }

    /// Each entryUUID.
    pub fn iter(&self) -> impl Iterator<Item = Uuid> + use<'a> {
        let mut reader = Reader::new(self.0, "syncUUIDs");
        std::iter::from_fn(move || uuid(reader.octets("syncUUIDs").ok()?).ok())
    }
}

fn sequence<'a>(value: &'a [u8], what: &'static str) -> Result<Reader<'a>, DecodeError> {
    let mut outer = Reader::new(value, what);
    Ok(Reader::new(outer.expect(tag::SEQUENCE, what)?.value, what))
}

fn uuid(value: &[u8]) -> Result<Uuid, DecodeError> {
    Uuid::from_slice(value)
        .map_err(|_| DecodeError::new("entryUUID", Problem::Invalid("it is not 16 bytes")))
}

fn cookie_and_flag<'a>(
    fields: &mut Reader<'a>,
    what: &'static str,
    default: bool,
) -> Result<(Option<&'a [u8]>, bool), DecodeError> {
    let (mut cookie, mut flag) = (None, default);
    while !fields.is_empty() {
        let field = fields.element()?;
        match field.tag {
            tag::OCTET_STRING => cookie = Some(field.value),
            tag::BOOLEAN => flag = crate::ber::boolean(field.value, what)?,
            _ => {}
        }
    }
    Ok((cookie, flag))
}

fn write_cookie_and_flag(writer: &mut Writer, cookie: Option<&[u8]>, flag: bool, default: bool) {
    if let Some(cookie) = cookie {
        writer.octets(cookie);
    }
    if flag != default {
        writer.boolean(tag::BOOLEAN, flag);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: [u8; 16] = *b"0123456789abcdef";

    #[test]
    fn golden_sync_request() {
        for (request, bytes) in [
            (
                SyncRequest {
                    mode: SyncMode::RefreshOnly,
                    cookie: None,
                    reload_hint: false,
                },
                &b"\x30\x03\x0a\x01\x01"[..],
            ),
            (
                SyncRequest {
                    mode: SyncMode::RefreshAndPersist,
                    cookie: Some(b"ck"),
                    reload_hint: true,
                },
                b"\x30\x0a\x0a\x01\x03\x04\x02ck\x01\x01\xff",
            ),
        ] {
            assert_eq!(request.encode(), bytes);
            assert_eq!(SyncRequest::decode(bytes), Ok(request));
        }
        assert!(SyncRequest::decode(b"\x30\x03\x0a\x01\x02").is_err());
    }

    #[test]
    fn golden_sync_state() {
        let mut bytes = b"\x30\x19\x0a\x01\x02\x04\x10".to_vec();
        bytes.extend(ID);
        bytes.extend(b"\x04\x02ck");
        let state = SyncState {
            state: EntryState::Modify,
            uuid: Uuid::from_bytes(ID),
            cookie: Some(b"ck"),
        };
        assert_eq!(state.encode(), bytes);
        assert_eq!(SyncState::decode(&bytes), Ok(state));
        assert!(SyncState::decode(b"\x30\x08\x0a\x01\x01\x04\x03abc").is_err());
        assert!(SyncState::decode(b"\x30\x03\x0a\x01\x04").is_err());
    }

    #[test]
    fn golden_sync_done_fields_are_found_by_tag() {
        for (bytes, cookie, refresh_deletes) in [
            (&b"\x30\x00"[..], None, false),
            (b"\x30\x03\x01\x01\xff", None, true),
            (b"\x30\x04\x04\x02ck", Some(&b"ck"[..]), false),
            (b"\x30\x07\x04\x02ck\x01\x01\xff", Some(b"ck"), true),
        ] {
            let done = SyncDone {
                cookie,
                refresh_deletes,
            };
            assert_eq!(SyncDone::decode(bytes), Ok(done));
            assert_eq!(done.encode(), bytes);
        }
        // An explicit default and another order are read alike.
        let odd = SyncDone::decode(b"\x30\x07\x01\x01\x00\x04\x02ck").unwrap();
        assert_eq!(
            odd,
            SyncDone {
                cookie: Some(b"ck"),
                refresh_deletes: false
            }
        );
    }

    #[test]
    fn golden_sync_info() {
        let uuids = UuidSet::encode([Uuid::from_bytes(ID)]);
        let mut set = b"\xa3\x17\x01\x01\xff\x31\x12\x04\x10".to_vec();
        set.extend(ID);
        let mut present = b"\xa3\x18\x04\x02ck\x31\x12\x04\x10".to_vec();
        present.extend(ID);
        let uuids = UuidSet::decode(&uuids).unwrap();
        for (info, bytes) in [
            (SyncInfo::NewCookie(b"ck"), &b"\x80\x02ck"[..]),
            (
                SyncInfo::RefreshDelete {
                    cookie: None,
                    refresh_done: true,
                },
                b"\xa1\x00",
            ),
            (
                SyncInfo::RefreshPresent {
                    cookie: Some(b"c"),
                    refresh_done: false,
                },
                b"\xa2\x06\x04\x01c\x01\x01\x00",
            ),
            (
                SyncInfo::SyncIdSet {
                    cookie: None,
                    refresh_deletes: true,
                    uuids,
                },
                &set,
            ),
            (
                SyncInfo::SyncIdSet {
                    cookie: Some(b"ck"),
                    refresh_deletes: false,
                    uuids,
                },
                &present,
            ),
        ] {
            assert_eq!(info.encode(), bytes);
            assert_eq!(SyncInfo::decode(bytes), Ok(info));
        }
        assert_eq!(uuids.iter().collect::<Vec<_>>(), [Uuid::from_bytes(ID)]);
        assert!(SyncInfo::decode(b"\xa3\x00").is_err());
        assert!(SyncInfo::decode(b"\x84\x00").is_err());
        assert!(SyncInfo::decode(b"\xa3\x07\x31\x05\x04\x03abc").is_err());
    }
}
