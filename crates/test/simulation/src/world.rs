//! Everything of a run but the consumer: the true history of the directory, the part of it that the
//! provider knows, the connections, the clock, and chance.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fastrand::Rng;
use syncrepl_proto::dn;

use crate::chance::{Chance, Purpose};
use crate::connection::Connection;
use crate::cookie::{Cookie, Known};
use crate::digest::Searches;
use crate::directory::{Change, Directory, Id, Shown};
use crate::options::{Options, Profile};
use crate::script::Script;
use crate::workload::Workload;

/// Why the consumer needs a reconcile after somebody restored a server.
pub const LOST: &str = "the copy may hold what its cookie does not name, and it is lost";

/// The directory at one moment.
#[derive(Debug, Clone)]
pub struct Version {
    pub directory: Arc<Directory>,
    pub shown: Arc<BTreeMap<Id, Arc<Shown>>>,
    pub change: Option<Change>,
    /// The node that made the change.
    pub node: u8,
}

/// The events since the consumer started that excuse an error or a difference.
#[derive(Debug, Clone, Copy, Default)]
pub struct Facts {
    /// The model made something fail.
    pub faulted: bool,
    /// The directory changed.
    pub concurrent: bool,
    /// The run asked the consumer to stop.
    pub stopped: bool,
    /// The provider answered as if it had no state.
    pub not_ready: bool,
    /// The last sync search had no cookie, and no later event spoils its refresh.
    pub full: bool,
    /// Why the copy may differ from the search result until a refresh without a cookie.
    pub owed: Option<&'static str>,
    /// How often the provider asked for a refresh without a cookie.
    pub refresh_required: u32,
}

/// Why the consumer may lack entries until it compares everything.
pub const MOVED_IN: &str = "entries were moved in under a hidden parent";

pub struct World {
    pub options: Options,
    chance: Chance,
    now: Instant,
    pub versions: Vec<Version>,
    /// The versions that the provider has seen. A restored backup forgets some.
    pub lineage: Vec<usize>,
    workload: Workload,
    /// The steps of the provider in a history. It takes them instead of drawing.
    pub script: Option<Script>,
    /// For each entry, every DN that it ever bore.
    pub borne: BTreeMap<Id, BTreeSet<String>>,
    pub connections: BTreeMap<u64, Connection>,
    /// The oldest version in the provider's log. It cannot tell what changed since an older cookie.
    pub oldest: usize,
    pub half_loaded: bool,
    /// How many changes may still come while the consumer waits.
    pub budget: u32,
    /// Whether the model may make things fail.
    pub trouble: bool,
    /// The newest version of which the consumer may have heard.
    pub told: usize,
    pub facts: Facts,
    /// Entries that came into the search with a parent, without a change of their own.
    pub came_along: BTreeSet<Id>,
    /// The newest version in which such a parent is hidden.
    pub moved_in: Option<usize>,
    /// The plain searches that the consumer has made.
    pub searches: Searches,
    trace: Option<Vec<String>>,
    pub findings: Vec<String>,
}

impl World {
    pub fn new(options: Options, chance: Chance, traced: bool) -> Self {
        let directory = Directory::new(options.alike, options.computed);
        let first = Version {
            shown: Arc::new(directory.shown(&options.search)),
            directory: Arc::new(directory),
            change: None,
            node: 1,
        };
        let mut world = World {
            options,
            chance,
            now: Instant::now(),
            versions: vec![first],
            lineage: vec![0],
            workload: Workload::new(options),
            script: None,
            borne: BTreeMap::new(),
            connections: BTreeMap::new(),
            oldest: 0,
            half_loaded: false,
            budget: 0,
            trouble: false,
            told: 0,
            facts: Facts::default(),
            came_along: BTreeSet::new(),
            moved_in: None,
            searches: Searches::default(),
            trace: traced.then(Vec::new),
            findings: Vec::new(),
        };
        world.note_names();
        world
    }

