//! The floor: receives a first refresh and does nothing with it. It prints how many bytes that were,
//! by which the size of a copy is measured.

use std::io::{Read, Write};
use std::process::ExitCode;

use syncrepl_proto::ber::Reader;
use syncrepl_proto::filter::Filter;
use syncrepl_proto::frame::Frames;
use syncrepl_proto::message::{Scope, SearchRequest};
use syncrepl_proto::session::Session;
use syncrepl_proto::sync::SyncMode;
use syncrepl_testing::slapd::SUFFIX;

use crate::writer::Writer;

/// The hidden subcommand: `receive PORT`.
pub(crate) const WORD: &str = "receive";

pub(crate) fn run(arguments: &[String]) -> ExitCode {
    let Some(port) = arguments.first().and_then(|port| port.parse().ok()) else {
        return ExitCode::from(2);
    };
    println!("{}", receive(port));
    ExitCode::SUCCESS
}

/// How many bytes the provider on this port answers a first refresh with.
fn receive(port: u16) -> u64 {
    let mut stream = Writer::connect(port).into_stream();
    let filter = Filter::present("objectClass");
    let search = SearchRequest::new(SUFFIX, Scope::Subtree, filter.as_bytes());
    let mut session = Session::new(SyncMode::RefreshOnly);
    session.start(2, &search, None);
    let request = session.poll_request().expect("the search");
    stream.write_all(&request).expect("writing");
    let mut frames = Frames::default();
    let mut received = 0;
    loop {
        while let Some(message) = frames.poll_message().expect("LDAP") {
            if is_done(message) {
                return received;
            }
        }
        let count = stream.read(frames.space()).expect("reading");
        assert!(count > 0, "the provider closed the connection");
        frames.filled(count);
        received += count as u64;
    }
}

/// Whether this is the SearchResultDone: its tag is behind the message ID.
fn is_done(message: &[u8]) -> bool {
    const SEARCH_RESULT_DONE: u8 = 0x65;
    let outer = Reader::new(message, "message").element().expect("LDAP");
    let mut fields = Reader::new(outer.value, "message");
    fields.element().expect("a message ID");
    fields.peek() == Some(SEARCH_RESULT_DONE)
}
