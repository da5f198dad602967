//! A TCP proxy that a test puts between the command and its server: it hears what the command
//! says, cuts connections, and holds a search back.
#![allow(dead_code)] // each test target uses its part

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use syncrepl_testing::target::Target;

/// How much of what is said is remembered, in either direction.
const REMEMBERED: usize = 4 << 20;
const SYNC_REQUEST: &[u8] = b"1.3.6.1.4.1.4203.1.9.1.1";

/// Goes on until the process ends.
pub struct Proxy {
    port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    server: u16,
    /// After how many bytes from the server a connection is cut, one number a connection; the
    /// connections after those are left alone.
    cuts: Mutex<Vec<usize>>,
    connections: AtomicUsize,
    /// How many bytes the server has sent on the first of them.
    first: Arc<AtomicUsize>,
    asked: Mutex<Vec<u8>>,
    answered: Mutex<Vec<u8>>,
    gate: Mutex<Gate>,
    opened: Condvar,
}

/// What becomes of sync searches on their way to the server.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Gate {
    #[default]
    Open,
    /// The next one has to wait.
    Shut,
    /// It does.
    Held,
}

impl Proxy {
    pub fn to(server: &dyn Target) -> Proxy {
        Proxy::cutting(server, &[])
    }

    pub fn cutting(server: &dyn Target, cuts: &[usize]) -> Proxy {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = listener.local_addr().expect("its port").port();
        let shared = Arc::new(Shared {
            server: port_of(&server.url()),
            cuts: Mutex::new(cuts.iter().rev().copied().collect()),
            connections: AtomicUsize::new(0),
            first: Arc::default(),
            asked: Mutex::default(),
            answered: Mutex::default(),
            gate: Mutex::default(),
            opened: Condvar::new(),
        });
        let of_listener = Arc::clone(&shared);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                of_listener.serve(client);
            }
        });
        Proxy { port, shared }
    }

    pub fn url(&self) -> String {
        format!("ldap://127.0.0.1:{}", self.port)
    }

    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// How much the server has sent on the first connection.
    pub fn first_answered_bytes(&self) -> usize {
        self.shared.first.load(Ordering::SeqCst)
    }

    /// Whether the command has sent these bytes, on whatever connection.
    pub fn asked(&self, bytes: &[u8]) -> bool {
        contains(&self.shared.asked, bytes)
    }

    /// Whether the server has.
    pub fn answered(&self, bytes: &[u8]) -> bool {
        contains(&self.shared.answered, bytes)
    }

    /// Where in what the server has sent these bytes come first.
    pub fn position_answered(&self, bytes: &[u8]) -> Option<usize> {
        let heard = &self.shared.answered;
        let heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard
            .windows(bytes.len())
            .position(|window| window == bytes)
    }

    /// How many entries and references the server has sent in answer to sync searches, wanted or
    /// not: each carries a Sync State control (RFC 4533 §2.3).
    pub fn states_answered(&self) -> usize {
        const SYNC_STATE: &[u8] = b"1.3.6.1.4.1.4203.1.9.1.2";
        let heard = &self.shared.answered;
        let heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
        assert!(heard.len() < REMEMBERED, "more came than is remembered");
        let windows = heard.windows(SYNC_STATE.len());
        windows.filter(|&window| window == SYNC_STATE).count()
    }

    /// Holds the next sync search back until [`Proxy::release`].
    pub fn hold_sync_search(&self) {
        *self.gate() = Gate::Shut;
    }

    pub fn holds_one(&self) -> bool {
        *self.gate() == Gate::Held
    }

    pub fn release(&self) {
        *self.gate() = Gate::Open;
        self.shared.opened.notify_all();
    }

    fn gate(&self) -> MutexGuard<'_, Gate> {
        let gate = &self.shared.gate;
        gate.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many sync searches the command has begun.
    pub fn sync_searches(&self) -> usize {
        let asked = &self.shared.asked;
        let asked = asked.lock().unwrap_or_else(PoisonError::into_inner);
        let windows = asked.windows(SYNC_REQUEST.len());
        windows.filter(|&window| window == SYNC_REQUEST).count()
    }
}

fn port_of(url: &str) -> u16 {
    let port = url.rsplit(':').next().expect("a URL");
    port.parse().expect("a URL that ends with a port")
}

fn contains(heard: &Mutex<Vec<u8>>, bytes: &[u8]) -> bool {
    let heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
    heard.windows(bytes.len()).any(|window| window == bytes)
}

impl Shared {
    fn serve(self: &Arc<Shared>, client: TcpStream) {
        let count = match self.connections.fetch_add(1, Ordering::SeqCst) {
            0 => Arc::clone(&self.first),
            _ => Arc::default(),
        };
        // A server that is down closes what comes, as a load balancer does.
        let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, self.server)) else {
            return;
        };
        // What comes in small pieces goes on in small pieces, at once.
        let _ = (client.set_nodelay(true), server.set_nodelay(true));
        let cut = self.cuts.lock().expect("the cuts").pop();
        let both = |one: &TcpStream, other: &TcpStream| {
            (
                one.try_clone().expect("a socket"),
                other.try_clone().expect("a socket"),
            )
        };
        let (from, to) = both(&client, &server);
        let shared = Arc::clone(self);
        std::thread::spawn(move || {
            let count = AtomicUsize::new(0);
            pump(from, to, None, &shared.asked, &count, |bytes| {
                if bytes
                    .windows(SYNC_REQUEST.len())
                    .any(|at| at == SYNC_REQUEST)
                {
                    shared.pass_the_gate();
                }
            });
        });
        let shared = Arc::clone(self);
        std::thread::spawn(move || pump(server, client, cut, &shared.answered, &count, |_| ()));
    }

    fn pass_the_gate(&self) {
        let mut gate = self.gate.lock().unwrap_or_else(PoisonError::into_inner);
        if *gate == Gate::Shut {
            *gate = Gate::Held;
        }
        while *gate == Gate::Held {
            gate = self
                .opened
                .wait(gate)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Hands on, counts, and remembers the first megabytes.
fn pump(
    mut from: TcpStream,
    mut to: TcpStream,
    cut: Option<usize>,
    heard: &Mutex<Vec<u8>>,
    total: &AtomicUsize,
    before: impl Fn(&[u8]),
) {
    let mut left = cut.unwrap_or(usize::MAX);
    let mut buffer = [0; 4096];
    while left > 0 {
        let space = buffer.len().min(left);
        let Ok(count @ 1..) = from.read(&mut buffer[..space]) else {
            break;
        };
        left -= count;
        total.fetch_add(count, Ordering::SeqCst);
        {
            let mut heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
            if heard.len() < REMEMBERED {
                heard.extend(&buffer[..count]);
            }
        }
        before(&buffer[..count]);
        if to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    // Either end may have closed before.
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}