    fn note_names(&mut self) {
        let directory = self.directory();
        for id in directory.entries.keys() {
            self.borne.entry(*id).or_default().insert(directory.dn(*id));
        }
    }

    /// The key of a DN, equal for DNs that name the same entry.
    pub fn key(&self, dn: &str) -> Vec<u8> {
        match self.options.alike {
            // `dn::key` ignores case. An exact key is enough, because such a run never respells.
            true => exact_key(dn),
            false => dn::key(dn),
        }
    }

    /// The next draw for a purpose.
    pub fn draw(&mut self, purpose: Purpose) -> &mut Rng {
        self.chance.of(purpose)
    }

    /// The model's time. It stands still between requests, however often the consumer looks.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// Lets a little time pass, because the consumer reads, asks or waits.
    pub fn take_time(&mut self) {
        let step = match self.draw(Purpose::Clock).u8(0..32) {
            0 if self.options.concurrent => 60,
            _ => 1,
        };
        self.now += Duration::from_millis(step);
    }

    pub fn pass_until(&mut self, deadline: Option<Instant>) {
        self.now = self.now.max(deadline.unwrap_or(self.now));
    }

    pub fn log(&mut self, line: impl Display) {
        if let Some(trace) = &mut self.trace {
            trace.push(line.to_string());
        }
    }

    pub fn take_trace(&mut self) -> Vec<String> {
        let drawn = self.chance.to_string();
        self.log(drawn);
        self.trace.take().unwrap_or_default()
    }

    /// Notes a fault of the consumer, or of the model.
    pub fn finding(&mut self, what: impl Display) {
        let what = what.to_string();
        self.log(format_args!("FINDING: {what}"));
        self.findings.push(what);
    }

    /// Draws a fault, once in `n` times while the model may make things fail.
    pub fn fault(&mut self, purpose: Purpose, n: u32) -> bool {
        let fault = self.trouble && self.draw(purpose).u32(0..n) == 0;
        self.facts.faulted |= fault;
        fault
    }

    pub fn directory(&self) -> Arc<Directory> {
        self.versions[self.versions.len() - 1].directory.clone()
    }

    /// The entries that the search shows now.
    pub fn shown(&self) -> Arc<BTreeMap<Id, Arc<Shown>>> {
        self.versions[self.versions.len() - 1].shown.clone()
    }

    /// Draws one change and makes it, unless a server would refuse it.
    pub fn change(&mut self) {
        let directory = self.directory();
        let Some(change) = self
            .workload
            .next(&directory, self.chance.of(Purpose::Workload))
        else {
            return;
        };
        let Some(next) = directory.after(&change) else {
            return;
        };
        if !self.options.hidden_containers && next.has_hidden_containers(&self.options.search) {
            return;
        }
        let node = match self.options.profile {
            Profile::Slapd { nodes: true, .. } => self.draw(Purpose::Workload).u8(1..3),
            _ => 1,
        };
        self.make(change, next, node);
    }

    /// Makes a change, which leads to `next`.
    pub fn make(&mut self, change: Change, next: Directory, node: u8) {
        let search = self.options.search;
        let shown = next.shown(&search);
        let before = self.shown();
        let came_along = |id: &Id| !before.contains_key(id) && *id != change.id();
        let came = shown.keys().copied().filter(came_along);
        self.came_along.extend(came);
        let below = |id: &&Id| shown.contains_key(id) && next.is_within(**id, change.id());
        let hidden = !shown.contains_key(&change.id());
        if hidden && self.came_along.iter().any(|id| below(&id)) {
            // The parent is hidden, now or by the time of the next refresh, and the provider does not
            // tell of the children that came with it. A refresh that has begun may have passed them
            // already.
            self.facts.owed = Some(MOVED_IN);
            self.moved_in = Some(self.versions.len());
            self.facts.full = false;
        }
        self.log(format_args!(
            "  v{} {}",
            self.versions.len(),
            say(&change, &next)
        ));
        self.lineage.push(self.versions.len());
        self.versions.push(Version {
            directory: Arc::new(next),
            shown: Arc::new(shown),
            change: Some(change),
            node,
        });
        self.note_names();
        self.facts.concurrent = true;
    }

