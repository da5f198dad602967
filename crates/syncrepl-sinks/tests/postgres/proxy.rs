//! A TCP proxy before the server. It cuts a connection after so many bytes, or lets nothing through any more.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// A direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// From the sink to the server.
    Up,
    /// From the server to the sink.
    Down,
}

/// What becomes of the connection when the count is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// Both ends are closed.
    Cut,
    /// Nothing goes through, and nobody is told.
    Silence,
}

const NEVER: i64 = i64::MAX;

/// The proxy. It listens as long as the test runs.
pub struct Proxy {
    port: u16,
    rule: Arc<Mutex<(Way, Then)>>,
    left: Arc<AtomicI64>,
}

impl Proxy {
    /// Before that port of this machine.
    pub fn before(server: u16) -> Proxy {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let proxy = Proxy {
            port: listener.local_addr().expect("an address").port(),
            rule: Arc::new(Mutex::new((Way::Up, Then::Cut))),
            left: Arc::new(AtomicI64::new(NEVER)),
        };
        let (rule, left) = (Arc::clone(&proxy.rule), Arc::clone(&proxy.left));
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, server)) else {
                    continue;
                };
                for (way, from, to) in [(Way::Up, &client, &server), (Way::Down, &server, &client)]
                {
                    let from = from.try_clone().expect("a socket");
                    let to = to.try_clone().expect("a socket");
                    let (rule, left) = (Arc::clone(&rule), Arc::clone(&left));
                    thread::spawn(move || forward(way, from, to, &rule, &left));
                }
            }
        });
        proxy
    }

    /// `postgresql://sync@127.0.0.1:PORT/app`
    pub fn url(&self) -> String {
        format!("postgresql://sync@127.0.0.1:{}/app", self.port)
    }

    /// Lets so many bytes more through in one direction.
    pub fn after(&self, bytes: i64, way: Way, then: Then) {
        *self.rule.lock().expect("the rule") = (way, then);
        self.left.store(bytes, Ordering::SeqCst);
    }

    /// Lets all through again, on new connections.
    pub fn mend(&self) {
        self.left.store(NEVER, Ordering::SeqCst);
    }

    /// Whether the bytes were used up.
    pub fn is_used_up(&self) -> bool {
        self.left.load(Ordering::SeqCst) < 0
    }
}

fn forward(
    way: Way,
    mut from: TcpStream,
    mut to: TcpStream,
    rule: &Mutex<(Way, Then)>,
    left: &AtomicI64,
) {
    let mut bytes = [0; 16 * 1024];
    loop {
        let count = match from.read(&mut bytes) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(_) => break,
        };
        let (ruled, then) = *rule.lock().expect("the rule");
        let mut pass = count;
        if ruled == way && left.load(Ordering::SeqCst) != NEVER {
            let before = left.fetch_sub(i64::try_from(count).expect("few bytes"), Ordering::SeqCst);
            pass = usize::try_from(before.max(0))
                .expect("few bytes")
                .min(count);
        }
        if to.write_all(&bytes[..pass]).is_err() {
            break;
        }
        if pass < count {
            if then == Then::Silence {
                thread::sleep(Duration::from_secs(600));
            }
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}
