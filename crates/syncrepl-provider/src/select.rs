//! The attributes of an entry that a search returns (RFC 4511 §4.5.1.8, RFC 3673).

use syncrepl_proto::attributes::{AttributeList, Description};

use crate::entry::{Stored, Subject};

/// An attribute selection.
#[derive(Debug, Clone)]
pub(crate) struct Selection {
    all_user: bool,
    all_operational: bool,
    named: Vec<Description>,
    types_only: bool,
}

impl Selection {
    pub(crate) fn new(attributes: &[&str], types_only: bool) -> Selection {
        let named = attributes
            .iter()
            .filter(|name| !matches!(**name, "*" | "+" | "1.1"));
        Selection {
            all_user: attributes.is_empty() || attributes.contains(&"*"),
            all_operational: attributes.contains(&"+"),
            named: named.map(|name| Description::parse(name)).collect(),
            types_only,
        }
    }

    fn names(&self, name: &str) -> bool {
        self.named.iter().any(|description| description.means(name))
    }

    /// Encodes the selected attributes as a PartialAttributeList.
    pub(crate) fn apply(&self, subject: &dyn Subject) -> Vec<u8> {
        let user = subject
            .user()
            .iter()
            .filter(|stored| self.all_user || self.names(&stored.name));
        let operational = subject
            .operational_names()
            .iter()
            .filter(|name| self.all_operational || self.names(name))
            .filter_map(|name| subject.operational(&name.to_ascii_lowercase()));
        let operational: Vec<Stored> = operational.collect();
        let chosen = user.chain(&operational).map(|stored| {
            let values = stored.values.iter().filter(|_| !self.types_only);
            (stored.name.as_str(), values.map(Vec::as_slice).collect())
        });
        AttributeList::encode(chosen)
    }
}
