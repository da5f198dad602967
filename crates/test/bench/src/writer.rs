//! Changes the directory over one connection, one change at a time or with many under way.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Instant;

use syncrepl_proto::frame::Frames;
use syncrepl_proto::message::{
    Authentication, BindRequest, Message, Modifications, ModifyOperation, ModifyRequest, Operation,
};
use syncrepl_testing::slapd::{ADMIN, PASSWORD};

/// A bound connection.
pub(crate) struct Writer {
    stream: TcpStream,
    frames: Frames,
    last_id: u32,
}

impl Writer {
    pub(crate) fn connect(port: u16) -> Writer {
        let stream = TcpStream::connect(("127.0.0.1", port)).expect("connecting to the provider");
        stream.set_nodelay(true).expect("a socket option");
        let mut writer = Writer {
            stream,
            frames: Frames::default(),
            last_id: 0,
        };
        let bind = BindRequest {
            name: ADMIN,
            authentication: Authentication::Simple(PASSWORD.as_bytes()),
        };
        let request = writer.encode(&Operation::BindRequest(bind));
        writer.stream.write_all(&request).expect("writing");
        writer.answer();
        writer
    }

    /// The connection itself.
    pub(crate) fn into_stream(self) -> TcpStream {
        self.stream
    }

    fn encode(&mut self, operation: &Operation<'_>) -> Vec<u8> {
        self.last_id += 1;
        Message::encode(self.last_id, operation, &[])
    }

    fn modify(&mut self, dn: &str, attribute: &str, value: &str) -> Vec<u8> {
        self.change(ModifyOperation::Replace, dn, attribute, value)
    }

    fn change(&mut self, what: ModifyOperation, dn: &str, attribute: &str, value: &str) -> Vec<u8> {
        let change = (what, attribute, vec![value.as_bytes()]);
        let bytes = Modifications::encode([change]);
        let changes = Modifications::decode(&bytes).expect("our own bytes");
        self.encode(&Operation::ModifyRequest(ModifyRequest { dn, changes }))
    }

    /// One change: when it was sent, and when it was answered.
    pub(crate) fn replace(&mut self, dn: &str, attribute: &str, value: &str) -> (Instant, Instant) {
        let request = self.modify(dn, attribute, value);
        let sent = Instant::now();
        self.stream.write_all(&request).expect("writing");
        self.answer();
        (sent, Instant::now())
    }

    /// Many changes, several hundred of them under way. When the first was sent.
    pub(crate) fn pipeline(&mut self, changes: &[(String, String)], attribute: &str) -> Instant {
        // slapd closes the connection at more than 1000 operations that wait.
        const BATCH: usize = 200;
        let batches: Vec<(usize, Vec<u8>)> = changes
            .chunks(BATCH)
            .map(|batch| {
                let requests = batch
                    .iter()
                    .flat_map(|(dn, value)| self.modify(dn, attribute, value))
                    .collect();
                (batch.len(), requests)
            })
            .collect();
        let began = Instant::now();
        let mut under_way = 0;
        for (count, requests) in &batches {
            while under_way > BATCH {
                self.answer();
                under_way -= 1;
            }
            self.stream.write_all(requests).expect("writing");
            under_way += count;
        }
        (0..under_way).for_each(|_| self.answer());
        began
    }

    pub(crate) fn delete(&mut self, dn: &str) {
        let request = self.encode(&Operation::DelRequest(dn));
        self.stream.write_all(&request).expect("writing");
        self.answer();
    }

    /// Adds one value.
    pub(crate) fn add_value(&mut self, dn: &str, attribute: &str, value: &str) {
        let request = self.change(ModifyOperation::Add, dn, attribute, value);
        self.stream.write_all(&request).expect("writing");
        self.answer();
    }

    fn answer(&mut self) {
        loop {
            if let Some(bytes) = self.frames.poll_message().expect("LDAP") {
                let message = Message::decode(bytes).expect("a message");
                match message.op {
                    Operation::BindResponse(result, _)
                    | Operation::DelResponse(result)
                    | Operation::ModifyResponse(result) => {
                        assert_eq!(result.code, 0, "{}", result.diagnostic);
                        return;
                    }
                    other => panic!("an answer of another kind: {}", other.name()),
                }
            }
            let count = self.stream.read(self.frames.space()).expect("reading");
            assert!(count > 0, "the provider closed the connection");
            self.frames.filled(count);
        }
    }
}
