//! One connection to the fake: each request has its answer.

use std::collections::VecDeque;
use std::io::{BufWriter, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::sync::{Arc, Mutex};
use std::thread;

use syncrepl_proto::attributes::AttributeList;
use syncrepl_proto::control::Control;
use syncrepl_proto::frame::Frames;
use syncrepl_proto::message::{CANCEL, LdapResult, Message, Operation, SearchResultEntry};
use syncrepl_proto::profile::ds389;
use syncrepl_proto::sync::{SYNC_REQUEST, SyncMode, SyncRequest};

use syncrepl_client::Scope;

use super::script::{Heartbeat, Log, Shown, Step};

/// The state that all connections share.
pub(super) struct Shared {
    pub(super) vendor: &'static str,
    pub(super) log: Mutex<Log>,
    scripts: Mutex<VecDeque<Vec<Step>>>,
    pub(super) shown: Mutex<VecDeque<Vec<Shown>>>,
    /// The entries as the scripts sent them: searches show these if a test sets nothing else.
    pub(super) sent: Mutex<Vec<Shown>>,
    pub(super) unsearchable: AtomicBool,
    /// So many plain searches are answered, and none after them.
    pub(super) answered: AtomicUsize,
    pub(super) heartbeat: Mutex<Heartbeat>,
}

impl Shared {
    pub(super) fn new(vendor: &'static str, scripts: Vec<Vec<Step>>) -> Shared {
        Shared {
            vendor,
            log: Mutex::default(),
            scripts: Mutex::new(scripts.into()),
            shown: Mutex::default(),
            sent: Mutex::default(),
            unsearchable: AtomicBool::new(false),
            answered: AtomicUsize::new(usize::MAX),
            heartbeat: Mutex::default(),
        }
    }
}

pub(super) struct Peer {
    /// Entries go out together with the message that ends their group.
    pub(super) stream: BufWriter<TcpStream>,
    pub(super) shared: Arc<Shared>,
    /// The message id of the sync search, 0 before it.
    pub(super) sync: u32,
    /// Whether that search asked for the persist stage.
    pub(super) persists: bool,
}

impl Peer {
    pub(super) fn serve(&mut self) {
        let mut frames = Frames::default();
        loop {
            while let Ok(Some(bytes)) = frames.poll_message() {
                let bytes = bytes.to_vec();
                let message = Message::decode(&bytes).expect("the consumer speaks LDAP");
                if !self.answer(&message) {
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

    /// False when the connection ends.
    fn answer(&mut self, message: &Message<'_>) -> bool {
        let success = LdapResult::new(0);
        match &message.op {
            Operation::BindRequest(_) => {
                self.send(message.id, &Operation::BindResponse(success, None), &[])
            }
            Operation::UnbindRequest => false,
            Operation::AbandonRequest(_) => {
                self.log(|log| log.abandoned += 1);
                true
            }
            Operation::ExtendedRequest { name: CANCEL, .. } => {
                self.log(|log| log.cancelled += 1);
                let canceled = Operation::SearchResultDone(LdapResult::new(118));
                self.send(self.sync, &canceled, &[]) && self.extended(message.id, 0, None)
            }
            Operation::ExtendedRequest { .. } if self.sync == 0 => {
                self.extended(message.id, 0, Some(b""))
            }
            Operation::ExtendedRequest { .. } => self.heartbeat(message.id),
            Operation::SearchRequest(request) if request.base.is_empty() => {
                self.root_dse(message.id)
            }
            Operation::SearchRequest(request) => match message.controls.find(SYNC_REQUEST) {
                // With a very old cookie, to see whether deletes are left out: they are not.
                Some(_) if request.scope == Scope::Base => self.done(message.id, None, false),
                Some(control) => {
                    let value = control.value.expect("a value");
                    let request = SyncRequest::decode(value).expect("a sync request");
                    self.sync_search(message.id, &request)
                }
                None if is_configuration(request.base) => {
                    self.configuration(message.id, request.base)
                }
                // It does not show what its newest change is.
                None if request.attributes == ["contextCSN"] => {
                    let done = Operation::SearchResultDone(LdapResult::new(0));
                    self.send(message.id, &done, &[])
                }
                None => self.look_up(message.id, request),
            },
            other => panic!("the consumer sent {}", other.name()),
        }
    }

    fn heartbeat(&mut self, id: u32) -> bool {
        self.log(|log| log.heartbeats += 1);
        let heartbeat = *self.shared.heartbeat.lock().expect("heartbeat");
        match heartbeat {
            Heartbeat::Success => self.extended(id, 0, Some(b"")),
            Heartbeat::Refuses(code) => self.extended(id, code, None),
            Heartbeat::Cookie(after, cookie) => {
                // The test is about a late cookie, and no test waits for this thread.
                thread::sleep(after);
                self.play(self.sync, &Step::Cookie(cookie))
            }
            Heartbeat::Silence => true,
            Heartbeat::Closes => false,
        }
    }

    fn root_dse(&mut self, id: u32) -> bool {
        let slapd = vec![&b"top"[..], b"OpenLDAProotDSE"];
        let attributes = if self.shared.vendor.is_empty() {
            AttributeList::encode([("objectClass", slapd)])
        } else {
            // These numbers say that a 389-ds still knows every change.
            AttributeList::encode([
                ("vendorName", vec![self.shared.vendor.as_bytes()]),
                ("firstChangeNumber", vec![&b"1"[..]]),
                ("lastChangeNumber", vec![&b"7"[..]]),
            ])
        };
        let attributes = AttributeList::decode(&attributes).expect("attributes");
        let entry = SearchResultEntry { dn: "", attributes };
        self.send(id, &Operation::SearchResultEntry(entry), &[])
            && self.send(id, &Operation::SearchResultDone(LdapResult::new(0)), &[])
    }

    /// What a 389-ds tells of its changelog: it keeps everything.
    fn configuration(&mut self, id: u32, dn: &str) -> bool {
        let attributes = AttributeList::encode([("startTime", vec![&b"20261130000000Z"[..]])]);
        let attributes = AttributeList::decode(&attributes).expect("attributes");
        let entry = SearchResultEntry { dn, attributes };
        self.send(id, &Operation::SearchResultEntry(entry), &[])
            && self.send(id, &Operation::SearchResultDone(LdapResult::new(0)), &[])
    }

    fn sync_search(&mut self, id: u32, request: &SyncRequest<'_>) -> bool {
        let cookie = request
            .cookie
            .map(|cookie| String::from_utf8_lossy(cookie).into_owned());
        self.sync = id;
        self.persists = request.mode == SyncMode::RefreshAndPersist;
        let persists = self.persists;
        self.log(|log| {
            log.cookies.push(cookie);
            log.persisted.push(persists);
        });
        let script = self.shared.scripts.lock().expect("scripts").pop_front();
        // A search that the test did not foresee ends here, lest the test wait for ever.
        script
            .unwrap_or_else(|| vec![Step::Cut])
            .iter()
            .all(|step| self.play(id, step))
    }

    pub(super) fn log(&self, change: impl FnOnce(&mut Log)) {
        change(&mut self.shared.log.lock().expect("log"));
    }

    fn extended(&mut self, id: u32, code: u32, value: Option<&[u8]>) -> bool {
        let response = Operation::ExtendedResponse {
            result: LdapResult::new(code),
            name: None,
            value,
        };
        self.send(id, &response, &[])
    }

    /// False when the consumer is gone.
    pub(super) fn send(&mut self, id: u32, op: &Operation<'_>, controls: &[Control<'_>]) -> bool {
        self.stream
            .write_all(&Message::encode(id, op, controls))
            .is_ok()
    }
}

/// Whether it is an entry by which a 389-ds tells what its changelog keeps.
fn is_configuration(dn: &str) -> bool {
    let changelog = ds389::PROVIDER.changelog;
    changelog.is_some_and(|changelog| [changelog.entry, changelog.started.entry].contains(&dn))
}
