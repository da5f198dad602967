//! A TCP proxy between the command and its server. It remembers what both say, cuts connections, holds a
//! search back, and swallows everything, as a firewall does that has forgotten a connection.
#![allow(dead_code)] // each test target uses its part

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use syncrepl_testing::target::Target;

/// How many bytes it remembers in each direction.
const REMEMBERED: usize = 4 << 20;
const SYNC_REQUEST: &[u8] = b"1.3.6.1.4.1.4203.1.9.1.1";

/// The proxy. It runs until the process ends.
pub struct Proxy {
    port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    server: u16,
    /// After how many bytes from the server to cut each connection, in order. Later connections are not
    /// cut.
    cuts: Mutex<Vec<usize>>,
    connections: AtomicUsize,
    /// How many bytes the server has sent on the first connection.
    first: Arc<AtomicUsize>,
    asked: Mutex<Vec<u8>>,
    answered: Mutex<Vec<u8>>,
    gate: Mutex<Gate>,
    opened: Condvar,
    /// Whether to swallow new connections.
    swallows: AtomicBool,
    /// Whether to swallow everything where `cuts` would cut.
    swallows_at_cuts: bool,
    lines: Mutex<Vec<Line>>,
}

/// A connection, with both of its ends.
struct Line {
    ends: [TcpStream; 2],
    fate: Arc<Fate>,
}

#[derive(Default)]
struct Fate {
    swallowed: AtomicBool,
    over: AtomicBool,
}

/// How to treat sync searches on their way to the server.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Gate {
    #[default]
    Open,
    /// The next sync search has to wait.
    Shut,
    /// A sync search waits.
    Held,
}

impl Proxy {
    pub fn to(server: &dyn Target) -> Proxy {
        Proxy::cutting(server, &[])
    }

    pub fn cutting(server: &dyn Target, cuts: &[usize]) -> Proxy {
        Proxy::start(server, cuts, false)
    }

    /// Makes each connection silent in both directions, for ever, after so many bytes from the server.
    pub fn swallowing(server: &dyn Target, after: &[usize]) -> Proxy {
        Proxy::start(server, after, true)
    }

    fn start(server: &dyn Target, cuts: &[usize], swallows_at_cuts: bool) -> Proxy {
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
            swallows: AtomicBool::new(false),
            swallows_at_cuts,
            lines: Mutex::default(),
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

    /// How many bytes the server has sent on the first connection.
    pub fn first_answered_bytes(&self) -> usize {
        self.shared.first.load(Ordering::SeqCst)
    }

    /// Whether the command has sent these bytes, on any connection.
    pub fn asked(&self, bytes: &[u8]) -> bool {
        contains(&self.shared.asked, bytes)
    }

    /// Whether the server has sent these bytes, on any connection.
    pub fn answered(&self, bytes: &[u8]) -> bool {
        contains(&self.shared.answered, bytes)
    }

    /// Where these bytes first stand in what the server has sent.
    pub fn position_answered(&self, bytes: &[u8]) -> Option<usize> {
        let heard = &self.shared.answered;
        let heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard
            .windows(bytes.len())
            .position(|window| window == bytes)
    }

    /// How many entries and references the server has sent in answer to sync searches. Each carries a Sync
    /// State control (RFC 4533 §2.3).
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

    /// From now on passes nothing on the present connections, in either direction, and closes none of
    /// them. New connections work.
    pub fn swallow(&self) {
        for line in self.lines().iter() {
            line.fate.swallowed.store(true, Ordering::SeqCst);
        }
    }

    /// Whether to swallow new connections: accept them, and pass nothing.
    pub fn swallow_new(&self, swallow: bool) {
        self.shared.swallows.store(swallow, Ordering::SeqCst);
    }

    /// Closes every present connection.
    pub fn drop_all(&self) {
        for line in self.lines().drain(..) {
            for end in line.ends {
                // The connection may be closed already.
                let _ = end.shutdown(Shutdown::Both);
            }
        }
    }

    fn lines(&self) -> MutexGuard<'_, Vec<Line>> {
        let lines = &self.shared.lines;
        lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How often the command has sent the first bytes, and the server the second.
    pub fn count(&self, asked: &[u8], answered: &[u8]) -> (usize, usize) {
        let count = |heard: &Mutex<Vec<u8>>, bytes: &[u8]| {
            let heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
            heard.windows(bytes.len()).filter(|&at| at == bytes).count()
        };
        (
            count(&self.shared.asked, asked),
            count(&self.shared.answered, answered),
        )
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
        // Before it counts: a test may change this as soon as it sees the connection counted.
        let swallows = self.swallows.load(Ordering::SeqCst);
        let count = match self.connections.fetch_add(1, Ordering::SeqCst) {
            0 => Arc::clone(&self.first),
            _ => Arc::default(),
        };
        // The server is down: close the connection, as a load balancer does.
        let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, self.server)) else {
            return;
        };
        // Pass small pieces on at once, as they come.
        let _ = (client.set_nodelay(true), server.set_nodelay(true));
        let cut = self.cuts.lock().expect("the cuts").pop();
        let both = |one: &TcpStream, other: &TcpStream| {
            (
                one.try_clone().expect("a socket"),
                other.try_clone().expect("a socket"),
            )
        };
        let fate = Arc::new(Fate::default());
        fate.swallowed.store(swallows, Ordering::SeqCst);
        self.remember(both(&client, &server).into(), &fate);
        let (from, to) = both(&client, &server);
        let (shared, requests) = (Arc::clone(self), Arc::clone(&fate));
        std::thread::spawn(move || {
            let count = AtomicUsize::new(0);
            pump(from, to, None, &shared.asked, &count, &requests, |bytes| {
                if bytes
                    .windows(SYNC_REQUEST.len())
                    .any(|at| at == SYNC_REQUEST)
                {
                    shared.pass_the_gate();
                }
            });
        });
        let shared = Arc::clone(self);
        std::thread::spawn(move || {
            let cut = cut.map(|after| (after, shared.swallows_at_cuts));
            pump(server, client, cut, &shared.answered, &count, &fate, |_| ());
        });
    }

    fn remember(&self, ends: [TcpStream; 2], fate: &Arc<Fate>) {
        let lines = self.lines.lock();
        let mut lines = lines.unwrap_or_else(PoisonError::into_inner);
        lines.retain(|line| !line.fate.over.load(Ordering::SeqCst));
        let fate = Arc::clone(fate);
        lines.push(Line { ends, fate });
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

/// Passes bytes on, counts them, and remembers the first megabytes. Cuts or swallows the connection after
/// so many bytes.
fn pump(
    mut from: TcpStream,
    mut to: TcpStream,
    cut: Option<(usize, bool)>,
    heard: &Mutex<Vec<u8>>,
    total: &AtomicUsize,
    fate: &Fate,
    before: impl Fn(&[u8]),
) {
    let (mut left, swallow) = cut.unwrap_or((usize::MAX, false));
    let mut buffer = [0; 4096];
    while left > 0 {
        let space = buffer.len().min(left);
        let Ok(count @ 1..) = from.read(&mut buffer[..space]) else {
            break;
        };
        if fate.swallowed.load(Ordering::SeqCst) {
            continue;
        }
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
        if left == 0 && swallow {
            fate.swallowed.store(true, Ordering::SeqCst);
            left = usize::MAX;
        }
    }
    fate.over.store(true, Ordering::SeqCst);
    if fate.swallowed.load(Ordering::SeqCst) {
        // Neither side sees that the other closed.
        std::mem::forget((from, to));
        return;
    }
    // Either side may have closed already.
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}
