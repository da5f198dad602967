//! The elements of RFC 4533: the Sync Request, Sync State and Sync Done controls and the Sync Info
//! message.
//!
//! The readers find optional fields by tag. A reader that goes by position would take the UUIDs of
//! a syncIdSet without a cookie for the cookie.

use uuid::Uuid;

use crate::ber::{self, DecodeError, Problem, Reader, Writer, tag};

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

/// mode: what a sync search does after the refresh stage (RFC 4533 §2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SyncMode {
    /// refreshOnly: the search ends.
    RefreshOnly,
    /// refreshAndPersist: the provider sends changes as they happen.
    RefreshAndPersist,
}

/// syncRequestValue (RFC 4533 §2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SyncRequest<'a> {
    /// mode.
    pub mode: SyncMode,
    /// cookie; providers treat an empty one as none.
    pub cookie: Option<&'a [u8]>,
    /// reloadHint: whether the consumer prefers e-syncRefreshRequired to a present phase over the
    /// whole content.
    pub reload_hint: bool,
}

impl<'a> SyncRequest<'a> {
    /// Reads the value of a Sync Request control.
    ///
    /// # Errors
    /// The value breaks RFC 4533 §2.2.
    pub fn decode(value: &'a [u8]) -> Result<Self, DecodeError> {
        let mut fields = sequence(value, "syncRequestValue")?;
        let mode = match fields.number(tag::ENUMERATED, "mode")? {
            1 => SyncMode::RefreshOnly,
            3 => SyncMode::RefreshAndPersist,
            _ => return Err(DecodeError::new("mode", Problem::Number)),
        };
        let Optional { cookie, flag, .. } = Optional::decode(&mut fields, "reloadHint")?;
        Ok(SyncRequest {
            mode,
            cookie,
            reload_hint: flag.unwrap_or(false),
        })
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

/// state: what became of an entry (RFC 4533 §2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EntryState {
    /// present: the entry is unchanged.
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
    ///
    /// # Errors
    /// The value breaks RFC 4533 §2.3.
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
        let Optional { cookie, .. } = Optional::decode(&mut fields, "syncStateValue")?;
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
    /// refreshDeletes, default FALSE: whether the refresh told every delete.
    pub refresh_deletes: bool,
}

impl<'a> SyncDone<'a> {
    /// Reads the value of a Sync Done control.
    ///
    /// # Errors
    /// The value breaks RFC 4533 §2.4.
    pub fn decode(value: &'a [u8]) -> Result<Self, DecodeError> {
        let mut fields = sequence(value, "syncDoneValue")?;
        let Optional { cookie, flag, .. } = Optional::decode(&mut fields, "refreshDeletes")?;
        Ok(SyncDone {
            cookie,
            refresh_deletes: flag.unwrap_or(false),
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
        /// refreshDone, default TRUE: whether this message ends the refresh stage.
        refresh_done: bool,
    },
    /// refreshPresent: a present phase has ended.
    RefreshPresent {
        /// cookie.
        cookie: Option<&'a [u8]>,
        /// refreshDone, default TRUE: whether this message ends the refresh stage.
        refresh_done: bool,
    },
    /// syncIdSet.
    SyncIdSet {
        /// cookie.
        cookie: Option<&'a [u8]>,
        /// refreshDeletes, default FALSE: whether the entries are deleted rather than present.
        refresh_deletes: bool,
        /// syncUUIDs.
        uuids: UuidSet<'a>,
    },
}

impl<'a> SyncInfo<'a> {
    /// Reads the value of a Sync Info message.
    ///
    /// # Errors
    /// The value breaks RFC 4533 §2.5.
    pub fn decode(value: &'a [u8]) -> Result<Self, DecodeError> {
        let mut outer = Reader::new(value, "syncInfoValue");
        let choice = outer.element()?;
        outer.end()?;
        let mut fields = Reader::new(choice.value, "syncInfoValue");
        Ok(match choice.tag {
            0x80 => SyncInfo::NewCookie(choice.value),
            0xa1 => {
                let Optional { cookie, flag, .. } = Optional::decode(&mut fields, "refreshDone")?;
                SyncInfo::RefreshDelete {
                    cookie,
                    refresh_done: flag.unwrap_or(true),
                }
            }
            0xa2 => {
                let Optional { cookie, flag, .. } = Optional::decode(&mut fields, "refreshDone")?;
                SyncInfo::RefreshPresent {
                    cookie,
                    refresh_done: flag.unwrap_or(true),
                }
            }
            0xa3 => {
                let found = Optional::decode(&mut fields, "refreshDeletes")?;
                let uuids = found
                    .uuids
                    .ok_or(DecodeError::new("syncUUIDs", Problem::Missing))?;
                SyncInfo::SyncIdSet {
                    cookie: found.cookie,
                    refresh_deletes: found.flag.unwrap_or(false),
                    uuids: UuidSet::decode(uuids)?,
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

/// syncUUIDs (RFC 4533 §2.5), validated once and read in place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UuidSet<'a>(&'a [u8]);

impl<'a> UuidSet<'a> {
    /// Reads the contents of a SET OF syncUUID.
    ///
    /// # Errors
    /// The bytes are not OCTET STRINGs of 16 bytes.
    pub fn decode(contents: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(contents, "syncUUIDs");
        while !reader.is_empty() {
            uuid(reader.octets("syncUUIDs")?)?;
        }
        Ok(UuidSet(contents))
    }

    /// Writes the contents of a SET OF syncUUID.
    pub fn encode(uuids: impl IntoIterator<Item = Uuid>) -> Vec<u8> {
        let mut writer = Writer::new();
        uuids
            .into_iter()
            .for_each(|uuid| writer.octets(uuid.as_bytes()));
        writer.finish()
    }

    /// The entryUUIDs, in the order they were sent.
    pub fn iter(&self) -> impl Iterator<Item = Uuid> + use<'a> {
        let mut reader = Reader::new(self.0, "syncUUIDs");
        std::iter::from_fn(move || uuid(reader.octets("syncUUIDs").ok()?).ok())
    }
}

/// The fields of a value that must be one SEQUENCE.
fn sequence<'a>(value: &'a [u8], what: &'static str) -> Result<Reader<'a>, DecodeError> {
    let mut outer = Reader::new(value, what);
    let contents = outer.expect(tag::SEQUENCE, what)?.value;
    outer.end()?;
    Ok(Reader::new(contents, what))
}

fn uuid(value: &[u8]) -> Result<Uuid, DecodeError> {
    Uuid::from_slice(value)
        .map_err(|_| DecodeError::new("entryUUID", Problem::Invalid("it is not 16 bytes")))
}

/// The optional fields of RFC 4533's SEQUENCEs, found by tag.
///
/// A field that comes twice is an error. The provider has contradicted itself, and obeying either
/// value of refreshDeletes could delete entries.
#[derive(Default)]
struct Optional<'a> {
    cookie: Option<&'a [u8]>,
    flag: Option<bool>,
    uuids: Option<&'a [u8]>,
}

impl<'a> Optional<'a> {
    /// Reads the remaining fields. Errors call the BOOLEAN `flag`.
    fn decode(fields: &mut Reader<'a>, flag: &'static str) -> Result<Self, DecodeError> {
        let mut found = Optional::default();
        while !fields.is_empty() {
            let field = fields.element()?;
            match field.tag {
                tag::OCTET_STRING => ber::once(&mut found.cookie, field.value, "cookie")?,
                tag::BOOLEAN => {
                    let value = ber::boolean(field.value, flag)?;
                    ber::once(&mut found.flag, value, flag)?;
                }
                tag::SET => ber::once(&mut found.uuids, field.value, "syncUUIDs")?,
                _ => {}
            }
        }
        Ok(found)
    }
}

fn write_cookie_and_flag(writer: &mut Writer, cookie: Option<&[u8]>, flag: bool, default: bool) {
    if let Some(cookie) = cookie {
        writer.octets(cookie);
    }
    if flag != default {
        writer.boolean(tag::BOOLEAN, flag);
    }
}
