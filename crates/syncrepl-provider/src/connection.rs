//! One client connection: it reads requests one at a time, and answers each or hands it on.
//!
//! A sync search runs in a thread of its own, so that this loop can still read a Cancel or an
//! Abandon.

use std::io::Read;
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};

use syncrepl_proto::ber::{Reader, tag};
use syncrepl_proto::control::{Controls, MANAGE_DSA_IT};
use syncrepl_proto::filter::Filter;
use syncrepl_proto::frame::Frames;
use syncrepl_proto::message::{
    CANCEL, LdapResult, Message, NOTICE_OF_DISCONNECTION, Operation, SearchRequest, WHO_AM_I,
};
use syncrepl_proto::sync::{SYNC_REQUEST, SyncMode, SyncRequest};

use crate::access::Identity;
use crate::faults::{Fault, Meter};
use crate::inbox::Inbox;
use crate::output::{Closed, Output, with_result};
use crate::refusal::{Refusal, code};
use crate::request::Request;
use crate::search::{self, Query};
use crate::shared::{Event, Shared};
use crate::sync::{SyncSearch, extended};
use crate::{cookie, update};

/// The size limit of one request, in bytes.
const MAX_REQUEST: usize = 64 << 20;

pub(crate) struct Connection {
    shared: Arc<Shared>,
    number: u64,
    stream: TcpStream,
    output: Output,
    identity: Identity,
    searches: Vec<JoinHandle<()>>,
}

impl Connection {
    pub(crate) fn new(shared: Arc<Shared>, number: u64, stream: TcpStream, output: Output) -> Self {
        Connection {
            shared,
            number,
            stream,
            output,
            identity: Identity::default(),
            searches: Vec::new(),
        }
    }

    /// Serves the client until either side closes the connection.
    pub(crate) fn serve(mut self) {
        self.read();
        self.shared.abandon(Some(self.number));
        // This also unblocks a search thread that is writing to a client which does not read.
        let _ = self.stream.shutdown(Shutdown::Both);
        for search in self.searches.drain(..) {
            let _ = search.join();
        }
    }

    fn read(&mut self) {
        let mut frames = Frames::new(MAX_REQUEST);
        loop {
            loop {
                let message = match frames.poll_message() {
                    Ok(None) => break,
                    Ok(Some(message)) => message.to_vec(),
                    Err(error) => return self.disconnect(&error.to_string()),
                };
                match Message::decode(&message) {
                    Ok(message) if matches!(message.op, Operation::UnbindRequest) => {
                        return self.shared.note(Request::Unbind);
                    }
                    // After a cut, no answer goes out. The loop reads on, so that the client sees
                    // the cut and no reset.
                    Ok(message) => drop(self.handle(&message)),
                    Err(error) => return self.disconnect(&error.to_string()),
                }
            }
            match self.stream.read(frames.space()) {
                Ok(0) | Err(_) => return,
                Ok(count) => frames.filled(count),
            }
        }
    }

    /// Sends a Notice of Disconnection (RFC 4511 §4.4.1): these bytes are not LDAP.
    fn disconnect(&self, diagnostic: &str) {
        let result = LdapResult {
            diagnostic,
            ..LdapResult::new(code::PROTOCOL_ERROR)
        };
        let notice = Operation::ExtendedResponse {
            result,
            name: Some(NOTICE_OF_DISCONNECTION),
            value: None,
        };
        let _ = self.output.answer(0, &notice);
    }

    /// Answers one request, or hands it on.
    fn handle(&mut self, message: &Message<'_>) -> Result<(), Closed> {
        let id = message.id;
        let manage_dsa_it = message.controls.find(MANAGE_DSA_IT).is_some();
        let result = check_controls(message);
        match &message.op {
            Operation::BindRequest(request) => {
                self.shared.note(Request::Bind(request.name.to_owned()));
                // A bind abandons the operations in progress (RFC 4511 §4.2.1).
                self.shared.abandon(Some(self.number));
                self.identity = Identity::default();
                let result = result.and_then(|()| {
                    self.identity = Identity::bind(&self.shared, request)?;
                    Ok(())
                });
                self.result(id, result, |result| Operation::BindResponse(result, None))
            }
            Operation::SearchRequest(request) => {
                let query = result
                    .and_then(|()| self.identity.may_search(&self.shared, request))
                    .and_then(|()| Query::new(request, manage_dsa_it));
                self.search(id, request, query, &message.controls)
            }
            Operation::AbandonRequest(target) => {
                self.shared.note(Request::Abandon);
                self.shared.tell((self.number, *target), Event::Abandon);
                Ok(())
            }
            Operation::ExtendedRequest { name, value } => {
                self.shared.note(Request::Extended((*name).to_owned()));
                match result {
                    Ok(()) => self.extended(id, name, *value),
                    Err(refusal) => self.refuse_extended(id, &refusal),
                }
            }
            other => {
                let Some((request, respond)) = update::describe(other) else {
                    self.disconnect(&format!("unexpected {}", other.name()));
                    self.output.cut(&[]);
                    return Err(Closed);
                };
                self.shared.note(request);
                let result = result.and_then(|()| {
                    update::update(&self.shared, &self.identity, other, manage_dsa_it)
                });
                self.result(id, result, respond)
            }
        }
    }

