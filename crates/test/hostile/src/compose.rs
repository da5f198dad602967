//! Writes a whole stream of a provider, with whatever hostile values a test wants.

use syncrepl_proto::Uuid;
use syncrepl_proto::attributes::AttributeList;
use syncrepl_proto::control::Control;
use syncrepl_proto::message::{LdapResult, Message, Operation, SearchResultEntry};
use syncrepl_proto::sync::{EntryState, SYNC_DONE, SYNC_STATE, SyncDone, SyncState};

/// A stream being written: everything that a consumer hears on one connection.
#[derive(Debug, Clone, Default)]
pub struct Compose {
    bytes: Vec<u8>,
    /// How many requests have been answered.
    answered: u32,
}

/// An attribute's name and its values.
pub type Attribute = (String, Vec<Vec<u8>>);

impl Compose {
    /// The answers up to the sync search: to the bind, to "Who am I?", and the root DSE.
    pub fn beginning(authzid: &str, vendor: &str) -> Compose {
        let mut stream = Compose::default();
        let success = LdapResult::new(0);
        let root = AttributeList::encode([("vendorName", vec![vendor.as_bytes()])]);
        let attributes = AttributeList::decode(&root).expect("an attribute");
        let root = SearchResultEntry { dn: "", attributes };
        stream.answer(&Operation::BindResponse(success, None));
        stream.again_who_we_are(authzid);
        stream.send(&Operation::SearchResultEntry(root), &[]);
        stream.answer(&Operation::SearchResultDone(success));
        stream
    }

    /// One more answer to "Who am I?".
    pub fn again_who_we_are(&mut self, authzid: &str) {
        self.answer(&Operation::ExtendedResponse {
            result: LdapResult::new(0),
            name: None,
            value: Some(authzid.as_bytes()),
        });
    }

    /// A bind that is refused with these words.
    pub fn refused_bind(code: u32, diagnostic: &str) -> Compose {
        let mut stream = Compose::default();
        let result = LdapResult {
            diagnostic,
            ..LdapResult::new(code)
        };
        stream.answer(&Operation::BindResponse(result, None));
        stream
    }

    /// An entry with state add.
    pub fn entry(&mut self, uuid: Uuid, dn: &str, attributes: &[Attribute]) {
        let list = AttributeList::encode(attributes.iter().map(|(name, values)| {
            let values = values.iter().map(Vec::as_slice).collect();
            (name.as_str(), values)
        }));
        let attributes = AttributeList::decode(&list).expect("names that are not empty");
        let state = SyncState {
            state: EntryState::Add,
            uuid,
            cookie: None,
        }
        .encode();
        let entry = SearchResultEntry { dn, attributes };
        let control = control(SYNC_STATE, &state);
        self.send(&Operation::SearchResultEntry(entry), &[control]);
    }

    /// The end of a refresh.
    pub fn done(&mut self, cookie: &[u8]) {
        let value = SyncDone {
            cookie: Some(cookie),
            refresh_deletes: false,
        }
        .encode();
        let success = Operation::SearchResultDone(LdapResult::new(0));
        self.send(&success, &[control(SYNC_DONE, &value)]);
    }

    /// The end of the search with another result.
    pub fn refused(&mut self, code: u32, diagnostic: &str) {
        let result = LdapResult {
            diagnostic,
            ..LdapResult::new(code)
        };
        self.send(&Operation::SearchResultDone(result), &[]);
    }

    fn send(&mut self, op: &Operation<'_>, controls: &[Control<'_>]) {
        // The first request has the ID 1.
        self.bytes
            .extend(Message::encode(self.answered + 1, op, controls));
    }

    /// The last message that answers a request.
    fn answer(&mut self, op: &Operation<'_>) {
        self.send(op, &[]);
        self.answered += 1;
    }

    /// The bytes.
    pub fn finish(self) -> Vec<u8> {
        self.bytes
    }
}

fn control<'a>(oid: &'a str, value: &'a [u8]) -> Control<'a> {
    Control {
        oid,
        critical: false,
        value: Some(value),
    }
}
