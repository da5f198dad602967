//! From the steps of a script to messages.

use std::io::Write;

use syncrepl_client::Uuid;
use syncrepl_proto::attributes::AttributeList;
use syncrepl_proto::control::Control;
use syncrepl_proto::message::{LdapResult, NOTICE_OF_DISCONNECTION, Operation, SearchResultEntry};
use syncrepl_proto::sync::{
    EntryState, SYNC_DONE, SYNC_INFO, SYNC_STATE, SyncDone, SyncInfo, SyncState, UuidSet,
};

use super::peer::Peer;
use super::script::{Step, uuid};

fn attributes(text: &str) -> Vec<u8> {
    AttributeList::encode([
        ("objectClass", vec![&b"device"[..]]),
        ("description", vec![text.as_bytes()]),
    ])
}

impl Peer {
    /// Sends one step in answer to the search `id`. False when the connection ends.
    pub(super) fn play(&mut self, id: u32, step: &Step) -> bool {
        let played = match step {
            Step::Entry(state, number, dn, text) => self.entry(id, *state, *number, dn, text, None),
            Step::EntryWith(state, number, dn, text, cookie) => {
                self.entry(id, *state, *number, dn, text, Some(cookie.as_bytes()))
            }
            Step::Ids(refresh_deletes, numbers, cookie) => {
                if *refresh_deletes {
                    let mut sent = self.shared.sent.lock().expect("sent");
                    sent.retain(|(number, ..)| !numbers.contains(number));
                }
                let uuids = numbers.iter().map(|number| uuid(*number));
                self.id_set(id, *refresh_deletes, uuids, *cookie)
            }
            Step::Strangers(count) => {
                let uuids = (0..*count).map(|n| Uuid::from_u128(0xabcd_0000 + u128::from(n)));
                self.id_set(id, false, uuids, None)
            }
            Step::Cookie(cookie) => self.info(id, SyncInfo::NewCookie(cookie.as_bytes())),
            Step::Phase(present, cookie, refresh_done) => {
                self.phase(id, *present, *cookie, *refresh_done)
            }
            Step::Done(cookie, refresh_deletes) if self.persists => {
                self.phase(id, !refresh_deletes, *cookie, true)
            }
            Step::Done(cookie, refresh_deletes) => self.done(id, *cookie, *refresh_deletes),
            Step::Result(code, diagnostic) => {
                let result = LdapResult {
                    diagnostic,
                    ..LdapResult::new(*code)
                };
                self.send(id, &Operation::SearchResultDone(result), &[])
            }
            Step::WithoutState(dn) => {
                let attributes = attributes("no state");
                let attributes = AttributeList::decode(&attributes).expect("attributes");
                let entry = SearchResultEntry { dn, attributes };
                self.send(id, &Operation::SearchResultEntry(entry), &[])
            }
            Step::Notice(code) => self.notice(*code),
            Step::Raw(message) => self.stream.write_all(&message(id)).is_ok(),
            Step::Later(time) => {
                // The silence is what the script plays. No test waits by it.
                let sent = self.stream.flush().is_ok();
                std::thread::sleep(*time);
                sent
            }
            Step::Cut => false,
        };
        let more = matches!(step, Step::Entry(..) | Step::EntryWith(..) | Step::Ids(..));
        played && (more || self.stream.flush().is_ok())
    }

    fn entry(
        &mut self,
        id: u32,
        state: EntryState,
        number: u8,
        dn: &str,
        text: &str,
        cookie: Option<&[u8]>,
    ) -> bool {
        {
            let mut sent = self.shared.sent.lock().expect("sent");
            match state {
                EntryState::Add | EntryState::Modify => {
                    sent.retain(|(other, ..)| *other != number);
                    sent.push((number, dn.to_owned(), text.to_owned()));
                }
                EntryState::Delete => sent.retain(|(other, ..)| *other != number),
                EntryState::Present => {}
            }
        }
        let value = SyncState {
            state,
            uuid: uuid(number),
            cookie,
        }
        .encode();
        let attributes = match state {
            EntryState::Add | EntryState::Modify => attributes(text),
            EntryState::Present | EntryState::Delete => AttributeList::encode([]),
        };
        let attributes = AttributeList::decode(&attributes).expect("attributes");
        let entry = SearchResultEntry { dn, attributes };
        let control = control(SYNC_STATE, &value);
        self.send(id, &Operation::SearchResultEntry(entry), &[control])
    }

    fn id_set(
        &mut self,
        id: u32,
        refresh_deletes: bool,
        uuids: impl IntoIterator<Item = Uuid>,
        cookie: Option<&str>,
    ) -> bool {
        let set = UuidSet::encode(uuids);
        let uuids = UuidSet::decode(&set).expect("ids");
        let info = SyncInfo::SyncIdSet {
            cookie: cookie.map(str::as_bytes),
            refresh_deletes,
            uuids,
        };
        self.info(id, info)
    }

    fn phase(
        &mut self,
        id: u32,
        present: bool,
        cookie: Option<&'static str>,
        refresh_done: bool,
    ) -> bool {
        let cookie = cookie.map(str::as_bytes);
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
        self.info(id, info)
    }

    fn info(&mut self, id: u32, info: SyncInfo<'_>) -> bool {
        let value = info.encode();
        let (name, value) = (Some(SYNC_INFO), Some(value.as_slice()));
        self.send(id, &Operation::IntermediateResponse { name, value }, &[])
    }

    pub(super) fn done(
        &mut self,
        id: u32,
        cookie: Option<&'static str>,
        refresh_deletes: bool,
    ) -> bool {
        let value = SyncDone {
            cookie: cookie.map(str::as_bytes),
            refresh_deletes,
        }
        .encode();
        let success = Operation::SearchResultDone(LdapResult::new(0));
        self.send(id, &success, &[control(SYNC_DONE, &value)])
    }

    /// Sends the notice, after which the connection ends.
    fn notice(&mut self, code: u32) -> bool {
        let notice = Operation::ExtendedResponse {
            result: LdapResult::new(code),
            name: Some(NOTICE_OF_DISCONNECTION),
            value: None,
        };
        self.send(0, &notice, &[]);
        false
    }
}

fn control<'a>(oid: &'a str, value: &'a [u8]) -> Control<'a> {
    Control {
        oid,
        critical: false,
        value: Some(value),
    }
}