    fn result(
        &self,
        id: u32,
        result: Result<(), Refusal>,
        respond: impl for<'r> FnOnce(LdapResult<'r>) -> Operation<'r>,
    ) -> Result<(), Closed> {
        let refusal = result.err().unwrap_or_else(|| Refusal::new(0, ""));
        with_result(&refusal, |result| self.output.answer(id, &respond(result)))
    }

    fn search(
        &mut self,
        id: u32,
        request: &SearchRequest<'_>,
        query: Result<Query, Refusal>,
        controls: &Controls<'_>,
    ) -> Result<(), Closed> {
        let Some(control) = controls.find(SYNC_REQUEST) else {
            let filter = Filter::from_ber(request.filter);
            self.shared.note(Request::Search {
                base: request.base.to_owned(),
                filter: filter.map_or_else(|_| String::new(), |filter| filter.to_string()),
            });
            let result = match &query {
                Ok(query) => search::plain(&self.shared, &self.output, id, query)?,
                Err(refusal) => Err(refusal.clone()),
            };
            return self.result(id, result, search_done);
        };
        let started = query.and_then(|query| {
            let sync = SyncRequest::decode(control.value.unwrap_or_default())
                .map_err(|error| Refusal::new(code::PROTOCOL_ERROR, error.to_string()))?;
            self.sync(id, query, &sync)
        });
        match started {
            Ok(()) => Ok(()),
            refused => self.result(id, refused, search_done),
        }
    }

    fn sync(&mut self, id: u32, query: Query, sync: &SyncRequest<'_>) -> Result<(), Refusal> {
        self.shared.note(Request::Sync {
            base: query.base.clone(),
            cookie: sync.cookie.map(<[u8]>::to_vec),
            persist: sync.mode == SyncMode::RefreshAndPersist,
        });
        if search::special(&self.shared, &query).is_some() {
            let why = "this entry does not change";
            return Err(Refusal::new(code::UNWILLING_TO_PERFORM, why));
        }
        let (events, inbox) = mpsc::channel();
        let search = (self.number, id);
        if !self.shared.watch(search, events) {
            let why = "the message ID is in use";
            return Err(Refusal::new(code::PROTOCOL_ERROR, why));
        }
        let (cookie, shape) = cookie::read(&self.shared.config, sync.cookie);
        let cut = self.shared.faults.take(|fault| match fault {
            Fault::CutSync(cut) => Some(*cut),
            _ => None,
        });
        let sync = SyncSearch {
            shared: Arc::clone(&self.shared),
            output: self.output.clone(),
            search,
            query,
            mode: sync.mode,
            cookie,
            shape,
            inbox: Inbox::new(inbox),
            meter: Meter::new(cut),
        };
        self.searches.retain(|search| !search.is_finished());
        let thread = thread::Builder::new().name("sync search".to_owned());
        match thread.spawn(move || sync.run()) {
            Ok(thread) => self.searches.push(thread),
            Err(error) => {
                self.shared.unwatch(search);
                return Err(Refusal::new(code::UNAVAILABLE, error.to_string()));
            }
        }
        Ok(())
    }

    fn extended(&mut self, id: u32, name: &str, value: Option<&[u8]>) -> Result<(), Closed> {
        match name {
            WHO_AM_I => {
                let authzid = self.identity.authzid();
                let response = Operation::ExtendedResponse {
                    result: LdapResult::new(0),
                    name: None,
                    value: Some(authzid.as_bytes()),
                };
                self.output.answer(id, &response)
            }
            CANCEL => match value.and_then(cancel_id) {
                None => {
                    let refusal = Refusal::new(code::PROTOCOL_ERROR, "no cancelRequestValue");
                    self.refuse_extended(id, &refusal)
                }
                // The search thread answers the Cancel, after the search's own result.
                Some(target) if self.shared.tell((self.number, target), Event::Cancel(id)) => {
                    Ok(())
                }
                Some(_) => self
                    .output
                    .answer(id, &extended(code::NO_SUCH_OPERATION, None)),
            },
            _ => {
                let why = format!("the extended operation {name} is not supported");
                self.refuse_extended(id, &Refusal::new(code::PROTOCOL_ERROR, why))
            }
        }
    }

    fn refuse_extended(&self, id: u32, refusal: &Refusal) -> Result<(), Closed> {
        self.result(id, Err(refusal.clone()), |result| {
            Operation::ExtendedResponse {
                result,
                name: None,
                value: None,
            }
        })
    }
}

/// Refuses a request with a critical control that the provider does not support (RFC 4511 §4.1.11).
fn check_controls(message: &Message<'_>) -> Result<(), Refusal> {
    let known: &[&str] = match message.op {
        Operation::SearchRequest(_) => &[MANAGE_DSA_IT, SYNC_REQUEST],
        _ => &[MANAGE_DSA_IT],
    };
    let mut controls = message.controls.iter();
    match controls.find(|control| control.critical && !known.contains(&control.oid)) {
        Some(control) => {
            let why = format!("the critical control {} is not supported", control.oid);
            Err(Refusal::new(code::UNAVAILABLE_CRITICAL_EXTENSION, why))
        }
        None => Ok(()),
    }
}

fn search_done(result: LdapResult<'_>) -> Operation<'_> {
    Operation::SearchResultDone(result)
}

/// The cancelID of a cancelRequestValue (RFC 3909 §2.1): the message ID of the operation to cancel.
fn cancel_id(value: &[u8]) -> Option<u32> {
    let mut outer = Reader::new(value, "cancelRequestValue");
    let contents = outer
        .expect(tag::SEQUENCE, "cancelRequestValue")
        .ok()?
        .value;
    Reader::new(contents, "cancelRequestValue")
        .number(tag::INTEGER, "cancelID")
        .ok()
}
