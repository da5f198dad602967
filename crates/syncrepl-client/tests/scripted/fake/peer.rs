//! One connection to the fake: the script is played, and searches are answered.

use std::collections::VecDeque;
use std::io::{BufWriter, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use syncrepl_client::Uuid;
use syncrepl_proto::attributes::AttributeList;
use syncrepl_proto::control::Control;
use syncrepl_proto::frame::Frames;
use syncrepl_proto::message::{
    CANCEL, LdapResult, Message, NOTICE_OF_DISCONNECTION, Operation, SearchRequest,
    SearchResultEntry,
};
use syncrepl_proto::profile::{ds389, openldap};
use syncrepl_proto::sync::{
    EntryState, SYNC_DONE, SYNC_INFO, SYNC_REQUEST, SYNC_STATE, SyncDone, SyncInfo, SyncMode,
    SyncRequest, SyncState, UuidSet,
};

use super::{Log, Shown, Step, uuid};
use crate::heartbeat::Heartbeat;

fn attributes(text: &str) -> Vec<u8> {
    AttributeList::encode([
        ("objectClass", vec![&b"device"[..]]),
        ("description", vec![text.as_bytes()]),
    ])
}

pub(super) struct Peer {
    /// Entries go out together with what ends their group.
    pub(super) stream: BufWriter<TcpStream>,
    pub(super) vendor: &'static str,
    pub(super) log: Arc<Mutex<Log>>,
    pub(super) shown: Arc<Mutex<VecDeque<Shown>>>,
    pub(super) unsearchable: Arc<AtomicBool>,
    pub(super) heartbeat: Arc<Mutex<Heartbeat>>,
    pub(super) sync: u32,
    /// Whether that search asked for the persist stage.
    pub(super) persists: bool,
}

impl Peer {
    pub(super) fn serve(&mut self, next_script: impl Fn() -> Option<Vec<Step>>) {
        let mut frames = Frames::default();
        loop {
            while let Ok(Some(bytes)) = frames.poll_message() {
                let bytes = bytes.to_vec();
                let message = Message::decode(&bytes).expect("the consumer speaks LDAP");
                if !self.answer(&message, &next_script) {
                    return;
                }
            }
            if self.stream.flush().is_err() {
                return;
            }
            match self.stream.get_mut().read(frames.space()) {
                Ok(0) | Err(_) => return,
                Ok(count) => frames.filled(count),
            }
        }
    }

    fn answer(
        &mut self,
        message: &Message<'_>,
        next_script: &impl Fn() -> Option<Vec<Step>>,
    ) -> bool {
        let success = LdapResult::new(0);
        match &message.op {
            Operation::BindRequest(_) => {
                self.send(message.id, &Operation::BindResponse(success, None), &[])
            }
            Operation::UnbindRequest => false,
            Operation::AbandonRequest(_) => {
                self.log.lock().expect("log").abandoned += 1;
                true
            }
            Operation::ExtendedRequest { name: CANCEL, .. } => {
                self.log.lock().expect("log").cancelled += 1;
                let canceled = Operation::SearchResultDone(LdapResult::new(118));
                self.send(self.sync, &canceled, &[]) && self.extended(message.id, 0, None)
            }
            Operation::ExtendedRequest { .. } if self.sync == 0 => {
                self.extended(message.id, 0, Some(b""))
            }
            Operation::ExtendedRequest { .. } => {
                self.log.lock().expect("log").heartbeats += 1;
                let heartbeat = *self.heartbeat.lock().expect("heartbeat");
                match heartbeat {
                    Heartbeat::Success => self.extended(message.id, 0, Some(b"")),
                    Heartbeat::Refuses(code) => self.extended(message.id, code, None),
                    Heartbeat::Cookie(after, cookie) => {
                        // That it comes late is what is tested; nobody waits for this thread.
                        thread::sleep(after);
                        self.play(self.sync, &Step::Cookie(cookie))
                    }
                    Heartbeat::Silence => true,
                    Heartbeat::Closes => false,
                }
            }
            Operation::SearchRequest(request) if request.base.is_empty() => {
                let slapd = vec![&b"top"[..], b"OpenLDAProotDSE"];
                let attributes = if self.vendor.is_empty() {
                    AttributeList::encode([("objectClass", slapd)])
                } else {
                    // As far as it goes a 389-ds has forgotten nothing.
                    AttributeList::encode([
                        ("vendorName", vec![self.vendor.as_bytes()]),
                        ("firstChangeNumber", vec![&b"1"[..]]),
                        ("lastChangeNumber", vec![&b"7"[..]]),
                    ])
                };
                let attributes = AttributeList::decode(&attributes).expect("attributes");
                let entry = SearchResultEntry { dn: "", attributes };
                self.send(message.id, &Operation::SearchResultEntry(entry), &[])
                    && self.send(message.id, &Operation::SearchResultDone(success), &[])
            }
            Operation::SearchRequest(request) => match message.controls.find(SYNC_REQUEST) {
                Some(control) => {
                    let value = control.value.expect("a value");
                    let sync = SyncRequest::decode(value).expect("a sync request");
                    let cookie = sync
                        .cookie
                        .map(|cookie| String::from_utf8_lossy(cookie).into_owned());
                    self.sync = message.id;
                    self.persists = sync.mode == SyncMode::RefreshAndPersist;
                    let mut log = self.log.lock().expect("log");
                    log.cookies.push(cookie);
                    log.persisted.push(self.persists);
                    drop(log);
                    // One search more than was foreseen ends here, lest the test wait for ever.
                    next_script()
                        .unwrap_or_else(|| vec![Step::Cut])
                        .iter()
                        .all(|step| self.play(message.id, step))
                }
                None => self.look_up(message.id, request),
            },
            other => panic!("the consumer sent {}", other.name()),
        }
    }

    fn extended(&mut self, id: u32, code: u32, value: Option<&[u8]>) -> bool {
        let response = Operation::ExtendedResponse {
            result: LdapResult::new(code),
            name: None,
            value,
        };
        self.send(id, &response, &[])
    }

    /// A plain search: by entryUUID if the filter names any, else by base.
    fn look_up(&mut self, id: u32, request: &SearchRequest<'_>) -> bool {
        self.log.lock().expect("log").lookups += 1;
        let filter = String::from_utf8_lossy(request.filter).into_owned();
        let asks_for_children = filter.contains("Subordinates");
        let wants_description = filter.contains("description");
        let shown = self.next_shown();
        let provider = match self.vendor.contains("389") {
            true => ds389::PROVIDER,
            false => openldap::PROVIDER,
        };
        let searchable = !self.unsearchable.load(Ordering::SeqCst);
        for (number, dn, text) in &shown {
            let by_uuid = filter.contains(provider.uuid_attribute);
            let identity = provider.uuid_to_value(uuid(*number));
            let named = filter.contains(&identity);
            let parent = shown
                .iter()
                .any(|(_, other, _)| other.ends_with(&format!(",{dn}")));
            let matches = match (by_uuid, request.scope) {
                (true, _) => searchable && named && (parent || !asks_for_children),
                (false, syncrepl_client::Scope::Base) => dn == request.base,
                (false, _) => dn.ends_with(request.base),
            };

            if matches && !(wants_description && text.is_empty()) {
                let attributes = AttributeList::encode([
                    ("objectClass", vec![&b"device"[..]]),
                    ("description", vec![text.as_bytes()]),
                    (provider.uuid_attribute, vec![identity.as_bytes()]),
                ]);
                let attributes = AttributeList::decode(&attributes).expect("attributes");
                let entry = Operation::SearchResultEntry(SearchResultEntry { dn, attributes });
                self.send(id, &entry, &[]);
            }
        }
        self.send(id, &Operation::SearchResultDone(LdapResult::new(0)), &[])
    }

    fn next_shown(&self) -> Shown {
        let mut answers = self.shown.lock().expect("shown");
        match answers.len() {
            0 | 1 => answers.front().cloned().unwrap_or_default(),
            _ => answers.pop_front().unwrap_or_default(),
        }
    }

    fn play(&mut self, id: u32, step: &Step) -> bool {
        let bytes = |text: &'static str| text.as_bytes();
        let played = match step {
            Step::Entry(state, number, dn, text) => self.entry(id, *state, *number, dn, text, None),
            Step::EntryWith(state, number, dn, text, cookie) => {
                self.entry(id, *state, *number, dn, text, Some(cookie.as_bytes()))
            }
            Step::Ids(refresh_deletes, numbers, cookie) => {
                let set = UuidSet::encode(numbers.iter().map(|number| uuid(*number)));
                let uuids = UuidSet::decode(&set).expect("ids");
                let (cookie, refresh_deletes) = (cookie.map(bytes), *refresh_deletes);
                self.info(
                    id,
                    SyncInfo::SyncIdSet {
                        cookie,
                        refresh_deletes,
                        uuids,
                    },
                )
            }
            Step::Strangers(count) => {
                let ids = (0..*count).map(|n| Uuid::from_u128(0xabcd_0000 + u128::from(n)));
                let set = UuidSet::encode(ids);
                let uuids = UuidSet::decode(&set).expect("ids");
                let info = SyncInfo::SyncIdSet {
                    cookie: None,
                    refresh_deletes: false,
                    uuids,
                };
                self.info(id, info)
            }
            Step::Cookie(cookie) => self.info(id, SyncInfo::NewCookie(cookie.as_bytes())),
            Step::Phase(present, cookie, refresh_done) => {
                let (cookie, refresh_done) = (cookie.map(bytes), *refresh_done);
                self.info(
                    id,
                    if *present {
                        SyncInfo::RefreshPresent {
                            cookie,
                            refresh_done,
                        }
                    } else {
                        SyncInfo::RefreshDelete {
                            cookie,
                            refresh_done,
                        }
                    },
                )
            }
            Step::Done(cookie, refresh_deletes) if self.persists => {
                self.play(id, &Step::Phase(!refresh_deletes, *cookie, true))
            }
            Step::Done(cookie, refresh_deletes) => {
                let (cookie, refresh_deletes) = (cookie.map(bytes), *refresh_deletes);
                let value = SyncDone {
                    cookie,
                    refresh_deletes,
                }
                .encode();
                let control = Control {
                    oid: SYNC_DONE,
                    critical: false,
                    value: Some(&value),
                };
                self.send(
                    id,
                    &Operation::SearchResultDone(LdapResult::new(0)),
                    &[control],
                )
            }
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
            Step::Notice(code) => {
                let notice = Operation::ExtendedResponse {
                    result: LdapResult::new(*code),
                    name: Some(NOTICE_OF_DISCONNECTION),
                    value: None,
                };
                self.send(0, &notice, &[]);
                false
            }
            Step::Raw(message) => self.stream.write_all(&message(id)).is_ok(),
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
        let value = SyncState {
            state,
            uuid: uuid(number),
            cookie,
        }
        .encode();
        let control = Control {
            oid: SYNC_STATE,
            critical: false,
            value: Some(&value),
        };
        let attributes = match state {
            EntryState::Add | EntryState::Modify => attributes(text),
            EntryState::Present | EntryState::Delete => AttributeList::encode([]),
        };
        let attributes = AttributeList::decode(&attributes).expect("attributes");
        let entry = SearchResultEntry { dn, attributes };
        self.send(id, &Operation::SearchResultEntry(entry), &[control])
    }

    fn info(&mut self, id: u32, info: SyncInfo<'_>) -> bool {
        let value = info.encode();
        let (name, value) = (Some(SYNC_INFO), Some(value.as_slice()));
        self.send(id, &Operation::IntermediateResponse { name, value }, &[])
    }

    fn send(&mut self, id: u32, op: &Operation<'_>, controls: &[Control<'_>]) -> bool {
        self.stream
            .write_all(&Message::encode(id, op, controls))
            .is_ok()
    }
}
