//! A client that sends raw messages: Cancel and Abandon in every stage, rare requests, and garbage.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use proptest::prelude::*;
use syncrepl_proto::control::Control;
use syncrepl_proto::filter::Filter;
use syncrepl_proto::frame::Frames;
use syncrepl_proto::message::{
    CANCEL, Message, NOTICE_OF_DISCONNECTION, Operation, Scope, SearchRequest, WHO_AM_I,
};
use syncrepl_proto::sync::{SYNC_REQUEST, SyncMode, SyncRequest};
use syncrepl_provider::{Fault, Moment, Provider};

const SOON: Duration = Duration::from_secs(20);

struct Client {
    stream: TcpStream,
    frames: Frames,
}

impl Client {
    fn connect(provider: &Provider) -> Client {
        let stream = TcpStream::connect(("127.0.0.1", provider.port())).expect("it listens");
        stream.set_read_timeout(Some(SOON)).expect("a timeout");
        Client {
            stream,
            frames: Frames::default(),
        }
    }

    fn send(&mut self, id: u32, op: &Operation<'_>, controls: &[Control<'_>]) {
        let bytes = Message::encode(id, op, controls);
        self.stream.write_all(&bytes).expect("it reads");
    }

    fn sync(&mut self, id: u32) {
        let value = SyncRequest {
            mode: SyncMode::RefreshAndPersist,
            cookie: None,
            reload_hint: false,
        };
        let value = value.encode();
        let control = Control {
            oid: SYNC_REQUEST,
            critical: true,
            value: Some(&value),
        };
        let filter = Filter::present("objectClass");
        let search = SearchRequest::new("dc=example,dc=com", Scope::Subtree, filter.as_bytes());
        self.send(id, &Operation::SearchRequest(search), &[control]);
    }

    fn cancel(&mut self, id: u32, target: u8) {
        let value = [0x30, 3, 2, 1, target];
        let request = Operation::ExtendedRequest {
            name: CANCEL,
            value: Some(&value),
        };
        self.send(id, &request, &[]);
    }

    /// The next message: its ID, the name of its operation, and its result code.
    fn next(&mut self) -> Option<(u32, &'static str, Option<u32>)> {
        loop {
            if let Some(bytes) = self.frames.poll_message().expect("LDAP") {
                let message = Message::decode(bytes).expect("LDAP");
                let code = match &message.op {
                    Operation::SearchResultDone(result) => Some(result.code),
                    Operation::ExtendedResponse { result, .. } => Some(result.code),
                    _ => None,
                };
                return Some((message.id, message.op.name(), code));
            }
            match self.stream.read(self.frames.space()) {
                Ok(0) => return None,
                Ok(count) => self.frames.filled(count),
                Err(error) => panic!("nothing comes: {error}"),
            }
        }
    }

    fn until_done(&mut self, id: u32) -> Option<u32> {
        loop {
            match self.next() {
                Some((of, "SearchResultDone", code)) if of == id => return code,
                Some(_) => {}
                None => return None,
            }
        }
    }

    /// Sends Who am I? and waits for the response: the provider has then read every earlier
    /// request.
    fn ping(&mut self, id: u32) {
        let request = Operation::ExtendedRequest {
            name: WHO_AM_I,
            value: None,
        };
        self.send(id, &request, &[]);
        while self.next().expect("an answer").0 != id {}
    }
}

fn provider() -> Provider {
    Provider::builder().start().expect("it starts")
}

#[test]
fn cancel_in_each_stage() {
    for moment in [
        Moment::RefreshStart,
        Moment::RefreshMiddle,
        Moment::RefreshEnd,
        Moment::Persist,
    ] {
        let provider = provider();
        let armed = provider.faults().next(Fault::Stall(moment));
        let mut client = Client::connect(&provider);
        client.sync(1);
        assert!(armed.wait(SOON));
        client.cancel(2, 1);
        assert_eq!(client.until_done(1), Some(118));
        assert_eq!(client.next(), Some((2, "ExtendedResponse", Some(0))));
        client.cancel(3, 1);
        assert_eq!(client.next(), Some((3, "ExtendedResponse", Some(119))));
        client.sync(1);
        assert!(
            provider.wait_persisting(1, SOON),
            "the ID may be used again"
        );
    }
}

