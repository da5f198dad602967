//! A provider that plays a script: what real ones do only by luck, or on servers that are not at
//! hand. Plain searches are answered from the entries it is said to show.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
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
use syncrepl_proto::sync::{
    EntryState, SYNC_DONE, SYNC_INFO, SYNC_REQUEST, SYNC_STATE, SyncDone, SyncInfo, SyncMode,
    SyncRequest, SyncState, UuidSet,
};

use crate::heartbeat::Heartbeat;

/// What a plain search shows: number, DN, description. Who has none is hidden by a filter for it.
type Shown = Vec<(u8, String, String)>;

/// One thing the provider sends in answer to a sync search.
#[derive(Debug, Clone)]
pub enum Step {
    /// An entry: state, number, DN, description.
    Entry(EntryState, u8, &'static str, &'static str),
    /// The same with a cookie.
    EntryWith(EntryState, u8, &'static str, &'static str, &'static str),
    /// syncIdSet: refreshDeletes, numbers, cookie.
    Ids(bool, Vec<u8>, Option<&'static str>),
    /// syncIdSet (present) of so many ids that nobody has.
    Strangers(u32),
    /// newcookie.
    Cookie(&'static str),
    /// refreshDelete or refreshPresent: present, cookie, refreshDone.
    Phase(bool, Option<&'static str>, bool),
    /// The end of a refresh: cookie, refreshDeletes. SearchResultDone with a Sync Done control or,
    /// when the persist stage was asked for too, the end of a phase with refreshDone.
    Done(Option<&'static str>, bool),
    /// SearchResultDone with this result and no control.
    Result(u32, &'static str),
    /// An entry without a Sync State control.
    WithoutState(&'static str),
    /// A Notice of Disconnection with this result; the connection is closed.
    Notice(u32),
    /// Any message, made from the id of the search.
    Raw(fn(u32) -> Vec<u8>),
    /// The connection is closed.
    Cut,
}

/// What happened at the provider.
#[derive(Debug, Default)]
pub struct Log {
    /// The cookie of each sync search, in order.
    pub cookies: Vec<Option<String>>,
    /// How many plain searches below the base were made.
    pub lookups: usize,
    pub abandoned: usize,
    pub cancelled: usize,
    /// Whether each sync search asked for the persist stage.
    pub persisted: Vec<bool>,
    /// How often it was asked who we are beside a sync search.
    pub heartbeats: usize,
}

pub struct Fake {
    pub port: u16,
    pub log: Arc<Mutex<Log>>,
    shown: Arc<Mutex<VecDeque<Shown>>>,
    unsearchable: Arc<AtomicBool>,
    heartbeat: Arc<Mutex<Heartbeat>>,
}

impl Fake {
    /// A provider that calls itself `vendor` (empty for slapd's root DSE) and answers its sync
    /// searches with these scripts, one after the other.
    pub fn start(vendor: &'static str, scripts: Vec<Vec<Step>>) -> Fake {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let fake = Fake {
            port,
            log: Arc::default(),
            shown: Arc::default(),
            unsearchable: Arc::default(),
            heartbeat: Arc::default(),
        };
        let heartbeat = Arc::clone(&fake.heartbeat);
        let unsearchable = Arc::clone(&fake.unsearchable);
        let (log, shown) = (Arc::clone(&fake.log), Arc::clone(&fake.shown));
        let scripts = Arc::new(Mutex::new(scripts.into_iter()));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (log, shown) = (Arc::clone(&log), Arc::clone(&shown));
                let (scripts, unsearchable) = (Arc::clone(&scripts), Arc::clone(&unsearchable));
                let heartbeat = Arc::clone(&heartbeat);
                // Small messages one by one: each would wait for the last to be acknowledged.
                let _ = stream.set_nodelay(true);
                thread::spawn(move || {
                    let mut peer = Peer {
                        stream,
                        vendor,
                        log,
                        shown,
                        unsearchable,
                        heartbeat,
                        sync: 0,
                        persists: false,
                    };
                    peer.serve(|| scripts.lock().expect("scripts").next());
                });
            }
        });
        fake
    }

    /// Says what plain searches show: number, DN, description.
    pub fn shows(&self, entries: &[(u8, &str, &str)]) {
        self.shows_in_turn(&[entries]);
    }

    /// The same, where each search has its own answer; the last is that of all that follow.
    pub fn shows_in_turn(&self, answers: &[&[(u8, &str, &str)]]) {
        let owned = |(n, dn, text): &(u8, &str, &str)| (*n, (*dn).to_owned(), (*text).to_owned());
        *self.shown.lock().expect("shown") = answers
            .iter()
            .map(|entries| entries.iter().map(owned).collect())
            .collect();
    }

    /// What becomes of heartbeats from now on.
    pub fn heartbeat(&self, heartbeat: Heartbeat) {
        *self.heartbeat.lock().expect("heartbeat") = heartbeat;
    }

    pub fn heartbeats(&self) -> usize {
        self.log.lock().expect("log").heartbeats
    }

    /// entryUUID may be read, and not searched.
    pub fn refuses_to_search_entry_uuid(&self) {
        self.unsearchable.store(true, Ordering::SeqCst);
    }

    pub fn url(&self) -> String {
        format!("ldap://127.0.0.1:{}/{BASE}??sub", self.port)
    }

    pub fn cookies(&self) -> Vec<Option<String>> {
        self.log.lock().expect("log").cookies.clone()
    }
}

pub const BASE: &str = "ou=base,dc=example";

pub fn uuid(number: u8) -> Uuid {
    Uuid::from_bytes([number; 16])
}

fn attributes(text: &str) -> Vec<u8> {
    AttributeList::encode([
        ("objectClass", vec![&b"device"[..]]),
        ("description", vec![text.as_bytes()]),
    ])
}

struct Peer {
    stream: TcpStream,
    vendor: &'static str,
    log: Arc<Mutex<Log>>,
    shown: Arc<Mutex<VecDeque<Shown>>>,
    unsearchable: Arc<AtomicBool>,
    heartbeat: Arc<Mutex<Heartbeat>>,
    sync: u32,
    /// Whether that search asked for the persist stage.
    persists: bool,
}

impl Peer {
    fn serve(&mut self, next_script: impl Fn() -> Option<Vec<Step>>) {
        let mut frames = Frames::default();
        loop {
            while let Ok(Some(bytes)) = frames.poll_message() {
                let bytes = bytes.to_vec();
                let message = Message::decode(&bytes).expect("the consumer speaks LDAP");
                if !self.answer(&message, &next_script) {
                    return;
                }
            }
            match self.stream.read(frames.space()) {
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
        let searchable = !self.unsearchable.load(Ordering::SeqCst);
        for (number, dn, text) in &shown {
            let by_uuid = filter.contains("entryUUID");
            let named = filter.contains(&uuid(*number).to_string());
            let parent = shown
                .iter()
                .any(|(_, other, _)| other.ends_with(&format!(",{dn}")));
            let matches = match (by_uuid, request.scope) {
                (true, _) => searchable && named && (parent || !asks_for_children),
                (false, syncrepl_client::Scope::Base) => dn == request.base,
                (false, _) => dn.ends_with(request.base),
            };

            if matches && !(wants_description && text.is_empty()) {
                let uuid = uuid(*number).to_string();
                let attributes = AttributeList::encode([
                    ("objectClass", vec![&b"device"[..]]),
                    ("description", vec![text.as_bytes()]),
                    ("entryUUID", vec![uuid.as_bytes()]),
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
        match step {
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
        }
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
