//! Waiting and flow control: stop requests, deadlines, and peers that do not read.

use std::io::{Read, Write};
use std::sync::mpsc::channel;

use super::super::wire::READ_AHEAD;
use super::scripted::{bind_response, linger, request, serve, short};
use super::*;

#[test]
fn stop_ends_wait_and_is_reported_once() {
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
fn stop_ends_open_and_operations() {
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
fn second_stop_abandons() {
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
fn two_writing_ends_do_not_deadlock() {
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
fn peer_that_does_not_read_fails() {
    let (done, wait) = channel::<()>();
    let (port, thread) = serve(move |stream| {
        let _ = wait.recv();
        drop(stream);
    });
    let stop = StopHandle::new();
    let server = Server::ldap("127.0.0.1", port);
    let mut connection = Connection::open(&server, &short(), &stop).unwrap();
    let sent = connection.send(&vec![7; 64 << 20]);
    fails(
        sent,
        ErrorKind::Unreachable,
        &["does not take what is sent"],
    );
    let sent = connection.send(b"more");
    fails(sent, ErrorKind::Unreachable, &["given up"]);
    connection.unbind();
    drop(done);
    thread.join().unwrap();
}

#[test]
fn read_ahead_is_bounded() {
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
