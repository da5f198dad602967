//! A record as callbacks are shown it: a read-only view over stored bytes.

use syncrepl_proto::Uuid;
use syncrepl_proto::attributes::AttributeList as Attributes;

/// An entry of the copy: its entryUUID, its DN, and its attributes as the provider sent them.
/// Borrowed; [`to_owned`](Record::to_owned) makes one to keep. `Debug` shows neither secrets nor
/// long values.
#[derive(Debug, Clone, Copy)]
pub struct Record<'a> {
    uuid: Uuid,
    dn: &'a str,
    attrs: Attributes<'a>,
}

impl<'a> Record<'a> {
    pub(crate) fn new(uuid: Uuid, dn: &'a str, attrs: Attributes<'a>) -> Self {
        Record { uuid, dn, attrs }
    }

    /// The entryUUID: what stays the same when everything else changes (RFC 4530).
    pub fn uuid(&self) -> Uuid {
        self.uuid
    }

    /// The DN, in the provider's spelling.
    pub fn dn(&self) -> &'a str {
        self.dn
    }

    /// The attributes that were asked for and that the bind identity may see.
    pub fn attrs(&self) -> &Attributes<'a> {
        &self.attrs
    }
}
