//! The provider's messages as bytes on a connection. `emit`, `scripted` and `answers` decide which
//! and when.

use syncrepl_proto::attributes::AttributeList;
use syncrepl_proto::control::Control;
use syncrepl_proto::message::{LdapResult, Message, Operation, SearchResultEntry};
use syncrepl_proto::sync::{
    EntryState, SYNC_DONE, SYNC_INFO, SYNC_STATE, SyncDone, SyncInfo, SyncMode, SyncState, UuidSet,
};

use crate::chance::Purpose;
use crate::connection::Sync;
use crate::directory::{Directory, Id, Values, uuid};
use crate::world::World;

impl World {
    /// The end of the refresh stage.
    pub fn done(&mut self, number: u64, sync: &mut Sync, present: bool, cookie: Option<&[u8]>) {
        if sync.mode == SyncMode::RefreshAndPersist {
            sync.persist = true;
            let refresh_done = true;
            let info = match present {
                true => SyncInfo::RefreshPresent {
                    cookie,
                    refresh_done,
                },
                false => SyncInfo::RefreshDelete {
                    cookie,
                    refresh_done,
                },
            };
            return self.info(number, sync.message, info);
        }
        let value = SyncDone {
            cookie,
            refresh_deletes: !present,
        }
        .encode();
        let control = Control {
            oid: SYNC_DONE,
            critical: false,
            value: Some(&value),
        };
        let done = Operation::SearchResultDone(LdapResult::new(0));
        self.put(number, &Message::encode(sync.message, &done, &[control]));
    }

    /// An entry as it is in a directory.
    pub fn entry_of(
        &mut self,
        number: u64,
        message: u32,
        id: Id,
        directory: &Directory,
        (state, values, cookie): (EntryState, Values, Option<&[u8]>),
    ) {
        let dn = self.spelled(Purpose::Words, directory.dn(id));
        let Some(entry) = directory.entries.get(&id) else {
            return;
        };
        self.log(format_args!(
            "  entry {id} {dn} text={} keep={}",
            entry.text, entry.keep
        ));
        let attributes = directory.attributes(id, values, &[]);
        self.state(number, message, id, (&dn, &attributes), state, cookie);
    }

    /// The state of an entry in a refresh stage, where providers call changed entries added, too.
    pub fn any_state(&mut self) -> EntryState {
        match self.draw(Purpose::Words).bool() {
            true => EntryState::Add,
            false => EntryState::Modify,
        }
    }

    /// An entry that is present or deleted, without attributes. The consumer has to go by the
    /// entryUUID, so the model sends a DN that no entry has.
    pub fn bare(
        &mut self,
        number: u64,
        message: u32,
        id: Id,
        state: EntryState,
        cookie: Option<&[u8]>,
    ) {
        self.log(format_args!("  {state:?} {id}"));
        let nothing = AttributeList::encode([]);
        self.state(
            number,
            message,
            id,
            ("cn=whoever,dc=x", &nothing),
            state,
            cookie,
        );
    }

    fn state(
        &mut self,
        number: u64,
        message: u32,
        id: Id,
        (dn, attributes): (&str, &[u8]),
        state: EntryState,
        cookie: Option<&[u8]>,
    ) {
        let value = SyncState {
            state,
            uuid: uuid(id),
            cookie,
        }
        .encode();
        let control = Control {
            oid: SYNC_STATE,
            critical: false,
            value: Some(&value),
        };
        match AttributeList::decode(attributes) {
            Ok(attributes) => {
                let entry = Operation::SearchResultEntry(SearchResultEntry { dn, attributes });
                self.put(number, &Message::encode(message, &entry, &[control]));
            }
            Err(error) => self.finding(format_args!("the model cannot encode: {error}")),
        }
    }

    pub fn id_set(&mut self, number: u64, message: u32, ids: &[Id], deleted: bool) {
        self.log(format_args!("  syncIdSet deleted={deleted} {ids:?}"));
        let encoded = UuidSet::encode(ids.iter().map(|id| uuid(*id)));
        match UuidSet::decode(&encoded) {
            Ok(uuids) => {
                let set = SyncInfo::SyncIdSet {
                    cookie: None,
                    refresh_deletes: deleted,
                    uuids,
                };
                self.info(number, message, set);
            }
            Err(error) => self.finding(format_args!("the model cannot encode: {error}")),
        }
    }

    pub fn info(&mut self, number: u64, message: u32, info: SyncInfo<'_>) {
        let value = info.encode();
        let (name, value) = (Some(SYNC_INFO), Some(value.as_slice()));
        let response = Operation::IntermediateResponse { name, value };
        self.put(number, &Message::encode(message, &response, &[]));
    }

    pub fn result(&mut self, number: u64, message: u32, code: u32, diagnostic: &str) {
        let result = LdapResult {
            diagnostic,
            ..LdapResult::new(code)
        };
        self.put(
            number,
            &Message::encode(message, &Operation::SearchResultDone(result), &[]),
        );
    }

    /// Another spelling of a DN that means the same.
    pub fn spelled(&mut self, purpose: Purpose, dn: String) -> String {
        match self.options.respells.then(|| self.draw(purpose).u8(0..4)) {
            Some(0) => dn.replace("cn=", "CN="),
            Some(1) => dn.replace(',', ", "),
            _ => dn,
        }
    }

    pub fn put(&mut self, number: u64, bytes: &[u8]) {
        if let Some(connection) = self.connections.get_mut(&number) {
            connection.outbox.extend(bytes);
        }
    }

    pub fn close(&mut self, number: u64) {
        if let Some(connection) = self.connections.get_mut(&number) {
            connection.closed = true;
            connection.sync = None;
        }
    }
}
