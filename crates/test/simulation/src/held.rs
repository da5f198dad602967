//! Records as a reader of the consumer's output holds them.

use std::collections::BTreeMap;

use syncrepl_client::Record;
use syncrepl_proto::attributes::AttributeList;

use crate::directory::{Id, id_of};

/// A record that the consumer told or stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    pub id: Option<Id>,
    pub uuid: [u8; 16],
    pub dn: String,
    pub attributes: Vec<u8>,
}

/// The copy by normalised DN.
pub type Map = BTreeMap<Vec<u8>, Held>;

/// A reader's state: the records, the cookie and the number of a commit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reader {
    pub map: Map,
    pub cookie: Option<Vec<u8>>,
    pub commit: u64,
}

impl Held {
    pub fn of(record: &Record<'_>) -> Self {
        Held {
            id: id_of(record.uuid()),
            uuid: record.uuid().into_bytes(),
            dn: record.dn().to_owned(),
            attributes: record.attrs().as_bytes().to_vec(),
        }
    }

    /// The parts that a digest takes.
    pub fn parts(&self) -> [&[u8]; 3] {
        [&self.uuid, self.dn.as_bytes(), &self.attributes]
    }

    /// Whether the attributes mean the same, but for the computed one: a live message lacks its values.
    pub fn may_be_added_as(&self, other: &[u8]) -> bool {
        let lists = [&self.attributes, other].map(AttributeList::decode);
        match lists {
            [Ok(one), Ok(other)] => {
                let [one, other] = [one, other].map(|list| list.without("memberOf"));
                AttributeList::decode(&one) == AttributeList::decode(&other)
            }
            _ => false,
        }
    }

    /// Whether the attributes mean the same.
    pub fn same_attributes(&self, other: &[u8]) -> bool {
        match (
            AttributeList::decode(&self.attributes),
            AttributeList::decode(other),
        ) {
            (Ok(one), Ok(other)) => one.same(&other),
            _ => false,
        }
    }
}
