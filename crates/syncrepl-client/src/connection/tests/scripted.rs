//! A listener that follows a script: it closes early, sends garbage, or stays silent.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread::JoinHandle;

use syncrepl_proto::message::{LdapResult, Message, NOTICE_OF_DISCONNECTION, Operation};

use super::*;

/// Serves one connection in a thread. Join the thread to check that the script ran through.
pub(super) fn serve(script: impl FnOnce(TcpStream) + Send + 'static) -> (u16, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let thread = std::thread::spawn(move || script(listener.accept().unwrap().0));
    (port, thread)
}

/// Reads one request, and returns its message ID.
pub(super) fn request(stream: &mut TcpStream) -> u32 {
    let mut frames = Frames::default();
    loop {
        let count = stream.read(frames.space()).unwrap();
        assert!(count > 0, "the client closed the connection");
        frames.filled(count);
        if let Some(message) = frames.poll_message().unwrap() {
            return Message::decode(message).unwrap().id;
        }
    }
}

/// Waits until the client closes.
pub(super) fn linger(mut stream: TcpStream) {
    let mut space = [0; 4096];
    while matches!(stream.read(&mut space), Ok(count) if count > 0) {}
}

pub(super) fn bind_response(id: u32, code: u32) -> Vec<u8> {
    Message::encode(
        id,
        &Operation::BindResponse(LdapResult::new(code), None),
        &[],
    )
}

fn extended(id: u32, code: u32, name: Option<&str>) -> Vec<u8> {
    let op = Operation::ExtendedResponse {
        result: LdapResult::new(code),
        name,
        value: None,
    };
    Message::encode(id, &op, &[])
}

/// The outcome of an anonymous bind. `answer` makes the response from its message ID.
fn bind_answered(answer: impl FnOnce(u32) -> Vec<u8> + Send + 'static) -> Result<()> {
    let (port, thread) = serve(move |mut stream| {
        let id = request(&mut stream);
        stream.write_all(&answer(id)).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        linger(stream);
    });
    let mut connection = open(&Server::ldap("127.0.0.1", port), &ConnectOptions::default())?;
    let outcome = connection.bind(&Credentials::Anonymous);
    if outcome.is_err() {
        // After a response it did not understand, the connection sends no more requests.
        fails(connection.who_am_i(), ErrorKind::Unreachable, &["given up"]);
    }
    drop(connection);
    thread.join().unwrap();
    outcome
}

pub(super) fn short() -> ConnectOptions {
    ConnectOptions {
        connect_timeout: Duration::from_millis(100),
        response_timeout: Duration::from_millis(100),
        ..ConnectOptions::default()
    }
}

#[test]
fn invalid_responses_fail() {
    use ErrorKind::{Protocol, Refused, Unreachable};
    bind_answered(|id| bind_response(id, 0)).unwrap();
    let eof = bind_answered(|id| bind_response(id, 0)[..5].to_vec());
    fails(eof, Unreachable, &["closed the connection"]);
    let eof = bind_answered(|_| Vec::new());
    fails(eof, Unreachable, &["said nothing", "ldaps://"]);
    let http = bind_answered(|_| b"HTTP/1.1 400 Bad Request\r\n".to_vec());
    fails(http, Protocol, &["not LDAP"]);
    let alert = bind_answered(|_| vec![0x15, 3, 3, 0, 2, 2, 40]);
    fails(alert, Protocol, &["answered with TLS", "ldaps://"]);
    let other = bind_answered(|id| bind_response(id + 1, 0));
    fails(other, Protocol, &["BindResponse for message 2"]);
    let kind = bind_answered(|id| {
        Message::encode(id, &Operation::SearchResultDone(LdapResult::new(0)), &[])
    });
    fails(kind, Protocol, &["the bind with SearchResultDone"]);
    let kind = bind_answered(|id| extended(id, 12, None));
    assert_eq!(fails(kind, Refused, &["syncprov"]).result_code(), Some(12));
    let broken = bind_answered(|id| {
        let mut bytes = bind_response(id, 0);
        bytes[7] = 0x02;
        bytes
    });
    fails(broken, Protocol, &["resultCode"]);
    let huge = bind_answered(|_| vec![0x30, 0x84, 0x7f, 0xff, 0xff, 0xff]);
    fails(huge, Protocol, &["larger"]);
}