    /// The cookie of the newest state.
    pub fn cookie(&self) -> Cookie {
        self.cookie_of(self.lineage.len() - 1)
    }

    /// The cookie of the state at a place in the lineage.
    pub fn cookie_of(&self, place: usize) -> Cookie {
        let mut cookie = Cookie::default();
        for &version in &self.lineage[..=place] {
            cookie.0.insert(self.versions[version].node, version);
        }
        cookie
    }

    /// How the provider reads a cookie.
    pub fn known(&self, bytes: &[u8]) -> Known {
        let Some(cookie) = Cookie::parse(self.options.profile, bytes) else {
            return Known::Garbage;
        };
        let newest = self.cookie();
        let newer = |(node, version): (&u8, &usize)| newest.0.get(node).is_none_or(|n| n < version);
        if cookie.0.iter().any(newer) {
            return Known::Newer;
        }
        if !cookie
            .0
            .values()
            .all(|version| self.lineage.contains(version))
        {
            return Known::Diverged(cookie);
        }
        Known::Understood(cookie)
    }

    /// The last version up to which a cookie covers every change.
    pub fn covered(&self, cookie: &Cookie) -> usize {
        let covers = |&&version: &&usize| {
            let node = self.versions[version].node;
            cookie.0.get(&node).is_some_and(|&newest| version <= newest)
        };
        self.lineage
            .iter()
            .take_while(covers)
            .last()
            .copied()
            .unwrap_or(0)
    }

    /// The server stops and starts. It loses every connection, and sometimes its session log, which
    /// it keeps in memory.
    pub fn restart_server(&mut self) {
        self.log("  the server restarts");
        for connection in self.connections.values_mut() {
            connection.closed = true;
            connection.sync = None;
        }
        if self.draw(Purpose::Strikes).bool() {
            self.oldest = self.versions.len() - 1;
        }
    }

    /// Somebody restores an older backup of the server, so the provider forgets newer changes.
    pub fn restore_server(&mut self) {
        self.restart_server();
        let length = self.lineage.len();
        let keep = self.draw(Purpose::Strikes).usize(1..=length);
        self.lineage.truncate(keep);
        let backup = self.versions[self.lineage[keep - 1]].clone();
        if self.told > self.lineage[keep - 1] {
            // The consumer may hold a lost change that came without a cookie or from a search.
            self.facts.owed = Some(LOST);
        }
        let (as_of, number) = (self.lineage[keep - 1], self.versions.len());
        self.log(format_args!(
            "  the server is restored as of v{as_of}, as v{number}"
        ));
        self.versions.push(Version {
            change: None,
            ..backup
        });
    }
}

/// A key like those of [`dn::key`], except that letter case counts.
fn exact_key(dn: &str) -> Vec<u8> {
    let mut key = Vec::new();
    for rdn in dn.rsplit(',').filter(|rdn| !rdn.is_empty()) {
        key.extend_from_slice(rdn.as_bytes());
        key.push(0);
    }
    key
}

fn say(change: &Change, after: &Directory) -> String {
    let dn = after.dn(change.id());
    match change {
        Change::Add { id, entry } => {
            format!("add {id} {dn} text={} keep={}", entry.text, entry.keep)
        }
        Change::Delete(id) => format!("delete {id}"),
        Change::Text(id, text) => format!("modify {id} {dn} text={text}"),
        Change::Keep(id, keep) => format!("modify {id} {dn} keep={keep}"),
        Change::Move { id, .. } => format!("move {id} to {dn}"),
    }
}
