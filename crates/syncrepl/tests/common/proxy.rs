//! A TCP proxy that a test puts between the command and its server: it hears what the command
//! says, cuts connections, holds a search back, and swallows everything as a firewall does that has
//! forgotten a connection.
#![allow(dead_code)] // each test target uses its part

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
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
    /// New connections are swallowed.
    swallows: AtomicBool,
    /// Where `cuts` would cut, everything is swallowed instead.
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
        Proxy::start(server, cuts, false)
    }

    /// After so many bytes from the server a connection goes silent, in both directions and for ever.
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

    /// From now on nothing passes on the connections that there are, in either direction, and none of
    /// them is closed. New ones are not concerned.
    pub fn swallow(&self) {
        for line in self.lines().iter() {
            line.fate.swallowed.store(true, Ordering::SeqCst);
        }
    }

    /// Whether new connections are swallowed, too: taken, and then nothing.
    pub fn swallow_new(&self, swallow: bool) {
        self.shared.swallows.store(swallow, Ordering::SeqCst);
    }

    /// Closes every connection that there is.
    pub fn drop_all(&self) {
        for line in self.lines().drain(..) {
            for end in line.ends {
                // It may be closed already.
                let _ = end.shutdown(Shutdown::Both);
            }
        }
    }

    fn lines(&self) -> MutexGuard<'_, Vec<Line>> {
        let lines = &self.shared.lines;
        lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How often the command has sent these bytes, and the server these.
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
        let fate = Arc::new(Fate::default());
        let swallows = self.swallows.load(Ordering::SeqCst);
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

/// Hands on, counts, and remembers the first megabytes. After so many bytes the connection is cut, or
/// swallowed.
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
        // Neither end hears of the other's end.
        std::mem::forget((from, to));
        return;
    }
    // Either end may have closed before.
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}
