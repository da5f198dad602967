//! A record, and all records, as a reader of the output holds them.

use std::collections::BTreeMap;

use syncrepl_client::Record;
use syncrepl_proto::attributes::AttributeList;

use crate::directory::{Id, id_of};

/// A record as it was told or stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    pub id: Option<Id>,
    pub uuid: [u8; 16],
    pub dn: String,
    pub attributes: Vec<u8>,
}

/// The copy by normalised DN.
pub type Map = BTreeMap<Vec<u8>, Held>;

/// What a reader of the output has: what was committed, and with which cookie.
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

    /// What a digest takes of it.
    pub fn parts(&self) -> [&[u8]; 3] {
        [&self.uuid, self.dn.as_bytes(), &self.attributes]
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
