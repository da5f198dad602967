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
    ///
    /// [`Attributes::diff`] says what differs between two states of them, value by value:
    ///
    /// ```
    /// use syncrepl_client::{OwnedRecord, Record, Uuid};
    ///
    /// /// Who joined a group, and who left, as `record_change` is told both states of it.
    /// fn members(old: &Record<'_>, new: &Record<'_>) -> (Vec<String>, Vec<String>) {
    ///     let member = old.attrs().diff(new.attrs()).find(|diff| diff.name == "member");
    ///     let (joined, left) = member.map(|diff| (diff.added, diff.removed)).unwrap_or_default();
    ///     let text = |dn: &[u8]| String::from_utf8_lossy(dn).into_owned();
    ///     (joined.into_iter().map(text).collect(), left.into_iter().map(text).collect())
    /// }
    ///
    /// # fn main() -> syncrepl_client::Result<()> {
    /// let group = |members: [&str; 2]| OwnedRecord::new(Uuid::nil(), "cn=it", [("member", members)]);
    /// let (old, new) = (group(["uid=ann", "uid=bob"])?, group(["uid=eve", "uid=ann"])?);
    /// let (joined, left) = members(&old.as_record(), &new.as_record());
    /// assert_eq!((joined, left), (vec!["uid=eve".to_owned()], vec!["uid=bob".to_owned()]));
    /// # Ok(())
    /// # }
    /// ```
    pub fn attrs(&self) -> &Attributes<'a> {
        &self.attrs
    }
}
