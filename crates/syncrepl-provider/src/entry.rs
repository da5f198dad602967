//! One entry: its user attributes, and the operational attributes derived from it. `directory`
//! knows its place in the tree.

use std::fmt;
use std::sync::Arc;

use syncrepl_proto::Uuid;
use syncrepl_proto::attributes::{Description, same_description};
use syncrepl_proto::filter;
use syncrepl_proto::matching::{self, Rule};
use syncrepl_proto::secret::is_secret;

use crate::csn::Csn;

/// The DN of the subschema subentry.
pub(crate) const SUBSCHEMA_DN: &str = "cn=Subschema";

/// An attribute with its values, under the name that was given first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) name: String,
    pub(crate) values: Vec<Vec<u8>>,
}

impl Stored {
    pub(crate) fn new(name: &str, values: &[&str]) -> Stored {
        Stored {
            name: name.to_owned(),
            values: values
                .iter()
                .map(|value| value.as_bytes().to_vec())
                .collect(),
        }
    }

    pub(crate) fn rule(&self) -> Rule {
        Rule::of(&Description::parse(&self.name).base)
    }
}

/// An entry of the directory as it was at one moment.
#[derive(Clone, PartialEq, Eq)]
pub struct Entry {
    pub(crate) uuid: Uuid,
    pub(crate) dn: String,
    /// The DN in the form that is compared and sorted, see [`syncrepl_proto::dn::key`].
    pub(crate) key: Vec<u8>,
    pub(crate) attributes: Vec<Stored>,
    pub(crate) created: Csn,
    pub(crate) csn: Csn,
}

impl Entry {
    /// The entryUUID.
    pub fn uuid(&self) -> Uuid {
        self.uuid
    }

    /// The distinguished name, as it was given.
    pub fn dn(&self) -> &str {
        &self.dn
    }

    /// The entryCSN: the time of the last change, in OpenLDAP's form.
    pub fn csn(&self) -> &str {
        self.csn.as_str()
    }

    /// The user attributes, each with its values.
    pub fn attributes(&self) -> impl Iterator<Item = (&str, impl Iterator<Item = &[u8]>)> {
        self.attributes.iter().map(|stored| {
            (
                stored.name.as_str(),
                stored.values.iter().map(Vec::as_slice),
            )
        })
    }

    /// The values of one user attribute; none when the entry lacks it. Options count: `cn` does not
    /// select `cn;lang-de`. Letter case does not.
    pub fn values(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        let stored = self.stored(name).into_iter();
        stored.flat_map(|stored| stored.values.iter().map(Vec::as_slice))
    }

    pub(crate) fn stored(&self, name: &str) -> Option<&Stored> {
        self.attributes
            .iter()
            .find(|stored| same_description(&stored.name, name))
    }

    /// Whether the entry is a referral object (RFC 3296).
    pub(crate) fn is_referral(&self) -> bool {
        self.values("objectClass")
            .any(|class| class.eq_ignore_ascii_case(b"referral"))
    }

    /// The URIs of a referral object, without their labels.
    pub(crate) fn referral_uris(&self) -> Vec<String> {
        // A label may follow the first space (RFC 3296 §2).
        let uri = |value: &[u8]| {
            let text = String::from_utf8_lossy(value).into_owned();
            text.split(' ').next().unwrap_or_default().to_owned()
        };
        self.values("ref").map(uri).collect()
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Entry");
        shown.field("uuid", &self.uuid).field("dn", &self.dn);
        for stored in &self.attributes {
            let secret = is_secret(&stored.name);
            let values = stored.values.iter().filter(|_| !secret);
            let values: Vec<_> = values.map(|value| String::from_utf8_lossy(value)).collect();
            shown.field(&stored.name, &values);
        }
        shown.finish_non_exhaustive()
    }
}

/// An entry as filters and attribute selections see it: one of the tree, or a special one.
pub(crate) trait Subject {
    fn dn(&self) -> &str;
    fn user(&self) -> &[Stored];
    /// The names of the operational attributes that it may have.
    fn operational_names(&self) -> &'static [&'static str];
    /// One operational attribute; the name in any letter case.
    fn operational(&self, name: &str) -> Option<Stored>;
}

/// A subject as a filter sees it.
pub(crate) struct Seen<'a>(pub(crate) &'a dyn Subject);

impl filter::Subject for Seen<'_> {
    fn dn(&self) -> &str {
        self.0.dn()
    }

    fn any_attribute(&self, so: &mut dyn FnMut(&str, &[Vec<u8>]) -> bool) -> bool {
        let mut user = self.0.user().iter();
        user.any(|stored| so(&stored.name, &stored.values))
    }

    fn any_operational(&self, name: &str, so: &mut dyn FnMut(&str, &[Vec<u8>]) -> bool) -> bool {
        let stored = self.0.operational(name);
        stored.is_some_and(|stored| so(&stored.name, &stored.values))
    }
}

/// An entry at one moment, with `hasSubordinates` of that moment.
#[derive(Debug, Clone)]
pub(crate) struct View {
    pub(crate) entry: Arc<Entry>,
    pub(crate) has_children: bool,
}

const OPERATIONAL: &[&str] = &[
    "structuralObjectClass",
    "entryUUID",
    "createTimestamp",
    "modifyTimestamp",
    "entryCSN",
    "entryDN",
    "subschemaSubentry",
    "hasSubordinates",
];

/// Whether an attribute is operational, so that no client may set it. Letter case does not count.
pub(crate) fn is_operational(name: &str) -> bool {
    OPERATIONAL
        .iter()
        .any(|other| other.eq_ignore_ascii_case(name))
}

impl Subject for View {
    fn dn(&self) -> &str {
        &self.entry.dn
    }

    fn user(&self) -> &[Stored] {
        &self.entry.attributes
    }

    fn operational_names(&self) -> &'static [&'static str] {
        OPERATIONAL
    }

    fn operational(&self, name: &str) -> Option<Stored> {
        let entry = &self.entry;
        let name = *OPERATIONAL
            .iter()
            .find(|known| known.eq_ignore_ascii_case(name))?;
        let value = match name {
            "structuralObjectClass" => matching::structural(entry.values("objectClass"))?,
            "entryUUID" => entry.uuid.to_string(),
            "createTimestamp" => entry.created.timestamp(),
            "modifyTimestamp" => entry.csn.timestamp(),
            "entryCSN" => entry.csn.as_str().to_owned(),
            "entryDN" => entry.dn.clone(),
            "subschemaSubentry" => SUBSCHEMA_DN.to_owned(),
            _ => if self.has_children { "TRUE" } else { "FALSE" }.to_owned(),
        };
        Some(Stored::new(name, &[&value]))
    }
}
