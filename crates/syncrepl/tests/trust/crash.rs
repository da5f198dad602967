//! A server that ends as soon as it is sent a cookie, as some versions of slapd are said to do.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;

use syncrepl_testing::slapd::{Slapd, Variant};

use crate::common::{Copied, text};
use crate::{apply, at, delete, describe, person, refresh};

/// The beginning of a cookie of slapd, on its way to the server.
const COOKIE: &[u8] = b"rid=000,csn=";

/// Forwards connections to the server until a cookie comes. Then nobody listens on the port any more, and
/// the connection ends.
fn fragile(listener: TcpListener, server: u16) {
    let port = listener.local_addr().expect("its port").port();
    let ended = Arc::new(AtomicBool::new(false));
    let (tell, closed) = mpsc::channel();
    let closed = Arc::new(std::sync::Mutex::new(closed));
    thread::spawn(move || {
        for stream in listener.incoming() {
            if ended.load(Ordering::SeqCst) {
                break;
            }
            let mut ours = stream.expect("a connection");
            let mut theirs = TcpStream::connect((Ipv4Addr::LOCALHOST, server)).expect("the server");
            let mut from = theirs.try_clone().expect("the same connection");
            let mut to = ours.try_clone().expect("the same connection");
            thread::spawn(move || {
                let _ = std::io::copy(&mut from, &mut to);
                let _ = to.shutdown(Shutdown::Both);
            });
            let (ended, closed) = (Arc::clone(&ended), Arc::clone(&closed));
            thread::spawn(move || {
                let mut buffer = [0; 4096];
                while let Ok(count @ 1..) = ours.read(&mut buffer) {
                    let sent = &buffer[..count];
                    if sent.windows(COOKIE.len()).any(|part| part == COOKIE) {
                        ended.store(true, Ordering::SeqCst);
                        // Wakes the listener up.
                        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, port));
                        let _ = closed.lock().expect("one waits").recv();
                        break;
                    }
                    let _ = theirs.write_all(sent);
                }
                let _ = theirs.shutdown(Shutdown::Both);
                let _ = ours.shutdown(Shutdown::Both);
            });
        }
        drop(listener);
        let _ = tell.send(());
    });
}

#[test]
fn server_that_ends_at_the_cookie_is_spared() {
    let server = Slapd::start(Variant::Plain);
    let [ann, bob, cyd, dan] = ["uid=ann", "uid=bob", "uid=cyd", "uid=dan"].map(at);
    apply(&server, &[&ann, &bob, &cyd, &dan].map(|dn| person(dn)));
    let mut copy = Copied::suffix(&server);
    refresh(&mut copy);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let port = listener.local_addr().expect("its port").port();
    copy.hosts = Some(format!("ldap://127.0.0.1:{port}"));
    let mut next = Some(listener);
    let mut start_again = || {
        let again = || TcpListener::bind((Ipv4Addr::LOCALHOST, port)).expect("its port");
        fragile(next.take().unwrap_or_else(again), server.port());
    };
    apply(&server, &[delete(&bob)]);
    for _ in 0..2 {
        start_again();
        let refreshed = copy.try_refresh(&[]);
        assert_eq!(refreshed.status.code(), Some(4), "{refreshed:?}");
        let said = text(&refreshed.stderr);
        assert!(said.contains("closed the connection"), "{said}");
    }
    // It runs again, and is not sent the cookie any more, today and later.
    start_again();
    for value in ["one", "two"] {
        apply(&server, &[describe(&ann, value)]);
        let said = refresh(&mut copy);
        assert!(said.contains("syncprov-reloadhint"), "no warning: {said:?}");
        assert!(said.contains("--reconcile"), "{said}");
    }
    // The setting is mended, and somebody says so.
    copy.hosts = None;
    let reconciled = copy.try_refresh(&["--reconcile"]);
    assert!(reconciled.status.success(), "{reconciled:?}");
    apply(&server, &[delete(&cyd)]);
    assert_eq!(refresh(&mut copy), "");
}
