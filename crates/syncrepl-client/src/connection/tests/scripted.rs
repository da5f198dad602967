//! A listener that does what a script says: breaks off, talks nonsense, says nothing.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::channel;
use std::thread::JoinHandle;

use syncrepl_proto::message::{LdapResult, Message, NOTICE_OF_DISCONNECTION, Operation};

use super::*;

/// Serves one connection in a thread of its own; join it to see that the script held.
fn serve(script: impl FnOnce(TcpStream) + Send + 'static) -> (u16, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let thread = std::thread::spawn(move || script(listener.accept().unwrap().0));
    (port, thread)
}

/// Takes one request, whatever it is, and gives its id.
fn request(stream: &mut TcpStream) -> u32 {
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
fn linger(mut stream: TcpStream) {
    let mut space = [0; 4096];
    while matches!(stream.read(&mut space), Ok(count) if count > 0) {}
}

fn bind_response(id: u32, code: u32) -> Vec<u8> {
    Message::encode(id, &Operation::BindResponse(LdapResult::new(code), None), &[])
}

fn extended(id: u32, code: u32, name: Option<&str>) -> Vec<u8> {
    let op = Operation::ExtendedResponse {
        result: LdapResult::new(code),
        name,
        value: None,
    };
    Message::encode(id, &op, &[])
}

/// The outcome of an anonymous bind that is answered with what `answer` makes of its id.
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
        // Nothing more can be asked after an answer that was not understood.
        fails(connection.who_am_i(), ErrorKind::Unreachable, &["given up"]);
    }
    drop(connection);
    thread.join().unwrap();
    outcome
}

fn short() -> ConnectOptions {
    ConnectOptions {
        connect_timeout: Duration::from_millis(100),
        response_timeout: Duration::from_millis(100),
        ..ConnectOptions::default()
    }
}

#[test]
fn answers_that_are_none() {
    use ErrorKind::{Protocol, Refused, Unreachable};
    bind_answered(|id| bind_response(id, 0)).unwrap();
    let eof = bind_answered(|id| bind_response(id, 0)[..5].to_vec());
    fails(eof, Unreachable, &["the provider closed the connection"]);
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
fn what_the_provider_says_unasked() {
    let gone = bind_answered(|_| extended(0, 52, Some(NOTICE_OF_DISCONNECTION)));
    let error = fails(gone, ErrorKind::Unreachable, &["ended the connection", "unavailable"]);
    assert_eq!(error.result_code(), Some(52));
    let gone = bind_answered(|_| extended(0, 8, Some(NOTICE_OF_DISCONNECTION)));
    fails(gone, ErrorKind::Refused, &["strongerAuthRequired"]);
    bind_answered(|id| [extended(0, 0, Some("1.2.3")), bind_response(id, 0)].concat()).unwrap();
}

#[test]
fn a_name_without_a_password_is_never_sent() {
    let (port, thread) = serve(|mut stream| assert_eq!(stream.read(&mut [0; 64]).unwrap(), 0));
    let mut connection =
        open(&Server::ldap("127.0.0.1", port), &ConnectOptions::default()).unwrap();
    let refused = connection.bind(&Credentials::simple("cn=a", ""));
    fails(refused, ErrorKind::InvalidInput, &["cn=a", "empty"]);
    drop(connection);
    thread.join().unwrap();
}

#[test]
fn bytes_in_clear_behind_starttls_are_never_used() {
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
    fails(opened, ErrorKind::Protocol, &["in clear after it agreed"]);
    thread.join().unwrap();
}

#[test]
fn no_answer_in_time() {
    let (port, thread) = serve(linger);
    let mut connection = open(&Server::ldap("127.0.0.1", port), &short()).unwrap();
    let bound = connection.bind(&Credentials::Anonymous);
    fails(bound, ErrorKind::Unreachable, &["does not answer the bind", "100ms"]);
    drop(connection);
    thread.join().unwrap();

    let (port, thread) = serve(linger);
    let opened = open(&Server::ldaps("127.0.0.1", port), &short());
    fails(opened, ErrorKind::Unreachable, &["does not answer in TLS", "ldap://"]);
    thread.join().unwrap();
}

#[test]
fn a_port_that_does_not_speak_tls() {
    let (port, thread) = serve(|mut stream| {
        stream.write_all(&extended(0, 2, None)).unwrap();
        linger(stream);
    });
    let opened = open(&Server::ldaps("localhost", port), &ConnectOptions::default());
    fails(opened, ErrorKind::Tls, &["is not TLS", "plain LDAP"]);
    thread.join().unwrap();

    let (port, thread) = serve(drop);
    let opened = open(&Server::ldaps("localhost", port), &ConnectOptions::default());
    fails(opened, ErrorKind::Unreachable, &["instead of starting TLS"]);
    thread.join().unwrap();
}

#[test]
fn addresses_that_cannot_be_reached() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let options = ConnectOptions::default();
    let opened = open(&Server::ldap("127.0.0.1", port), &options);
    let error = fails(opened, ErrorKind::Unreachable, &["cannot connect", "refused"]);
    assert!(error.is_retryable());
    let opened = open(&Server::ldapi("/nowhere/ldapi"), &options);
    fails(opened, ErrorKind::Unreachable, &["%2Fnowhere%2Fldapi", "no such socket"]);
    let opened = open(&Server::ldap("no-such-host.invalid", port), &options);
    fails(opened, ErrorKind::Unreachable, &["cannot be resolved"]);
    let required = ConnectOptions {
        starttls: StartTls::Required,
        ..options
    };
    let opened = open(&Server::ldapi("/nowhere/ldapi"), &required);
    fails(opened, ErrorKind::InvalidInput, &["local socket"]);
}

