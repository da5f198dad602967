//! A provider that plays a script: what real ones do only by luck, or on servers that are not at
//! hand. Plain searches are answered from the entries it is said to show.

mod peer;

use std::collections::VecDeque;
use std::io::BufWriter;
use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use syncrepl_client::Uuid;
use syncrepl_proto::sync::EntryState;

use self::peer::Peer;
use crate::heartbeat::Heartbeat;

/// What a plain search shows: number, DN, description. Who has none is hidden by a filter for it.
type Shown = Vec<(u8, String, String)>;

/// One thing the provider sends in answer to a sync search.
#[derive(Debug, Clone)]
pub enum Step {
    /// An entry: state, number, DN, description.
    Entry(EntryState, u8, &'static str, &'static str),
    /// The same with a cookie.
    EntryWith(EntryState, u8, &'static str, &'static str, &'static str),
    /// syncIdSet: refreshDeletes, numbers, cookie.
    Ids(bool, Vec<u8>, Option<&'static str>),
    /// syncIdSet (present) of so many ids that nobody has.
    Strangers(u32),
    /// newcookie.
    Cookie(&'static str),
    /// refreshDelete or refreshPresent: present, cookie, refreshDone.
    Phase(bool, Option<&'static str>, bool),
    /// The end of a refresh: cookie, refreshDeletes. SearchResultDone with a Sync Done control or,
    /// when the persist stage was asked for too, the end of a phase with refreshDone.
    Done(Option<&'static str>, bool),
    /// SearchResultDone with this result and no control.
    Result(u32, &'static str),
    /// An entry without a Sync State control.
    WithoutState(&'static str),
    /// A Notice of Disconnection with this result; the connection is closed.
    Notice(u32),
    /// Any message, made from the id of the search.
    Raw(fn(u32) -> Vec<u8>),
    /// The connection is closed.
    Cut,
}

/// What happened at the provider.
#[derive(Debug, Default)]
pub struct Log {
    /// The cookie of each sync search, in order.
    pub cookies: Vec<Option<String>>,
    /// How many plain searches below the base were made.
    pub lookups: usize,
    pub abandoned: usize,
    pub cancelled: usize,
    /// Whether each sync search asked for the persist stage.
    pub persisted: Vec<bool>,
    /// How often it was asked who we are beside a sync search.
    pub heartbeats: usize,
}

pub struct Fake {
    pub port: u16,
    pub log: Arc<Mutex<Log>>,
    shown: Arc<Mutex<VecDeque<Shown>>>,
    unsearchable: Arc<AtomicBool>,
    heartbeat: Arc<Mutex<Heartbeat>>,
}

impl Fake {
    /// A provider that calls itself `vendor` (empty for slapd's root DSE) and answers its sync
    /// searches with these scripts, one after the other.
    pub fn start(vendor: &'static str, scripts: Vec<Vec<Step>>) -> Fake {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let fake = Fake {
            port,
            log: Arc::default(),
            shown: Arc::default(),
            unsearchable: Arc::default(),
            heartbeat: Arc::default(),
        };
        let heartbeat = Arc::clone(&fake.heartbeat);
        let unsearchable = Arc::clone(&fake.unsearchable);
        let (log, shown) = (Arc::clone(&fake.log), Arc::clone(&fake.shown));
        let scripts = Arc::new(Mutex::new(scripts.into_iter()));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (log, shown) = (Arc::clone(&log), Arc::clone(&shown));
                let (scripts, unsearchable) = (Arc::clone(&scripts), Arc::clone(&unsearchable));
                let heartbeat = Arc::clone(&heartbeat);
                // Small messages one by one: each would wait for the last to be acknowledged.
                let _ = stream.set_nodelay(true);
                thread::spawn(move || {
                    let mut peer = Peer {
                        stream: BufWriter::with_capacity(1 << 20, stream),
                        vendor,
                        log,
                        shown,
                        unsearchable,
                        heartbeat,
                        sync: 0,
                        persists: false,
                    };
                    peer.serve(|| scripts.lock().expect("scripts").next());
                });
            }
        });
        fake
    }

    /// Says what plain searches show: number, DN, description.
    pub fn shows(&self, entries: &[(u8, &str, &str)]) {
        self.shows_in_turn(&[entries]);
    }

    /// The same, where each search has its own answer; the last is that of all that follow.
    pub fn shows_in_turn(&self, answers: &[&[(u8, &str, &str)]]) {
        let owned = |(n, dn, text): &(u8, &str, &str)| (*n, (*dn).to_owned(), (*text).to_owned());
        *self.shown.lock().expect("shown") = answers
            .iter()
            .map(|entries| entries.iter().map(owned).collect())
            .collect();
    }

    /// What becomes of heartbeats from now on.
    pub fn heartbeat(&self, heartbeat: Heartbeat) {
        *self.heartbeat.lock().expect("heartbeat") = heartbeat;
    }

    pub fn heartbeats(&self) -> usize {
        self.log.lock().expect("log").heartbeats
    }

    /// entryUUID may be read, and not searched.
    pub fn refuses_to_search_entry_uuid(&self) {
        self.unsearchable.store(true, Ordering::SeqCst);
    }

    pub fn url(&self) -> String {
        format!("ldap://127.0.0.1:{}/{BASE}??sub", self.port)
    }

    pub fn cookies(&self) -> Vec<Option<String>> {
        self.log.lock().expect("log").cookies.clone()
    }
}

pub const BASE: &str = "ou=base,dc=example";

pub fn uuid(number: u8) -> Uuid {
    Uuid::from_bytes([number; 16])
}