#[test]
fn unsolicited_messages() {
    let gone = bind_answered(|_| extended(0, 52, Some(NOTICE_OF_DISCONNECTION)));
    let error = fails(
        gone,
        ErrorKind::Unreachable,
        &["ended the connection", "unavailable"],
    );
    assert_eq!(error.result_code(), Some(52));
    let gone = bind_answered(|_| extended(0, 8, Some(NOTICE_OF_DISCONNECTION)));
    fails(gone, ErrorKind::Refused, &["strongerAuthRequired"]);
    bind_answered(|id| [extended(0, 0, Some("1.2.3")), bind_response(id, 0)].concat()).unwrap();
}

#[test]
fn name_without_password_is_not_sent() {
    let (port, thread) = serve(|mut stream| assert_eq!(stream.read(&mut [0; 64]).unwrap(), 0));
    let mut connection =
        open(&Server::ldap("127.0.0.1", port), &ConnectOptions::default()).unwrap();
    let refused = connection.bind(&Credentials::simple("cn=a", ""));
    fails(refused, ErrorKind::InvalidInput, &["cn=a", "empty"]);
    drop(connection);
    thread.join().unwrap();
}

#[test]
fn clear_bytes_after_starttls_are_refused() {
    let (port, thread) = serve(|mut stream| {
        let id = request(&mut stream);
        let injected = [extended(id, 0, None), bind_response(id + 1, 0)].concat();
        stream.write_all(&injected).unwrap();
        assert_eq!(stream.read(&mut [0; 64]).unwrap_or(0), 0, "it went on");
    });
    let options = ConnectOptions {
        starttls: StartTls::IfPossible,
        ..ConnectOptions::default()
    };
    let opened = open(&Server::ldap("127.0.0.1", port), &options);
    fails(opened, ErrorKind::Tls, &["in clear after it agreed"]);
    thread.join().unwrap();
}

#[test]
fn silence_times_out() {
    let (port, thread) = serve(linger);
    let mut connection = open(&Server::ldap("127.0.0.1", port), &short()).unwrap();
    let bound = connection.bind(&Credentials::Anonymous);
    fails(
        bound,
        ErrorKind::Unreachable,
        &["does not answer the bind", "100ms"],
    );
    drop(connection);
    thread.join().unwrap();

    let (port, thread) = serve(linger);
    let opened = open(&Server::ldaps("127.0.0.1", port), &short());
    fails(
        opened,
        ErrorKind::Unreachable,
        &["does not answer in TLS", "ldap://"],
    );
    thread.join().unwrap();
}

#[test]
fn port_without_tls_fails() {
    let (port, thread) = serve(|mut stream| {
        stream.write_all(&extended(0, 2, None)).unwrap();
        linger(stream);
    });
    let opened = open(
        &Server::ldaps("localhost", port),
        &ConnectOptions::default(),
    );
    fails(opened, ErrorKind::Tls, &["is not TLS", "plain LDAP"]);
    thread.join().unwrap();

    let (port, thread) = serve(drop);
    let opened = open(
        &Server::ldaps("localhost", port),
        &ConnectOptions::default(),
    );
    fails(opened, ErrorKind::Unreachable, &["instead of starting TLS"]);
    thread.join().unwrap();
}

#[test]
fn unreachable_addresses_fail() {
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let options = ConnectOptions::default();
    let opened = open(&Server::ldap("127.0.0.1", port), &options);
    let error = fails(
        opened,
        ErrorKind::Unreachable,
        &["cannot connect", "refused"],
    );
    assert!(error.is_retryable());
    let opened = open(&Server::ldapi("/nowhere/ldapi"), &options);
    fails(
        opened,
        ErrorKind::Unreachable,
        &["%2Fnowhere%2Fldapi", "no such socket"],
    );
    let opened = open(&Server::ldap("no-such-host.invalid", port), &options);
    fails(opened, ErrorKind::Unreachable, &["cannot be resolved"]);
    let required = ConnectOptions {
        starttls: StartTls::Required,
        ..options
    };
    let opened = open(&Server::ldapi("/nowhere/ldapi"), &required);
    fails(opened, ErrorKind::InvalidInput, &["local socket"]);
}