#[test]
fn abandon_ends_search_silently() {
    let provider = provider();
    let mut client = Client::connect(&provider);
    client.sync(1);
    assert!(provider.wait_persisting(1, SOON));
    client.ping(2);
    client.send(3, &Operation::AbandonRequest(1), &[]);
    assert!(provider.wait_persisting(0, SOON));
    provider.delete("dc=example,dc=com").expect("a delete");
    client.send(4, &Operation::DelRequest("dc=example,dc=com"), &[]);
    assert_eq!(client.next(), Some((4, "DelResponse", None)));
}

#[test]
fn bind_ends_searches() {
    use syncrepl_proto::message::{Authentication, BindRequest};
    let provider = provider();
    let mut client = Client::connect(&provider);
    client.sync(1);
    assert!(provider.wait_persisting(1, SOON));
    let anonymous = BindRequest {
        name: "",
        authentication: Authentication::Simple(b""),
    };
    client.send(2, &Operation::BindRequest(anonymous), &[]);
    assert!(provider.wait_persisting(0, SOON));
}

#[test]
fn two_searches_and_a_message_id_in_use() {
    let provider = provider();
    let mut client = Client::connect(&provider);
    client.sync(1);
    client.sync(2);
    assert!(provider.wait_persisting(2, SOON));
    client.sync(1);
    assert_eq!(client.until_done(1), Some(2));
    assert_eq!(provider.persisting(), 2);
}

#[test]
fn garbage_gets_notice_of_disconnection() {
    let provider = provider();
    for bytes in [
        &b"GET / HTTP/1.1\r\n\r\n"[..],
        b"\x30\x84\x7f\xff\xff\xff",
        b"\x30\x05\x02\x01\x01\x42",
        b"\x30\x03\x02\x01\x01",
        b"\x30\x05\x02\x01\x01\x61\x00",
        b"\x30\x05\x02\x01\x01\x4f\x00",
    ] {
        let mut client = Client::connect(&provider);
        client.stream.write_all(bytes).expect("it reads");
        client
            .stream
            .shutdown(std::net::Shutdown::Write)
            .expect("a shutdown");
        while let Some((id, name, code)) = client.next() {
            assert_eq!(
                (id, name, code),
                (0, "ExtendedResponse", Some(2)),
                "{bytes:?}"
            );
        }
    }
    assert_eq!(NOTICE_OF_DISCONNECTION, "1.3.6.1.4.1.1466.20036");
}

#[test]
fn stop_interrupts_stalled_searches() {
    let provider = provider();
    provider.faults().every(Fault::Stall(Moment::RefreshMiddle));
    let mut clients: Vec<_> = (0..5).map(|_| Client::connect(&provider)).collect();
    clients.iter_mut().for_each(|client| client.sync(1));
    let port = provider.port();
    provider.stop();
    for client in &mut clients {
        let mut rest = Vec::new();
        let _ = client.stream.read_to_end(&mut rest);
    }
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn garbage_harms_no_other_client(
        requests in prop::collection::vec(
            (any::<u8>(), prop::collection::vec(any::<u8>(), 0..40)), 1..20,
        ),
    ) {
        thread_local! {
            static PROVIDER: Provider = provider();
        }
        PROVIDER.with(|provider| {
            let mut client = Client::connect(provider);
            for (tag, contents) in &requests {
                // A well-formed message around any operation.
                let mut message = vec![0x30, contents.len() as u8 + 5, 2, 1, 7, *tag];
                message.push(contents.len() as u8);
                message.extend(contents);
                let _ = client.stream.write_all(&message);
            }
            let _ = client.stream.shutdown(std::net::Shutdown::Write);
            let mut answers = Vec::new();
            let _ = client.stream.read_to_end(&mut answers);
            Client::connect(provider).ping(1);
        });
    }
}
