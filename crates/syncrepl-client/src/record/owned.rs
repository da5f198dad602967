//! A record to keep: to send to another thread, to put into a queue, to compare later.

use std::fmt;

use syncrepl_proto::Uuid;
use syncrepl_proto::attributes::{AttributeList as Attributes, OwnedAttributeList};

use super::borrowed::Record;
use crate::error::{Error, ErrorKind, Result};

/// A [`Record`] that owns what it shows, made by [`Record::to_owned`], [`Store::get`](crate::Store::get)
/// or [`new`](OwnedRecord::new). [`as_record`](OwnedRecord::as_record) gives the borrowed form back.
///
/// Two are equal when entryUUID and DN are the same bytes, and the attributes hold the same values
/// under the same descriptions: the order of attributes and values, and the letter case of
/// descriptions, mean nothing in LDAP.
///
/// # serde
/// With the feature `serde` it is `Serialize` and `Deserialize`, and [`Record`] is `Serialize`. In
/// JSON it has the form of the command's lines, so that a line of `syncrepl dump --format json` can be
/// read as one. A value is a string if it is UTF-8, and else base64:
///
/// ```json
/// {"uuid":"7f0e…","dn":"uid=ann,…","attrs":{"cn":["Ann"],"jpegPhoto":[{"base64":"/9j/"}]}}
/// ```
///
/// Deserializing needs a format that tells what comes next, as JSON, CBOR and YAML do.
#[derive(Clone)]
pub struct OwnedRecord {
    uuid: Uuid,
    dn: String,
    attrs: OwnedAttributeList,
}

impl OwnedRecord {
    /// A record from its parts, as tests of your own may need it.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] when an attribute has no name.
    pub fn new<N, V>(
        uuid: Uuid,
        dn: impl Into<String>,
        attrs: impl IntoIterator<Item = (N, V)>,
    ) -> Result<Self>
    where
        N: AsRef<str>,
        V: IntoIterator<Item: AsRef<[u8]>>,
    {
        let attrs: Vec<(N, Vec<_>)> = attrs
            .into_iter()
            .map(|(name, values)| (name, values.into_iter().collect()))
            .collect();
        let raw = Attributes::encode(attrs.iter().map(|(name, values)| {
            let values = values.iter().map(AsRef::as_ref).collect();
            (name.as_ref(), values)
        }));
        OwnedRecord::decode(uuid, dn.into(), raw).map_err(|error| {
            Error::new(ErrorKind::InvalidInput, "no record has such attributes").with_source(error)
        })
    }

    /// `attrs` is a whole PartialAttributeList (RFC 4511 §4.5.2).
    fn decode(
        uuid: Uuid,
        dn: String,
        attrs: Vec<u8>,
    ) -> std::result::Result<Self, syncrepl_proto::ber::DecodeError> {
        let attrs = OwnedAttributeList::decode(attrs)?;
        Ok(OwnedRecord { uuid, dn, attrs })
    }

    /// The entryUUID.
    pub fn uuid(&self) -> Uuid {
        self.uuid
    }

    /// The DN, in the provider's spelling.
    pub fn dn(&self) -> &str {
        &self.dn
    }

    /// The attributes. Their [`values`](Attributes::values) are looked up without regard to case.
    pub fn attrs(&self) -> Attributes<'_> {
        self.attrs.as_list()
    }

    /// The same record, borrowed.
    pub fn as_record(&self) -> Record<'_> {
        Record::new(self.uuid, &self.dn, self.attrs())
    }
}

impl Record<'_> {
    /// A copy of the record that outlives the callback. One allocation each for the DN and the
    /// attributes.
    pub fn to_owned(&self) -> OwnedRecord {
        OwnedRecord::from(*self)
    }
}

impl From<Record<'_>> for OwnedRecord {
    fn from(record: Record<'_>) -> Self {
        OwnedRecord {
            uuid: record.uuid(),
            dn: record.dn().to_owned(),
            attrs: OwnedAttributeList::from(*record.attrs()),
        }
    }
}

impl PartialEq for OwnedRecord {
    fn eq(&self, other: &Self) -> bool {
        self.uuid == other.uuid && self.dn == other.dn && self.attrs().same(&other.attrs())
    }
}

impl Eq for OwnedRecord {}

impl fmt::Debug for OwnedRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnedRecord")
            .field("uuid", &self.uuid)
            .field("dn", &self.dn)
            .field("attrs", &self.attrs)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn is_shared<T: Send + Sync + Clone + Eq + 'static>() {}
    const _: () = is_shared::<OwnedRecord>();

    fn record(attrs: &[(&str, &[&str])]) -> OwnedRecord {
        let attrs = attrs.iter().map(|(name, values)| (*name, values.iter()));
        OwnedRecord::new(Uuid::from_bytes([7; 16]), "cn=Ann", attrs).unwrap()
    }

    #[test]
    fn owned_record_outlives_the_borrowed_one() {
        let first = record(&[("CN;lang-de", &["Anna"]), ("cn", &["Ann", "A"])]);
        let kept = first.as_record().to_owned();
        let before = first.clone();
        drop(first);
        assert_eq!(kept, before);
        assert_eq!(
            (kept.uuid(), kept.dn()),
            (Uuid::from_bytes([7; 16]), "cn=Ann")
        );
        let attrs = kept.attrs();
        assert_eq!(attrs.values("Cn").collect::<Vec<_>>(), [&b"Ann"[..], b"A"]);
        assert_eq!(attrs.values("cn;LANG-DE").next(), Some(&b"Anna"[..]));
        assert_eq!(kept.as_record().attrs(), &attrs);
    }

    #[test]
    fn order_and_letter_case_of_names_make_no_difference() {
        let one = record(&[("cn", &["a", "b"]), ("sn", &["s"])]);
        assert_eq!(one, record(&[("SN", &["s"]), ("CN", &["b", "a"])]));
        assert_ne!(one, record(&[("cn", &["a"]), ("sn", &["s"])]));
        let renamed = OwnedRecord {
            dn: "cn=ann".to_owned(),
            ..one.clone()
        };
        assert_ne!(one, renamed);
        let other = OwnedRecord {
            uuid: Uuid::nil(),
            ..one.clone()
        };
        assert_ne!(one, other);
    }

    #[test]
    fn attribute_without_a_name_is_refused() {
        let refused = OwnedRecord::new(Uuid::nil(), "cn=Ann", [("", ["value"])]).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::InvalidInput);
    }

    #[test]
    fn debug_shows_the_record_without_its_secrets() {
        let record = record(&[("cn", &["Ann"]), ("userPassword", &["hunter2"])]);
        let attrs = r#"attrs: {"cn": ["Ann"], "userPassword": [(7 bytes, secret)]} }"#;
        let uuid = "07070707-0707-0707-0707-070707070707";
        let parts = format!(r#"Record {{ uuid: {uuid}, dn: "cn=Ann", {attrs}"#);
        assert_eq!(format!("{:?}", record.as_record()), parts);
        assert_eq!(format!("{record:?}"), format!("Owned{parts}"));
    }
}