#[test]
fn a_stop_ends_a_wait_at_once_and_is_reported_once_a_request() {
    let (port, thread) = serve(linger);
    let stop = StopHandle::new();
    let server = Server::ldap("127.0.0.1", port);
    let mut connection = Connection::open(&server, &ConnectOptions::default(), &stop).unwrap();
    let (sender, asked) = channel();
    let asking = stop.clone();
    std::thread::spawn(move || {
        asking.please_stop();
        sender.send(Instant::now()).unwrap();
    });
    assert_eq!(connection.wait(soon()).unwrap(), Woken::Stop);
    let woken = Instant::now();
    let latency = woken.saturating_duration_since(asked.recv().unwrap());
    assert!(latency < Duration::from_millis(200), "{latency:?}");

    let deadline = Instant::now() + Duration::from_millis(30);
    assert_eq!(connection.wait(Some(deadline)).unwrap(), Woken::Deadline);
    assert!(Instant::now() >= deadline);
    stop.please_stop();
    stop.please_stop();
    assert_eq!(connection.wait(soon()).unwrap(), Woken::Stop);
    assert_eq!(connection.wait(soon()).unwrap(), Woken::Stop);
    assert_eq!(
        connection.wait(Some(Instant::now())).unwrap(),
        Woken::Deadline
    );
    connection.unbind();
    thread.join().unwrap();
}

#[test]
fn a_stop_ends_opening_and_operations() {
    for ldaps in [true, false] {
        let (sender, accepted) = channel();
        let (port, thread) = serve(move |stream| {
            sender.send(()).unwrap();
            linger(stream);
        });
        let (stop, server) = match ldaps {
            true => (StopHandle::new(), Server::ldaps("127.0.0.1", port)),
            false => (StopHandle::new(), Server::ldap("127.0.0.1", port)),
        };
        let asking = stop.clone();
        let asker = std::thread::spawn(move || {
            accepted.recv().unwrap();
            asking.please_stop();
        });
        let outcome = Connection::open(&server, &ConnectOptions::default(), &stop)
            .and_then(|mut connection| connection.bind(&Credentials::Anonymous));
        fails(outcome, ErrorKind::Stopped, &["stopped"]);
        asker.join().unwrap();
        thread.join().unwrap();
    }
}

#[test]
fn the_second_request_abandons_what_the_first_lets_finish() {
    let (sender, requested) = channel();
    let (port, thread) = serve(move |mut stream| {
        request(&mut stream);
        sender.send(()).unwrap();
        linger(stream);
    });
    let stop = StopHandle::new();
    stop.please_stop();
    let options = ConnectOptions {
        abandon_at: 2,
        ..ConnectOptions::default()
    };
    let server = Server::ldap("127.0.0.1", port);
    let mut connection = Connection::open(&server, &options, &stop).unwrap();
    std::thread::spawn(move || {
        requested.recv().unwrap();
        stop.please_stop();
    });
    let bound = connection.bind(&Credentials::Anonymous);
    fails(bound, ErrorKind::Stopped, &["stopped"]);
    drop(connection);
    thread.join().unwrap();
}

#[test]
fn two_ends_that_both_write_do_not_block_each_other() {
    const OURS: usize = 16 << 20;
    let theirs = bind_response(7, 0).repeat((3 << 20) / bind_response(7, 0).len());
    let expected = theirs.len();
    let (port, thread) = serve(move |mut stream| {
        stream.write_all(&theirs).unwrap();
        let mut received = vec![0; OURS];
        stream.read_exact(&mut received).unwrap();
        linger(stream);
    });
    let server = Server::ldap("127.0.0.1", port);
    let mut connection = open(&server, &ConnectOptions::default()).unwrap();
    connection.send(&vec![7; OURS]).unwrap();
    let mut received = 0;
    while received < expected {
        while let Some(message) = connection.next_message().unwrap() {
            received += message.len();
        }
        if received < expected {
            assert_eq!(connection.wait(soon()).unwrap(), Woken::Readable);
        }
    }
    connection.unbind();
    thread.join().unwrap();
}

#[test]
fn a_peer_that_does_not_read() {
    let (done, wait) = channel::<()>();
    let (port, thread) = serve(move |stream| {
        let _ = wait.recv();
        drop(stream);
    });
    let stop = StopHandle::new();
    let server = Server::ldap("127.0.0.1", port);
    let mut connection = Connection::open(&server, &short(), &stop).unwrap();
    let sent = connection.send(&vec![7; 64 << 20]);
    fails(sent, ErrorKind::Unreachable, &["does not take what is sent"]);
    let sent = connection.send(b"more");
    fails(sent, ErrorKind::Unreachable, &["given up"]);
    connection.unbind();
    drop(done);
    thread.join().unwrap();
}

#[test]
fn what_nobody_takes_is_not_read() {
    let message = bind_response(7, 0);
    let (port, thread) = serve(move |mut stream| {
        let burst = message.repeat(1 << 16);
        for _ in 0..64 {
            if stream.write_all(&burst).is_err() {
                return;
            }
        }
        panic!("everything was read");
    });
    let server = Server::ldap("127.0.0.1", port);
    let mut connection = open(&server, &ConnectOptions::default()).unwrap();
    for _ in 0..10_000 {
        assert_eq!(connection.wait(soon()).unwrap(), Woken::Readable);
    }
    assert!(connection.frames().buffered() >= READ_AHEAD);
    assert!(connection.frames().buffered() < 2 * READ_AHEAD);
    assert!(!connection.fill_now().unwrap());
    drop(connection);
    thread.join().unwrap();
}
