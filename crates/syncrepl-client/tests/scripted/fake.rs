//! A provider that plays a script: messages that real providers send only by luck, or that only
//! servers send which are not at hand. It answers plain searches from a list of entries.

mod peer;
mod play;
mod script;
mod search;

use std::io::BufWriter;
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use self::peer::{Peer, Shared};
use self::script::Shown;
pub use self::script::{BASE, Heartbeat, Step, text, uuid};

pub struct Fake {
    pub port: u16,
    shared: Arc<Shared>,
}

impl Fake {
    /// A slapd that answers its one sync search with this script.
    pub fn plays(script: impl Into<Vec<Step>>) -> Fake {
        Fake::start("", vec![script.into()])
    }

    /// A provider with this `vendorName` in its root DSE (empty: the root DSE of slapd). It answers
    /// its sync searches with these scripts, one after the other.
    pub fn start(vendor: &'static str, scripts: Vec<Vec<Step>>) -> Fake {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let shared = Arc::new(Shared::new(vendor, scripts));
        let of_peers = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&of_peers);
                thread::spawn(move || serve(stream, shared));
            }
        });
        Fake { port, shared }
    }

    /// Sets the entries that plain searches show: number and DN, described as [`text`] says.
    pub fn shows(&self, entries: &[(u8, &str)]) {
        self.shows_in_turn(&[entries]);
    }

    /// The same, where each search has its own answer. The last answers all searches that follow.
    pub fn shows_in_turn(&self, answers: &[&[(u8, &str)]]) {
        let with_text = |entries: &&[(u8, &str)]| {
            let entries = entries.iter();
            entries.map(|(n, dn)| shown(*n, dn, text(*n))).collect()
        };
        self.set_shown(answers.iter().map(with_text).collect());
    }

    /// Sets the entries that plain searches show: number, DN, description.
    pub fn describes(&self, entries: &[(u8, &str, &str)]) {
        let entries = entries.iter();
        self.set_shown(vec![
            entries.map(|(n, dn, text)| shown(*n, dn, text)).collect(),
        ]);
    }

    fn set_shown(&self, answers: Vec<Vec<Shown>>) {
        *lock(&self.shared.shown) = answers.into();
    }

    /// Sets the answer to heartbeats from now on.
    pub fn heartbeat(&self, heartbeat: Heartbeat) {
        *lock(&self.shared.heartbeat) = heartbeat;
    }

    /// entryUUID may be read, and not searched.
    pub fn refuses_to_search_entry_uuid(&self) {
        self.shared.unsearchable.store(true, Ordering::SeqCst);
    }

    /// Answers so many plain searches below the base, and none after them.
    pub fn falls_silent_after(&self, lookups: usize) {
        self.shared.answered.store(lookups, Ordering::SeqCst);
    }

    pub fn url(&self) -> String {
        format!("ldap://127.0.0.1:{}/{BASE}??sub", self.port)
    }

    /// The cookie of each sync search, in order.
    pub fn cookies(&self) -> Vec<Option<String>> {
        lock(&self.shared.log).cookies.clone()
    }

    /// The number of plain searches below the base.
    pub fn lookups(&self) -> usize {
        lock(&self.shared.log).lookups
    }

    pub fn abandoned(&self) -> usize {
        lock(&self.shared.log).abandoned
    }

    pub fn cancelled(&self) -> usize {
        lock(&self.shared.log).cancelled
    }

    pub fn heartbeats(&self) -> usize {
        lock(&self.shared.log).heartbeats
    }

    /// Whether each sync search asked for the persist stage.
    pub fn persisted(&self) -> Vec<bool> {
        lock(&self.shared.log).persisted.clone()
    }
}

fn shown(number: u8, dn: &str, text: &str) -> Shown {
    (number, dn.to_owned(), text.to_owned())
}

fn serve(stream: TcpStream, shared: Arc<Shared>) {
    // Without this, each small message would wait until the one before it is acknowledged.
    let _ = stream.set_nodelay(true);
    Peer {
        stream: BufWriter::with_capacity(1 << 20, stream),
        shared,
        sync: 0,
        persists: false,
    }
    .serve();
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
